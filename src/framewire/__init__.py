"""numpy arrays and raw frames over pyzmq sockets, without copying, at close to C speed."""

from ._arrays import dumps, loads, recv_array, send_array
from ._buffers import release
from ._libzmq import transport
from ._multipart import recv, recv_into, recv_multipart, send, send_multipart
from ._raw import recv_raw, send_raw
from ._serialized import (
    recv_json,
    recv_pyobj,
    recv_serialized,
    recv_string,
    send_json,
    send_pyobj,
    send_serialized,
    send_string,
)
from .errors import DecodeError, LimitError, RefusedError, SchemaError
from .message import Message, recv_message
from .socket import Context, Socket, install, uninstall
from .tracker import MessageTracker

__all__ = [
    "Context",
    "DecodeError",
    "LimitError",
    "Message",
    "MessageTracker",
    "RefusedError",
    "SchemaError",
    "Socket",
    "dumps",
    "install",
    "loads",
    "recv",
    "recv_array",
    "recv_into",
    "recv_json",
    "recv_message",
    "recv_multipart",
    "recv_pyobj",
    "recv_raw",
    "recv_serialized",
    "recv_string",
    "release",
    "send",
    "send_array",
    "send_json",
    "send_multipart",
    "send_pyobj",
    "send_raw",
    "send_serialized",
    "send_string",
    "transport",
    "uninstall",
]


def __getattr__(name: str) -> str:
    if name == "__version__":  # on first use: importlib.metadata takes longer than all of framewire
        from importlib.metadata import version

        return version("framewire")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
