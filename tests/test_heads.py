"""Heads as objects: what the golden files say they have."""

import gc

import numpy as np
import pytest
from test_golden import (
    array_of,
    bad,
    error_of,
    good,
    good_arrays,
    is_array,
    load_frames,
    numbers_of,
    shape_of,
)

import framewire
from framewire._heads import inspect


@good
def test_numbers(expect, frames):
    head = inspect(frames)
    assert head.index == int(expect["envelope"])
    assert head.serializer == int(expect.get("serializer", "1"))
    assert head.flags == int(expect["flags"], 0)
    assert head.payload == int(expect["payload"])
    assert head.shape == (shape_of(expect) if is_array(expect) else ())
    assert head.stamp == (tuple(numbers_of(expect, "stamp")) or None)
    assert head.meta == (bytes.fromhex(expect["meta"]) if "meta" in expect else None)
    assert head.type == (expect["type"].encode() if "type" in expect else None)
    assert head.key == (int(expect["key"]) if "key" in expect else None)
    assert (head.compression != 0) == ("compression" in expect)
    assert head.raw == sum(numbers_of(expect, "raw") or [head.payload])
    assert sum(head.buffers) == head.payload
    assert head.size % 8 == 0
    if "fingerprint" in expect:
        assert [head.fingerprint] == numbers_of(expect, "fingerprint")
    if not is_array(expect):
        assert head.dtype is None


@good_arrays
def test_dtypes(expect, frames):
    head = inspect(frames)
    try:
        expected = array_of(expect, frames)
    except (AttributeError, KeyError, ValueError):
        return  # there is none such here, or not of so many dimensions
    assert head.dtype == expected.dtype


def error_in_head(frames):
    try:
        inspect(frames)
    except framewire.DecodeError as error:
        return error
    return None


@bad
def test_errors(expect, frames):
    """What is wrong in the head or with the frames; what is wrong inside is not looked at."""
    error = error_in_head(frames)
    if "offset" in expect and expect["error"] != "magic":
        assert (error.code, error.offset) == (error_of(expect), int(expect["offset"]))
    elif expect["error"] in ("frames", "description"):
        assert error.code == error_of(expect)
    else:
        assert error is None or error.code == error_of(expect)


def test_kinds():
    """Alike for what is the same to a reader; not for others."""

    def kind(value, **how):
        return inspect(framewire.dumps(value, **how)).kind

    class Point(framewire.Record):
        x: framewire.f32

    class Other(framewire.Record):
        y: framewire.f32

    array = np.zeros((2, 3))
    assert kind(array) == kind(array[:1]) == kind(array, meta=1)
    long = [np.zeros(1, [(f"{name}{i}", "u1") for i in range(100)]) for name in "aab"]
    different = [
        kind(array), kind(array[0]), kind(array.astype(">f8")), kind(array.astype("f4")),
        kind(np.zeros(1, "M8[s]")), kind(np.zeros(1, "M8[ms]")), kind({}), kind(Point(1.0)),
        kind(Other(1.0)), kind(b""), kind({}, serializer="json"), kind(long[0]), kind(long[2]),
    ]  # fmt: skip
    assert len({*different}) == len(different)
    assert kind(long[0]) == kind(long[1])
    assert len(kind(long[0])) < 20
    schema = framewire.Codec(schema=1)
    assert kind(Point(1.0)) == kind(Point(2.0), codec=schema)


def test_holds_its_frame():
    frames = [bytearray(frame) for frame in load_frames("struct-meta")]
    head = inspect(frames)
    with pytest.raises(BufferError):
        frames[0].append(0)
    del frames
    gc.collect()
    assert head.meta == bytes.fromhex("82a46761696e02a4756e6974a14b")


def test_no_head():
    assert inspect([b"a", b""]) is None
    assert inspect([]) is None
    with pytest.raises(TypeError):
        inspect([1])
