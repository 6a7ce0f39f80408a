"""Functions of users, and memory of theirs, that change what is being read or written."""

import gc
import struct

import numpy as np
import pytest

import framewire


@pytest.fixture
def registered():
    """A class whose functions call what the test put there."""

    class Calling:
        on_dump = on_load = staticmethod(lambda: None)

    def dump(value):
        Calling.on_dump()
        return None, []

    def load(header, frames):
        Calling.on_load()
        return Calling()

    framewire.serialize.register(Calling, dump)
    framewire.deserialize.register(Calling, load)
    return Calling


def test_a_key_that_dies_takes_the_next_item_along(registered):
    class Key(str):
        def __del__(self):
            mapping.pop("next", None)
            Key.other = [bytearray(64) for _ in range(100)]  # to use what was freed, if it was

    def replace():
        mapping.pop("first")
        mapping["more"] = 1

    mapping = {Key("first"): registered(), "next": bytearray(b"v" * 100)}
    registered.on_dump = staticmethod(replace)
    with pytest.raises(ValueError, match="changed while it was being sent"):
        framewire.dumps(mapping)


def test_lengths_that_change_while_they_are_read(registered):
    message = bytearray(framewire.dumps([registered(), b"x" * 9000], packed=True)[0])

    def lie():
        at = bytes(message).index(struct.pack("<Q", 9000))
        message[at : at + 8] = struct.pack("<Q", 90_000_000)

    registered.on_load = staticmethod(lie)
    with pytest.raises(framewire.DecodeError):
        framewire.loads(message)


def test_nobody_finds_a_list_before_it_is_full(registered):
    length = 7919  # of no other list
    found = []

    def look():
        found.extend(
            each for each in gc.get_objects() if type(each) is list and len(each) == length
        )

    registered.on_load = staticmethod(look)
    frames = framewire.dumps([registered(), *[None] * (length - 1)])
    assert len(framewire.loads(frames)) == length
    assert found == []


def test_a_key_whose_comparison_fails(registered):
    class Unhappy:
        def __hash__(self):
            raise KeyboardInterrupt

    framewire.serialize.register(Unhappy, lambda value: (None, []))
    framewire.deserialize.register(Unhappy, lambda header, frames: Unhappy())
    frames = framewire.dumps({1: Unhappy()})[0]
    swapped = frames.replace(b"\x81\x01\xc9", b"\x81\xc9").replace(b"\xc0\x90", b"\xc0\x90\x01")
    with pytest.raises(KeyboardInterrupt):
        framewire.loads(swapped)


def test_a_shared_frame_beside_a_lent_one(pair):
    """A tree with a large array in it, and a buffer beside it that is the sender's bytes."""
    here, there = pair
    size = 20_000
    inside = framewire.dumps(np.zeros(size, "u1"), packed=True)[0]
    beside = framewire.dumps(np.zeros(size, "u1"))[0]
    tree = b"\x92\xc9" + struct.pack(">IB", len(inside), 1) + inside
    tree += b"\xc7" + bytes([len(beside), 1]) + beside
    head = b"\xc1F\x01\x04" + struct.pack("<HBBQ", 0x21, 0, 0, len(tree) + size)
    head += struct.pack("<3Q", 16, len(tree), size) + tree
    payload = b"m" * size
    here.send_raw([head, payload], copy=False)
    first, second = there.recv_value(copy=True)
    first[:] = second[:] = 7
    assert payload == b"m" * size


def test_loads_inside_obeys_the_call_that_it_is_in():
    """The policy, and the depth, of a message in a message."""

    class Outer:
        pass

    def nested(depth):
        frames = framewire.dumps(1, serializer="pickle")
        for _ in range(depth):
            inner = frames
            framewire.serialize.register(Outer, lambda value, inner=inner: (None, inner))
            frames = framewire.dumps([Outer()])
        return frames

    allowed = framewire.SAFE | {"pickle"}
    framewire.deserialize.register(Outer, lambda header, frames: framewire.loads(frames))
    assert framewire.loads(nested(2), codec=framewire.Codec(allow=allowed)) == [[1]]
    framewire.set_default_codec(framewire.Codec(allow=allowed))
    try:
        with pytest.raises(framewire.RefusedError, match="pickle"):
            framewire.loads(nested(2), codec=framewire.Codec(allow=["msgpack"]))
        assert framewire.loads(nested(2)) == [[1]]  # and afterwards all is as it was
    finally:
        framewire.set_default_codec()
    with pytest.raises(framewire.LimitError):
        framewire.loads(nested(200), codec=framewire.Codec(allow=allowed))


@pytest.mark.parametrize("kind", ["map", "set"])
def test_keys_that_collide(kind):
    keys = [n * (2**61 - 1) << 64 for n in range(1, 3000)]
    frames = framewire.dumps(dict.fromkeys(keys) if kind == "map" else {*keys})
    with pytest.raises(framewire.LimitError, match="keys"):
        framewire.loads(frames, codec=framewire.Codec(limits=framewire.Limits(keys=2000)))
    assert len(framewire.loads(frames)) == len(keys)
    many = {str(n): n for n in range(30_000)} | {n: n for n in range(30_000)}
    assert framewire.loads(framewire.dumps(many)) == many


class Changing:
    """False, and then True."""

    def __init__(self):
        self.asked = 0

    def __bool__(self):
        self.asked += 1
        return self.asked > 1


@pytest.mark.parametrize("receive", ["recv_value", "recv_message", "loads"])
def test_copy_is_asked_once(pair, receive):
    here, there = pair
    message = framewire.dumps([np.full(9000, n, "u1") for n in (1, 2)], packed=True)
    here.send_raw(message, copy=False)
    if receive == "recv_value":
        came = there.recv_value(copy=Changing())
    elif receive == "recv_message":
        came = there.recv_message(copy=Changing()).value
    else:
        came = framewire.loads(there.recv_raw(), copy=Changing())
    assert not any(array.flags.writeable for array in came)


def test_recv_array_of_what_is_none(pair):
    here, there = pair
    framewire.register_serializer("reentered", lambda value: ({}, []), lambda header, frames: 1)
    for frames in (
        framewire.dumps(1, serializer="reentered"),
        framewire.dumps({"a": 1}),
        framewire.dumps(b"raw"),
    ):
        here.send_multipart(frames)
        with pytest.raises(framewire.SchemaError):
            there.recv_array()
        with pytest.raises(framewire.SchemaError):
            framewire.loads_array(frames)
    framewire.unregister_serializer("reentered")
    here.send_array(np.arange(3))
    assert there.recv_array().tolist() == [0, 1, 2]
