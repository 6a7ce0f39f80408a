from collections.abc import Iterable, Sequence
from typing import Any

import zmq
from numpy.typing import NDArray

from ._codec import Codec

__all__ = ["send_many"]

def send_many(
    socket: zmq.Socket[Any],
    values: Iterable[Any] | NDArray[Any],
    flags: int = 0,
    copy: bool | None = None,
    *,
    serializer: str | Sequence[str] | None = None,
    topic: str | bytes | None = None,
    meta: Any = None,
    packed: bool = False,
    codec: Codec | str | None = None,
) -> int: ...
