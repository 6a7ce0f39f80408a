"""Direct calls on sockets that an event loop watches, and shadows of sockets."""

import asyncio
from contextlib import contextmanager

import numpy as np
import pytest
import zmq
import zmq.asyncio

import framewire

ARRAY = np.arange(3)
BIG = np.arange(5000.0)
TIMES = 1000


@contextmanager
def pair(context, first, second, over="inproc"):
    """A socket of this context, and a plain one that is connected to it."""
    watched, plain = context.socket(first), zmq.Context.shadow(context.underlying).socket(second)
    plain.rcvtimeo = plain.sndtimeo = 10_000
    try:
        if over == "tcp":
            port = watched.bind_to_random_port("tcp://127.0.0.1")
            plain.connect(f"tcp://127.0.0.1:{port}")
        else:
            watched.bind("inproc://pair")
            plain.connect("inproc://pair")
        yield watched, plain
    finally:
        plain.close(0)
        watched.close(0)
        context.term()


def run(coroutine):
    async def bounded():
        return await asyncio.wait_for(coroutine, 60)

    return asyncio.run(bounded())


async def wakes(future):
    return await asyncio.wait_for(future, 10)


@pytest.mark.parametrize("over", ["inproc", "tcp"])
def test_asyncio_receive_beside_a_pending_receive(over):
    """A pending ``await recv()`` wakes for the message after one that was received directly."""

    async def main():
        with pair(zmq.asyncio.Context(), zmq.PULL, zmq.PUSH, over) as (pull, push):
            direct = 0
            for i in range(TIMES):
                pending = asyncio.ensure_future(pull.recv())
                if i % 2:
                    await asyncio.sleep(0)
                framewire.send_array(push, ARRAY)
                framewire.send_array(push, ARRAY)
                taken = False
                while not taken and not pending.done():
                    try:
                        received = framewire.recv_array(pull, zmq.DONTWAIT)
                    except zmq.Again:
                        await asyncio.sleep(0)
                    else:
                        assert (received == ARRAY).all()
                        direct += 1
                        taken = True
                head = await wakes(pending)
                assert head[:2] == b"\xc1\x46"
                if not taken:
                    assert (await wakes(pull.recv()))[:2] == b"\xc1\x46"
            assert direct > 0

    run(main())


@pytest.mark.parametrize("array", [ARRAY, BIG], ids=["inline", "frames"])
def test_asyncio_send_beside_a_pending_receive(array):
    """A direct send processes the events of the socket; the pending receive must not miss them."""

    async def main():
        with pair(zmq.asyncio.Context(), zmq.PAIR, zmq.PAIR) as (mine, other):
            for i in range(TIMES):
                pending = asyncio.ensure_future(mine.recv())
                await asyncio.sleep(0)
                other.send(b"%d" % i)
                framewire.send_array(mine, array, zmq.DONTWAIT)
                assert await wakes(pending) == b"%d" % i
                assert (framewire.recv_array(other) == array).all()

    run(main())


def test_asyncio_pending_send():
    """A pending ``await send()`` goes on when the peer made room as a direct receive came by."""

    async def main():
        context = zmq.asyncio.Context()
        context.sndhwm = context.rcvhwm = 1
        with pair(context, zmq.PAIR, zmq.PAIR) as (mine, other):
            for _ in range(100):
                sent = 0
                while True:
                    try:
                        framewire.send_raw(mine, b"fill", zmq.DONTWAIT)
                        sent += 1
                    except zmq.Again:
                        break
                pending = asyncio.ensure_future(mine.send(b"last"))
                await asyncio.sleep(0)
                other.send(b"to be read directly")
                for _ in range(sent):
                    other.recv()
                assert framewire.recv_raw(mine) == [b"to be read directly"]
                await wakes(pending)
                while other.recv() != b"last":
                    pass

    run(main())


def test_asyncio_socket_without_a_loop():
    with pair(zmq.asyncio.Context(), zmq.PUSH, zmq.PULL) as (push, pull):
        framewire.send_array(push, BIG, copy=False)
        assert (framewire.recv_array(pull) == BIG).all()
        with pytest.raises(zmq.Again):
            framewire.recv_array(pull, zmq.DONTWAIT)
        push.close()
        with pytest.raises(zmq.ZMQError) as caught:
            framewire.send_array(push, BIG)
        assert caught.value.errno == zmq.ENOTSOCK


def test_asyncio_direct_calls_where_no_loop_runs():
    """They wake who waits in the socket's own loop: later in the same thread, or in another."""
    loop = asyncio.new_event_loop()

    async def begin(socket):
        task = asyncio.ensure_future(socket.recv_multipart())
        await asyncio.sleep(0)
        return task

    async def main(mine, other):
        pending = await begin(mine)
        other.send(b"3")
        await asyncio.to_thread(framewire.send_array, mine, ARRAY)
        assert await wakes(pending) == [b"3"]

    try:
        with pair(zmq.asyncio.Context(), zmq.PAIR, zmq.PAIR) as (mine, other):
            pending = loop.run_until_complete(begin(mine))
            other.send(b"1")
            other.send(b"2")
            assert framewire.recv_raw(mine) == [b"1"]
            assert loop.run_until_complete(wakes(pending)) == [b"2"]
            loop.run_until_complete(main(mine, other))
    finally:
        loop.close()


def test_green_receive_beside_a_pending_receive():
    gevent = pytest.importorskip("gevent")
    green = pytest.importorskip("zmq.green")
    with pair(green.Context(), zmq.PULL, zmq.PUSH) as (pull, push):
        for _ in range(TIMES):
            pending = gevent.spawn(pull.recv)
            gevent.sleep(0)  # it waits
            framewire.send_array(push, ARRAY)
            framewire.send_array(push, ARRAY)
            assert (framewire.recv_array(pull, zmq.DONTWAIT) == ARRAY).all()
            assert pending.get(timeout=5)[:2] == b"\xc1\x46"


def test_green_send_beside_a_pending_receive():
    gevent = pytest.importorskip("gevent")
    green = pytest.importorskip("zmq.green")
    with pair(green.Context(), zmq.PAIR, zmq.PAIR) as (mine, other):
        for i in range(TIMES):
            pending = gevent.spawn(mine.recv)
            gevent.sleep(0)
            other.send(b"%d" % i)
            framewire.send_array(mine, ARRAY, zmq.DONTWAIT)
            assert pending.get(timeout=5) == b"%d" % i
            assert (framewire.recv_array(other) == ARRAY).all()


@pytest.mark.parametrize("cls", [zmq.Socket, framewire.Socket], ids=["zmq", "framewire"])
def test_shadow(cls):
    with zmq.Context() as context, context.socket(zmq.PUSH) as push:
        pull = context.socket(zmq.PULL)
        push.bind("inproc://shadow")
        pull.connect("inproc://shadow")
        for _ in range(2):
            shadow = cls.shadow(pull.underlying)
            shadow.rcvtimeo = 10_000
            framewire.send_array(cls.shadow(push.underlying), BIG)
            assert (framewire.recv_array(shadow) == BIG).all()
            framewire.send_raw(push, [b"a", b"b"])
            assert framewire.recv_raw(shadow) == [b"a", b"b"]
        assert not pull.closed
        framewire.send_array(push, ARRAY)
        assert (framewire.recv_array(pull) == ARRAY).all()
        pull.close()


def test_subclass_with_fields_of_its_own():
    """Where the handle is found does not depend on what a subclass adds."""

    class Slotted(zmq.Socket):
        __slots__ = ("extra",)

    with zmq.Context() as context:
        push = Slotted(context, zmq.PUSH)
        pull = framewire.Socket(context, zmq.PULL)
        push.bind("inproc://subclass")
        pull.connect("inproc://subclass")
        framewire.send_array(push, BIG)
        assert (pull.recv_array() == BIG).all()
        push.close()
        pull.close()
