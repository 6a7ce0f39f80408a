"""The table of serializers: what a name, or an id in a head, stands for. Loaded on first use."""

import inspect
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..errors import DecodeError, RefusedError

__all__ = [
    "IDS",
    "NAMES",
    "USER",
    "Serializer",
    "add_message_type",
    "by_name",
    "by_type",
    "check_buffers",
    "check_name",
    "known_message_type",
    "message_type",
    "register",
    "register_message",
    "register_serializer",
    "unregister_serializer",
    "valid_names",
]

# The ids of docs/wire-format.md, "Serializers". Each is the module of that name beside this file.
IDS = {
    "array": 1,
    "raw": 2,
    "json": 3,
    "msgpack": 4,
    "record": 5,
    "pickle": 6,
    "cloudpickle": 7,
    "dill": 8,
    "protobuf": 9,
    "flatbuffers": 10,
    "capnp": 11,
    "arrow": 12,
}
NAMES = {id: name for name, id in IDS.items()}

# For each that is a module beside this file: the number of its buffers, 0 for any, and what its
# type section is, if it has one.
_RULES = {
    "json": (1, ""),
    "pickle": (0, ""),
    "cloudpickle": (0, ""),
    "dill": (0, ""),
    "protobuf": (1, ".+"),
    "flatbuffers": (1, ".+"),
    "capnp": (0, "0x[0-9a-f]{1,16}"),
    "arrow": (1, "table|batch|pandas"),
}
_RESERVED = ("auto", "user", "error", "arrow.extension")
USER = 255  # the id that all others share; they travel by name

_loaded: dict[str, "Serializer"] = {}
_message_types: dict[tuple[str, str], Any] = {}  # by serializer and name on the wire
_by_type: dict[type, str] = {}  # what serializer "auto" picks for a registered message
_of_libraries = {"pyarrow": "arrow", "pandas": "arrow"}  # and for what comes from these


@dataclass(frozen=True, slots=True)
class Serializer:
    """A pair of functions under a name.

    Attributes
    ----------
    name : str
    id : int
        In the head.
    dumps : callable
        ``dumps(value) -> (header, frames)``; NotImplementedError if it does not take the value.
    loads : callable
        ``loads(header, frames) -> value``; `frames` are memoryviews, in place.
    unsafe : bool
        Can reading run what the sender chose? Then it is refused unless a codec allows it by name.
    """

    name: str
    id: int
    dumps: Callable[..., tuple[Any, Sequence[Any]]]
    loads: Callable[..., Any]
    unsafe: bool = False
    dumps_context: bool = False
    loads_context: bool = False


def takes_context(function: Callable[..., Any]) -> bool:
    """Has a function that users registered a parameter `context`?"""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # a builtin without a signature
        return False
    return "context" in parameters


def register(
    name: str,
    dumps: Callable[..., tuple[Any, Sequence[Any]]],
    loads: Callable[..., Any],
    *,
    unsafe: bool = False,
) -> None:
    """Enter a serializer of framewire's own into the table; its module calls this.

    `header` is a text, which travels in the head, or None. `loads` may take ``context=``.
    """
    _loaded[name] = Serializer(name, IDS[name], dumps, loads, unsafe, False, takes_context(loads))


def register_serializer(
    name: str,
    dumps: Callable[..., tuple[Any, Sequence[Any]]],
    loads: Callable[..., Any],
    *,
    unsafe: bool = False,
) -> None:
    """Register a serializer of your own, on the sending and the receiving side.

    Parameters
    ----------
    name : str
        What it is called: for ``serializer=`` and ``allow=``, and on the wire. A second
        registration replaces the first.
    dumps : callable
        ``dumps(value) -> (header, frames)``. `header` is anything that ``msgpack`` carries, also
        with arrays in it; `frames` a list of buffers, the large ones sent in place by the rules of
        ``copy=``. Raise NotImplementedError for a value that it does not take. It is called with
        ``context=`` if it has such a parameter: a dict, with what is known of ``sender``,
        ``recipient``, ``socket_type`` and ``topic``.
    loads : callable
        ``loads(header, frames) -> value``, the inverse. `frames` are read-only memoryviews of the
        received message, in place, which they keep alive. With ``context=`` as well.
    unsafe : bool
        Can `loads` run what the sender chose, as unpickling can? Then a receiver takes it only if
        its codec's `allow` names it.

    Raises
    ------
    ValueError
        The name of one of framewire's own, empty, over 100 characters, or not printable.

    Examples
    --------
    >>> import framewire, zlib
    >>> framewire.register_serializer(
    ...     "zipped",
    ...     lambda value: ({}, [zlib.compress(value.encode())]),
    ...     lambda header, frames: zlib.decompress(frames[0]).decode(),
    ... )
    >>> framewire.loads(framewire.dumps("hello", serializer="zipped"))
    'hello'
    """
    if not isinstance(name, str):
        raise TypeError(f"a serializer's name is a str, not {type(name).__name__}")
    if name in IDS or name in _RESERVED or not (name.isprintable() and 0 < len(name) <= 100):
        raise ValueError(f"{name!r} cannot be the name of a serializer of your own")
    if not (callable(dumps) and callable(loads)):
        raise TypeError(f"{name!r} is registered with two functions, dumps and loads")
    wanted = takes_context(dumps), takes_context(loads)
    _loaded[name] = Serializer(name, USER, dumps, loads, unsafe, *wanted)


def unregister_serializer(name: str) -> None:
    """Undo `register_serializer`.

    Parameters
    ----------
    name : str

    Raises
    ------
    KeyError
        It was not registered.
    """
    if name in IDS:
        raise KeyError(name)
    del _loaded[name]


def check_buffers(name: str, count: int, header: str | None) -> None:
    """Raise DecodeError for a message of framewire's own whose buffers or type are not as it says.

    So a module's `loads` need not look at how many frames it gets.
    """
    most, header_is = _RULES[name]
    good = header != "" and re.fullmatch(header_is, header or "", re.DOTALL)
    if not good or not 1 <= count <= (most or count):
        raise DecodeError(f"{name}: {count} buffers with the type {header!r}", "buffers")


def valid_names() -> list[str]:
    """The names of all serializers, whether their libraries are installed or not."""
    return [*IDS, *(name for name in _loaded if name not in IDS)]


def check_name(name: str) -> None:
    """ValueError if there is no such serializer, whether its library is installed or not."""
    if name not in IDS and name not in _loaded:
        variable = "FRAMEWIRE_SERIALIZER"
        source = f" (of {variable})" if os.environ.get(variable) == name else ""
        raise ValueError(f"no serializer {name!r}{source}: there are {', '.join(valid_names())}")


def by_name(name: str) -> Serializer:
    """The serializer of that name.

    Raises
    ------
    ValueError
        There is none; the text lists the valid names.
    ImportError
        Its library is not installed; the text says what to install.
    """
    found = _loaded.get(name)
    if found is None:
        check_name(name)
        try:
            import_module(f"{__package__}.{name}")
        except ImportError as error:
            raise ImportError(
                f"the serializer {name!r} needs a library that is not installed ({error}): "
                f"pip install 'framewire[{name}]'"
            ) from error
        found = _loaded[name]
    return found


def register_message(cls: Any) -> Any:
    """Register a generated message class, of protobuf, FlatBuffers or Cap'n Proto.

    From then on its messages are sent by their own serializer, and received as instances of it;
    only registered classes are.

    Parameters
    ----------
    cls : class
        protobuf: a message class of a ``_pb2`` module. FlatBuffers: a table class (its object API,
        the class whose name ends in T, goes with it). Cap'n Proto: a struct of a loaded schema.

    Returns
    -------
    class
        `cls`, so that this can be used as a decorator.

    Raises
    ------
    TypeError
        It is none of these.
    ImportError
        Its library is not installed.
    """
    for name in ("protobuf", "flatbuffers", "capnp"):
        marks = {"protobuf": "DESCRIPTOR", "flatbuffers": "GetRootAs", "capnp": "new_message"}
        if hasattr(cls, marks[name]):
            by_name(name)
            import_module(f"{__package__}.{name}").add(cls)
            return cls
    raise TypeError(f"{cls!r} is no message class of protobuf, FlatBuffers or Cap'n Proto")


def add_message_type(serializer: str, name: str, cls: Any, *types: type) -> None:
    """Note a message class by its name on the wire, and the types of its values."""
    _message_types[serializer, name] = cls
    for each in types:
        _by_type[each] = serializer


def message_type(serializer: str, name: str) -> Any:
    """The class that was registered under a name on the wire, or None."""
    return _message_types.get((serializer, name))


def known_message_type(serializer: str, name: str) -> Any:
    """The class that was registered under a name that came; RefusedError if there is none."""
    found = message_type(serializer, name)
    if found is None:
        raise RefusedError(
            f"no class for the {serializer} message {name!r}: "
            "call framewire.register_message with it first",
            "refused",
        )
    return found


def by_type(cls: type) -> str | None:
    """The serializer that "auto" picks for a registered message, a table or a data frame."""
    found = _by_type.get(cls)
    return found or _of_libraries.get(str(cls.__module__).partition(".")[0])
