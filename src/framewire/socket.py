"""`Socket` and `Context`: pyzmq's, with framewire's functions as methods."""

from typing import Any

import zmq

from ._arrays import recv_array, send_array
from ._raw import recv_raw, send_raw
from ._transport import note_sent
from .message import recv_message

__all__ = ["Context", "Socket"]


class Socket(zmq.Socket[Any]):
    """A `zmq.Socket` that also sends and receives arrays and raw frames.

    Each method is the function of that name.
    """

    send_array = send_array
    recv_array = recv_array
    send_raw = send_raw
    recv_raw = recv_raw
    recv_message = recv_message

    def send(self, data: Any, flags: int = 0, *args: Any, **kwargs: Any) -> Any:
        """`zmq.Socket.send`; what it begins with SNDMORE, framewire's may end, and back."""
        result = super().send(data, flags, *args, **kwargs)
        note_sent(self, flags)
        return result


class Context(zmq.Context[Socket]):
    """A `zmq.Context` whose sockets are `framewire.Socket`."""

    _socket_class = Socket
    # not shared with zmq.Context.instance(), whose sockets are plain ones
    _instance = None
