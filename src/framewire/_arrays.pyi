from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import zmq
from numpy.typing import DTypeLike, NDArray
from typing_extensions import Buffer

from ._codec import Codec
from .tracker import MessageTracker

__all__ = ["loads_array", "recv_array", "send_array"]

_Array: TypeAlias = NDArray[Any] | np.generic
# numpy's stubs have __buffer__ from Python 3.12 on only
_Exporter: TypeAlias = Buffer | NDArray[Any]
_Shape: TypeAlias = int | Sequence[int]

# None without `track`. Any, since who tracks has not to ask.
def send_array(
    socket: zmq.Socket[Any],
    A: _Array,
    flags: int = 0,
    copy: bool | None = None,
    track: bool = False,
    *,
    topic: str | bytes | None = None,
    meta: Any = None,
    packed: bool = False,
    codec: Codec | str | None = None,
) -> MessageTracker | Any: ...
def recv_array(
    socket: zmq.Socket[Any],
    flags: int = 0,
    copy: bool | None = None,
    track: bool = False,
    *,
    out: NDArray[Any] | None = None,
    dtype: DTypeLike | None = None,
    shape: _Shape | None = None,
    codec: Codec | str | None = None,
) -> NDArray[Any]: ...
def loads_array(
    frames: _Exporter | Iterable[_Exporter],
    *,
    copy: bool | None = None,
    out: NDArray[Any] | None = None,
    dtype: DTypeLike | None = None,
    shape: _Shape | None = None,
    codec: Codec | str | None = None,
) -> NDArray[Any]: ...
