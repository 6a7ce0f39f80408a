"""The header of the array recipe in the pyzmq documentation, as a receiver meets it.

The recipe sends two frames: ``{"dtype": str(A.dtype), "shape": A.shape}`` as JSON, then the bytes.
"""

import re
from typing import Any

import msgspec
import numpy as np

from .dtypes import parse_type
from .errors import DecodeError

__all__ = ["parse_header"]

# What str(dtype) gives for the dtypes that the recipe can send: "float64", ">f4", "|S5", "<U3".
_NAME = re.compile(r"(bool|u?int(8|16|32|64)|float(16|32|64)|complex(64|128))", re.ASCII)
_LONG = ("float128", "complex256")


class _Header(msgspec.Struct):
    dtype: str
    shape: list[int]


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
    if any(n < 0 for n in header.shape):
        raise DecodeError(f"a negative shape: {header.shape}", "shape")
    if _NAME.fullmatch(header.dtype) or header.dtype in _LONG:
        try:
            return np.dtype(header.dtype), tuple(header.shape)
        except TypeError as error:  # no such long double here
            raise DecodeError(str(error), "description") from error
    try:
        return parse_type(header.dtype), tuple(header.shape)
    except (ValueError, TypeError, OverflowError) as error:
        raise DecodeError(f"a dtype of no recipe: {header.dtype[:80]!r}", "description") from error
