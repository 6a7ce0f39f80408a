from collections.abc import Sequence
from typing import Any

import zmq
from typing_extensions import Buffer

from .tracker import MessageTracker

__all__ = ["recv_raw", "send_raw"]

def send_raw(
    socket: zmq.Socket[Any],
    buffers: Buffer | Sequence[Buffer],
    flags: int = 0,
    copy: bool | None = None,
    track: bool = False,
) -> MessageTracker | None: ...
def recv_raw(socket: zmq.Socket[Any], flags: int = 0) -> list[memoryview]: ...
