from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar, overload

import zmq

__all__ = [
    "recv_json",
    "recv_pyobj",
    "recv_serialized",
    "recv_string",
    "restricted",
    "send_json",
    "send_pyobj",
    "send_serialized",
    "send_string",
]

_T = TypeVar("_T")

def send_string(
    socket: zmq.Socket[Any],
    u: str,
    flags: int = 0,
    copy: bool = True,
    encoding: str = "utf-8",
    **kwargs: Any,
) -> zmq.MessageTracker | None: ...
def recv_string(socket: zmq.Socket[Any], flags: int = 0, encoding: str = "utf-8") -> str: ...
def send_json(socket: zmq.Socket[Any], obj: Any, flags: int = 0, **kwargs: Any) -> None: ...
def recv_json(socket: zmq.Socket[Any], flags: int = 0, **kwargs: Any) -> Any: ...
def send_pyobj(
    socket: zmq.Socket[Any], obj: Any, flags: int = 0, protocol: int = ..., **kwargs: Any
) -> zmq.MessageTracker | None: ...
def recv_pyobj(
    socket: zmq.Socket[Any],
    flags: int = 0,
    *,
    globals: Collection[tuple[str, str]] | None = None,
) -> Any: ...
def send_serialized(
    socket: zmq.Socket[Any],
    msg: _T,
    serialize: Callable[[_T], Sequence[Any]],
    flags: int = 0,
    copy: bool = True,
    **kwargs: Any,
) -> zmq.MessageTracker | None: ...
@overload
def recv_serialized(
    socket: zmq.Socket[Any],
    deserialize: Callable[[list[bytes]], _T],
    flags: int = 0,
    copy: bool = True,
) -> _T: ...
@overload
def recv_serialized(
    socket: zmq.Socket[Any],
    deserialize: Callable[[list[zmq.Frame]], _T],
    flags: int = 0,
    copy: bool = True,
) -> _T: ...
def restricted(allowed: Collection[tuple[str, str]]) -> Callable[[Any], Any]: ...
