"""`framewire.asyncio`: each call of `framewire.Socket`, to be awaited."""

import asyncio
import inspect
import subprocess
import sys
import threading
from contextlib import suppress

import numpy as np
import pytest
import zmq
import zmq.asyncio
from loops import both_loops, pair, run, soon, waits

import framewire
import framewire.asyncio

ARRAY = np.arange(12.0).reshape(3, 4)
BIG = np.arange(5000.0)


def equal(a, b):
    return np.array_equal(a, b)


# name of the send, of the receive, what is sent, how it is compared
FUTURES = [
    ("send", "recv", b"bytes", bytes.__eq__),
    ("send_multipart", "recv_multipart", [b"a", b"b"], list.__eq__),
    ("send_json", "recv_json", {"a": [1, 2.5, None]}, dict.__eq__),
    ("send_pyobj", "recv_pyobj", {"a": (1, 2)}, dict.__eq__),
    ("send_string", "recv_string", "text", str.__eq__),
]
COROUTINES = [
    ("send_array", "recv_array", ARRAY, equal),
    ("send_array", "recv_array", BIG, equal),
    ("send_value", "recv_value", {"a": (1, 2)}, dict.__eq__),
    ("send_value", "recv_latest", 7, int.__eq__),
    ("send_raw", "recv_raw", [b"a", bytes(10_000)], list.__eq__),
    ("send_value", "recv_message", [1, 2], lambda message, value: message.value == value),
]


@both_loops
@pytest.mark.parametrize("over", ["inproc", "tcp"])
@pytest.mark.parametrize(("send", "receive", "value", "same"), FUTURES + COROUTINES)
def test_twins(loop, over, send, receive, value, same):
    """With the message there, and without; sent at once, and later."""

    async def main():
        with pair(over=over) as (here, there):
            await soon(getattr(here, send)(value))
            assert same(await soon(getattr(there, receive)()), value)
            receiving = await waits(getattr(there, receive)())
            await soon(getattr(here, send)(value))
            assert same(await soon(receiving), value)
        with framewire.asyncio.Context() as context:
            push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
            sending = await waits(getattr(push, send)(value))  # nobody to send it to
            push.bind("tcp://127.0.0.1:*" if over == "tcp" else "inproc://later")
            pull.connect(push.last_endpoint)
            assert same(await soon(getattr(pull, receive)()), value)
            await soon(sending)
            push.close()
            pull.close()

    run(main(), loop)


def test_kinds():
    """pyzmq's calls return futures; framewire's own are coroutines."""

    async def main():
        with pair() as (here, there):
            for send, receive, value, same in FUTURES:
                sent = getattr(here, send)(value)
                assert asyncio.isfuture(sent)
                await sent
                received = getattr(there, receive)()
                assert asyncio.isfuture(received)
                assert same(await soon(received), value)

    run(main())
    for name in {name for each in COROUTINES for name in each[:2]} | {"send_many", "recv_many"}:
        assert inspect.iscoroutinefunction(getattr(framewire.asyncio.Socket, name))


def test_every_call_is_there():
    """What a framewire.Socket has, this has; and what zmq.asyncio's has."""
    for cls in (framewire.Socket, zmq.asyncio.Socket):
        assert not set(dir(cls)) - set(dir(framewire.asyncio.Socket)) - {"_abc_impl"}


def test_into_memory_and_by_functions():
    async def main():
        with pair() as (here, there):
            await here.send(b"bytes")
            room = bytearray(8)
            assert await soon(there.recv_into(room)) == 5
            waiting = await waits(there.recv_into(room, nbytes=3))
            await here.send(b"abcdef")
            assert await soon(waiting) == 6  # of which it took 3
            assert room == b"abces\0\0\0"
            await here.send_serialized({"a": 1}, lambda x: [repr(x).encode()], copy=False)
            assert (
                await soon(there.recv_serialized(lambda frames: frames[0].decode())) == "{'a': 1}"
            )
            out = np.empty_like(ARRAY)
            await here.send_array(ARRAY)
            assert await soon(there.recv_array(out=out)) is out
            assert equal(out, ARRAY)

    run(main())


def test_restricted_pickles():
    async def main():
        with pair() as (here, there):
            waiting = await waits(there.recv_pyobj(globals=()))
            await here.send_pyobj(print)
            with pytest.raises(framewire.RefusedError):
                await soon(waiting)
            await here.send_pyobj([1])
            assert await soon(there.recv_pyobj(globals=())) == [1]

    run(main())


def test_bytes_on_the_wire():
    """They are pyzmq's, whatever the call."""

    async def main():
        with pair() as (here, there):
            plain = zmq.asyncio.Socket(there)
            for call, value in [
                ("send_json", {"ä": 1e300}),
                ("send_string", "ä"),
                ("send_multipart", [b"a"]),
            ]:
                await getattr(here, call)(value)
                await getattr(plain, call)(value)
            mine = [await soon(there.recv()) for _ in range(3)]
            theirs = [await soon(here.recv()) for _ in range(3)]
            assert mine == theirs

    run(main())


# ---- codecs and statistics


def test_codecs():
    async def main():
        context = framewire.asyncio.Context(codec=framewire.Codec("json", stamp=True))
        with pair(context=context) as (here, there):
            assert here.codec.serializer == "json"
            await here.send_value({"a": 1}, topic="t")
            message = await soon(there.recv_message())
            assert (message.serializer, message.topic, message.value) == ("json", b"t", {"a": 1})
            assert here.stats().total.sent == there.stats().total.received == 1
            here.codec = "msgpack"
            assert here.codec.serializer == "msgpack"
            await here.send_value({"a": 1})
            assert (await soon(there.recv_message())).serializer == "msgpack"
            with context.socket(zmq.PAIR, serializer="pickle") as other:
                assert other.codec.serializer == "pickle"

    run(main())


def test_functions_of_the_module():
    """On an asynchronous socket they are direct, and the same socket's to codec and statistics."""

    async def main():
        with pair(codec=framewire.Codec(stamp=True)) as (here, there):
            for i in range(4):
                if i % 2:
                    framewire.send_array(here, ARRAY, zmq.DONTWAIT)
                    assert equal(await soon(there.recv_array()), ARRAY)
                else:
                    await here.send_array(ARRAY)
                    assert equal(framewire.recv_array(there, zmq.DONTWAIT), ARRAY)
            total = there.stats().total
            assert (total.received, total.gaps, here.stats().total.sent) == (4, 0, 4)

    run(main())


def test_a_message_begun_with_sndmore():
    async def main():
        with pair(zmq.PUSH, zmq.PULL) as (push, pull):
            push.codec = pull.codec = framewire.Codec(stamp=True)
            for _ in range(10):
                await push.send(b"topic", zmq.SNDMORE)
                await push.send_array(ARRAY)
                message = await soon(pull.recv_message())
                assert (message.envelope, message.stamp) == ([b"topic"], None)
                await push.send_raw(b"a", zmq.SNDMORE)
                await push.send(b"b")
                assert await soon(pull.recv_multipart()) == [b"a", b"b"]

    run(main())


@pytest.mark.parametrize("over", ["inproc", "tcp"])
@pytest.mark.parametrize("call", ["send_array", "send_value", "send_many", "send", "send_raw"])
def test_the_peer_of_a_message_that_was_begun_dies(over, call):
    """The rest is not sent to the next peer, as it would be if it were tried again there."""

    async def main():
        with framewire.asyncio.Context() as context, context.socket(zmq.PUSH) as push:
            push.linger = 0
            push.bind("tcp://127.0.0.1:*" if over == "tcp" else "inproc://dies")
            first, second = context.socket(zmq.PULL), context.socket(zmq.PULL)
            first.connect(push.last_endpoint)
            await soon(push.send(b"begun", zmq.SNDMORE))
            first.close(0)
            await asyncio.sleep(0.1)
            value = {"send_array": ARRAY, "send_many": [1]}.get(call, b"rest")
            rest = asyncio.ensure_future(getattr(push, call)(value))
            await asyncio.sleep(0)
            second.connect(push.last_endpoint)
            with suppress(zmq.Again):  # which says that it is lost
                await soon(rest)
            await soon(push.send_value("next"))
            message = await soon(second.recv_message())
            assert (message.envelope, message.value) == ([], "next")
            second.close(0)

    run(main())


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
            assert equal(await soon(there.recv_array(flags=0)), ARRAY)

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
