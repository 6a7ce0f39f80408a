"""`Socket` and `Context`: pyzmq's, with framewire's functions as methods."""

from typing import Any

import zmq

from ._arrays import recv_array, send_array
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
from .message import recv_message

__all__ = ["Context", "Socket", "install", "uninstall"]

# What pyzmq's methods call in turn: who overrides one of these means the others too.
_BUILT_ON = {
    "send": "send_multipart send_serialized send_json send_pyobj send_string send_unicode",
    "send_multipart": "send_serialized",
    "recv": "recv_multipart recv_serialized recv_json recv_pyobj recv_string recv_unicode",
    "recv_multipart": "recv_serialized",
    "_deserialize": "recv_serialized recv_json recv_pyobj recv_string recv_unicode",
}


class Socket(zmq.Socket[Any]):
    """A `zmq.Socket` that does pyzmq's own calls faster, and sends and receives arrays.

    Each method is the function of that name. A subclass that overrides ``send``, ``recv``,
    ``send_multipart``, ``recv_multipart`` or ``_deserialize`` gets pyzmq's own versions of the
    calls that are built on it, so that these come by the override.
    """

    _repr_cls = "framewire.Socket"

    send = send
    recv = recv
    recv_into = recv_into
    send_multipart = send_multipart
    recv_multipart = recv_multipart
    send_string = send_unicode = send_string
    recv_string = recv_unicode = recv_string
    send_json = send_json
    recv_json = recv_json
    send_pyobj = send_pyobj
    recv_pyobj = recv_pyobj
    send_serialized = send_serialized
    recv_serialized = recv_serialized
    send_array = send_array
    recv_array = recv_array
    send_raw = send_raw
    recv_raw = recv_raw
    recv_message = recv_message

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, above in _BUILT_ON.items():
            if getattr(cls, name) is not getattr(Socket, name):
                for each in above.split():
                    if getattr(cls, each) is getattr(Socket, each):
                        setattr(cls, each, getattr(zmq.Socket, each))


class Context(zmq.Context[Socket]):
    """A `zmq.Context` whose sockets are `framewire.Socket`."""

    _repr_cls = "framewire.Context"
    _socket_class = Socket
    # not shared with zmq.Context.instance(), whose sockets are plain ones
    _instance = None


_AnyContext: Any = zmq.Context
_plain_socket_class = _AnyContext._socket_class


def install() -> None:
    """Make `zmq.Context` give out `framewire.Socket` from now on, in the whole process.

    Contexts that exist already do so too; sockets that exist stay as they are, and so do contexts
    with a socket class of their own, such as zmq.asyncio's. See `uninstall`.
    """
    _AnyContext._socket_class = Socket


def uninstall() -> None:
    """Undo `install`: `zmq.Context` gives out plain sockets again."""
    _AnyContext._socket_class = _plain_socket_class
