"""What comes with an array: envelope, topic, metadata; and what a receiver may ask for."""

import datetime
import math

import numpy as np
import pytest
import zmq

import framewire

BIG = np.arange(40_000.0).reshape(200, 200)


# ---- topics


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("power", b"power"),
        (b"power", b"power"),
        ("größe☃", "größe☃".encode()),
        (b"\xff\x00\xc1", b"\xff\x00\xc1"),
        (b"\xc1", b"\xc1"),
        (b"", b""),
        ("", b""),
        (b"x" * 10_000, b"x" * 10_000),
        (np.bytes_(b"abc"), b"abc"),
        (np.str_("abc"), b"abc"),
        (None, None),
    ],
    ids=lambda each: repr(each)[:20],
)
def test_topic(connect, over, topic, expected):
    here, there = connect(over=over)
    for array in (np.arange(3), BIG):
        here.send_array(array, topic=topic)
        message = there.recv_message()
        assert message.topic == expected
        assert message.envelope == ([] if expected is None else [expected])
        assert message.serializer == "array"
        np.testing.assert_array_equal(message.value, array)
        here.send_array(array, topic=topic)
        np.testing.assert_array_equal(there.recv_array(), array)


@pytest.mark.parametrize(
    ("topic", "error"),
    [
        (b"\xc1\x46", ValueError),
        (b"\xc1\x46 and more", ValueError),
        ("\ud800", ValueError),
        (3, TypeError),
        (["a"], TypeError),
        (bytearray(b"a"), TypeError),
        pytest.param(memoryview(b"a"), TypeError, id="memoryview"),
    ],
    ids=repr,
)
def test_topic_that_cannot_be(pair, topic, error):
    with pytest.raises(error):
        pair[0].send_array(np.arange(3), topic=topic)
    pair[0].send_array(np.arange(4))
    assert pair[1].recv_message().envelope == []


# ---- metadata

METAS = [
    {"unit": "V", "gain": 2.5, "channels": [1, 2, 3], "on": True, "none": None},
    {},
    [],
    [None, [None]],
    0,
    False,
    "",
    "größe",
    b"\x00bytes",
    -(2**63),
    2**64 - 1,
    1.5,
    math.inf,
    {"deep": {"deeper": {"deepest": [{"a": 1}]}}},
    {1: "int key", "a": {2: 3}},
    {"blob": bytes(100_000)},
    datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
]


@pytest.mark.parametrize("meta", METAS, ids=lambda each: repr(each)[:30])
@pytest.mark.parametrize("array", [np.arange(3), BIG, BIG.T], ids=["small", "big", "F"])
def test_metadata(pair, meta, array):
    pair[0].send_array(array, meta=meta)
    message = pair[1].recv_message()
    assert message.meta == meta
    assert type(message.meta) is type(meta)
    np.testing.assert_array_equal(message.value, array)
    pair[0].send_array(array, meta=meta)
    np.testing.assert_array_equal(pair[1].recv_array(), array)
    np.testing.assert_array_equal(framewire.loads(framewire.dumps(array, meta=meta)), array)


def test_no_metadata_is_none(pair):
    pair[0].send_array(np.arange(3), meta=None)
    assert pair[1].recv_message().meta is None


def endless():
    meta = []
    meta.append(meta)
    return meta


@pytest.mark.parametrize(
    "meta",
    [object(), {"a": object()}, 2**64, -(2**63) - 1, 1j, "\ud800", endless(), np.arange(3), len],
    ids=lambda each: repr(each)[:20],
)
def test_metadata_that_cannot_be(pair, meta):
    with pytest.raises((TypeError, ValueError)):
        pair[0].send_array(np.arange(3), meta=meta)
    with pytest.raises((TypeError, ValueError)):
        pair[0].send_array(BIG, topic="topic", meta=meta, copy=False)
    pair[0].send_array(np.arange(4), meta="fine")
    message = pair[1].recv_message()
    assert (message.envelope, message.meta) == ([], "fine")


# ---- Message


def test_attributes_of_a_message(connect, over):
    here, there = connect(over=over)
    here.send_raw([b"one", b"two"], zmq.SNDMORE)
    here.send_array(BIG, topic="three", meta={"n": 1})
    message = there.recv_message()
    assert isinstance(message, framewire.Message)
    assert message.envelope == [b"one", b"two", b"three"]
    assert all(type(frame) is bytes for frame in message.envelope)
    assert (message.topic, message.serializer, message.meta) == (b"three", "array", {"n": 1})
    head, payload = message.frames
    assert bytes(head[:2]) == b"\xc1\x46"
    assert payload.nbytes == BIG.nbytes
    for frame in message.frames:
        assert (frame.readonly, frame.format, frame.ndim) == (True, "B", 1)
    assert message.value is message.value
    assert not message.value.flags.writeable
    np.testing.assert_array_equal(message.value, BIG)
    assert "array" in repr(message)


def test_a_message_and_its_array_share_memory_and_outlive_the_socket(connect):
    here, there = connect(over="tcp")
    here.send_array(BIG)
    message = there.recv_message()
    assert np.shares_memory(message.value, np.frombuffer(message.frames[1], np.uint8))
    value = message.value
    here.send_array(BIG * 0)
    there.recv_message()
    there.close()
    del message
    np.testing.assert_array_equal(value, BIG)


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros(5000)], ids=["small", "big"])
def test_copy_of_a_message(connect, over, array):
    here, there = connect(over=over)
    here.send_array(array, copy=False)
    message = there.recv_message(copy=True)
    message.value.fill(1)
    assert not array.any()
    assert not framewire.loads(message.frames).any()


@pytest.mark.parametrize(
    "frames",
    [[b"hello"], [b""], [b"", b""], [b"topic", b"x" * 20_000], [b"\xc1"], [b"\xc1", b"\x46", b"a"]],
    ids=lambda frames: repr(frames)[:20],
)
def test_foreign_message_is_handed_on(pair, frames):
    pair[0].send_multipart(frames)
    message = pair[1].recv_message()
    assert message.frames == frames
    assert message.envelope == []
    assert message.topic is None
    assert message.serializer is None
    assert message.meta is None
    assert "foreign" in repr(message)
    with pytest.raises(framewire.DecodeError) as caught:
        _ = message.value
    assert caught.value.code == "foreign"


def test_forwarding_a_message(connect, assert_same):
    here, there = connect(over="tcp")
    here.send_array(BIG.T, topic="t", meta=[1])
    message = there.recv_message()
    there.send_raw([*message.envelope, *message.frames])
    again = here.recv_message()
    assert (again.topic, again.meta) == (b"t", [1])
    assert_same(again.value, BIG.T)


# ---- what a receiver asks for


def outs():
    yield "C", np.zeros((200, 200))
    yield "F", np.zeros((200, 200), order="F")
    yield "every other", np.zeros((400, 600))[::2, ::3]
    yield "reversed", np.zeros((200, 200))[::-1, ::-1]
    yield "unaligned", np.zeros(200 * 200 * 8 + 1, np.uint8)[1:].view("<f8").reshape(200, 200)
    yield "field", np.zeros((200, 200), [("a", "u1"), ("b", "<f8")])["b"]


@pytest.mark.parametrize("out", [pytest.param(out, id=name) for name, out in outs()])
@pytest.mark.parametrize("layout", ["C", "F", "broadcast"])
def test_out(pair, out, layout):
    sent = {
        "C": BIG,
        "F": np.asfortranarray(BIG),
        "broadcast": np.broadcast_to(np.arange(200.0), (200, 200)),
    }[layout]
    pair[0].send_array(sent)
    assert pair[1].recv_array(out=out) is out
    np.testing.assert_array_equal(out, sent)
    out.fill(0)
    framewire.loads_array(framewire.dumps(sent), out=out)
    np.testing.assert_array_equal(out, sent)


def test_out_that_is_the_array_in_flight(pair):
    array = BIG.copy()
    pair[0].send_array(array, copy=False)
    pair[1].recv_array(out=array[::-1])
    np.testing.assert_array_equal(array, BIG[::-1])


@pytest.mark.parametrize(
    ("out", "error"),
    [
        ([0.0, 0.0], TypeError),
        (bytearray(16), TypeError),
        (np.float64(1), TypeError),
        (np.ma.zeros(2), TypeError),
        (np.broadcast_to(np.zeros(1), (2,)), ValueError),
        (np.frombuffer(bytes(16)), ValueError),
    ],
    ids=lambda each: type(each).__name__,
)
def test_out_that_cannot_be_filled(pair, out, error):
    pair[0].send_array(np.arange(2.0))
    with pytest.raises(error):
        pair[1].recv_array(out=out)
    with pytest.raises(error):
        framewire.loads_array(framewire.dumps(np.arange(2.0)), out=out)
    assert pair[1].recv_array().tolist() == [0, 1]  # nothing was received before


MATCHES = [
    ({"dtype": "<f8"}, True),
    ({"dtype": np.float64}, True),
    ({"dtype": float, "shape": (2, 3)}, True),
    ({"shape": (-1, 3)}, True),
    ({"shape": [2, -1]}, True),
    ({"shape": (np.int64(2), 3)}, True),
    ({"shape": (-1, -1), "dtype": "d"}, True),
    ({"out": np.zeros((2, 3)), "dtype": "d", "shape": (2, -1)}, True),
    ({"dtype": ">f8"}, False),
    ({"dtype": "<i8"}, False),
    ({"dtype": "<f4"}, False),
    ({"shape": (3, 2)}, False),
    ({"shape": (2, 3, 1)}, False),
    ({"shape": 6}, False),
    ({"shape": -1}, False),
    ({"shape": ()}, False),
    ({"out": np.zeros(6)}, False),
    ({"out": np.zeros((3, 2))}, False),
    ({"out": np.zeros((2, 3), np.float32)}, False),
    ({"out": np.zeros((2, 3), ">f8")}, False),
    ({"out": np.zeros((2, 3)), "dtype": "f4"}, False),
]


@pytest.mark.parametrize(("asked", "fits"), MATCHES, ids=lambda each: repr(each)[:40])
def test_what_was_asked_for(pair, asked, fits):
    sent = np.arange(6.0).reshape(2, 3)
    for array in (sent, np.arange(3)):
        pair[0].send_array(array)
    frames = framewire.dumps(sent)
    if fits:
        np.testing.assert_array_equal(pair[1].recv_array(**asked), sent)
        np.testing.assert_array_equal(framewire.loads_array(frames, **asked), sent)
    else:
        with pytest.raises(framewire.SchemaError) as caught:
            pair[1].recv_array(**asked)
        assert caught.value.code == "mismatch"
        with pytest.raises(framewire.SchemaError):
            framewire.loads_array(frames, **asked)
    assert pair[1].recv_array().tolist() == [0, 1, 2]


def test_asking_for_no_dtype_is_an_error_before_receiving(pair):
    pair[0].send_array(np.arange(3))
    with pytest.raises(TypeError):
        pair[1].recv_array(dtype="no such type")
    assert pair[1].recv_array().tolist() == [0, 1, 2]
