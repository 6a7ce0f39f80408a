"""Cap'n Proto (pycapnp): messages of registered structs, read in place.

The frames are the segments of the message; the header is the struct's id in the schema, as
hexadecimal text. A received message is a reader of the frames, which it keeps. pycapnp copies a
builder's segments once when it is sent, and those of a reader twice.

`loads` checks all of a message first: by a copy of it, which is thrown away, and by following each
pointer that the schema knows of. For pycapnp does not catch what its C++ throws when ``repr()``,
``as_builder()`` or ``total_size`` meet a wrong pointer: that ends the process. And Cap'n Proto
limits what may be read from one message, counting a field each time that it is read; the limit is
for these checks instead, four times the message. What an AnyPointer refers to is checked by the
copy only, as its type is not known. Messages with capabilities are refused.
"""

from collections.abc import Sequence
from typing import Any

from capnp import (  # type: ignore
    KjException,
    _DynamicListReader,
    _DynamicStructBuilder,
    _DynamicStructReader,
    _MallocMessageBuilder,
    _StructModule,
)

from .registry import add_message_type, known_message_type, message_type, register

WORD = 8  # bytes
UNLIMITED = (1 << 64) - 1  # words

_fields: dict[int, list[tuple[str, str]]] = {}  # names and kinds of pointers, by struct id
_KINDS = {"group", "text", "data", "list", "struct", "interface", "anyPointer"}


def add(cls: Any) -> None:
    """Register a struct of a loaded schema: `framewire.register_message` calls this."""
    if not isinstance(cls, _StructModule):
        raise TypeError(f"{cls!r} is no struct of a loaded Cap'n Proto schema")
    name = hex(cls.schema.node.id)
    add_message_type("capnp", name, cls, _DynamicStructBuilder, _DynamicStructReader)


def dumps(value: Any) -> tuple[str, list[bytes]]:
    """The segments of a message."""
    if not isinstance(value, (_DynamicStructBuilder, _DynamicStructReader)):
        raise NotImplementedError(f"{type(value).__name__} is no Cap'n Proto struct")
    node = value.schema.node
    name = hex(node.id)
    if message_type("capnp", name) is None:
        raise NotImplementedError(
            f"call framewire.register_message with the struct {node.displayName} first"
        )
    builder = value.as_builder() if isinstance(value, _DynamicStructReader) else value
    return name, builder.to_segments()


def loads(header: str | None, frames: Sequence[memoryview]) -> Any:
    """A reader of a message, in place."""
    if not header or not frames:
        raise ValueError("a Cap'n Proto message has the id of its struct, and at least one frame")
    cls = known_message_type("capnp", header)
    if any(len(frame) % WORD for frame in frames):
        raise ValueError("a segment of a Cap'n Proto message is not a whole number of words")
    words = sum(map(len, frames)) // WORD
    try:
        checked = cls.from_segments(frames, traversal_limit_in_words=4 * words + 4096)
        copy = _MallocMessageBuilder(words + 1)
        copy.get_root_as_any().set(checked._parent.get_root_as_any())
        _follow(checked)
        return cls.from_segments(frames, traversal_limit_in_words=UNLIMITED)
    except KjException as error:
        what = str(error).partition("\nstack:")[0]
        raise ValueError(f"no Cap'n Proto message {header!r}: {what}") from error


def _pointers(struct: Any) -> list[tuple[str, str]]:
    """A struct's fields that are pointers, or groups, which may have some."""
    node = struct.schema.node
    found = _fields.get(node.id)
    if found is None:
        found = _fields[node.id] = []
        for field in node.struct.fields:
            kind = field.slot.type.which() if field.which() == "slot" else "group"
            if str(kind) in _KINDS:
                found.append((field.name, str(kind)))
    return found


def _follow(value: Any) -> None:
    """Read what a struct or a list points to; KjException if anything is not what it should be."""
    if isinstance(value, _DynamicStructReader):
        _follow_fields(value, _pointers(value))
    elif isinstance(value, _DynamicListReader) and len(value):
        first = value[0]
        if isinstance(first, _DynamicStructReader):
            fields = _pointers(first)
            if fields:
                for each in value:
                    _follow_fields(each, fields)
        elif not isinstance(first, (bool, int, float)):
            for each in value:
                _follow(each)


def _follow_fields(struct: Any, fields: list[tuple[str, str]]) -> None:
    for name, kind in fields:
        if struct._has(name):  # else it is null, or not what the union holds
            if kind == "data":
                struct.get_data_as_view(name)
            else:
                _follow(struct._get(name))


register("capnp", dumps, loads)
