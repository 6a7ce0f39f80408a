"""Wires of others, which have no room for a signature, on sockets whose codec has a key."""

from typing import Any

import zmq

from .._codec import codec_for

__all__ = ["refuse_key"]


def refuse_key(socket: zmq.Socket[Any], messages: str) -> None:
    """ValueError if the socket's codec has a key: such messages cannot be signed by it."""
    if codec_for(socket, None).key:
        raise ValueError(
            f"the socket's codec has a key, and {messages} are not signed by it: for these, "
            "socket.codec = Codec(key={}); send_value and recv_value sign and verify"
        )
