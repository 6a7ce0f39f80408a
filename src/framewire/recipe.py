"""The header of the array recipe in the pyzmq documentation, written and read.

The recipe sends two frames: ``{"dtype": str(A.dtype), "shape": A.shape}`` as JSON, then the bytes.
"""

import functools
import re
import sys
from typing import Any

import msgspec
import numpy as np

from ._json import json_dumps
from .dtypes import parse_type
from .errors import DecodeError

__all__ = ["make_header", "parse_header"]

# What str(dtype) gives for the dtypes that the recipe can send: "float64", ">f4", "|S5", "<U3".
_NAME = re.compile(r"(bool|u?int(8|16|32|64)|float(16|32|64)|complex(64|128))", re.ASCII)
_LONG = ("float128", "complex256")
# "datetime64[ns]", whose type string is "<M8[ns]"
_TIME = re.compile(r"(datetime|timedelta)64(\[\w+\])?", re.ASCII)
# What else numpy.dtype reads that is one type, as a program may write it by hand: "f8", "double",
# "=M8[s]"; no lists, shapes or text to evaluate.
_ALIAS = re.compile(r"[<>=|]?(\?|[A-Za-z]\w{0,31}(\[\w{1,16}\])?)", re.ASCII)
_LARGEST = ((1 << 31) - 1) // 4  # of a number in such a name: bytes, characters or units of time


class _Header(msgspec.Struct):
    dtype: str
    shape: list[int] | int


def parse_header(frame: bytes) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """The dtype and shape that a recipe's header frame announces.

    Raises
    ------
    DecodeError
        Code ``foreign``: the frame is no such header; ``description``: its dtype is none that the
        recipe can send.
    """
    try:
        header = msgspec.json.decode(frame, type=_Header)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DecodeError(
            "neither a framewire message nor one of the pyzmq recipe", "foreign"
        ) from error
    shape = (header.shape,) if isinstance(header.shape, int) else tuple(header.shape)
    if any(n < 0 for n in shape):
        raise DecodeError(f"a negative shape: {header.shape}", "shape")
    try:
        return _parse_dtype(header.dtype), shape
    except (ValueError, TypeError, OverflowError) as error:
        raise DecodeError(f"a dtype of no recipe: {header.dtype[:80]!r}", "description") from error


def make_header(array: "np.ndarray[Any, Any]") -> bytes:
    """The header frame of an array: what a recipe's sender writes.

    Raises
    ------
    TypeError
        Its dtype is none that a recipe's receiver could read.
    """
    return json_dumps({"dtype": _cached_name(array.dtype), "shape": array.shape})


def _parse_dtype(name: str) -> np.dtype[Any]:
    if _NAME.fullmatch(name) or name in _LONG:
        return np.dtype(name)  # TypeError if there is no such long double here
    time = _TIME.fullmatch(name)
    if time:
        order = "<" if sys.byteorder == "little" else ">"
        return parse_type(f"{order}{'M' if time[1] == 'datetime' else 'm'}8{time[2] or ''}")
    try:
        return parse_type(name)
    except DecodeError:
        return _parse_alias(name)


def _parse_alias(name: str) -> np.dtype[Any]:
    """The dtype of another name that numpy has for it; ValueError for what is no plain one."""
    numbers = map(int, re.findall(r"\d+", name)) if _ALIAS.fullmatch(name) else (0,)
    if all(0 < number <= _LARGEST for number in numbers):  # numpy 1 would wrap it around
        try:
            dtype: np.dtype[Any] = np.dtype(name)
        except Exception as error:  # a warning, too, where these are errors
            raise ValueError(name) from error
        if dtype.kind in "biufcSUVmM" and not (dtype.hasobject or dtype.isbuiltin == 2):
            plain = dtype.names is None and dtype.subdtype is None
            if plain and dtype.itemsize:
                return dtype
    raise ValueError(name)


def _checked_name(dtype: np.dtype[Any]) -> str:
    name = str(dtype)
    try:
        if dtype.itemsize and _parse_dtype(name) == dtype and dtype.isbuiltin != 2:
            return name
    except (ValueError, TypeError, OverflowError):
        pass
    raise TypeError(
        f"the recipe cannot carry dtype {dtype}: its receivers know it only by this text, which "
        "numpy.dtype does not read; framewire.send_array can"
    )


_cached_name = functools.lru_cache(maxsize=256)(_checked_name)
