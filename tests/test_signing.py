"""Signed messages: what is refused, what is taken once, and that nothing else changes."""

import importlib
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zmq
from sameness import same

import framewire
from framewire import SAFE, Codec, Record, SignatureError, f64, u32
from framewire.signing import MOST_WINDOWS, WINDOW, Windows

sys.path.append(str(Path(__file__).parents[1] / "examples"))
read = importlib.import_module("framewire_reader").read

KEY, OTHER = b"a secret of both", bytes(range(32))
SIGNED = Codec(key=KEY, allow=SAFE | {"pickle"})


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


@pytest.fixture
def signed(connect):
    """Two connected sockets whose codec has the key."""

    def make(*kinds, over="inproc", **how):
        sockets = connect(*kinds, over=over, **how)
        for each in sockets:
            each.codec = SIGNED
        return sockets

    return make


def refused(call, *args, code="signature", **kwargs):
    with pytest.raises(SignatureError) as caught:
        call(*args, **kwargs)
    assert caught.value.code == code
    return caught.value


def frames_of(value, codec=SIGNED, **how):
    return [bytes(frame) for frame in framewire.dumps(value, codec=codec, **how)]


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


# ---- keys


def test_rotation(pair):
    """Receivers learn the new key first, then senders use it, then the old one goes."""
    here, there = pair
    old, both, turned, new = (
        Codec(key=keys) for keys in ({1: KEY}, {1: KEY, 2: OTHER}, {2: OTHER, 1: KEY}, {2: OTHER})
    )
    for send, receive, taken in [
        (old, old, True),
        (old, both, True),
        (both, both, True),
        (turned, both, True),
        (turned, new, True),
        (new, new, True),
        (old, new, False),
        (new, old, False),
    ]:
        here.codec, there.codec = send, receive
        here.send_value("x")
        if taken:
            assert there.recv_value() == "x"
        else:
            refused(there.recv_value)


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("text" * 8, TypeError),
        (5, TypeError),
        ({"a": KEY}, TypeError),
        ({1: "text" * 8}, TypeError),
        ({True: KEY}, TypeError),
        (b"", ValueError),
        (b"15 bytes of key", ValueError),
        ({1: KEY, 2: b"short"}, ValueError),
        ({-1: KEY}, ValueError),
        ({2**64: KEY}, ValueError),
    ],
)
def test_no_key(key, error):
    with pytest.raises(error):
        Codec(key=key)


def test_keys_are_not_shown_and_can_be_told_apart():
    codec = Codec(key={3: KEY, 4: OTHER})
    assert KEY.decode() not in repr(codec)
    assert "3, 4" in repr(codec)
    assert codec == pickle.loads(pickle.dumps(codec))
    assert hash(codec) == hash(Codec(key={3: KEY, 4: OTHER}))
    assert codec != Codec(key={4: OTHER, 3: KEY})  # the first one signs
    assert Codec(key=bytearray(KEY)) == Codec(key={0: KEY})
    assert Codec(key=KEY).key == Codec(key=Codec(key=KEY).key).key
    assert Codec().key is None


def test_levels():
    """A context's key is for its sockets; a call can do without."""
    with framewire.Context(codec=SIGNED) as context:
        here, there = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        there.rcvtimeo = 5000
        here.bind("inproc://levels")
        there.connect("inproc://levels")
        here.send_value(1)
        assert there.recv_value() == 1
        here.send_value(2, codec=Codec(key={}))
        assert there.recv_value(codec=Codec(key={})) == 2
        here.close()
        there.close()


def test_without_a_socket():
    """There is no window: the frames are read as often as one likes."""
    frames = framewire.dumps([1], codec=SIGNED)
    for _ in range(2):
        assert framewire.loads(frames, codec=SIGNED) == [1]
    numbers = [read(frames_of(0))["stamp"] for _ in range(3)]
    assert len({sender for sender, _, _ in numbers}) == 1
    assert [n - numbers[0][1] for _, n, _ in numbers] == [0, 1, 2]
    message = [b"t", *frames]
    refused(framewire.loads, message, codec=SIGNED)


def test_inside_a_function_that_reads(pair):
    """What it reads was verified with the message; a codec of its own verifies again."""

    def dumps(value):
        return None, framewire.dumps(value, codec=Codec(key={}))

    def loads(header, frames):
        refused(framewire.loads, frames, codec=Codec(key=OTHER))
        return framewire.loads(frames)

    here, there = pair
    here.codec = there.codec = SIGNED
    framewire.register_serializer("inside", dumps, loads)
    try:
        here.send_value([1, 2], serializer="inside")
        assert there.recv_value() == [1, 2]
    finally:
        framewire.unregister_serializer("inside")


def test_a_message_that_was_begun(pair):
    """Its topic was sent by a call of its own, and cannot be signed."""
    here, there = pair
    here.codec = SIGNED
    here.send(b"topic", zmq.SNDMORE)
    for send in (
        lambda: here.send_value(1),
        lambda: here.send_array(np.arange(3)),
        lambda: here.send_many([1, 2]),
        lambda: here.send_many(np.arange(3)),
    ):
        with pytest.raises(ValueError, match="topic="):
            send()
    here.send(b"end")
    assert there.recv_multipart() == [b"topic", b"end"]


def test_a_schema_of_a_stranger_is_not_for_signed_records():
    """Texts with the same fingerprint are easily made."""
    program = """
import sys, framewire
from framewire import Codec

made = sys.argv[1:]
key = Codec(key=b"a secret of both")
frames = [bytes.fromhex(text) for text in made]
unsigned, signed, without = frames
assert framewire.loads(unsigned).b == 2
try:
    print(framewire.loads(without, codec=key))
except framewire.SchemaError:
    print("unknown")
assert framewire.loads(signed, codec=key).b == 2
assert framewire.loads(without, codec=key).b == 2
"""
    record = framewire.record(np.dtype([("a", "u1"), ("b", "u2")]))(1, 2)
    made = [
        framewire.dumps(record, codec=codec)[0].hex()
        for codec in (Codec(schema=1), Codec(schema=1, key=KEY), Codec(key=KEY))
    ]
    done = subprocess.run(
        [sys.executable, "-c", program, *made], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "unknown\n", "")


# ---- replay


def test_a_message_is_taken_once(signed):
    here, there = signed()
    here.send_value("pay", topic="t")
    frames = there.recv_multipart()
    for _ in range(2):
        here.send_multipart(frames)
    assert there.recv_value() == "pay"
    refused(there.recv_value, code="replay")
    here.send_multipart(frames[1:])  # on no topic
    refused(there.recv_value)
    here.send_value("pay", topic="t")
    assert there.recv_value() == "pay"
    assert there.stats().topics[b"t"].received == 2


def test_out_of_order_and_too_old(signed):
    here, there = signed()
    messages = []
    for i in range(WINDOW + 2):
        here.send_value(i)
        messages.append(there.recv_multipart())
    for i in (5, 3, 4, WINDOW + 1, 2):
        here.send_multipart(messages[i])
        assert there.recv_value() == i
    for i in (5, 3, 4, WINDOW + 1, 2, 1, 0):  # 0 and 1 never came: they are too old
        here.send_multipart(messages[i])
        refused(there.recv_value, code="replay")


def test_topics_and_senders_have_windows_of_their_own(ctx, signed, quick):
    here, there = signed(zmq.PUSH, zmq.PULL)
    other = quick(ctx.socket(zmq.PUSH, codec=SIGNED))
    other.bind("inproc://other")
    for topic in (None, "a", "b"):
        here.send_value(topic, topic=topic)
        assert there.recv_value() == topic
    there.connect("inproc://other")
    other.send_value("x")
    here.send_value("y")
    assert {there.recv_value(), there.recv_value()} == {"x", "y"}


def test_forgeries_leave_no_trace(signed):
    """Neither in the window nor in what is counted of topics."""
    here, there = signed()
    here.send_value("right", topic="t")
    frames = there.recv_multipart()
    for _ in range(3):
        forged = bytearray(frames[1])
        forged[-1] ^= 1
        here.send_multipart([frames[0], forged])
        refused(there.recv_value)
    here.send_multipart([b"another topic", frames[1]])
    refused(there.recv_value)
    here.send_multipart(frames)
    assert there.recv_value() == "right"
    assert set(there.stats().topics) == {b"t"}
    assert there.stats().topics[b"t"].errors == 0


def replayed(windows, *message):
    return refused(windows.note, *message, code="replay")


def test_windows_are_bounded():
    """One that goes takes with it what could have been in it."""
    windows = Windows()
    for epoch in range(MOST_WINDOWS):
        windows.note(0, 1, epoch, 5, 1000 + epoch)
    windows.note(0, 1, 0, 6, 500)  # of the first epoch: it is not the oldest any more
    windows.note(0, 1, MOST_WINDOWS, 0, 1000 + MOST_WINDOWS)
    assert len(windows._windows) == MOST_WINDOWS
    replayed(windows, 0, 1, 1, 5, 1001)  # that of epoch 1 was forgotten
    replayed(windows, 0, 1, 0, 6, 500)
    replayed(windows, 0, 9, 9, 0, 900)  # it may have been
    windows.note(0, 1, 2, 6, 900)
    windows.note(0, 1, 1, 7, 2_000_000)  # it goes on, and what it had is not taken again
    for number in (4, 5, 6, 7):
        replayed(windows, 0, 1, 1, number, 3_000_000)
    windows.note(0, 1, 1, 8, 2_000_001)
    assert len(windows._windows) == MOST_WINDOWS


def test_windows_against_a_set():
    """Of numbers in any order: each is taken once, and those within the window always."""
    numbers = np.random.default_rng(1).integers(0, 3000, 20_000).tolist()
    windows, seen = Windows(), set()
    for n in numbers:
        taken = n not in seen and (not seen or n > max(seen) - WINDOW)
        if taken:
            windows.note(0, 0, 0, n, 0)
            seen.add(n)
        else:
            replayed(windows, 0, 0, 0, n, 0)


def test_numbers_that_are_far_apart():
    windows = Windows()
    for n in (0, 2**64 - 1, 2**64 - 2):
        windows.note(0, 0, 0, n, 0)
        replayed(windows, 0, 0, 0, n, 0)
    replayed(windows, 0, 0, 0, 1, 0)
