from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias, overload

import numpy as np
import zmq
from numpy.typing import NDArray
from typing_extensions import Buffer

__all__ = ["note_overrides", "recv", "recv_into", "recv_multipart", "send", "send_multipart"]

# numpy's stubs have __buffer__ from Python 3.12 on only
_Buffer: TypeAlias = Buffer | NDArray[Any] | np.generic

def note_overrides(cls: type, names: Iterable[str]) -> None: ...

# As in pyzmq. Its types leave out that what is sent in place without `track` has no tracker.
@overload
def send(
    socket: zmq.Socket[Any],
    data: _Buffer,
    flags: int = 0,
    copy: Literal[True] = True,
    track: bool = False,
    routing_id: int | None = None,
    group: str | None = None,
) -> None: ...
@overload
def send(
    socket: zmq.Socket[Any],
    data: _Buffer,
    flags: int = 0,
    *,
    copy: Literal[False],
    track: bool = False,
    routing_id: int | None = None,
    group: str | None = None,
) -> zmq.MessageTracker: ...
@overload
def send(
    socket: zmq.Socket[Any],
    data: _Buffer,
    flags: int,
    copy: Literal[False],
    track: bool = False,
    routing_id: int | None = None,
    group: str | None = None,
) -> zmq.MessageTracker: ...
@overload
def send(
    socket: zmq.Socket[Any],
    data: _Buffer,
    flags: int,
    copy: bool = True,
    track: bool = False,
    routing_id: int | None = None,
    group: str | None = None,
) -> zmq.MessageTracker | None: ...
@overload
def send(
    socket: zmq.Socket[Any],
    data: zmq.Frame,
    flags: int = 0,
    copy: bool = True,
    track: bool = False,
    routing_id: int | None = None,
    group: str | None = None,
) -> zmq.MessageTracker: ...
def send_multipart(
    socket: zmq.Socket[Any],
    msg_parts: Sequence[_Buffer | zmq.Frame],
    flags: int = 0,
    copy: bool = True,
    track: bool = False,
    **kwargs: Any,
) -> zmq.MessageTracker | None: ...
@overload
def recv(
    socket: zmq.Socket[Any], flags: int = 0, copy: Literal[True] = True, track: bool = False
) -> bytes: ...
@overload
def recv(
    socket: zmq.Socket[Any], flags: int = 0, *, copy: Literal[False], track: bool = False
) -> zmq.Frame: ...
@overload
def recv(
    socket: zmq.Socket[Any], flags: int, copy: Literal[False], track: bool = False
) -> zmq.Frame: ...
@overload
def recv(
    socket: zmq.Socket[Any], flags: int = 0, copy: bool = True, track: bool = False
) -> bytes | zmq.Frame: ...
@overload
def recv_multipart(
    socket: zmq.Socket[Any], flags: int = 0, copy: Literal[True] = True, track: bool = False
) -> list[bytes]: ...
@overload
def recv_multipart(
    socket: zmq.Socket[Any], flags: int = 0, *, copy: Literal[False], track: bool = False
) -> list[zmq.Frame]: ...
@overload
def recv_multipart(
    socket: zmq.Socket[Any], flags: int, copy: Literal[False], track: bool = False
) -> list[zmq.Frame]: ...
@overload
def recv_multipart(
    socket: zmq.Socket[Any], flags: int = 0, copy: bool = True, track: bool = False
) -> list[bytes] | list[zmq.Frame]: ...
def recv_into(
    socket: zmq.Socket[Any], buffer: Any, /, *, nbytes: int = 0, flags: int = 0
) -> int: ...
