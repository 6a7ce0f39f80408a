from typing import Any

import zmq
from numpy.typing import NDArray

from ._codec import Codec
from .batch import Batch

__all__ = ["recv_many"]

def recv_many(
    socket: zmq.Socket[Any],
    max_messages: int | None,
    timeout: float | None = None,
    *,
    out: NDArray[Any] | None = None,
    type: Any = None,
    copy: bool | None = None,
    codec: Codec | str | None = None,
) -> Batch: ...
