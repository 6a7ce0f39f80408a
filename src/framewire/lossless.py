"""Values as arrays of a dtype, as numpy makes them; what would be lost on the way is refused."""

import operator
from typing import Any

import numpy as np

__all__ = ["as_array"]

# The kinds of dtypes that are converted to a number's.
_NUMBERS = {"b": "b", "u": "biu", "i": "biu", "f": "biuf", "c": "biufc"}


def as_array(value: Any, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """`value` as an array of `dtype`, which is no sub-array.

    Raises
    ------
    TypeError, ValueError
        It is nothing of this kind.
    OverflowError
        Something would wrap around, become infinite, be cut off, or lose its fraction.
    """
    kind = "f" if dtype.isbuiltin == 2 else dtype.kind  # of ml_dtypes
    if kind in _NUMBERS:
        return _numbers(value, dtype, kind)
    if kind in "mM":
        return _times(value, dtype)
    if kind in "SU":
        return _texts(value, dtype)
    return _blanks(value, dtype) if dtype.names is None else _structures(value, dtype)


def _refuse(lost: Any) -> None:
    if np.any(lost):
        raise OverflowError("out of range")


def _numbers(value: Any, dtype: np.dtype[Any], kind: str) -> np.ndarray[Any, Any]:
    given = np.asarray(value)
    if given.dtype == dtype:
        return given
    if given.size and given.dtype.kind not in _NUMBERS[kind] and kind != "b":
        # integers that no dtype has all of
        given = np.asarray(value, object)
        for each in given.flat:
            operator.index(each)
        given = given.astype(float if kind in "fc" else dtype)
    elif given.size and given.dtype.kind not in _NUMBERS[kind]:
        raise TypeError(f"{given.dtype} is no {dtype}")
    with np.errstate(over="ignore", invalid="ignore"):
        stored = given.astype(dtype)
    if kind in "iu":
        _refuse(stored != given)
    elif kind in "fc":
        _refuse(~np.isfinite(stored) & np.isfinite(given))
    return stored


def _times(value: Any, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    given = np.asarray(value)
    if given.dtype.kind in "iu":  # so many units
        counts = given.astype("i8")
        _refuse((counts < 0) != (given < 0))
        return counts.astype(dtype)
    given = np.asarray(value, dtype.kind + "8")  # in the units that they have
    stored = given.astype(dtype)
    _refuse((stored.astype(given.dtype) != given) & ~np.isnat(given))
    return stored


def _texts(value: Any, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    given = np.asarray(value)
    if given.size and given.dtype.kind not in "SU":
        raise TypeError(f"{given.dtype} is no {dtype}")
    stored = given.astype(dtype)
    _refuse(np.char.str_len(stored) < np.char.str_len(given))
    return stored


def _blanks(value: Any, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Opaque bytes."""
    given = np.asarray(value)
    if given.size and (given.dtype.kind not in "SV" or given.dtype.names is not None):
        raise TypeError(f"{given.dtype} is no {dtype}")
    _refuse(given.size and given.dtype.itemsize > dtype.itemsize)
    return given.astype(dtype)


def _structures(value: Any, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Of tuples, numpy sees to it that nothing is lost."""
    if isinstance(value, (np.ndarray, np.void)) and not np.can_cast(value.dtype, dtype, "safe"):
        raise TypeError(f"{value.dtype} is no {dtype}")
    return np.asarray(value, dtype)
