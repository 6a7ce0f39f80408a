"""Which values come back from framewire as just what they were, as from a pickle.

framewire gives subclasses as their bases, each reference to an object as an object of its own, and
arrays as writable ones. What would come back so is refused here, before it is written.
"""

import copyreg
import datetime
import enum
import functools
import uuid
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import numpy as np

from .._calls import dumps_apart
from .._codec import Codec
from ..leaves import PUTS
from ..serializers.objects import dumpers, is_generic, loaders, watching

__all__ = ["dumps_exactly", "has_hooks", "is_plain"]


def is_plain(dtype: np.dtype) -> bool:
    """Does a head say all of a dtype that its pickle does?"""
    if dtype.metadata or issubclass(dtype.type, np.record):
        return False
    if dtype.subdtype is not None:
        return is_plain(dtype.base)
    return all(is_plain(dtype[name]) for name in dtype.names or ())


def _is_plain_array(array: np.ndarray) -> bool:
    if not (array.flags.writeable and array.itemsize and is_plain(array.dtype)):
        return False
    if array.flags.forc:
        return True
    steps = [abs(stride) for stride in array.strides]  # else a pickle has other axes first
    return steps == sorted(steps, reverse=True)


def _is_plain_masked(array: Any) -> bool:
    return _is_plain_array(array.data) and type(array.data) is np.ndarray


def _is_plain_time(time: Any) -> bool:
    """isoformat says an offset, but not whose it is, nor which of two times on a clock it is."""
    zone = time.tzinfo
    if zone is None:
        return not time.fold
    if type(zone) is not datetime.timezone or time.fold:
        return False
    nameless = datetime.timezone(zone.utcoffset(None))
    return zone.tzname(None) == nameless.tzname(None)


_SCALARS = frozenset([str, int, float, bool, type(None), bytes, *PUTS]) - {
    datetime.datetime,
    datetime.time,
    uuid.UUID,
}
_SEQUENCES = frozenset([list, tuple, set, frozenset])
# By exact type, of what else holds no values: is this one carried just as it is?
_MUTABLE: dict[type, Callable[[Any], bool]] = {
    bytearray: lambda value: True,
    np.ndarray: _is_plain_array,
    np.ma.MaskedArray: _is_plain_masked,
}
_LEAVES = _MUTABLE | {
    datetime.datetime: _is_plain_time,
    datetime.time: _is_plain_time,
    uuid.UUID: lambda value: value.is_safe is uuid.SafeUUID.unknown,
}


def _is_plain_scalar(value: Any, cls: type) -> bool:
    return issubclass(cls, np.generic) and cls.__module__ == "numpy" and is_plain(value.dtype)


_HOOKS = "__reduce_ex__ __reduce__ __getstate__ __setstate__".split()
_HOOKS += ["__getnewargs_ex__", "__getnewargs__"]


def _find_hooks(cls: type) -> bool:
    bases = (np.ma.MaskedArray, np.ndarray, object)  # which have some of their own
    base = next(base for base in bases if issubclass(cls, base))
    return any(getattr(cls, hook, None) is not getattr(base, hook, None) for hook in _HOOKS)


_defines_hooks: Callable[[type], bool] = functools.lru_cache(maxsize=256)(_find_hooks)


def has_hooks(cls: type) -> bool:
    """Would a pickle of its objects ask functions of the class, where attributes pass these by?"""
    if cls in copyreg.dispatch_table:
        return True
    return not issubclass(cls, enum.Enum) and _defines_hooks(cls)


def _is_whole(cls: type, registered: type) -> bool:
    """Is an object as the class that serves it says? By functions a subclass is its base."""
    return (cls is registered or is_generic(registered)) and loaders.find(registered) is registered


class _Walk:
    """Over a value, and over what the functions of registered classes give for objects in it."""

    def __init__(self, takes: Callable[[type, type], bool]) -> None:
        self.classes: set[type] = set()  # registered ones, and their subclasses, that were met
        self._takes = takes
        self._met: dict[int, Any] = {}  # by id; held, so that no id is another's later

    def over(self, *values: Any) -> None:
        """Raise NotImplementedError if anything in values would not come back as it is."""
        left = list(values)
        while left:
            value = left.pop()
            cls = type(value)
            if cls in _SCALARS:
                continue
            if cls is dict or cls in _SEQUENCES:
                items: Iterable[Any] = chain(value, value.values()) if cls is dict else value
                simple = _SCALARS.issuperset(map(type, items))
                if not (simple and (cls is tuple or cls is frozenset)):  # nobody can tell of those
                    self._once(value)
                if not simple:
                    left += chain(value, value.values()) if cls is dict else value
            elif cls in _LEAVES:
                self._need(_LEAVES[cls](value), cls)
                if cls in _MUTABLE:
                    self._once(value)
            elif not self._is_served(cls):
                self._need(_is_plain_scalar(value, cls), cls)
            elif not issubclass(cls, enum.Enum):  # what is in it comes by `met`
                self._once(value)

    def met(self, value: Any, cls: type, header: Any) -> None:
        """An object is about to be written, by what the function of its class made of it."""
        self._is_served(type(value))
        if is_generic(cls):  # whose header is nobody's else
            state = header.get("state", header)
            if not _SCALARS.issuperset(map(type, chain(state, state.values()))):
                self.over(*state, *state.values())
            if "array" in header:
                self.over(header["array"])
        else:
            self.over(header)

    def _is_served(self, cls: type) -> bool:
        """By a registered class; then one that is taken, and that gives it back as it is."""
        if cls in self.classes:
            return True
        registered = dumpers.find(cls)
        if registered is None:
            return False
        self._need(_is_whole(cls, registered) and self._takes(cls, registered), cls)
        self.classes |= {cls, registered}
        return True

    def _once(self, value: Any) -> None:
        if id(value) in self._met:
            raise NotImplementedError("two references to one object would come back as two objects")
        self._met[id(value)] = value

    def _need(self, carried: bool, cls: type) -> None:
        if not carried:
            raise NotImplementedError(f"a {cls.__qualname__} would not come back as it is")


def dumps_exactly(
    value: Any,
    context: dict[str, Any] | None,
    codec: Codec,
    takes: Callable[[type, type], bool] = lambda cls, registered: True,
) -> tuple[list[bytes | memoryview], set[type]]:
    """`dumps_apart` of a value that is to come back as it is, and the registered classes in it.

    `takes` is asked of each class that is met, with the registered class that serves it.

    Raises
    ------
    NotImplementedError
        It would not, or something in it cannot be sent, or is not to be taken.
    """
    walk = _Walk(takes)
    walk.over(value)
    before = watching.set(walk.met)
    try:
        return dumps_apart(value, "auto", context, codec), walk.classes
    except (TypeError, ValueError) as error:
        raise NotImplementedError(str(error)) from error
    finally:
        watching.reset(before)
