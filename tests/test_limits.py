"""Limits: each refuses what is one more, says its name, and takes what is not."""

import dataclasses

import numpy as np
import pytest

import framewire
from framewire import Codec, LimitError, Limits


def nested(depth):
    return 1 if depth == 0 else [nested(depth - 1)]


# the limit, its value, a message that is just within it, one that is just over
CASES = {
    "size": ("size", 100, bytes(100), bytes(101)),
    "size of arrays": ("size", 80, np.zeros(10), np.zeros(11)),
    "size of an array in a frame": ("size", 80_000, np.zeros(10_000), np.zeros(10_001)),
    "frames": ("frames", 3, [np.zeros(2000)] * 2, [np.zeros(2000)] * 3),
    "ndim": ("ndim", 2, np.zeros((1, 1)), np.zeros((1, 1, 1))),
    "ndim of an array in a tree": ("ndim", 2, [np.zeros((1, 1))], [np.zeros((1, 1, 1))]),
    "depth": ("depth", 3, nested(3), nested(4)),
    "items of a list": ("items", 10, [0] * 10, [0] * 11),
    "items of a dict": ("items", 10, dict.fromkeys("abcde"), dict.fromkeys("abcdef")),
    "items of several": ("items", 10, [[0] * 4] * 2, [[0] * 4] * 3),
    "items of a set": ("items", 10, set(range(9)), {(1, 2, 3), *range(9)}),
    "keys": ("keys", 2, {(1,), (2,)}, {(1,), (2,), (3,)}),
    "large keys": ("keys", 20, {(1,) * 100, (2,)}, {(n,) * 100 for n in range(3)}),
    "spread": (
        "spread",
        800,
        np.broadcast_to(np.arange(10), (10, 10)),
        np.broadcast_to(np.arange(10), (11, 10)),
    ),
}


@pytest.fixture(params=["loads", "recv_value", "recv_message", "recv_many"])
def receive(request, pair):
    """A function that takes frames and limits, and gives the value."""
    here, there = pair

    def take(frames, limits):
        if request.param == "loads":
            return framewire.loads(frames, codec=Codec(limits=limits))
        here.send_multipart(frames)
        there.codec = Codec(limits=limits)
        if request.param == "recv_value":
            return there.recv_value()
        if request.param == "recv_message":
            return there.recv_message().value
        batch = there.recv_many(1)
        for _, error in batch.errors:
            raise error
        return batch.values[0]

    return take


@pytest.mark.parametrize(("limit", "most", "within", "over"), CASES.values(), ids=CASES)
def test_each(receive, limit, most, within, over):
    limits = Limits(**{limit: most})
    np.testing.assert_equal(receive(framewire.dumps(within), limits), within)
    with pytest.raises(LimitError) as caught:
        receive(framewire.dumps(over), limits)
    assert (caught.value.limit, caught.value.code) == (limit, "limit")
    assert limit in str(caught.value)
    receive(framewire.dumps(over), Limits())


def test_the_largest(receive):
    most = {field.name: 2**63 - 1 for field in dataclasses.fields(Limits) if field.name != "depth"}
    assert receive(framewire.dumps("x"), Limits(**most)) == "x"


def test_metadata(receive):
    for meta in ("x" * 97, "x" * 98):
        frames = framewire.dumps(1, meta=meta)
        if len(meta) == 97:
            assert receive(frames, Limits(meta=99)) == 1
            continue
        with pytest.raises(LimitError) as caught:
            receive(frames, Limits(meta=99))
        assert caught.value.limit == "meta"


def test_envelopes_are_frames_too(pair):
    here, there = pair
    there.codec = Codec(limits=Limits(frames=3))
    for count in (2, 3):
        here.send_value(5, envelope=[b"x"] * count)
    assert there.recv_value() == 5
    with pytest.raises(LimitError):
        there.recv_value()


def test_arrays(pair):
    """recv_array, of heads and of the recipe; and rows."""
    here, there = pair
    there.codec = Codec(limits=Limits(size=80))
    for n in (10, 11):
        here.send_array(np.zeros(n))
        here.send_json({"dtype": "float64", "shape": [n]}, 2)
        here.send(np.zeros(n))
    assert len(there.recv_array()) == len(there.recv_array()) == 10
    for _ in range(2):
        with pytest.raises(LimitError) as caught:
            there.recv_array()
        assert caught.value.limit == "size"
    here.send_many(np.zeros((3, 11)))
    out = np.empty((3, 11))
    batch = there.recv_many(3, out=out)
    assert len(batch) == 0
    assert [error.limit for _, error in batch.errors] == ["size"] * 3


def test_rows(pair):
    """What no row of an array is looked into for."""
    here, there = pair
    rows, out = np.arange(4.0).reshape(2, 2), np.empty((2, 2))
    for limits, how in ((Limits(meta=9), {"meta": "x" * 9}), (Limits(frames=1), {"topic": "t"})):
        here.send_array(rows[0])
        here.send_array(rows[1], **how)
        batch = there.recv_many(2, out=out, codec=Codec(limits=limits))
        assert len(batch) == 1
        assert [type(error) for _, error in batch.errors] == [LimitError]


def test_messages_without_a_head(pair):
    here, there = pair
    for limits in (Limits(frames=3), Limits(size=30)):
        for count in (3, 4):
            here.send_multipart([b"10 bytes.."] * count)
        assert len(there.recv_message(codec=Codec(limits=limits)).frames) == 3
        with pytest.raises(LimitError):
            there.recv_message(codec=Codec(limits=limits))


@pytest.mark.parametrize("name", list(Limits.__dataclass_fields__))
def test_what_is_no_limit(name):
    for value in (-1, 1.5, "5", None, True, 2**63):
        with pytest.raises((TypeError, ValueError)):
            Limits(**{name: value})
    assert getattr(Limits(**{name: 7}), name) == 7
    assert repr(Limits(**{name: 7})) == f"Limits({name}=7)"


def test_only_by_name():
    with pytest.raises(TypeError):
        Limits(5)
    assert repr(Limits()) == "Limits()"
    assert Limits(depth=5) != Limits() == Limits(depth=128)
