"""Read a received value in full: each byte of it, and what is computed when it is asked for."""

import struct
from typing import Any

import numpy as np

from framewire import DecodeError, Record

from .classes import Model, Thing

LARGE = 1 << 22  # bytes

# what the readers of others may say of a message that framewire cannot check in full
OTHERS = (ValueError, TypeError, AttributeError, KeyError, IndexError, OverflowError)
OTHERS += (NotImplementedError, struct.error, ArithmeticError)


def _array(value: np.ndarray[Any, Any]) -> None:
    """Its bytes; what is repeated, once."""
    if isinstance(value, np.ma.MaskedArray):
        _array(value.data)
        _array(np.ma.getmaskarray(value) if value.size < 10_000 else value.mask)
        return
    once = tuple(slice(0, 1 if step == 0 else None) for step in value.strides)
    stored = np.asarray(value)[once]
    if stored.nbytes > LARGE:  # a copy of a broadcast array, of up to 1 GiB
        stored = stored.ravel("K")[:: stored.nbytes // LARGE]
    stored.tobytes()
    if value.flags.writeable and value.size:
        flat = value.view(np.ndarray).reshape(-1)[:1]
        flat[...] = flat.copy()


def _record(value: Record) -> None:
    """Texts are looked at now, and may not be UTF-8."""
    bytes(memoryview(value))
    for use in (value.to_dict, value.pack, value.__repr__, value.replace):
        try:
            use()
        except DecodeError as error:
            if error.code != "payload":
                raise


def _of_another(value: Any) -> None:
    """A message of protobuf, FlatBuffers or Cap'n Proto, or of Arrow."""
    kind = type(value).__module__.split(".")[0]
    try:
        if kind == "pyarrow":
            value.to_pylist() if value.num_rows < 1000 else value.nbytes
        elif kind == "telemetry" and hasattr(value, "Msg"):
            value.Seq(), value.Ts(), value.Temp(), value.Msg()
        elif kind == "pandas":
            repr(value)
        else:
            str(value)
    except OTHERS:
        pass


def read(value: Any) -> None:
    """Raises a DecodeError only if the value is one of those whose reading may."""
    kind = type(value)
    if value is None or kind in (bool, int, float, complex, str, bytes):
        return
    if kind in (list, tuple, set, frozenset):
        for item in value:
            read(item)
    elif kind is dict:
        for key, item in value.items():
            read(key)
            read(item)
    elif kind in (memoryview, bytearray):
        bytes(value)
    elif isinstance(value, (np.ndarray, np.generic)):
        _array(value if isinstance(value, np.ndarray) else np.asarray(value))
    elif isinstance(value, Record):
        _record(value)
    elif isinstance(value, Thing):
        read(value.header)
        read(list(value.frames))
    elif kind is Model:
        read(vars(value))
    else:
        _of_another(value)
