"""Types that users register: how their values become a header and frames, and come back.

On the wire such a value is an object of a tree (docs/wire-format.md, "Trees"), under the name of
the registered class, anywhere in a value. Nothing is imported or looked up by that name but what
was registered in this process.
"""

import enum
import functools
import inspect
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

from ..errors import RefusedError
from .registry import takes_context

__all__ = [
    "Dispatch",
    "dump",
    "dumpers",
    "is_generic",
    "loader",
    "loaders",
    "register_generic",
    "watching",
]

_T = TypeVar("_T", bound=type)
_MOST_FOUND = 1000
_BUILTINS: tuple[type, ...] = (list, tuple, dict, set, frozenset, str, bytes, bytearray, int)
_BUILTINS += (float, complex, type, BaseException)
STATE = "['state']"  # in the path of an error: what follows is an attribute


def wire_name(cls: type) -> str:
    """What a class is called on the wire."""
    return f"{cls.__module__}.{cls.__qualname__}"


class Dispatch:
    """Functions by type, for a type and its subclasses, by method-resolution order."""

    def __init__(self) -> None:
        self._functions: dict[type, tuple[Callable[..., Any], bool]] = {}
        self._names: dict[str, type] = {}
        self._lazy: dict[str, Callable[[], Any]] = {}
        self._found: dict[type, type | None] = {}
        self._asking = threading.RLock()
        self._asked: set[str] = set()  # modules that are registering

    def register(self, cls: type, function: Any = None) -> Any:
        """Register a function for a type and its subclasses. A decorator without `function`."""
        if function is None:
            return lambda function: self.register(cls, function)
        if not isinstance(cls, type):
            raise TypeError(f"a type is registered, not {cls!r}")
        if not callable(function):
            raise TypeError(f"{wire_name(cls)} is registered with a function, not {function!r}")
        replaced = self._names.get(wire_name(cls), cls)  # as a notebook's cell that is run again
        self._functions.pop(replaced, None)
        self._functions[cls] = function, takes_context(function)
        self._names[wire_name(cls)] = cls
        self._found.clear()
        return function

    def register_lazy(self, module: str, function: Any = None) -> Any:
        """Register a function that registers types, for when one of this module is first met.

        `module` is a top-level name, as "torch". The function takes no arguments. A decorator
        without `function`.
        """
        if function is None:
            return lambda function: self.register_lazy(module, function)
        self._lazy[module] = function
        self._found.clear()
        return function

    def find(self, cls: type) -> type | None:
        """The registered class that serves a type, or None."""
        try:
            return self._found[cls]
        except KeyError:
            pass
        base: type | None
        for base in cls.__mro__:
            if base in self._functions:
                break
            if self._ask(getattr(base, "__module__", "")):
                return self.find(cls)
        else:
            base = None
        if len(self._found) == _MOST_FOUND:  # classes that are made and dropped all the time
            self._found.clear()
        self._found[cls] = base
        return base

    def named(self, name: str) -> type | None:
        """The class that is registered under a name on the wire, or None."""
        if name not in self._names and self._ask(name):
            return self.named(name)
        return self._names.get(name)

    def function(self, cls: type) -> tuple[Callable[..., Any], bool]:
        """The function of a registered class, and whether it takes a context."""
        return self._functions[cls]

    def _ask(self, name: object) -> bool:
        """Have the module of a name register its types, if it is to and has not."""
        module = name.partition(".")[0] if isinstance(name, str) else ""
        if module not in self._lazy:
            return False
        with self._asking:  # other threads wait
            if module in self._asked:  # it came here itself
                return False
            register = self._lazy.get(module)
            if register is not None:
                self._asked.add(module)
                try:
                    register()
                finally:
                    self._asked.discard(module)
                self._found.clear()
                del self._lazy[module]
        return True


dumpers = Dispatch()
loaders = Dispatch()

# Told of each value of a registered class before its header is written, with the class and the
# header; what it raises ends the writing.
watching: ContextVar[Callable[[Any, type, Any], None] | None] = ContextVar("watching", default=None)


def dump(value: Any, cls: type, context: Callable[[], Any]) -> tuple[str, Any, list[Any]]:
    """The name, header and frames of a value that a registered class serves.

    `context` makes what a function that takes one is told.
    """
    function, wants_context = dumpers.function(cls)
    header, frames = function(value, context=context()) if wants_context else function(value)
    watch = watching.get()
    if watch is not None:
        watch(value, cls, header)
    return wire_name(cls), header, list(frames)


def loader(name: str) -> tuple[Callable[..., Any], bool]:
    """The function for a name that came, and whether it takes a context.

    Raises
    ------
    RefusedError
        No class is registered under that name.
    """
    cls = loaders.named(name)
    if cls is None:
        raise RefusedError(
            f"an object of {name!r}, which is not registered here: "
            "framewire.deserialize.register or register_generic takes its class",
            "refused",
        )
    return loaders.function(cls)


# ---- generic


def register_generic(cls: _T) -> _T:
    """Register a class whose objects are what their attributes are, with its subclasses.

    For objects that wrap arrays, and for enumerations, dataclasses and subclasses of ndarray that
    are to come back as what they were. Attributes, those of ``__slots__`` included, are carried as
    any value: arrays in place, objects of other registered classes too.

    Reading makes an object without calling ``__init__`` and sets the attributes that came,
    whatever they are; register functions of your own where they need to be checked. Nor are
    pickle's hooks called: what ``__getstate__`` or ``__reduce__`` would leave out is sent.

    Parameters
    ----------
    cls : type

    Returns
    -------
    type
        `cls`: this can be used as a decorator.

    Raises
    ------
    TypeError
        A subclass of a builtin such as list, whose items are no attributes; or a class whose
        ``__new__`` needs arguments.

    Examples
    --------
    >>> import framewire, numpy as np
    >>> @framewire.register_generic
    ... class Model:
    ...     def __init__(self, weights):
    ...         self.weights = weights
    >>> came = framewire.loads(framewire.dumps({"model": Model(np.eye(2))}))
    >>> type(came["model"]) is Model, came["model"].weights.shape
    (True, (2, 2))
    """
    if issubclass(cls, _BUILTINS) and not issubclass(cls, enum.Enum):
        raise TypeError(f"{cls.__qualname__} has more than attributes: register functions for it")
    if not _is_made_of_nothing(cls):
        raise TypeError(f"{cls.__qualname__}.__new__ needs arguments: register functions for it")
    dump = functools.partial(_dump_generic)
    load = functools.partial(_load_generic, cls)
    for function in (dump, load):  # whose they are, as of functions that a module registers
        function.__module__ = sys._getframe(1).f_globals.get("__name__", "")
    dumpers.register(cls, dump)
    loaders.register(cls, load)
    return cls


def _is_made_of_nothing(cls: type) -> bool:
    """Can an object be made as `_load_generic` does?"""
    new: Any = cls.__new__
    if new is object.__new__ or issubclass(cls, (enum.Enum, np.ndarray)):
        return True
    try:
        inspect.signature(new).bind(cls)
    except TypeError:
        return False
    except ValueError:  # of C, without a signature
        pass
    return True


def is_generic(cls: type) -> bool:
    """Is a registered class one of `register_generic`?"""
    return getattr(dumpers.function(cls)[0], "func", None) is _dump_generic


def _dump_generic(value: Any) -> tuple[dict[str, Any], list[Any]]:
    cls = type(value)
    header: dict[str, Any] = {"class": wire_name(cls)}
    if issubclass(cls, enum.Enum):
        return header | {"value": value.value}, []
    attributes = getattr(value, "__dict__", None) or {}
    state = {
        name: each for name, each in attributes.items() if name[:2] != "__" or not _is_special(name)
    }
    for name in _slots(cls):
        if hasattr(value, name):
            state[name] = getattr(value, name)
    if issubclass(cls, np.ndarray):
        masked = issubclass(cls, np.ma.MaskedArray)
        header["array"] = array = value.view(np.ma.MaskedArray if masked else np.ndarray)
        for name in getattr(array, "__dict__", ()):  # numpy's own
            state.pop(name, None)
    header["state"] = state
    return header, []


def _is_special(name: str) -> bool:
    """Is it one of Python's own, as the __orig_class__ of a generic class?"""
    return name.startswith("__") and name.endswith("__")


def _find_slots(value_class: type) -> list[str]:
    """The names of the slots that a class has."""
    names = []
    for cls in value_class.__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if not _is_special(name):
                private = name.startswith("__")
                names.append(f"_{cls.__name__.lstrip('_')}{name}" if private else name)
    return names


_slots: Callable[[type], list[str]] = functools.lru_cache(maxsize=256)(_find_slots)


def _load_generic(registered: type, header: dict[str, Any], frames: Any) -> Any:
    cls = _subclass(registered, header["class"])
    if issubclass(cls, enum.Enum):
        return cls(header["value"])
    value = header["array"].view(cls) if issubclass(cls, np.ndarray) else cls.__new__(cls)
    slots = _slots(cls)
    for name, attribute in header["state"].items():
        if not isinstance(name, str) or (name[:2] == "__" and _is_special(name)):
            raise ValueError(f"no name of an attribute: {name!r}")
        if name in slots:
            object.__setattr__(value, name, attribute)
        else:  # whatever else the class has under this name
            value.__dict__[name] = attribute
    return value


def _subclass(cls: type, name: str) -> type:
    """The class of a name among a registered class and its subclasses."""
    if wire_name(cls) == name:
        return cls
    classes: list[type] = type.__subclasses__(cls)
    for each in classes:
        if wire_name(each) == name:
            return each
        classes += type.__subclasses__(each)
    raise RefusedError(f"no subclass {name!r} of the registered {wire_name(cls)!r}", "refused")
