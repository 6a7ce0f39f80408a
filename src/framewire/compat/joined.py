"""Messages of osBrain's agents with `install`: pickles that leave large buffers out, in one frame.

Each is itself a pickle: of a call of `join`, with the name of the serializer, the pickle proper and
the buffers. So whoever can import framewire loads it, by pickle, cloudpickle or dill, and whoever
cannot is told so. It is written by one copy of each buffer into memory of the right size, and
`load` takes it apart in place. A buffer comes back as what it is inside of a pickle: bytes if it
cannot be written to, else a bytearray.
"""

import struct
from typing import Any

from ..errors import DecodeError
from ..serializers.registry import by_name

__all__ = ["PICKLES", "dump", "is_joined", "join", "load"]

PICKLES = ("pickle", "cloudpickle", "dill")

# Opcodes of pickle: protocol 5, the function, a mark; a short text; bytes and bytearrays with 8
# bytes of length; a tuple of what is behind the mark, call, stop.
_CALL = b"\x80\x05c" + f"{__name__}\njoin\n".encode() + b"("
_TEXT, _BYTES, _BYTEARRAY = b"\x8c", b"\x8e", b"\x96"
_END = b"tR."
_LENGTH = struct.Struct("<cQ")
_COPY: dict[bytes, Any] = {_BYTES: bytes, _BYTEARRAY: bytearray}


def join(name: str, pickled: bytes | memoryview, *buffers: bytes | bytearray) -> Any:
    """The value of such a message; arrays in it are views of the buffers."""
    if name not in PICKLES:
        raise ValueError(f"no serializer of such messages: {name!r}")
    return by_name(name).loads(None, [pickled, *buffers])


def dump(name: str, value: Any) -> bytes:
    """The message of a value. Without buffers of over 8 KiB it is the serializer's pickle alone."""
    if name == "dill":
        from .dilled import dumps  # for who has dill

        pickled, buffers = dumps(value)
        opcodes = [_BYTEARRAY] * len(buffers)  # also of arrays that cannot be written to
    else:
        pickled, *buffers = by_name(name).dumps(value)[1]
        opcodes = [_BYTES if buffer.readonly else _BYTEARRAY for buffer in buffers]
    if not buffers:
        return bytes(pickled)
    parts: list[Any] = [_CALL, _TEXT, bytes([len(name)]), name.encode()]
    parts += _LENGTH.pack(_BYTES, len(pickled)), pickled
    for opcode, buffer in zip(opcodes, buffers, strict=True):
        parts += _LENGTH.pack(opcode, len(buffer)), buffer
    return b"".join([*parts, _END])


def is_joined(message: bytes | memoryview) -> bool:
    """Is it such a message? Others are plain pickles."""
    return message[: len(_CALL)] == _CALL


def load(message: bytes | memoryview) -> Any:
    """The value of such a message, with memory of its own for what was left out.

    Raises
    ------
    DecodeError
        Code ``payload``: it is not whole.
    Exception
        What the serializer raises.
    """
    message = memoryview(message)
    try:
        at = len(_CALL) + 2
        name = bytes(message[at : at + message[at - 1]])
        at += len(name)
        found: list[Any] = []
        while message[at:] != _END:
            opcode, size = _LENGTH.unpack_from(message, at)
            at += _LENGTH.size
            if size > len(message) - at or opcode not in _COPY:
                raise ValueError(f"no buffer at {at}")
            data = message[at : at + size]
            found.append(_COPY[opcode](data) if found else data)
            at += size
        pickled, *buffers = found
    except (ValueError, IndexError, struct.error) as error:
        raise DecodeError(f"not the whole message of an agent: {error}", "payload") from error
    return join(name.decode("latin-1"), pickled, *buffers)
