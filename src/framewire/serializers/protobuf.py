"""protobuf: messages of registered generated classes.

One frame, the message in protobuf's own encoding; the header is its full name in the schema. Both
ends copy: protobuf's objects own their fields.
"""

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError, Message  # type: ignore

from .registry import add_message_type, known_message_type, message_type, register


def _is_message_class(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, Message)


def add(cls: Any) -> None:
    """Register a message class of a ``_pb2`` module: `framewire.register_message` calls this."""
    if not _is_message_class(cls):
        raise TypeError(f"{cls!r} is no generated message class of protobuf")
    add_message_type("protobuf", cls.DESCRIPTOR.full_name, cls, cls)


def dumps(value: Any) -> tuple[str, list[bytes]]:
    """Encode a message."""
    if not isinstance(value, Message):
        raise NotImplementedError(f"{type(value).__name__} is no protobuf message")
    name = value.DESCRIPTOR.full_name
    if message_type("protobuf", name) is not type(value):
        raise NotImplementedError(f"call framewire.register_message with the class of {name} first")
    return name, [value.SerializeToString()]


def loads(header: str | None, frames: Sequence[memoryview]) -> Any:
    """Decode a message, as an instance of the class that is registered under its name."""
    if not header or len(frames) != 1:
        raise ValueError("a protobuf message has a name, and one frame")
    cls = known_message_type("protobuf", header)
    try:
        return cls.FromString(frames[0])
    except DecodeError as error:
        raise ValueError(f"no protobuf message {header!r}: {error}") from error


register("protobuf", dumps, loads)
