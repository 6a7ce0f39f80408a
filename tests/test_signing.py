"""Signed messages: what is refused, what is taken once, and that nothing else changes."""

import numpy as np
import pytest
import zmq
from sameness import same
from signatures import KEY, OTHER, SIGNED, frames_of, read, refused

import framewire
from framewire import Codec, Record, SignatureError, f64, u32


class Note(Record):
    number: u32
    value: f64
    text: str
    blob: bytes


VALUES = {
    "array": np.arange(6.0).reshape(2, 3),
    "array in a frame": np.arange(3000.0),
    "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "described": np.array(["2026-01-01"], "M8[D]"),
    "broadcast": np.broadcast_to(np.arange(3), (4, 3)),
    "scalar": np.float32(1.5),
    "bytes": b"any bytes",
    "empty": b"",
    "tree": {"a": [1, 2.5, None], "b": "text"},
    "tree with buffers": {"x": np.arange(2000.0), "y": b"y" * 9000},
    "record": Note(1, 3.5, "a tail", b"bytes"),
}


# ---- what comes through


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_round_trip(signed, over, value):
    here, there = signed(over=over)
    here.send_value(value)
    assert same(there.recv_value(), value)
    here.send_value(value, topic="t", meta={"n": 1}, packed=True)
    message = there.recv_message()
    assert (message.topic, message.meta, message.stamp.sequence) == (b"t", {"n": 1}, 0)
    assert same(message.value, value)
    assert same(message.value, value)  # it is verified once
    here.send_many([value, value])
    assert same(list(there.recv_many(2)), [value, value])
    tracker = here.send_value(value, copy=False, track=True)
    assert same(there.recv_latest(), value)
    tracker.wait(10)
    assert there.stats().total.errors == there.stats().total.gaps == 0


def test_arrays(signed):
    here, there = signed()
    array = np.arange(5000.0)
    here.send_array(array, copy=False)
    view = there.recv_array()
    assert same(view, array)
    assert view.flags.writeable is False
    out = np.empty(5000)
    here.send_array(array, topic="t", meta=1)
    assert there.recv_array(out=out) is out
    assert same(out, array)
    here.send_many(array.reshape(1000, 5))
    rows = np.empty((1000, 5))
    assert len(there.recv_many(None, 5000, out=rows)) == 1000
    assert same(rows.ravel(), array)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_the_standalone_reader_verifies_it(value):
    said = read(frames_of(value, packed=True), {0: KEY})
    assert said["signature"]["key"] == 0
    with pytest.raises(ValueError, match=r"^signature$"):
        read(frames_of(value), {0: OTHER})
    with pytest.raises(ValueError, match=r"^signature$"):
        read(frames_of(value, Codec(key={})), {0: KEY})


PATTERNS = [
    (zmq.PUSH, zmq.PULL),
    (zmq.PUB, zmq.SUB),
    (zmq.REQ, zmq.REP),
    (zmq.DEALER, zmq.ROUTER),
    (zmq.DEALER, zmq.REP),
    (zmq.DEALER, zmq.DEALER),
]


@pytest.mark.parametrize("kinds", PATTERNS, ids=lambda kinds: f"{kinds[0].name}-{kinds[1].name}")
@pytest.mark.parametrize("topic", [None, b"", b"topic"])
def test_patterns(signed, kinds, topic):
    """The topic is signed, as either end sees it; routing ids and delimiters are the sockets'."""
    here, there = signed(*kinds, over="tcp")
    if kinds[1] == zmq.SUB:
        there.subscribe(b"")
        while not here.poll(0, zmq.POLLOUT):
            pass
        for _ in range(500):  # until it has subscribed
            here.send_value("hello", topic=topic)
            if there.poll(10):
                break
        assert there.recv_latest() == "hello"
    how = {"topic": topic}
    if kinds == (zmq.DEALER, zmq.REP):  # what a REQ puts before it
        how = {"envelope": [b""], "topic": topic}
    here.send_value({"a": 1}, **how)
    if kinds[1] == zmq.ROUTER:
        message = there.recv_message()
        assert message.value == {"a": 1}
        there.send_value("reply", envelope=message.envelope)
        assert here.recv_value() == "reply"
        return
    assert there.recv_value() == {"a": 1}
    if zmq.REP in kinds:
        there.send_value("reply")
        assert here.recv_value() == "reply"


def test_many_from_a_router(signed):
    router, dealer = signed(zmq.ROUTER, zmq.DEALER, routing_id=b"me")
    dealer.send_value("here")
    assert router.recv_value() == "here"
    router.send_many([1, 2, 3], topic=b"me")
    router.send_array(np.arange(3), topic=b"me")
    assert list(dealer.recv_many(3)) == [1, 2, 3]
    assert dealer.recv_array().tolist() == [0, 1, 2]


# ---- what is refused


@pytest.mark.parametrize("layout", ["frames", "packed", "compressed"])
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_every_bit_flipped(pair, value, layout):
    """Of a large buffer, some bits."""
    codec = Codec(key=KEY, compression="zlib") if layout == "compressed" else SIGNED
    pair[0].send_value(value, topic="t", packed=layout == "packed", meta=[1], codec=codec)
    frames = pair[1].recv_multipart()
    assert same(framewire.loads(frames, codec=SIGNED), value)
    for i, frame in enumerate(frames):
        for bit in range(0, 8 * len(frame), max(1, len(frame) // 300)):
            flipped = bytearray(frame)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(framewire.DecodeError):
                framewire.loads([*frames[:i], flipped, *frames[i + 1 :]], codec=SIGNED)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_cut_and_longer(value):
    frames = frames_of(value)
    for i, frame in enumerate(frames):
        cuts = range(len(frame)) if len(frame) < 500 else [0, 1, len(frame) - 1]
        for spoiled in [*(frame[:cut] for cut in cuts), frame + b"\0"]:
            with pytest.raises(framewire.DecodeError):
                framewire.loads([*frames[:i], spoiled, *frames[i + 1 :]], codec=SIGNED)
    for spoiled in ([*frames, b""], [b"topic", *frames], [*frames, frames[-1]]):
        with pytest.raises(framewire.DecodeError):
            framewire.loads(spoiled, codec=SIGNED)


def test_buffers_that_changed_places():
    frames = frames_of([b"a" * 9000, b"b" * 9000])
    frames[1:] = frames[:0:-1]
    refused(framewire.loads, frames, codec=SIGNED)


FOREIGN = {
    "unsigned": frames_of({"a": 1}, Codec(key={})),
    "of an unknown key": frames_of({"a": 1}, Codec(key={7: KEY})),
    "of another key": frames_of({"a": 1}, Codec(key=OTHER)),
    "no head": [b"anything"],
    "the recipe": [b'{"dtype": "float64", "shape": [1]}', bytes(8)],
    "an empty message": [b""],
    "half a head": [frames_of({"a": 1})[0][:20]],
}


def test_arrays_without_a_socket():
    array = np.arange(3)
    frames = frames_of(array)
    assert same(framewire.loads_array(frames, codec=SIGNED), array)
    spoiled = [frames[0][:-1] + b"\1"]
    recipe = [b'{"dtype": "int64", "shape": [1]}', bytes(8)]
    for bad in (spoiled, recipe, frames_of(array, Codec(key={}))):
        for out in (None, np.zeros_like(array)):
            refused(framewire.loads_array, bad, out=out, codec=SIGNED)


RECEIVERS = {
    "recv_array": framewire.recv_array,
    "recv_value": framewire.recv_value,
    "recv_message": framewire.recv_message,
    "recv_latest": framewire.recv_latest,
}


@pytest.mark.parametrize("receive", RECEIVERS.values(), ids=RECEIVERS)
@pytest.mark.parametrize("frames", FOREIGN.values(), ids=FOREIGN)
def test_not_signed(signed, frames, receive):
    """It is consumed, and the next one is intact; a receiver without a key takes what it can."""
    here, there = signed()
    here.send_multipart(frames)
    refused(receive, there)
    here.send_array(np.arange(3))
    assert receive(there) is not None
    assert there.stats().total.errors == 1
    assert there.stats().others.errors == 1  # of no topic's: who knows whose it is


def test_not_signed_in_batches(signed):
    here, there = signed()
    rows = np.arange(6.0).reshape(3, 2)
    for i in range(3):
        here.send_array(rows[i], codec=Codec(key={}) if i == 1 else None)
    out = np.zeros((3, 2))
    batch = there.recv_many(3, out=out)
    assert [position for position, _ in batch.errors] == [1]
    assert type(batch.errors[0][1]) is SignatureError
    assert same(batch.values, rows[::2])
    for frames in FOREIGN.values():
        here.send_multipart(frames)
    here.send_value("right")
    batch = there.recv_many(len(FOREIGN) + 1)
    assert (batch.values, len(batch.errors)) == (["right"], len(FOREIGN))


def test_the_latest_is_the_latest_that_is_signed(signed):
    here, there = signed()
    here.send(b"forged")
    refused(there.recv_latest)
    for text in ("old", "new"):
        here.send(b"forged")
        here.send_value(text)
    here.send(b"forged")
    assert there.recv_latest() == "new"
    assert (there.stats().total.received, there.stats().total.errors) == (6, 4)
    with pytest.raises(zmq.Again):
        there.recv_latest(zmq.DONTWAIT)


def test_a_receiver_without_a_key(pair):
    """It does not look, and needs no key to read."""
    here, there = pair
    here.send_value([1, 2], codec=SIGNED)
    here.send_array(np.arange(3), codec=SIGNED)
    assert there.recv_value() == [1, 2]
    rows = np.zeros((1, 3), int)
    there.recv_many(1, out=rows)
    assert rows.tolist() == [[0, 1, 2]]


def test_allow_is_asked_too(signed):
    here, there = signed()
    there.codec = Codec(key=KEY, allow=["json"])
    here.send_value({"a": 1}, serializer="pickle")
    with pytest.raises(framewire.RefusedError):
        there.recv_value()


def test_a_pickle_is_not_read_before_it_is_verified(signed):
    here, there = signed()
    frames = frames_of(Exploding(), serializer="pickle")
    spoiled = bytearray(frames[0])
    spoiled[-40] ^= 1
    here.send_multipart([spoiled])
    refused(there.recv_value)
    here.send_multipart([bytes(frames_of(Exploding(), Codec(key={}), serializer="pickle")[0])])
    refused(there.recv_value)
    assert not Exploding.exploded
    here.send_multipart(frames)
    there.recv_value()
    assert Exploding.exploded


class Exploding:
    exploded = False

    def __reduce__(self):
        return explode, ()


def explode():
    Exploding.exploded = True
