"""zmq.asyncio's names, with framewire's `Context` and `Socket`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # see framewire.zmq
    from ..asyncio import Context, Socket

import zmq.asyncio as _pyzmq
from zmq.asyncio import *  # type: ignore[assignment]  # noqa: F403

from ..asyncio import Context, Socket

__all__ = [*_pyzmq.__all__, "Context", "Socket"]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_pyzmq, name)
