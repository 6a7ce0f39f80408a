"""Keys of signed messages: rotation, what is no key, and where a codec with one counts."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import zmq
from signatures import KEY, OTHER, SIGNED, frames_of, read, refused

import framewire
from framewire import Codec


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
