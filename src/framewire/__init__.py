"""numpy arrays and raw frames over pyzmq sockets, without copying, at close to C speed."""

from ._arrays import dumps, loads, recv_array, send_array
from ._buffers import release
from ._libzmq import transport
from ._raw import recv_raw, send_raw
from .errors import DecodeError, LimitError, RefusedError, SchemaError
from .message import Message, recv_message
from .socket import Context, Socket
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
    "loads",
    "recv_array",
    "recv_message",
    "recv_raw",
    "release",
    "send_array",
    "send_raw",
    "transport",
]


def __getattr__(name: str) -> str:
    if name == "__version__":  # on first use: importlib.metadata takes longer than all of framewire
        from importlib.metadata import version

        return version("framewire")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
