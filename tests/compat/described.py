"""Values that agents make and send, and what can be told of one that came.

For a value of over 8 KiB the installed (de)serializers have a way of their own.
"""

import pickle

import numpy as np

N = 3000
REAL = np.arange(N) / 7


class Holder:
    """Pickles what it holds as a buffer, and comes back as that."""

    def __init__(self, held):
        self.held = held

    def __reduce_ex__(self, protocol):
        return unchanged, (pickle.PickleBuffer(self.held),)


def unchanged(held):
    """What `Holder` becomes."""
    return held


class Series(np.ndarray):
    """An array with an attribute."""


def _read_only(array):
    array.setflags(write=False)
    return array


def _series():
    array = REAL.copy().view(Series)
    array.unit = "kelvin"
    return array


def _twice():
    array = REAL.copy()
    return [array, array, array[:2500], array.base]


VALUES = {
    "small": lambda: np.arange(3),
    "small, read-only": lambda: _read_only(np.arange(3)),
    "small, big-endian": lambda: np.arange(3, dtype=">i4"),
    "plain": lambda: REAL.copy(),
    "read-only": lambda: _read_only(REAL.copy()),
    "Fortran order": lambda: np.asfortranarray(REAL.reshape(30, 100)),
    "transposed": lambda: REAL.reshape(3, 10, 100).T,
    "swapped axes": lambda: REAL.reshape(3, 10, 100).swapaxes(0, 1),
    "strided": lambda: REAL[::2],
    "reversed": lambda: REAL[::-1],
    "broadcast": lambda: np.broadcast_to(REAL[:3], (N, 3)),
    "one row": lambda: REAL.reshape(1, N),
    "0-d": lambda: np.array(bytes(range(256)) * 40, "V10240"),
    "bool": lambda: np.ones(10_000, bool),
    "float16": lambda: REAL.astype("f2").repeat(4),
    "longdouble": lambda: np.zeros(N, "g"),
    "complex": lambda: REAL.astype("c8"),
    "bytes": lambda: np.array([b"a", b"bcd"] * N),
    "text": lambda: np.array(["a", "ünï"] * N),
    "times": lambda: np.arange(N).view("M8[25ns]"),
    "big-endian": lambda: REAL.astype(">f8"),
    "big-endian, Fortran order, read-only": lambda: _read_only(
        np.asfortranarray(REAL.astype(">c16").reshape(30, 100))
    ),
    "big-endian text": lambda: np.array(["a", "ünï"] * N, ">U3"),
    "big-endian times": lambda: np.arange(N, dtype=">i8").view(">m8[D]"),
    "structure": lambda: np.zeros(N, [("a", "<i4"), ("b", ">f8", (2,))]),
    "aligned structure": lambda: np.full(N * 16, 7, "u1").view(np.dtype("u1,f8", align=True)),
    "metadata": lambda: np.zeros(N, np.dtype("f8", metadata={"unit": "kelvin"})),
    "objects": lambda: np.array([None, "text"] * N),
    "record": lambda: np.rec.array(np.zeros(N, "i4,f8")),
    "masked": lambda: np.ma.masked_array(REAL, REAL > 1, hard_mask=True),
    "subclass": _series,
    "twice": _twice,
    "nested": lambda: {"a": [REAL.copy(), (np.arange(N), b"x" * 10_000)]},
    "bytes object": lambda: b"x" * 10_000,
    "bytearray": lambda: bytearray(10_000),
    "buffer of bytes": lambda: Holder(b"x" * 10_000),
    "buffer of a bytearray": lambda: Holder(bytearray(10_000)),
    "buffer of an array": lambda: Holder(REAL.reshape(30, 100)),
    "buffer of a small bytes object": lambda: Holder(b"x"),
}
if hasattr(getattr(np, "dtypes", None), "StringDType"):
    VALUES["strings"] = lambda: np.array(["a", "ünï" * 10] * N, np.dtypes.StringDType())


def describe(value):
    """Type, flags and values; of containers, also which of their items are the same object."""
    kind = type(value).__name__
    if isinstance(value, np.ma.MaskedArray):
        return kind, value.hardmask, describe(value.data), describe(value.mask)
    if isinstance(value, np.ndarray):
        flags = [value.flags[name] for name in "CFOWA"]
        held = value.tolist() if value.dtype.hasobject else value.tobytes("A").hex()
        where = str(value.dtype), repr(value.dtype.metadata), value.shape, value.strides
        return kind, where, flags, getattr(value, "__dict__", None), held
    if isinstance(value, dict):
        return kind, {key: describe(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        same = [[each is other for other in value] for each in value]
        return kind, same, [describe(each) for each in value]
    return kind, bytes(value) if isinstance(value, (bytearray, memoryview)) else value
