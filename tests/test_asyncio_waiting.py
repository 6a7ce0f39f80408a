"""No wake-up is lost on sockets of `framewire.asyncio`, however calls mix."""

import asyncio

import numpy as np
import pytest
import zmq
import zmq.asyncio
from loops import both_loops, pair, run, sender, soon, waits

import framewire
import framewire.asyncio

ARRAY = np.arange(3)
TIMES = 500
KINDS = ["recv", "recv_value", "recv_many"]


async def receive(socket, kind):
    if kind == "recv":
        return framewire.loads([await socket.recv()])
    if kind == "recv_many":
        (value,) = await socket.recv_many(1)
        return value
    return await socket.recv_value()


@both_loops
@pytest.mark.parametrize("over", ["inproc", "tcp"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_direct_receive_beside_one_that_waits(loop, over, kind):
    """Two messages at a time, of which a direct call may take one."""

    async def main():
        with pair(zmq.PUSH, zmq.PULL, over) as (push, pull):
            got = []
            for i in range(TIMES):
                waiting = asyncio.ensure_future(receive(pull, kind))
                if i % 2:
                    await asyncio.sleep(0)
                await push.send_value(2 * i)
                await push.send_value(2 * i + 1)
                two = []
                while len(two) + waiting.done() < 2:
                    try:
                        two.append(framewire.recv_value(pull, zmq.DONTWAIT))
                    except zmq.Again:
                        await asyncio.sleep(0)
                two += [await soon(waiting)] if len(two) < 2 else []
                if len(two) < 2 or not waiting.done():
                    await push.send_value(None)
                    assert await soon(waiting) is None
                got += two
            assert sorted(got) == list(range(2 * TIMES))

    run(main(), loop)


@both_loops
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("send", ["send_value", "send_many", "function", "send"])
def test_a_send_while_a_receive_waits(loop, kind, send):
    """It processes the socket's events; the receive must not miss its own."""

    async def main():
        with pair() as (mine, other):
            for i in range(TIMES):
                waiting = asyncio.ensure_future(receive(mine, kind))
                await asyncio.sleep(0)
                framewire.send_value(other, i, zmq.DONTWAIT)
                if send == "function":
                    framewire.send_value(mine, i, zmq.DONTWAIT)
                elif send == "send_many":
                    await mine.send_many([i])
                elif send == "send":
                    await mine.send(framewire.dumps(i)[0])
                else:
                    await mine.send_value(i)
                assert await soon(waiting) == i
                assert framewire.recv_value(other, zmq.DONTWAIT) == i

    run(main(), loop)


@both_loops
@pytest.mark.parametrize("over", ["inproc", "tcp"])
def test_many_that_wait(loop, over):
    """Several messages are one event of the file descriptor, and all who wait are served."""

    async def main():
        with pair(zmq.PUSH, zmq.PULL, over) as (push, pull):
            for turn in range(TIMES // 10):
                waiting = [
                    asyncio.ensure_future(receive(pull, KINDS[(turn + i) % 3])) for i in range(9)
                ]
                await asyncio.sleep(0)
                for i in range(9):
                    await push.send_value(i)
                got = [await soon(each) for each in waiting]
                assert sorted(got) == list(range(9))

    run(main(), loop)


def test_in_line():
    """Who comes later does not overtake, even if it comes as the message is there."""

    async def main():
        with pair() as (mine, other):
            for kinds in ([0, 0], [0, 1], [1, 0], [1, 1]):
                first, second = (
                    mine.recv_value if kind else lambda: receive(mine, "recv") for kind in kinds
                )
                waiting = await waits(first())
                await other.send_value(1)
                later = asyncio.ensure_future(second())
                assert await soon(waiting) == 1
                await other.send_value(2)
                assert await soon(later) == 2

    run(main())


@both_loops
@pytest.mark.parametrize("kind", ["send", "send_value", "send_array", "send_raw", "send_many"])
def test_a_send_that_waits(loop, kind):
    """It goes on when the peer has made room, also if that came by as something was received."""

    async def main():
        context = framewire.asyncio.Context()
        context.sndhwm = context.rcvhwm = 1
        with pair(context=context) as (mine, other):
            values = {"send_array": ARRAY, "send_many": [b"last"]}
            for _ in range(100):
                sent = 0
                while True:
                    try:
                        framewire.send_raw(mine, b"fill", zmq.DONTWAIT)
                        sent += 1
                    except zmq.Again:
                        break
                sending = asyncio.ensure_future(getattr(mine, kind)(values.get(kind, b"last")))
                await asyncio.sleep(0)
                await other.send(b"to be read directly")
                for _ in range(sent):
                    await soon(other.recv_raw())
                assert framewire.recv_raw(mine, zmq.DONTWAIT) == [b"to be read directly"]
                await soon(sending)
                await soon(other.recv_raw())

    run(main(), loop)


def test_both_directions_wait():
    async def main():
        context = framewire.asyncio.Context()
        context.sndhwm = context.rcvhwm = 1
        with pair(context=context) as (mine, other):
            for _ in range(50):
                sending = asyncio.ensure_future(mine.send_many(range(20)))
                receiving = asyncio.ensure_future(mine.recv_value())
                await asyncio.sleep(0)
                await soon(other.send_value("back"))
                assert [await soon(other.recv_value()) for _ in range(20)] == list(range(20))
                assert await soon(receiving) == "back"
                assert await soon(sending) == 20

    run(main())


@both_loops
def test_request_and_reply(loop):
    async def main():
        with pair(zmq.REP, zmq.REQ, "tcp") as (rep, req):
            for i in range(100):
                receiving = asyncio.ensure_future(rep.recv_value())
                early = req.recv()  # before the request: as with pyzmq's, it waits
                await req.send_value(i)
                assert await soon(receiving) == i
                await rep.send_value(-i)
                assert framewire.loads([await soon(early)]) == -i
            with pytest.raises(zmq.ZMQError) as caught:
                await req.recv_value(zmq.DONTWAIT)
            assert caught.value.errno == zmq.EFSM

    run(main(), loop)


@both_loops
def test_pollers(loop):
    async def main():
        with pair() as (mine, other):
            poller = framewire.asyncio.Poller()
            poller.register(mine, zmq.POLLIN)
            for i in range(TIMES):
                polling = asyncio.ensure_future(poller.poll(20_000))
                waiting = asyncio.ensure_future(mine.recv_value())
                await asyncio.sleep(0)
                await other.send_value(i)
                assert await soon(waiting) == i
                if not polling.done():
                    await other.send_value(None)
                await soon(polling)
                while mine.get(zmq.EVENTS) & zmq.POLLIN:
                    assert await soon(mine.recv_value()) is None
            assert await mine.poll(0) == 0
            polling = await waits(mine.poll(20_000))
            await other.send_value(1)
            assert await soon(polling) == zmq.POLLIN

    run(main(), loop)


@both_loops
def test_from_a_process(loop):
    """A stream that comes and goes, received by several tasks in different ways."""

    async def main():
        with framewire.asyncio.Context() as context, context.socket(zmq.PULL) as pull:
            pull.bind("tcp://127.0.0.1:*")
            count = 20_000
            got = []
            done = asyncio.Event()

            async def take(kind):
                while not done.is_set():
                    if kind == "recv_many":
                        values = list(await pull.recv_many(50, 20))
                    else:
                        try:
                            values = [await receive(pull, kind)]
                        except zmq.Again:
                            values = []
                    got.extend(values)
                    if None in values:
                        done.set()
                    await asyncio.sleep(0)

            pull.rcvtimeo = 20
            with sender(pull.last_endpoint, count):
                await asyncio.gather(*(take(kind) for kind in KINDS + KINDS))
            assert sorted(value for value in got if value is not None) == list(range(count))

    run(main(), loop)


def test_another_loop_later():
    """The same socket, when its first loop has ended with something that was to be looked at."""
    with framewire.asyncio.Context() as context, context.socket(zmq.PAIR) as mine:
        with context.socket(zmq.PAIR) as other:
            mine.bind("inproc://again")
            other.connect("inproc://again")

            async def first():
                waiting = asyncio.ensure_future(mine.recv_value())
                await asyncio.sleep(0)
                await other.send_value(1)
                mine.get(zmq.EVENTS)  # it has been noted that there is something
                waiting.cancel()

            async def second():
                assert await soon(mine.recv_value()) == 1
                waiting = await waits(mine.recv_value())
                await other.send_value(2)
                assert await soon(waiting) == 2

            run(first())
            run(second())
            run(first())
            run(second())
