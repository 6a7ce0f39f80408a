from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, TypeVar, overload

import zmq
from numpy.typing import NDArray
from typing_extensions import Buffer

from ._codec import Codec
from .tracker import MessageTracker

__all__ = ["dumps", "dumps_apart", "loads", "loads_known", "parse_head", "recv_value", "send_value"]

_T = TypeVar("_T")
_Names: TypeAlias = str | Sequence[str]
_Codec: TypeAlias = Codec | _Names
# numpy's stubs have __buffer__ from Python 3.12 on only
_Exporter: TypeAlias = Buffer | NDArray[Any]

# None without `track`. Any, since who tracks has not to ask.
def send_value(
    socket: zmq.Socket[Any],
    value: Any,
    flags: int = 0,
    copy: bool | None = None,
    track: bool = False,
    *,
    serializer: _Names | None = None,
    topic: str | bytes | None = None,
    envelope: Iterable[Buffer] | None = None,
    meta: Any = None,
    packed: bool = False,
    codec: _Codec | None = None,
) -> MessageTracker | Any: ...
@overload
def recv_value(
    socket: zmq.Socket[Any],
    flags: int = 0,
    *,
    type: type[_T],
    copy: bool | None = None,
    codec: _Codec | None = None,
) -> _T: ...
@overload
def recv_value(
    socket: zmq.Socket[Any],
    flags: int = 0,
    *,
    type: Any = None,
    copy: bool | None = None,
    codec: _Codec | None = None,
) -> Any: ...
def dumps(
    value: Any,
    *,
    serializer: _Names | None = None,
    copy: bool | None = None,
    meta: Any = None,
    packed: bool = False,
    codec: _Codec | None = None,
) -> list[bytes | memoryview]: ...
def dumps_apart(
    value: Any,
    serializer: _Names | None,
    context: dict[str, Any] | None,
    codec: Codec | None = None,
) -> list[bytes | memoryview]: ...
@overload
def loads(
    frames: _Exporter | Iterable[_Exporter],
    *,
    type: type[_T],
    copy: bool | None = None,
    codec: _Codec | None = None,
) -> _T: ...
@overload
def loads(
    frames: _Exporter | Iterable[_Exporter],
    *,
    type: Any = None,
    copy: bool | None = None,
    codec: _Codec | None = None,
) -> Any: ...
def loads_known(
    frames: Iterable[_Exporter], codec: Codec, copy: bool | None, type: Any, context: dict[str, Any]
) -> Any: ...
def parse_head(
    frames: Iterable[_Exporter],
    socket: zmq.Socket[Any] | None = None,
    codec: Codec | None = None,
) -> tuple[int, str, bytes | None, tuple[int, int, int] | None] | None: ...
