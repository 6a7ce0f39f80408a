"""`framewire.asyncio`: each call of `framewire.Socket`, to be awaited."""

import asyncio
import inspect
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
