"""`framewire.asyncio`: time-outs, sockets and contexts that end, and the ways to its sockets."""

import asyncio
import subprocess
import sys
import threading

import numpy as np
import pytest
import zmq
import zmq.asyncio
from loops import both_loops, pair, run, soon, waits

import framewire
import framewire.asyncio

ARRAY = np.arange(12.0).reshape(3, 4)


# ---- time-outs, closed sockets, terminated contexts

RECEIVES = ["recv", "recv_json", "recv_array", "recv_value", "recv_raw", "recv_message"]
SENDS = ["send", "send_json", "send_array", "send_value", "send_raw"]


@both_loops
@pytest.mark.parametrize("call", [*RECEIVES, "recv_latest"])
def test_rcvtimeo(loop, call):
    async def main():
        with pair() as (here, _):
            for timeout in (0, 50):
                here.rcvtimeo = timeout
                begun = asyncio.get_running_loop().time()
                with pytest.raises(zmq.Again):
                    await soon(getattr(here, call)())
                assert asyncio.get_running_loop().time() - begun >= timeout * 0.9e-3
            with pytest.raises(zmq.Again):
                await getattr(here, call)(zmq.DONTWAIT)

    run(main(), loop)


@pytest.mark.parametrize("call", SENDS)
def test_sndtimeo(call):
    value = ARRAY if call == "send_array" else b"" if call != "send_json" else 1

    async def main():
        with framewire.asyncio.Context() as context, context.socket(zmq.PUSH) as push:
            for timeout in (0, 50):
                push.sndtimeo = timeout
                with pytest.raises(zmq.Again):
                    await soon(getattr(push, call)(value))
            with pytest.raises(zmq.Again):
                await getattr(push, call)(value, zmq.DONTWAIT)

    run(main())


def test_the_whole_time_is_bounded():
    """Others take what comes: the wait is not begun anew for each message."""

    async def main():
        with pair() as (here, there):
            there.rcvtimeo = 200
            waiting = await waits(there.recv_value())
            begun = asyncio.get_running_loop().time()
            while not waiting.done() and asyncio.get_running_loop().time() < begun + 10:
                await here.send_value(1)
                assert framewire.recv_value(there) == 1
                await asyncio.sleep(0.01)
            assert asyncio.get_running_loop().time() < begun + 1
            with pytest.raises(zmq.Again):
                await waiting

    run(main())


@pytest.mark.parametrize("call", [*RECEIVES, "recv_latest"])
def test_closed_while_it_waits(call):
    """The call is cancelled, as pyzmq's are."""

    async def main():
        with pair() as (here, _):
            waiting = [await waits(getattr(here, call)()) for _ in range(3)]
            here.close()
            for each in waiting:
                with pytest.raises(asyncio.CancelledError):
                    await soon(each)
            assert here.closed
            with pytest.raises(zmq.ZMQError) as caught:
                await getattr(here, call)()
            assert caught.value.errno == zmq.ENOTSOCK
            with pytest.raises(zmq.ZMQError):
                await here.send(b"")
            here.close()

    run(main())


@pytest.mark.parametrize("call", ["recv", "recv_array", "recv_many"])
def test_context_terminated_while_it_waits(call):
    async def main():
        context = framewire.asyncio.Context()
        socket = context.socket(zmq.PULL)
        socket.bind("tcp://127.0.0.1:*")
        arguments = [10] if call == "recv_many" else []
        waiting = [await waits(getattr(socket, call)(*arguments)) for _ in range(2)]
        ending = threading.Thread(target=context.term)
        ending.start()
        for each in waiting:
            with pytest.raises(zmq.ContextTerminated):
                await soon(each)
        with pytest.raises(zmq.ContextTerminated):
            await socket.recv_value()
        socket.close()
        ending.join(10)
        assert not ending.is_alive()

    run(main())


def test_errors_leave_the_next_message():
    async def main():
        with pair() as (here, there):
            waiting = await waits(there.recv_value())
            await here.send(b"no head")
            await here.send_value(1)
            with pytest.raises(framewire.DecodeError):
                await soon(waiting)
            assert await soon(there.recv_value()) == 1
            with pytest.raises(TypeError):
                await here.send_value(object())
            with pytest.raises(TypeError):
                await here.send_array(A=ARRAY, nonsense=1)
            await here.send_array(A=ARRAY)
            assert np.array_equal(await soon(there.recv_array(flags=0)), ARRAY)

    run(main())


def test_a_router_that_has_no_room_for_one_peer():
    """It counts as writable all the time; the loop is not kept busy, and the send waits."""

    async def main():
        with pair(zmq.ROUTER, zmq.DEALER) as (router, dealer):
            router.sndhwm = dealer.rcvhwm = 1
            router.router_mandatory = 1
            router.unbind(router.last_endpoint)
            router.bind("inproc://mandatory")
            dealer.routing_id = b"peer"
            dealer.connect("inproc://mandatory")
            await dealer.send(b"")
            await soon(router.recv_multipart())
            sent = 0
            while True:
                try:
                    await router.send_value(sent, zmq.DONTWAIT, topic=b"peer")
                except zmq.Again:
                    break
                sent += 1
            sending = await waits(router.send_value(sent, topic=b"peer"))
            await asyncio.sleep(0.05)
            assert not sending.done()
            for i in range(sent):
                assert await soon(dealer.recv_value()) == i
            await soon(sending)
            assert await soon(dealer.recv_value()) == sent

    run(main())


# ---- contexts, install, framewire.zmq.asyncio


def test_contexts():
    context = framewire.asyncio.Context.instance()
    try:
        assert isinstance(context, zmq.asyncio.Context)
        assert isinstance(context, framewire.Context)
        assert context.underlying == zmq.asyncio.Context.instance().underlying
        assert framewire.asyncio.Context.instance() is context
        assert type(framewire.Context.instance()) is framewire.Context

        async def main():
            with context.socket(zmq.PUSH) as socket:
                assert type(socket) is framewire.asyncio.Socket
                assert repr(socket).startswith("<framewire.asyncio.Socket(zmq.PUSH)")

        run(main())
    finally:
        context.destroy(linger=0)
        framewire.Context.instance().destroy(linger=0)


def test_of_a_socket_that_exists():
    async def main():
        with framewire.Context(codec="json") as context:
            with context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
                push.bind("inproc://exists")
                pull.connect("inproc://exists")
                receiver = framewire.asyncio.Socket.from_socket(pull)
                assert receiver.codec.serializer == "json"
                waiting = await waits(receiver.recv_value())
                push.send_value([1])
                assert await soon(waiting) == [1]
                receiver._clear_io_state()

    run(main())


@pytest.fixture
def installed():
    framewire.install()
    yield
    framewire.uninstall()


def made_by_pyzmq():
    async def main():
        with zmq.asyncio.Context() as context, context.socket(zmq.PUSH) as socket:
            return type(socket)

    return run(main())


def test_install(installed):
    assert made_by_pyzmq() is framewire.asyncio.Socket
    framewire.install()
    framewire.uninstall()
    assert made_by_pyzmq() is zmq.asyncio.Socket


def test_a_program_with_one_import_changed():
    """As people write it; ``framewire.zmq.asyncio`` without an import of its own, too."""
    program = """
import asyncio
import framewire.zmq as zmq
import framewire.zmq.asyncio
from framewire.zmq.asyncio import Context, Poller

async def main():
    with Context() as context, context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
        push.bind("inproc://a")
        pull.connect("inproc://a")
        poller = Poller()
        poller.register(pull, zmq.POLLIN)
        await push.send_string("text")
        assert dict(await poller.poll(5000)) == {pull: zmq.POLLIN}
        print(await pull.recv_string(), type(pull).__module__, zmq.asyncio is framewire.zmq.asyncio)

asyncio.run(main())
"""
    for code in (program, program.replace("import framewire.zmq.asyncio\n", "import framewire\n")):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "text framewire.asyncio True\n"


def test_every_name_of_zmq_asyncio():
    from framewire.zmq import asyncio as drop_in

    ours = {"Context": framewire.asyncio.Context, "Socket": framewire.asyncio.Socket}
    for name in {*zmq.asyncio.__all__, *dir(zmq.asyncio)}:
        if not name.startswith("__"):
            assert getattr(drop_in, name) is ours.get(name, getattr(zmq.asyncio, name)), name
