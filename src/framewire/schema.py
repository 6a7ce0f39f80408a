"""Schemas: the layout of a record's fields, made of their types, and read from the wire.

docs/wire-format.md, "Records".
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from ._records import Field
from ._schema import MISSING, Schema, fingerprint_of
from .errors import DecodeError, LimitError
from .fields import FieldType, type_of_dtype, type_of_form

__all__ = [
    "Definition",
    "difference",
    "extended",
    "parse_schema",
    "schema_for_dtype",
    "schema_of_form",
]

_MAX_VERSIONS = 8  # older ones that a sender names in each message
_MAX_SCHEMA = 1 << 16  # bytes of one that is learned
_KEYS = ["names", "formats", "offsets", "itemsize"]

Definition = tuple[str, FieldType, Any]  # name, type, default or MISSING
Nested = Callable[[Any], type] | None
_Placed = tuple[str, FieldType, Any, int]  # and its offset


def extended(
    before: Schema | None, name: str, fields: list[Definition], size: int | None = None
) -> Schema:
    """The schema of fields one after the other, behind those of another; padding has no form."""
    at = 0
    placed: list[_Placed] = []
    if before is not None:
        at = before.itemsize
        for each in before.fields:
            kind = FieldType(each.form, each.dtype, each.cls)
            placed.append((each.name, kind, each.default, each.offset))
    for field, kind, default in fields:
        if kind.form is not None:
            placed.append((field, kind, default, at))
        elif not field.startswith("_"):
            raise TypeError(f"{name}.{field}: the name of padding begins with an underscore")
        at += kind.dtype.itemsize
    return _schema(name, placed, at if size is None else size)


def _schema(name: str, placed: list[_Placed], itemsize: int) -> Schema:
    """The schema of fields at their offsets."""
    if len({field for field, _, _, _ in placed}) != len(placed):
        raise TypeError(f"{name}: two fields have the same name")
    if itemsize >= 1 << 31:
        raise ValueError(f"{name}: a record of {itemsize} bytes")
    fields = [
        Field(f"{name}.{field}", kind.form, kind.dtype, kind.cls, field, i, offset, default)
        for i, (field, kind, default, offset) in enumerate(placed)
    ]
    form = _form(fields, itemsize)
    older = _older(fields)
    prints = [fingerprint_of(_text(each)) for each in older]
    counts = [(len(each["names"]), each["itemsize"]) for each in older]
    versions = b"".join(each.to_bytes(8, "little") for each in prints[:_MAX_VERSIONS])
    taken = dict(zip(prints, counts, strict=True))
    return Schema(
        name, form, _text(form), fields, _dtype(fields, itemsize), itemsize, taken, versions
    )


def _dtype(fields: Sequence[Field], itemsize: int) -> Any:
    if any(field.form in ("str", "bytes") for field in fields):
        return None
    columns = {
        "names": [field.name for field in fields],
        "formats": [field.dtype for field in fields],
        "offsets": [field.offset for field in fields],
    }
    return np.dtype(columns | {"itemsize": itemsize})  # type: ignore[call-overload]


def _form(fields: Sequence[Field], itemsize: int) -> dict[str, Any]:
    columns = [(field.name, field.form, field.offset) for field in fields]
    names, formats, offsets = map(list, zip(*columns, strict=True)) if columns else ([], [], [])
    return dict(zip(_KEYS, (names, formats, offsets, itemsize), strict=True))


def _text(form: dict[str, Any]) -> str:
    return msgspec.json.encode(form).decode()


def _older(fields: Sequence[Field]) -> list[dict[str, Any]]:
    """The schemas that this one may have grown from, the newest first.

    Each lacks some of the last fields, which have defaults. It ends where the first of them begins.
    """
    offsets = [field.offset for field in fields]
    if offsets != sorted(offsets):
        return []
    found = []
    for n in range(len(fields) - 1, 0, -1):
        if fields[n].default is MISSING:
            break
        found.append(_form(fields[:n], fields[n].offset))
    return found


def schema_for_dtype(dtype: np.dtype[Any], name: str, nested: Nested = None) -> Schema:
    """The schema of a structured dtype, which is laid out as it is.

    `nested` makes the class of a structure in it. Raises TypeError: it is not structured, or has
    Python objects.
    """
    if dtype.names is None or dtype.fields is None:
        raise TypeError(f"a structured dtype is needed, not {dtype}")
    placed: list[_Placed] = []
    for field in dtype.names:
        kind, offset = dtype.fields[field][:2]
        placed.append((field, type_of_dtype(kind, nested), MISSING, offset))
    return _schema(name, placed, dtype.itemsize)


def schema_of_form(form: Any, name: str, nested: Nested = None) -> Schema:
    """The schema that says `form`, which was checked."""
    kinds = [type_of_form(each, nested) for each in form["formats"]]
    blank = [MISSING] * len(kinds)
    placed = list(zip(form["names"], kinds, blank, form["offsets"], strict=True))
    return _schema(name, placed, form["itemsize"])


def parse_schema(fingerprint: int, text: bytes, name: str, nested: Nested = None) -> Schema:
    """A schema from the wire. Raises DecodeError."""
    if len(text) > _MAX_SCHEMA:
        raise LimitError(f"a schema of {len(text)} bytes", "limit")
    try:
        decoded = text.decode()
        if fingerprint_of(decoded) != fingerprint:
            raise DecodeError("a schema that is not that of its fingerprint", "schema")
        form = msgspec.json.decode(decoded)
        type_of_form(form)  # all that a structure has to be
        _check_keys(form)
        if _text(form) != decoded:
            raise ValueError("not the canonical text")
        return schema_of_form(form, name, nested)
    except DecodeError as error:
        if type(error) is DecodeError and error.code == "description":
            raise DecodeError(f"not a schema: {error}", "schema") from error
        raise
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise DecodeError(f"not a schema: {error}", "schema") from error


def _check_keys(form: Any, inside: bool = False) -> None:
    """Refuse what only structures of dtypes may have, and tails that are not the record's own."""
    if isinstance(form, list):
        if isinstance(form[0], list):
            raise ValueError("a sub-array of sub-arrays")
        _check_keys(form[0], True)
    elif isinstance(form, dict):
        if list(form) != _KEYS or "" in form["names"]:
            raise ValueError("other keys than those of a schema, or a field without a name")
        for each in form["formats"]:
            _check_keys(each, inside or isinstance(each, dict))
    elif inside and form in ("str", "bytes"):
        raise ValueError("a tail inside a field")


def difference(ours: Schema, theirs: Schema) -> str:
    """The first fields that are not the same, and how many there are."""
    lines = []
    for i in range(max(len(ours.fields), len(theirs.fields))):
        mine, other = (
            _shown(each.fields[i]) if i < len(each.fields) else "none" for each in (ours, theirs)
        )
        if mine != other:
            lines.append(f"field {i} is {other}, not {mine}")
    if not lines:
        lines = [f"{theirs.itemsize} bytes, not {ours.itemsize}"]
    return "; ".join(lines[:3]) + ("; ..." if len(lines) > 3 else "")


def _shown(field: Field) -> str:
    form = field.form if isinstance(field.form, str) else msgspec.json.encode(field.form).decode()
    return f"{field.name!r}, {form} at {field.offset}"
