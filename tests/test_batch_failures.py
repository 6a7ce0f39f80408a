"""Batches when something goes wrong: what was received is not lost, what was sent is known."""

import threading

import numpy as np
import pytest
import zmq
from outcomes import nothing_is_there

import framewire
from framewire import DecodeError

MANY = 3000
DATA = np.arange(20 * 128.0).reshape(20, 128)


class Mine(Exception):
    pass


# ---- arguments

READ_ONLY = np.zeros((4, 128))
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize(
    ("error", "bad"),
    [
        (TypeError, {"max_messages": None}),
        (TypeError, {"max_messages": "3"}),
        (TypeError, {"max_messages": 2.0}),
        (ValueError, {"max_messages": -1}),
        (TypeError, {"timeout": "soon"}),
        (ValueError, {"timeout": float("nan")}),
        (TypeError, {"codec": 5}),
        (TypeError, {"out": [0.0] * 5}),
        (TypeError, {"out": np.ma.zeros((4, 128))}),
        (TypeError, {"out": np.empty((4, 128), object)}),
        (TypeError, {"out": np.empty((4, 128)), "type": list}),
        (ValueError, {"out": READ_ONLY}),
        (ValueError, {"out": np.array(0.0)}),
        (ValueError, {"out": np.zeros((4, 256))[:, ::2]}),
        (ValueError, {"out": np.zeros((128, 4, 2)).T}),
        (ValueError, {"max_messages": 5, "out": np.empty((4, 128))}),
    ],
    ids=[f"receive {i}" for i in range(16)],
)
def test_bad_receive(pair, error, bad):
    """Nothing is received then."""
    here, there = pair
    here.send_many(DATA)
    with pytest.raises(error):
        there.recv_many(**{"max_messages": 3, "timeout": 0, **bad})
    assert len(there.recv_many(100, 0)) == len(DATA)


@pytest.mark.parametrize(
    ("error", "bad"),
    [
        (TypeError, {"values": 5}),
        (TypeError, {"values": "text"}),
        (TypeError, {"values": b"bytes"}),
        (TypeError, {"values": np.array(5)}),
        (TypeError, {"values": np.array([None])}),
        (ValueError, {"flags": zmq.SNDMORE}),
        (TypeError, {"topic": 5}),
        (ValueError, {"topic": b"\xc1\x46"}),
        (TypeError, {"meta": object()}),
        (ValueError, {"serializer": "no such"}),
        (TypeError, {"codec": 5}),
    ],
    ids=[f"send {i}" for i in range(11)],
)
@pytest.mark.parametrize("rows", [True, False], ids=["rows", "list"])
def test_bad_send(pair, rows, error, bad):
    here, there = pair
    with pytest.raises(error):
        here.send_many(**{"values": DATA if rows else list(DATA), **bad})
    assert nothing_is_there(there)


@pytest.mark.parametrize("call", [framewire.send_many, framewire.recv_many])
def test_not_a_socket(call):
    for thing in (None, 5, object()):
        with pytest.raises(TypeError):
            call(thing, [1] if call is framewire.send_many else 1)


@pytest.mark.parametrize("out", [None, np.empty((3, 4))], ids=["list", "out"])
def test_closed_socket(ctx, out):
    socket = ctx.socket(zmq.PAIR)
    socket.close()
    for call in (
        lambda: socket.recv_many(3, out=out),
        lambda: socket.recv_many(3, 0, out=out),
        lambda: socket.send_many([1]),
        lambda: socket.send_many(DATA),
        socket.recv_latest,
    ):
        with pytest.raises(zmq.ZMQError) as caught:
            call()
        assert caught.value.errno == zmq.ENOTSOCK


# ---- bad messages


def test_bad_messages_in_a_list(pair):
    here, there = pair
    here.send_value(0)
    here.send_multipart([b"foreign", b"message"])
    here.send_value(2)
    here.send(b"\xc1\x46 this is no head")
    here.send_value({3}, serializer="pickle")
    here.send_many(DATA[:2])
    head = bytearray(framewire.dumps(DATA[0])[0])
    here.send(head[:-1])  # as long as another, and not the same head
    here.send_value(8)
    batch = there.recv_many(9)
    assert batch[:2] == [0, 2]
    assert (batch[2:4] == DATA[:2]).all()
    assert batch[4] == 8
    assert [(at, error.code) for at, error in batch.errors] == [
        *((1, "foreign"), (3, "version"), (4, "refused"), (7, "truncated"))
    ]


@pytest.mark.parametrize("topic", [None, "t"])
def test_bad_messages_between_rows(connect, over, topic):
    """Rows are filled one after the other; errors say which messages were none."""
    here, there = connect(over=over)
    here.send_many(DATA[:2], topic=topic)
    here.send_array(DATA[0].astype("f4"))  # another dtype
    here.send_array(DATA[0, :100])  # another shape
    here.send_many(DATA[2:4], topic=topic)
    here.send_value("text")
    here.send_multipart([b"a", b"b", b"c"])
    here.send_multipart([*framewire.dumps(DATA[0]), b"more"])
    here.send_array(np.asfortranarray(DATA[4:5]).reshape(128))
    here.send_array(np.broadcast_to(DATA[0, 0], 128))
    here.send_many(DATA[5:6], topic=topic)
    out = np.full_like(DATA, -1)
    batch = there.recv_many(12, out=out)
    assert [(at, error.code) for at, error in batch.errors] == [
        *((2, "mismatch"), (3, "mismatch"), (6, "mismatch"), (7, "foreign"), (8, "frames"))
    ]
    assert len(batch) == 7
    assert (out[:5] == DATA[:5]).all()
    assert (out[5] == DATA[0, 0]).all()
    assert (out[6] == DATA[5]).all()
    assert (out[7:] == -1).all()


@pytest.mark.parametrize("size", [128, 5000])
def test_codec_refuses_arrays(pair, size):
    here, there = pair
    data = np.arange(3.0 * size).reshape(3, size)
    here.send_many(data)
    batch = there.recv_many(3, out=np.empty_like(data), codec=framewire.Codec(allow=["json"]))
    assert len(batch) == 0
    assert [error.code for _, error in batch.errors] == ["refused"] * 3


def test_every_head_changed(pair):
    """No byte of a known head may be another one, neither in a list nor in rows."""
    here, there = pair
    good = framewire.dumps(DATA[0])[0]
    expected = {}
    for at in range(24):
        bad = bytearray(good)
        bad[at] ^= 1
        try:
            expected[at] = framewire.loads_array(bad, dtype="f8", shape=128)
        except DecodeError as error:
            expected[at] = error.code
        here.send_multipart([good])
        here.send_multipart([bad])
    out = np.empty((48, 128))
    into_rows = there.recv_many(None, out=out)
    found = {at // 2: error.code for at, error in into_rows.errors}
    assert found == {at: code for at, code in expected.items() if isinstance(code, str)}
    assert all((row == DATA[0]).all() for row in into_rows)


def test_type_that_is_not_supported(pair):
    """It is refused before a message is taken."""
    here, there = pair
    here.send_many([1, 2, 3])
    with pytest.raises(TypeError):
        there.recv_many(3, type=int | np.ndarray)
    assert there.recv_many(3, 1000).values == [1, 2, 3]


def test_only_errors(pair):
    """What came is said to have come, so that a loop goes on."""
    here, there = pair
    here.send_raw(b"no head")
    batch = there.recv_many(1, 1000)
    assert len(batch) == 0
    assert batch
    assert not there.recv_many(1, 0)


class Stop(BaseException):
    """Not an Exception, as KeyboardInterrupt is."""


def test_reader_that_raises(pair):
    """The messages behind the one whose function raises are read all the same, now or later."""

    def loads(header, frames):
        if header == "stop":
            raise Stop
        if header == "bad":
            raise Mine
        return header

    framewire.register_serializer("batch-test", lambda text: (text, []), loads)
    try:
        here, there = pair
        here.send_many(["a", "bad", "b", "stop", "c"], serializer="batch-test")
        with pytest.raises(Stop) as caught:
            there.recv_many(5)
        rest = there.recv_many(5, 0).values
    finally:
        framewire.unregister_serializer("batch-test")
    assert caught.value.batch.values + rest == ["a", "b", "c"]
    assert [at for at, _ in caught.value.batch.errors] == [1]


def test_reader_that_closes_the_socket(connect):
    """What was received by then is returned."""
    here, there = connect()

    def loads(header, frames):
        there.close()
        return header

    framewire.register_serializer("batch-test", lambda text: (text, []), loads)
    try:
        here.send_many(["a", "b"], serializer="batch-test")
        batch = there.recv_many(3)
    finally:
        framewire.unregister_serializer("batch-test")
    assert batch.values == (["a", "b"] if framewire.transport == "libzmq" else ["a"])
    assert there.closed


# ---- values that cannot be sent


@pytest.mark.parametrize("before", [0, 1, 1023, 1024, 2500])
def test_value_that_cannot_be_sent(ctx, quick, before):
    """Whole chunks are sent before it, nothing of its own; `sent` says how many."""
    push, pull = quick(ctx.socket(zmq.PUSH)), quick(ctx.socket(zmq.PULL))
    push.sndhwm = pull.rcvhwm = MANY
    pull.bind("inproc://cannot")
    push.connect("inproc://cannot")
    with pytest.raises(TypeError) as caught:
        push.send_many([*range(before), object(), 5])
    assert caught.value.sent == before // 1024 * 1024
    assert pull.recv_many(MANY, 0).values == list(range(caught.value.sent))


def test_iterator_that_raises(pair):
    here, there = pair

    def values():
        yield 1
        raise Mine

    with pytest.raises(Mine) as caught:
        here.send_many(values())
    assert caught.value.sent == 0
    assert nothing_is_there(there)


def test_iterator_that_uses_the_socket(pair):
    """It sends, receives and leaves a message begun, which the first of the chunk then ends."""
    here, there = pair

    def values():
        here.send_value("within")
        yield 1
        here.send(b"begun", zmq.SNDMORE)
        yield 2

    assert here.send_many(values()) == 2
    assert there.recv_value() == "within"
    message = there.recv_message()
    assert (message.envelope, message.value) == ([b"begun"], 1)
    assert there.recv_value() == 2


@pytest.mark.parametrize("values", [DATA, list(DATA)], ids=["rows", "list"])
def test_message_begun_before(pair, values):
    here, there = pair
    here.send_raw(b"begun", zmq.SNDMORE)
    assert here.send_many(values, topic="t") == 20
    message = there.recv_message()
    assert message.envelope == [b"begun", b"t"]
    assert (message.value == DATA[0]).all()
    for row in DATA[1:]:
        message = there.recv_message()
        assert message.envelope == [b"t"]
        assert (message.value == row).all()


def test_router_mandatory(connect):
    """The error of a first frame: nothing of that message stays behind."""
    router, dealer = connect(zmq.ROUTER, zmq.DEALER, routing_id=b"known")
    router.router_mandatory = 1
    for values in (DATA, list(DATA)):
        with pytest.raises(zmq.ZMQError) as caught:
            router.send_many(values, topic=b"unknown")
        assert (caught.value.errno, caught.value.sent) == (zmq.EHOSTUNREACH, 0)
        assert router.send_many(values, topic=b"known") == 20
        assert (np.array(dealer.recv_many(20).values) == DATA).all()


def test_a_context_that_is_terminated_while_messages_are_read():
    """What had been received by then is read, also of several frames."""
    with zmq.Context() as context:
        here, there = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        here.bind("inproc://terminated")
        there.connect("inproc://terminated")

        def terminate(header, frames):
            thread.start()
            with pytest.raises(zmq.ContextTerminated):
                while True:
                    there.get(zmq.EVENTS)
            return "first"

        thread = threading.Thread(target=context.term)
        framewire.register_serializer("terminating", lambda value: (None, []), terminate)
        try:
            framewire.send_value(here, 0, serializer="terminating")
            framewire.send_many(here, [DATA, {"a": DATA}, 1])
            batch = framewire.recv_many(there, 4, 5000)
        finally:
            framewire.unregister_serializer("terminating")
            here.close(0)
            there.close(0)
            thread.join()
    assert not batch.errors
    names = ["str", "ndarray", "dict", "int"]
    if framewire.transport == "pyzmq":  # where each is received when the one before has been read
        names = names[:1]
    assert [type(value).__name__ for value in batch] == names


def test_a_message_that_came_before_its_context_was_terminated():
    """It is taken apart without the socket's word."""
    frames = [memoryview(b"topic"), *framewire.dumps({"a": DATA}, meta=1)]
    with zmq.Context() as context:
        socket = context.socket(zmq.PULL)
        thread = threading.Thread(target=context.term)
        thread.start()
        try:
            with pytest.raises(zmq.ContextTerminated):
                while True:
                    socket.get(zmq.EVENTS)
            message = framewire.message.Message(
                frames, socket, None, framewire.default_codec(), None
            )
        finally:
            socket.close()
            thread.join()
    assert (message.topic, message.meta) == (b"topic", 1)
    assert (message.value["a"] == DATA).all()
