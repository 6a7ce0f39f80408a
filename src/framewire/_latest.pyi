from typing import Any

import zmq

from ._codec import Codec

__all__ = ["recv_latest"]

def recv_latest(
    socket: zmq.Socket[Any],
    flags: int = 0,
    *,
    type: Any = None,
    copy: bool | None = None,
    codec: Codec | str | None = None,
) -> Any: ...
