from typing import Any

import zmq

__all__ = ["type_of"]

def type_of(socket: zmq.Socket[Any]) -> zmq.SocketType | None: ...
