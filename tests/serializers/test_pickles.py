"""pickle, cloudpickle and dill: values come back, and large buffers are not copied."""

import pickle

import numpy as np
import pytest

import framewire
from framewire.serializers import registry

NAMES = ["pickle", "cloudpickle", "dill"]
BIG = np.arange(40_000.0).reshape(200, 200)


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def serializer(name):
    return registry.by_name(name)


def views(frames):
    return [memoryview(frame).cast("B").toreadonly() for frame in frames]


def round_trip(serializer, value):
    header, frames = serializer.dumps(value)
    assert header is None
    return serializer.loads(header, views(frames))


@pytest.mark.parametrize(
    "value", [None, 5, "text", b"x" * 100_000, [1, (2, {3})], {"a": {1: 2}}, complex(1, 2), int]
)
def test_values(serializer, value):
    assert round_trip(serializer, value) == value


def test_all_are_unsafe(serializer):
    assert serializer.unsafe


def test_large_arrays_are_out_of_band_in_place(serializer):
    header, frames = serializer.dumps({"big": BIG, "text": "x"})
    assert len(frames) == 2
    assert np.shares_memory(np.frombuffer(frames[1]), BIG)
    received = views([bytes(frame) for frame in frames])
    value = serializer.loads(header, received)
    assert np.array_equal(value["big"], BIG)
    assert np.shares_memory(value["big"], np.frombuffer(received[1]))
    assert not value["big"].flags.writeable


@pytest.mark.parametrize(("size", "frames"), [(8192, 1), (8193, 2)])
def test_what_is_large(serializer, size, frames):
    array = np.zeros(size, np.uint8)
    assert len(serializer.dumps(array)[1]) == frames
    assert np.array_equal(round_trip(serializer, array), array)


@pytest.mark.parametrize(
    "array",
    [np.asfortranarray(BIG), BIG[::2], BIG[:, ::-1], BIG.T[3:], np.zeros((0, 5)), np.array(1.5)],
    ids=["fortran", "strided", "reversed", "transposed", "empty", "scalar"],
)
def test_layouts(serializer, array):
    assert np.array_equal(round_trip(serializer, array), array)


def test_many_buffers_keep_their_order(serializer):
    arrays = [np.full(2000, float(n)) for n in range(50)]
    _, frames = serializer.dumps(arrays)
    assert len(frames) == 51
    for n, array in enumerate(round_trip(serializer, arrays)):
        assert (array == n).all()


def test_a_loaded_array_outlives_its_frames(serializer):
    header, frames = serializer.dumps(BIG)
    received = views([bytes(frame) for frame in frames])
    array = serializer.loads(header, received)
    del received, frames
    assert np.array_equal(array, BIG)


def test_picklebuffers_and_bytearrays(serializer):
    data = bytearray(b"x" * 10_000)
    assert bytes(round_trip(serializer, pickle.PickleBuffer(data))) == data
    assert round_trip(serializer, data) == data


@pytest.mark.parametrize("header", ["text", "1"])
def test_a_header_is_wrong(serializer, header):
    with pytest.raises(ValueError, match="no header"):
        serializer.loads(header, views(serializer.dumps(1)[1]))


def test_no_frames(serializer):
    with pytest.raises(ValueError, match="at least one frame"):
        serializer.loads(None, [])


def test_a_buffer_is_missing(serializer):
    header, frames = serializer.dumps(BIG)
    with pytest.raises(pickle.UnpicklingError):
        serializer.loads(header, views(frames[:1]))


def test_cut_anywhere(serializer):
    header, frames = serializer.dumps([1, "text", {"a": 2.5}])
    for length in range(len(frames[0])):
        with pytest.raises(Exception):  # noqa: B017, PT011 - which one is pickle's affair
            serializer.loads(header, views([frames[0][:length]]))


def test_what_cannot_be_pickled(serializer):
    generator = (n for n in range(3))
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        serializer.dumps(generator)


@pytest.mark.parametrize("name", ["cloudpickle", "dill"])
def test_functions_come_with_their_code(name):
    offset = 40
    assert round_trip(registry.by_name(name), lambda x: x + offset)(2) == 42


def test_end_to_end(name, through):
    for value in through({"big": BIG, "n": [1, 2]}, name, allow=[name]):
        assert value["n"] == [1, 2]
        assert np.array_equal(value["big"], BIG)


def test_refused_unless_allowed(name):
    frames = framewire.dumps([1, 2], serializer=name)
    with pytest.raises(framewire.RefusedError, match=name):
        framewire.loads(frames)
    others = [each for each in NAMES if each != name]
    with pytest.raises(framewire.RefusedError, match=name):
        framewire.loads(frames, codec=framewire.Codec(allow=others))
