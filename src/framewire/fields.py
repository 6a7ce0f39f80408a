"""Types of a record's fields: what an annotation, a dtype or a letter of `struct` stands for."""

import enum
import re
import struct
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeAlias

import numpy as np

from ._records import RecordBase
from ._schema import Schema
from .dtypes import dtype_form, flat_subdtype, parse_form

__all__ = [
    "FieldType",
    "array",
    "blob",
    "f32",
    "f64",
    "field_type",
    "i8",
    "i16",
    "i32",
    "i64",
    "pad",
    "struct_types",
    "text",
    "type_of_dtype",
    "type_of_form",
    "u8",
    "u16",
    "u32",
    "u64",
]

_Nested = Callable[[Any], type] | None

_SLOT = np.dtype("V8")  # where a tail is
_STRUCT = re.compile(r"\s*(\d*)(.)\s*", re.ASCII)
_STRUCT_ORDERS = "@=<>!"


@dataclass(frozen=True)
class FieldType:
    """The type of a field.

    Attributes
    ----------
    form : str, dict, list or None
        As it stands in a schema (docs/wire-format.md, "Records"); None for padding.
    dtype : numpy.dtype
        Of the same bytes.
    cls : type or None
        The enumeration or the record that values are instances of; str for a text of fixed length,
        whose bytes are numpy's "S".
    """

    form: Any
    dtype: Any
    cls: Any = None


def _scalar(text: str) -> FieldType:
    return type_of_dtype(np.dtype(text))


def type_of_dtype(dtype: np.dtype[Any], nested: _Nested = None) -> FieldType:
    """The type with a dtype's bytes. TypeError: it has elements that are not plain bytes.

    `nested` makes the class of a structure; without it, that is a scalar of numpy's.
    """
    if dtype.subdtype is not None:
        dtype = np.dtype(flat_subdtype(dtype))
    return _typed(_plain(dtype_form(dtype)), dtype, nested)


def _typed(form: Any, dtype: Any, nested: _Nested) -> FieldType:
    return FieldType(form, dtype, nested(form) if nested and isinstance(form, dict) else None)


def _plain(form: Any) -> Any:
    """A dtype's form without what says nothing of its bytes: titles, and that it was aligned."""
    if isinstance(form, list):
        return [_plain(form[0]), form[1]]
    if not isinstance(form, dict):
        return form
    kept = {key: form[key] for key in ("names", "formats", "offsets", "itemsize")}
    return kept | {"formats": [_plain(each) for each in form["formats"]]}


def type_of_form(form: Any, nested: _Nested = None) -> FieldType:
    """The type of a form that came from the wire. Raises as `framewire.dtypes.parse`."""
    return _typed(form, parse_form(form, _tail_form), nested)


def _tail_form(text: str) -> np.dtype[Any] | None:
    """The dtype of a form that arrays do not have."""
    return _SLOT if text in ("str", "bytes") else None


u8: TypeAlias = Annotated[int, _scalar("u1")]
u16: TypeAlias = Annotated[int, _scalar("<u2")]
u32: TypeAlias = Annotated[int, _scalar("<u4")]
u64: TypeAlias = Annotated[int, _scalar("<u8")]
i8: TypeAlias = Annotated[int, _scalar("i1")]
i16: TypeAlias = Annotated[int, _scalar("<i2")]
i32: TypeAlias = Annotated[int, _scalar("<i4")]
i64: TypeAlias = Annotated[int, _scalar("<i8")]
f32: TypeAlias = Annotated[float, _scalar("<f4")]
f64: TypeAlias = Annotated[float, _scalar("<f8")]

_STR = FieldType("str", _SLOT)
_BYTES = FieldType("bytes", _SLOT)
_PLAIN = {bool: _scalar("?"), int: _scalar("<i8"), float: _scalar("<f8"), str: _STR, bytes: _BYTES}


def text(n: int) -> Any:
    """A text of at most `n` bytes in UTF-8, padded with zeros: ``Annotated[str, text(16)]``.

    Type checkers want the Annotated; without one, ``name: text(16)`` is the same.

    Parameters
    ----------
    n : int
        Bytes, 0 or more. A text that needs more is refused, and not cut.

    Returns
    -------
    annotation
        A field that comes back as a str.

    Raises
    ------
    ValueError
        `n` is negative, or 2**31 and more.
    """
    return replace(_scalar(f"S{_natural(n)}"), cls=str)


def blob(n: int) -> Any:
    """`n` bytes, shorter values padded with zeros: ``Annotated[bytes, blob(16)]``.

    Parameters
    ----------
    n : int
        Bytes, 0 or more. What is longer is refused, and not cut.

    Returns
    -------
    annotation
        A field that comes back as bytes, padding included.

    Raises
    ------
    ValueError
        `n` is negative, or 2**31 and more.
    """
    return _scalar(f"V{_natural(n)}")


def array(item: Any, shape: int | Sequence[int]) -> Any:
    """An array of a fixed shape: ``Annotated[numpy.ndarray, array(f32, (3, 3))]``.

    Parameters
    ----------
    item : annotation or dtype
        A number or bool, or a dtype. Of texts, enumerations and records the elements are numpy's:
        bytes, integers and structured scalars.
    shape : int or tuple of int
        The elements are in C order.

    Returns
    -------
    annotation
        A field that comes back as a read-only array: a view of the record where that is aligned.

    Raises
    ------
    TypeError
        The elements would have no fixed size.
    ValueError
        A length is negative, or 2**31 and more.
    """
    kind = field_type(item)
    if kind.form in ("str", "bytes", None):
        raise TypeError(f"an array of {item!r}: its elements have no fixed size")
    lengths = (shape,) if isinstance(shape, int) else tuple(shape)
    return type_of_dtype(np.dtype((kind.dtype, tuple(map(_natural, lengths)))))


def pad(n: int) -> Any:
    """`n` bytes of padding, under a name that begins with an underscore: ``_1: ClassVar = pad(4)``.

    As a class variable it is no argument of a call for type checkers either; ``_1: pad(4)`` is the
    same without them.

    Parameters
    ----------
    n : int
        Bytes, 0 or more. They are zero in a record that is packed, and ignored in one that came.

    Returns
    -------
    annotation
        No field: neither the class's call nor its instances know it.

    Raises
    ------
    ValueError
        `n` is negative, or 2**31 and more.
    """
    return FieldType(None, np.dtype(f"V{_natural(n)}"))


def _natural(n: int) -> int:
    if not 0 <= n < 1 << 31:
        raise ValueError(f"a size of {n}")
    return n


def field_type(annotation: Any) -> FieldType:
    """The type that an annotation stands for. TypeError if it stands for none."""
    if isinstance(annotation, FieldType):
        return annotation
    if isinstance(annotation, np.dtype):
        return type_of_dtype(annotation)
    if typing.get_origin(annotation) is Annotated:
        base, *marks = typing.get_args(annotation)
        found = [mark for mark in marks if _is_mark(mark)]
        if not found:
            return field_type(base)
        chosen = field_type(found[-1])
        return _enumeration(base, chosen) if _is_enum(base) else chosen
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if _is_enum(annotation):
        return _enumeration(annotation, _PLAIN[int])
    if isinstance(annotation, type) and issubclass(annotation, RecordBase):
        return _nested(annotation)
    if isinstance(annotation, type) and issubclass(annotation, np.generic):
        return _of_numpy(annotation)
    raise TypeError(f"{annotation!r} is no type of a record's field")


def _is_mark(mark: Any) -> bool:
    return (
        isinstance(mark, (FieldType, np.dtype))
        or typing.get_origin(mark) is Annotated
        or (isinstance(mark, type) and issubclass(mark, np.generic))
    )


def _is_enum(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, enum.Enum)


def _enumeration(cls: Any, number: FieldType) -> FieldType:
    if number.dtype.kind not in "iu" or number.dtype.subdtype or number.cls is not None:
        raise TypeError(f"the members of {cls.__name__} are sent as integers, not as {number.form}")
    for member in cls.__members__.values():
        if not isinstance(member.value, int):
            raise TypeError(f"{member} is no integer")
    return replace(number, cls=cls)


def _of_numpy(scalar: type[np.generic]) -> FieldType:
    dtype = np.dtype(scalar)
    if dtype.itemsize == 0 or dtype.kind in "mM":
        raise TypeError(f"{scalar.__name__} has no size or unit: give a numpy.dtype that has")
    return type_of_dtype(dtype.newbyteorder("<"))


def _nested(cls: Any) -> FieldType:
    schema: Schema | None = cls._schema
    if schema is None:
        raise TypeError(f"{cls.__name__} has no fields")
    if schema.dtype is None:
        raise TypeError(f"{cls.__name__} has a variable tail, and cannot be inside another record")
    return FieldType(schema.form, schema.dtype, cls)


def struct_types(format: str) -> tuple[list[FieldType], int]:
    """The types of a format of `struct`, padding included, and the length of all in bytes.

    A number before ``s`` is its length, before other letters a repetition, as in `struct`: each of
    these is a field. Without ``<``, ``>``, ``=`` or ``!`` the format is the machine's own, aligned.

    Raises
    ------
    ValueError
        `struct` does not know the format, or it has a ``p``, ``P``, ``n`` or ``N``.
    """
    try:
        size = struct.calcsize(format)
    except struct.error as error:
        raise ValueError(f"the format {format!r}: {error}") from None
    given = format.strip()[:1] in tuple(_STRUCT_ORDERS) and format.strip()[0]
    order = given or "@"
    types: list[FieldType] = []
    at = 0
    for count, letter in _letters(format.strip()[bool(given) :]):
        if letter not in "xcbB?hHiIlLqQefds":
            raise ValueError(f"the letter {letter!r} of struct is no type of a record's field")
        dtype = _struct_dtype(order, letter, count)
        aligned = -(-at // dtype.alignment) * dtype.alignment if order == "@" else at
        if aligned > at:
            types.append(pad(aligned - at))
        repeat = 1 if letter in "xs" else count
        one = pad(count) if letter == "x" else type_of_dtype(dtype)
        types += [one] * repeat
        at = aligned + dtype.itemsize * repeat
    return types, size


def _letters(format: str) -> Iterator[tuple[int, str]]:
    for match in _STRUCT.finditer(format):
        yield int(match[1] or 1), match[2]


def _struct_dtype(order: str, letter: str, count: int) -> np.dtype[Any]:
    if letter in "xcs":
        return np.dtype(f"V{1 if letter == 'c' else count}")
    kind = {"?": "b", "e": "f", "f": "f", "d": "f"}.get(letter, "u" if letter.isupper() else "i")
    width = struct.calcsize(order + letter)
    native = order in "@="
    dtype = np.dtype(f"{kind}{width}")
    if order == "@":
        return dtype  # as aligned as C's
    return dtype if native else dtype.newbyteorder("<" if order == "<" else ">")
