"""The array recipe of pyzmq's documentation ("Serializing messages with PyZMQ"), as it stands."""

from typing import Any

import numpy as np
import zmq


def send_array(
    socket: zmq.Socket[bytes], A: Any, flags: int = 0, copy: bool = True, track: bool = False
) -> Any:
    """Send a numpy array with metadata."""
    md = dict(
        dtype=str(A.dtype),
        shape=A.shape,
    )
    socket.send_json(md, flags | zmq.SNDMORE)
    return socket.send(A, flags, copy=copy, track=track)


def recv_array(
    socket: zmq.Socket[bytes], flags: int = 0, copy: bool = True, track: bool = False
) -> Any:
    """Receive a numpy array."""
    md: Any = socket.recv_json(flags=flags)
    msg: Any = socket.recv(flags=flags, copy=copy, track=track)
    A = np.frombuffer(msg, dtype=md["dtype"])
    return A.reshape(md["shape"])
