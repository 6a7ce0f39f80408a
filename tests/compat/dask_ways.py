"""Arrays, and the ways that dask has for them, for tests of what comes out of these."""

import numpy as np
import pytest

pytest.importorskip("distributed", reason="distributed is not installed")

from distributed.protocol import (
    Serialize,
    deserialize,
    deserialize_bytes,
    dumps,
    loads,
    serialize,
    serialize_bytes,
)

LARGE = np.arange(20_000.0)  # over what framewire copies


def travel(value, made=bytearray, **options):
    """A value through a whole message of dask's, whose frames another process would have."""
    frames = dumps({"x": Serialize(value)}, on_error="raise", **options)
    return loads([made(frame) for frame in frames])["x"]


def directly(value):
    return deserialize(*serialize(value, on_error="raise"))


def spilled(value):
    """As dask writes to a disk, where a reader has bytes."""
    return deserialize_bytes(serialize_bytes(value, on_error="raise"))


def read_only(value):
    return travel(value, bytes)


WAYS = [travel, directly, spilled, read_only]


def described(array):
    """What must be as dask gives it."""
    flags = array.flags
    dtype = array.dtype
    shape = dtype, dtype.isalignedstruct, dtype.metadata or None, array.shape, array.strides
    return type(array), *shape, flags.writeable, flags.c_contiguous, flags.f_contiguous


def locked(array):
    array.flags.writeable = False
    return array


def over(array, shape, strides):
    """Memory laid out another way, and as writable as it was."""
    return np.lib.stride_tricks.as_strided(array, shape, strides)


TABLE = LARGE.reshape(100, 200)
CUBE = LARGE.reshape(20, 10, 100)
INNER = np.dtype({"names": ["x", "y"], "formats": ["u1", "<f8"]}, align=True)
ARRAYS = {
    "ones": np.ones(5),
    "large": LARGE.copy(),
    "zero-dimensional": np.array(5),
    "zero-dimensional-datetime": np.array("2026-05-17", "M8[s]"),
    "empty": np.empty(0),
    "empty-2d": np.empty((0, 3)),
    "empty-fortran": np.empty((3, 0, 4), order="F"),
    "fortran": np.asfortranarray(TABLE),
    "fortran-small": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "transposed": CUBE.T,
    "axes-swapped": CUBE.swapaxes(0, 1),
    "every-second": LARGE[::2],
    "every-second-row": TABLE[::2],
    "every-second-column": TABLE[:, ::2],
    "fortran-every-second": np.asfortranarray(TABLE)[::2],
    "backwards": LARGE[::-1],
    "one-row": TABLE[1:2, :3],
    "one-column": TABLE[:, :1],
    "one-item": TABLE[1:2, 1:2],
    "new-axis": LARGE[None, :],
    "new-axis-behind": LARGE[:, None],
    "new-axis-small": np.arange(3)[:, None, None],
    "broadcast-scalar": np.broadcast_to(np.float32(2.5), (300, 200)),
    "broadcast": np.broadcast_to(LARGE, (5, 20_000)),
    "broadcast-small": np.broadcast_to(np.arange(3), (4, 3)),
    "broadcast-inner": np.broadcast_to(LARGE[:, None], (20_000, 7)),
    "broadcast-middle": np.broadcast_to(TABLE[:, None], (100, 6, 200)),
    "broadcast-fortran": np.broadcast_to(np.asfortranarray(TABLE), (3, 100, 200)),
    "broadcast-strided": np.broadcast_to(TABLE[:, ::2], (3, 100, 100)),
    "broadcast-and-one": np.broadcast_to(TABLE[::2, None, ::2], (3, 50, 1, 100)),
    "broadcast-empty": np.broadcast_to(np.ones(3), (0, 3)),
    "broadcast-huge": np.broadcast_to(np.float64(1), (1 << 20, 1 << 20)),
    "broadcast-writable": over(LARGE, (5, 20_000), (0, 8)),
    "broadcast-writable-strided": over(TABLE, (3, 100, 100), (0, 1600, 16)),
    "repeated-and-writable": over(np.arange(4.0), (3, 4), (0, 8)),
    "odd-stride-of-one-row": over(np.arange(4.0), (1, 4), (999, 8)),
    "odd-strides-of-none": np.zeros((6, 0, 5))[:, :, ::2],
    "windows": over(np.arange(20), (5, 4), (8, 16)),
    "read-only": locked(LARGE.copy()),
    "read-only-small": locked(np.arange(3)),
    "read-only-empty": locked(np.empty(0)),
    "read-only-strided": locked(LARGE[::3]),
    "over-bytes": np.frombuffer(bytes(100_000), "i4"),
    "unaligned": np.frombuffer(bytes(80_001), "f8", offset=1),
    "bool": np.array([True, False]),
    "long": np.arange(3, dtype="l"),
    "long-long": np.arange(3, dtype="q"),
    "float16": np.arange(3, dtype="f2"),
    "long-double": np.arange(3, dtype="g"),
    "complex": np.arange(3, dtype="c16"),
    "swapped": np.arange(20_000, dtype=">i8"),
    "swapped-small": np.arange(3, dtype=">f4"),
    "datetime": np.arange(20_000).astype("M8[us]"),
    "datetime-25s": np.arange(3).astype("M8[25s]"),
    "datetime-swapped": np.arange(3).astype(">M8[ms]"),
    "timedelta": np.arange(3).astype("m8[ns]"),
    "timedelta-fortran": np.asfortranarray(np.arange(6).astype("m8").reshape(2, 3)),
    "bytes": np.array([b"a", b"bcd"]),
    "bytes-of-none": np.array([b""]),
    "text": np.array(["a", "bcd", "\u00e4\U0001f600"]),
    "text-0d": np.array("abc"),
    "void": np.array([b"abc", b"def"], "V3"),
    "structured": np.array([(1, 2.5, b"x")], [("a", "<i4"), ("b", ">f8"), ("c", "S3")]),
    "structured-large": np.zeros(9000, [("total", "<f8"), ("n", "<f8")]),
    "structured-strided": np.zeros(9000, [("total", "<f8"), ("n", "<f8")])["n"],
    "structured-nested": np.zeros(3, [("inner", INNER, (2, 3)), ("when", "M8[ms]")]),
    "structured-aligned": np.zeros(3, INNER),
    "structured-titled": np.zeros(3, [(("a title", "a"), "i4")]),
    "structured-overlapping": np.zeros(
        3, np.dtype({"names": ["a", "b"], "formats": ["i4", "u1"], "offsets": [0, 2]})
    ),
    "structured-broadcast": np.broadcast_to(np.zeros(1, INNER), (1000,)),
    "structured-without-fields": np.zeros(3, np.dtype([])),
    "objects": np.array([None, "x", {1: 2}], object),
    "objects-in-structure": np.array([(1, [2])], [("a", "i4"), ("b", "O")]),
    "objects-broadcast": np.broadcast_to(np.array([None], object), (4,)),
    "matrix": np.matrix([[1, 2], [3, 4]]),
    "records": np.rec.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
    "characters": np.char.array(["a", "b"]),
}

MASK = np.arange(20_000) % 3 == 0
MASKED = {
    "no-mask": np.ma.array([5.0, 6.0]),
    "mask": np.ma.array([5.0, 6.0], mask=[True, False]),
    "large": np.ma.array(LARGE, mask=MASK),
    "fill-value": np.ma.array(np.arange(3), mask=[0, 1, 0], fill_value=-1),
    "fill-value-text": np.ma.array(["a", "bc"], mask=[0, 1], fill_value="-"),
    "fill-value-datetime": np.ma.array(np.arange(3).astype("M8[s]"), mask=[0, 1, 0]),
    "structured": np.ma.array([(1, 2.5)], mask=[(1, 0)], dtype=[("a", "i4"), ("b", "f8")]),
    "hard": np.ma.array([1, 2], mask=[0, 1], hard_mask=True),
    "fortran": np.ma.array(np.asfortranarray(TABLE), mask=np.asfortranarray(TABLE > 7)),
    "strided": np.ma.array(LARGE, mask=MASK)[::2],
    "zero-dimensional": np.ma.array(5.0, mask=True),
    "empty": np.ma.array([], mask=[]),
    "read-only": np.ma.array(locked(np.arange(3)), mask=locked(np.array([True, False, True]))),
    "objects": np.ma.array([None, "x"], mask=[0, 1], dtype=object),
}
