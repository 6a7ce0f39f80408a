"""FlatBuffers: tables of registered generated classes, read in place.

One frame, the FlatBuffer; the header is the name of the table, without its namespace, which
generated Python code does not tell. A received table is an accessor on the message: nothing is
unpacked until a field is read, and vectors as numpy arrays are read-only views.

A table is sent as an accessor, whose buffer goes out as it is, or as an instance of the object API
(``flatc --gen-object-api``), which is packed without a file identifier.

The Python runtime verifies nothing when it receives. A field of a hostile message raises when it is
read (struct.error, TypeError, ValueError, UnicodeDecodeError) or has any value; a vector may claim
any length. Memory outside the message is never read.
"""

import sys
from collections.abc import Sequence
from typing import Any

from flatbuffers import Builder, encode, packer  # type: ignore

from .registry import add_message_type, known_message_type, message_type, register

_names: dict[type, str] = {}  # of accessors and of the object API


def _root(buffer: Any) -> int:
    """Where a buffer's root table is."""
    return int(encode.Get(packer.uoffset, buffer, 0))


def add(cls: Any) -> None:
    """Register a table class, and its object API: `framewire.register_message` calls this."""
    if not isinstance(cls, type):
        raise TypeError(f"{cls!r} is no generated table class of FlatBuffers")
    name = cls.__name__
    known = message_type("flatbuffers", name)
    if known is not None and known.__module__ != cls.__module__:
        raise ValueError(
            f"a FlatBuffers table {name!r} of {known.__module__} is registered already"
        )
    unpacked = getattr(sys.modules.get(cls.__module__), f"{name}T", None)
    types = [cls, unpacked] if isinstance(unpacked, type) else [cls]
    _names.update(dict.fromkeys(types, name))
    add_message_type("flatbuffers", name, cls, *types)


def dumps(value: Any) -> tuple[str, list[Any]]:
    """The buffer of an accessor, in place, or of a packed instance of the object API."""
    name = _names.get(type(value))
    if name is None:
        raise NotImplementedError(
            f"if {type(value).__name__} is a FlatBuffers table, call framewire.register_message "
            "with its class first"
        )
    if type(value) is message_type("flatbuffers", name):
        table: Any = value
        buffer = table._tab.Bytes
        if _root(buffer) != table._tab.Pos:
            raise ValueError(f"this {name} is not the root of its buffer: send its object API")
        return name, [buffer]
    builder = Builder()
    builder.Finish(value.Pack(builder))
    return name, [memoryview(builder.Bytes)[builder.Head() :]]


def loads(header: str | None, frames: Sequence[memoryview]) -> Any:
    """An accessor on the message, which it keeps."""
    if not header or len(frames) != 1:
        raise ValueError("a FlatBuffers table has a name, and one frame")
    cls = known_message_type("flatbuffers", header)
    frame = frames[0]
    if len(frame) < 8 or not 4 <= _root(frame) <= len(frame) - 4:
        raise ValueError(f"no FlatBuffers table {header!r}: its root is outside")
    return cls.GetRootAs(frame, 0)


register("flatbuffers", dumps, loads)
