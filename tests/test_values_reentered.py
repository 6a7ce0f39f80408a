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
    found = []

    def look():
        found.extend(o for o in gc.get_objects() if type(o) is list and o and o[0] == "marker")

    registered.on_load = staticmethod(look)
    assert framewire.loads(framewire.dumps(["marker", registered(), 1]))[2] == 1
    assert found == []


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
