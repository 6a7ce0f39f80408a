"""dask's families of serializers by name, and headers from a peer that lies."""

import collections
import enum

import dask_types
import numpy as np
import pytest
from sameness import same

import framewire

pytest.importorskip("distributed", reason="distributed is not installed")

from dask_ways import LARGE, MASKED, over
from distributed.protocol import deserialize, serialize


def test_serializers_by_name(registered):
    for names in (["framewire"], ["framewire", "pickle"], ["msgpack", "framewire"]):
        header, frames = serialize(LARGE, serializers=names)
        assert header["serializer"] == "framewire"
        assert same(deserialize(header, frames, deserializers=names), LARGE)
        with pytest.raises(TypeError, match="framewire"):
            deserialize(header, frames, deserializers=["dask", "pickle"])
    header, frames = serialize(LARGE, serializers=["dask"])
    assert same(deserialize(header, frames, deserializers=["dask"]), LARGE)
    with pytest.raises(TypeError, match="dask"):
        deserialize(header, frames, deserializers=["framewire"])
    with pytest.raises(TypeError, match="Could not serialize"):
        serialize(range, serializers=["framewire"], on_error="raise")


VALUES = [1, "text", None, {"a": (1, [2]), 3: {4}}, b"x", np.float32(2), MASKED["hard"]]


@pytest.mark.parametrize("value", [*VALUES, dask_types.Model(3)])
def test_framewire_alone_carries_any_value(registered, value):
    header, frames = serialize(value, serializers=["framewire"], on_error="raise")
    came = deserialize(header, frames, deserializers=["framewire"])
    assert type(came) is type(value)
    if not isinstance(value, dask_types.Model):
        assert same(came, value)


class Kind(enum.IntEnum):
    ONE = 1


Row = collections.namedtuple("Row", "a b")
TWICE = [1]


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_what_framewire_does_not_take_goes_to_the_next(registered):
    values = [range, np.array([{}], object), np.ma.masked, np.matrix([[1, 2]]), Row(1, 2), Kind.ONE]
    values += [collections.OrderedDict(a=1), {"a": {"b": Kind.ONE}}, [[TWICE, TWICE]]]
    for value in values:
        assert serialize(value, serializers=["framewire", "pickle"])[0]["serializer"] == "pickle"
        header, frames = serialize(value, serializers=["framewire"])
        with pytest.raises(TypeError, match="Could not serialize"):
            deserialize(header, frames)


@pytest.mark.parametrize("serializers", [None, ["framewire"]])
def test_headers_that_lie(registered, serializers):
    header, frames = serialize(LARGE, serializers=serializers)
    inner = header.get("sub-header", header)
    for change in (
        {"strides": (80,)},
        {"strides": (8, 8)},
        {"strides": "x"},
        {"shape": (1 << 40,)},
        {"head": b""},
        {"head": framewire.dumps(np.arange(3))[0]},
    ):
        wrong = {**inner, **change}
        if "sub-header" in header:
            wrong = {**header, "sub-header": wrong}
        with pytest.raises((ValueError, TypeError)):
            deserialize(wrong, frames)
    for wrong in ([], [frames[0][:-1]], [*frames, b""]):
        with pytest.raises(framewire.DecodeError, match="says"):
            deserialize(header, wrong)


def test_masked_arrays_with_other_frames(registered):
    header, frames = serialize(MASKED["mask"], serializers=["framewire"])
    for wrong in (frames[:1], [*frames, b""], []):
        with pytest.raises(framewire.DecodeError, match="2"):
            deserialize(header, wrong)


@pytest.mark.parametrize("name", ["head", "writeable"])
def test_headers_that_lack_something(registered, name):
    header, frames = serialize(LARGE, serializers=["framewire"])
    del header[name]
    with pytest.raises(framewire.DecodeError):
        deserialize(header, frames)


@pytest.mark.parametrize("made", [bytes, bytearray])
def test_a_broadcast_array_is_bounded(registered, made):
    """Before it is written out, where a reader wants it writable and its frame is not."""
    array = over(np.array([3.0]), (1 << 20, 1 << 20), (0, 0))
    header, frames = serialize(array, serializers=["framewire"])
    frames = [made(frame) for frame in frames]
    with pytest.raises(framewire.LimitError) as raised:
        deserialize(header, frames)
    assert raised.value.limit == "spread"
    few, frames = serialize(array[:10, :10], serializers=["framewire"])
    came = deserialize(few, [made(frame) for frame in frames])
    assert came.flags.writeable
    assert came.tolist() == [[3.0] * 10] * 10
    framewire.set_default_codec(framewire.Codec(limits=framewire.Limits(spread=799)))
    try:
        with pytest.raises(framewire.LimitError):
            deserialize(few, [made(frame) for frame in frames])
    finally:
        framewire.set_default_codec()
