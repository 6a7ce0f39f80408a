"""pyzmq's names, with framewire's `Context` and `Socket`: ``import framewire.zmq as zmq``."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for mypy the first of several imports of a name is what it is
    from ..socket import Context, Socket

import zmq as _pyzmq
from zmq import *  # type: ignore[assignment]  # noqa: F403

from ..socket import Context, Socket

__all__ = [*_pyzmq.__all__, "Context", "Socket"]

_OURS = ("asyncio", "green")  # submodules: the others are pyzmq's


def __getattr__(name: str) -> Any:
    if name.startswith("__"):  # pyzmq's __path__ and the like are not ours
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _OURS:
        return import_module(f"{__name__}.{name}")
    return getattr(_pyzmq, name)


def __dir__() -> list[str]:
    return sorted({*globals(), "asyncio", *dir(_pyzmq)})  # not green, which needs gevent
