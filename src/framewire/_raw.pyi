from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import zmq
from numpy.typing import NDArray
from typing_extensions import Buffer

from .tracker import MessageTracker

__all__ = ["recv_raw", "send_raw"]

# numpy's stubs have __buffer__ from Python 3.12 on only
_Exporter: TypeAlias = Buffer | NDArray[Any] | np.generic

# None without `track`. Any, since who tracks has not to ask.
def send_raw(
    socket: zmq.Socket[Any],
    buffers: _Exporter | Sequence[_Exporter],
    flags: int = 0,
    copy: bool | None = None,
    track: bool = False,
) -> MessageTracker | Any: ...
def recv_raw(socket: zmq.Socket[Any], flags: int = 0) -> list[memoryview]: ...
