"""Two values are the same: of the same types all the way down, NaN being NaN, bit for bit."""

import datetime
import decimal
import struct
from typing import Any

import numpy as np


def _array(value: Any) -> tuple[Any, ...]:
    if value.dtype.names is not None:  # padding is nobody's
        return tuple((name, _array(value[name])) for name in value.dtype.names)
    if value.dtype.char in "gG":  # so are the last 6 bytes of an 80-bit float
        return tuple(repr(item) for item in value.ravel())
    return (value.tobytes(),)


def form(value: Any) -> Any:
    """What can be compared with `==`, and hashed, whatever the value is."""
    kind = type(value)
    name = kind.__qualname__
    if isinstance(value, np.ma.MaskedArray):
        mask, fill = np.ma.getmaskarray(value), np.asarray(value.fill_value)
        return name, form(value.data), form(mask), _array(fill)
    if isinstance(value, (np.ndarray, np.generic)):
        return name, value.dtype, value.shape, _array(np.asarray(value))
    if kind in (list, tuple):
        return name, tuple(form(item) for item in value)
    if kind in (set, frozenset):
        return name, frozenset(form(item) for item in value)
    if kind is dict:
        return name, tuple((form(key), form(item)) for key, item in value.items())
    if kind is float:
        return name, struct.pack("<d", value)
    if kind is complex:
        return name, struct.pack("<2d", value.real, value.imag)
    if kind in (bytearray, memoryview):
        return name, bytes(value)
    if kind in (datetime.datetime, datetime.time):
        return name, value.isoformat()
    if kind is decimal.Decimal:
        return name, value.as_tuple()
    return name, value


def same(got: Any, sent: Any) -> bool:
    return bool(form(got) == form(sent))
