"""Dtypes as text: the type section of an array's head, and back.

A dtype with a code of its own (``csrc/include/framewire/dtype.h``) needs none of this. The text of
the others is specified in the wire format, "The type section". Nothing from the wire reaches
``numpy.dtype`` that has not matched a pattern here, and no text names an object dtype.
"""

import functools
import re
import sys
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import numpy as np

from .errors import DecodeError, LimitError, RefusedError

__all__ = [
    "CODES",
    "describe",
    "dtype_form",
    "flat_subdtype",
    "in_order",
    "parse",
    "parse_form",
    "parse_type",
]

_EXTENSIONS = frozenset(
    "bfloat16 float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz "
    "float8_e5m2 float8_e5m2fnuz float8_e8m0fnu".split()
)
_TYPE = re.compile(
    r"\|(b1|[iu]1|[SV](?P<bytes>0|[1-9]\d{0,9}))"
    r"|[<>]([iu][248]|f[248]|c8|c16|U(?P<points>0|[1-9]\d{0,9})"
    r"|[mM]8(\[(?P<step>[1-9]\d{0,9})?(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?)",
    re.ASCII,
)
# What msgspec and numpy raise on a description that is none.
_UNREADABLE = (
    msgspec.MsgspecError,
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    RecursionError,
)
_MAX_TEXT = 1 << 20  # bytes of a description
_MAX_CACHED = 4096
_MAX_DEPTH = 16  # dtypes in dtypes
_MAX_INT = (1 << 31) - 1  # bytes of an item, units of time


def _long_doubles() -> dict[str, np.dtype[Any]]:
    """This machine's long double and its complex, by wire name; none where it is a plain f64."""
    names = {63: ("f80", "c160"), 112: ("f128", "c256")}.get(np.finfo(np.longdouble).nmant)
    if names is None or np.dtype(np.longdouble).itemsize != 16:
        return {}
    return dict(zip(names, (np.dtype(np.longdouble), np.dtype(np.clongdouble)), strict=True))


LONG_DOUBLES = _long_doubles()

# The dtypes with a code of their own, by it (csrc/include/framewire/dtype.h).
CODES = dict(
    enumerate(map(np.dtype, "? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split()), start=1)
) | {
    code: LONG_DOUBLES[name]
    for code, name in enumerate(("f80", "c160", "f128", "c256"), start=15)
    if name in LONG_DOUBLES
}


def in_order(dtype: np.dtype[Any], order: Literal["<", ">"]) -> np.dtype[Any]:
    """A native dtype in a byte order: itself, numpy's own object, if that is the machine's."""
    native = "<" if sys.byteorder == "little" else ">"
    return dtype if order == native else dtype.newbyteorder(order)


def describe(dtype: np.dtype[Any]) -> bytes:
    """The description of a dtype, UTF-8.

    Raises
    ------
    TypeError
        The dtype holds Python objects or is of a kind that the format does not carry.
    ValueError
        It is nested too deeply, or its description is longer than 1 MiB.
    """
    form = dtype_form(dtype)
    text = form.encode() if isinstance(form, str) else msgspec.json.encode(form)
    if len(text) > _MAX_TEXT:
        raise ValueError(f"a dtype whose description has {len(text)} bytes")
    return text


def dtype_form(dtype: np.dtype[Any], depth: int = 0) -> Any:
    """A dtype as what JSON can say: a string, a structure's dict, a sub-array's list.

    Raises as `describe`.
    """
    if depth > _MAX_DEPTH:
        raise ValueError(f"a dtype nested deeper than {_MAX_DEPTH}")
    if dtype.subdtype is not None:
        base, shape = flat_subdtype(dtype)
        return [dtype_form(base, depth + 1), list(shape)]
    if dtype.names is not None:
        return _structure(dtype, depth)
    if dtype.hasobject or dtype.kind not in "biufcSUVmM":
        raise TypeError(
            f"dtype {dtype!r} cannot be sent: its elements are not plain bytes in the array"
        )
    if dtype.isbuiltin == 2:  # registered by a library
        extensions = sys.modules.get("ml_dtypes")
        if dtype.name in _EXTENSIONS and dtype.type is getattr(extensions, dtype.name, None):
            return dtype.name
        raise TypeError(f"dtype {dtype!r} cannot be sent: the wire format has no name for it")
    for name, long_double in LONG_DOUBLES.items():
        if dtype.char == long_double.char:
            return dtype.str[0] + name
    return dtype.str


def flat_subdtype(dtype: np.dtype[Any]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """The elements of a sub-array, and its shape; of arrays in it, too."""
    shape: tuple[int, ...] = ()
    while dtype.subdtype is not None:
        dtype, inner = dtype.subdtype
        shape += inner
    return dtype, shape


def _structure(dtype: np.dtype[Any], depth: int) -> dict[str, Any]:
    fields = [dtype.fields[name] for name in dtype.names or () if dtype.fields is not None]
    titles = [field[2] if len(field) > 2 else None for field in fields]
    form: dict[str, Any] = {
        "names": list(dtype.names or ()),
        "formats": [dtype_form(field[0], depth + 1) for field in fields],
        "offsets": [field[1] for field in fields],
        "itemsize": dtype.itemsize,
    }
    if any(title is not None for title in titles):
        if not all(title is None or isinstance(title, str) for title in titles):
            raise TypeError(f"dtype {dtype!r} cannot be sent: a field's title is not a str")
        form["titles"] = titles
    if dtype.isalignedstruct:
        form["aligned"] = True
    return form


def parse(text: bytes) -> np.dtype[Any]:
    """The dtype of a description that came from the wire.

    Raises
    ------
    DecodeError
        Code ``description``: the text is no description; ``limit``: it is longer than 1 MiB;
        ``refused``: this machine or installation has no such dtype.
    """
    if len(text) > _MAX_TEXT:
        raise LimitError(f"a dtype description of {len(text)} bytes", "limit")
    try:
        dtype = _parse_cached(text) if len(text) <= _MAX_CACHED else _parse(text)
        if dtype.names is None:
            return dtype
        # a copy of a structure, since numpy's users rename fields; newbyteorder makes one, leaves
        # the order alone, and forgets titles
        return _parse(text) if b'"titles"' in text else dtype.newbyteorder("|")
    except DecodeError:
        raise
    except _UNREADABLE as error:
        raise DecodeError(f"not a dtype description: {error}", "description") from error


def _parse(text: bytes) -> np.dtype[Any]:
    if text[:1] == b"{":
        return _dtype(msgspec.json.decode(text), 0)
    dtype = parse_type(text.decode())
    if dtype in CODES.values() or dtype.newbyteorder() in CODES.values():
        raise DecodeError(f"{dtype.str} has a code", "description")
    return dtype


def parse_form(form: Any, others: Callable[[str], np.dtype[Any] | None]) -> np.dtype[Any]:
    """The dtype of what `dtype_form` gives, from the wire. Raises as `parse`.

    `others` is asked first for the dtype of a string, and says None if it does not know it.
    """
    try:
        return _dtype(form, 0, others)
    except DecodeError:
        raise
    except _UNREADABLE as error:
        raise DecodeError(f"not a description: {error}", "description") from error


_parse_cached = functools.lru_cache(maxsize=256)(_parse)


def _unknown(text: str) -> None:
    """No dtypes but those of arrays."""


def _dtype(
    form: Any, depth: int, others: Callable[[str], np.dtype[Any] | None] = _unknown
) -> np.dtype[Any]:
    if depth > _MAX_DEPTH:
        raise LimitError(f"a dtype nested deeper than {_MAX_DEPTH}", "limit")
    if isinstance(form, str):
        other = others(form)
        return parse_type(form) if other is None else other
    if isinstance(form, list):
        base, shape = form
        item = _dtype(base, depth + 1, others)
        sub_array: np.dtype[Any] = np.dtype((item, tuple(_count(n) for n in _list(shape))))
        return sub_array
    return _parse_structure(form, depth, others)


def parse_type(text: str) -> np.dtype[Any]:
    """The dtype of a type string or an extension's name. Raises as `parse` does."""
    match = _TYPE.fullmatch(text)
    if match:
        size = int(match["bytes"] or 0) + 4 * int(match["points"] or 0)
        if size > _MAX_INT or int(match["step"] or 0) > _MAX_INT:  # numpy 1 would wrap it around
            raise DecodeError(f"a number that is too large: {text}", "description")
        return np.dtype(text)
    if text in _EXTENSIONS:
        try:
            import ml_dtypes
        except ImportError:
            raise RefusedError(
                f"dtype {text} needs ml_dtypes: install framewire[ml-dtypes]", "refused"
            ) from None
        extension = getattr(ml_dtypes, text, None)
        if extension is None:
            raise RefusedError(f"dtype {text} needs a newer ml_dtypes", "refused")
        dtype: np.dtype[Any] = np.dtype(extension)
        return dtype
    if text[:1] in ("<", ">") and text[1:] in ("f80", "c160", "f128", "c256"):
        if text[1:] in LONG_DOUBLES:
            return in_order(LONG_DOUBLES[text[1:]], "<" if text[0] == "<" else ">")
        raise RefusedError(f"this machine has no {text[1:]} long double", "refused")
    raise DecodeError(f"not a type: {text[:80]!r}", "description")


def _parse_structure(
    form: Any, depth: int, others: Callable[[str], np.dtype[Any] | None]
) -> np.dtype[Any]:
    names = [_text(name) for name in _list(form["names"])]
    fields: dict[str, Any] = {
        "names": names,
        "formats": [_dtype(each, depth + 1, others) for each in _list(form["formats"])],
        "offsets": [_count(offset) for offset in _list(form["offsets"])],
    }
    if "titles" in form:
        titles = _list(form["titles"])
        fields["titles"] = [None if title is None else _text(title) for title in titles]
    if any(len(each) != len(names) for each in fields.values()):
        raise DecodeError("a structure with more of one than of the other", "description")
    spec = fields | {"itemsize": _count(form["itemsize"])}
    if "aligned" in form:
        spec["aligned"] = form["aligned"] is True
    if not form.keys() <= spec.keys():
        raise DecodeError("unknown keys in a structure", "description")
    dtype: np.dtype[Any] = np.dtype(spec)  # type: ignore[call-overload]
    # numpy renames empty names, and has the last word on sizes
    if dtype.names != tuple(names) or dtype.itemsize != spec["itemsize"]:
        raise DecodeError("a structure that numpy would change", "description")
    return dtype


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise DecodeError("something else where a list belongs", "description")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise DecodeError("a name that is no text", "description")
    return value


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise DecodeError("a size that is no natural number", "description")
    return value
