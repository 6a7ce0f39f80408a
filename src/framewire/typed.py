"""Received values as instances of the types that were asked for, by msgspec."""

import functools
import types
import typing
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from .errors import SchemaError
from .records import RecordMeta

__all__ = ["check_type", "convert", "records_in"]


class _Array:
    """An array of numpy's, for msgspec, which would take it for a mapping."""

    def __init__(self, array: Any) -> None:
        self.array = array


_Array.__name__ = "numpy.ndarray"  # in msgspec's errors

# AttributeError: msgspec takes what has items for a mapping, and asks it for keys: a pyarrow.Table.
# TypeError: what cannot be hashed, for a set
_MISFITS = (
    msgspec.ValidationError,
    AttributeError,
    OverflowError,
    RecursionError,
    TypeError,
    UnicodeError,
)


def _replaced(value: Any, wrap: bool) -> tuple[Any, bool]:
    """A value with Python's scalars for numpy's, and whether it has arrays, which `wrap` wraps."""
    if isinstance(value, np.generic):
        item = value.item()
        if not isinstance(item, (np.generic, tuple)):
            return item, False
    if isinstance(value, (np.ndarray, np.generic)):
        return (_Array(value) if wrap else value), True
    if type(value) is dict:
        pairs = {key: _replaced(each, wrap) for key, each in value.items()}
        return {key: each for key, (each, _) in pairs.items()}, _any(pairs.values())
    if type(value) in (list, tuple):
        items = [_replaced(each, wrap) for each in value]
        return type(value)(each for each, _ in items), _any(items)
    return value, False


def _any(items: Iterable[tuple[Any, bool]]) -> bool:
    return any(found for _, found in items)


def _custom(type: Any, value: Any) -> Any:
    """A value for a type that is none of msgspec's: an array, or a scalar of numpy's."""
    origin = typing.get_origin(type) or type
    if isinstance(origin, RecordMeta):
        return _as_record(origin, value)
    array = value.array if isinstance(value, _Array) else value
    fits = not issubclass(origin, np.flexible) or isinstance(array, (bytes, str))
    # of a number, bytes_ and void would make so many bytes
    if not isinstance(array, origin) and issubclass(origin, np.generic) and fits:
        array = origin(array)
    if isinstance(array, origin):
        return array
    raise TypeError(f"Expected `{origin.__name__}`, got `{array.__class__.__name__}`")


def _as_record(cls: Any, value: Any) -> Any:
    """A record of the dict that it travelled as, inside another value."""
    if isinstance(value, cls):
        return value
    if type(value) is not dict:
        raise TypeError(f"Expected `{cls.__name__}`, got `{type(value).__name__}`")
    nested = {field.name: field.cls for field in cls.fields if isinstance(field.cls, RecordMeta)}
    return cls(
        **{
            name: _as_record(nested[name], each) if name in nested else each
            for name, each in value.items()
        }
    )


def _members(type: Any) -> tuple[Any, ...]:
    """The types of a union; a type alone."""
    if typing.get_origin(type) in (typing.Union, types.UnionType):
        return typing.get_args(type)
    return (type,)


def records_in(type: Any) -> list[Any]:
    """The classes of records that a message's record may be an instance of."""
    return [each for each in _members(type) if isinstance(each, RecordMeta)]


def _without_records(type: Any) -> Any:
    """What of a type a value may be that is no record; None if it is nothing else."""
    members = _members(type)
    rest = tuple(each for each in members if not isinstance(each, RecordMeta))
    if len(rest) == len(members):
        return type
    return typing.Union[rest] if rest else None  # noqa: UP007


def check_type(type: Any) -> None:
    """Raise TypeError for a type that msgspec does not support, before a message is taken."""
    try:
        _check_cached(type)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        _check(type)


def _check(type: Any) -> None:
    rest = _without_records(type)
    try:
        if rest is not None:
            msgspec.convert(None, rest, dec_hook=_custom)
    except TypeError:
        raise
    except Exception:  # None is no such thing
        pass


_check_cached = functools.lru_cache(maxsize=256)(_check)


def convert(value: Any, type: Any, *, json: bool) -> Any:
    """`value` as an instance of `type`.

    Scalars of numpy's come as Python's, unless numpy's are asked for. A value with arrays is
    converted twice, first to see that each of them is where one is asked for. `json`: keys of dicts
    may be numbers in text, as JSON has no others.

    Raises
    ------
    SchemaError
        It is none. That msgspec does not support the type is for `check_type` to say, before.
    """
    asked, type = type, _without_records(type)
    if type is None:
        names = " or ".join(each.__name__ for each in _members(asked))
        what = value.__class__.__name__
        raise SchemaError(f"not what was asked for: {what} came, not a record {names}", "mismatch")
    try:
        wrapped, has_arrays = _replaced(value, True)
        found = msgspec.convert(wrapped, type, dec_hook=_custom, str_keys=json)
        if not has_arrays or isinstance(found, (np.ndarray, np.generic)):
            return found
        plain, _ = _replaced(value, False)
        return msgspec.convert(plain, type, dec_hook=_custom, str_keys=json)
    except _MISFITS as error:
        raise SchemaError(f"not what was asked for: {error}", "mismatch") from error
