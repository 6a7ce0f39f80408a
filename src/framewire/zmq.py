"""pyzmq's names, with framewire's `Context` and `Socket`: ``import framewire.zmq as zmq``."""

from typing import Any

import zmq as _pyzmq
from zmq import *  # noqa: F403

from .socket import Context, Socket

__all__ = [*_pyzmq.__all__, "Context", "Socket"]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):  # with pyzmq's __path__, a submodule would be loaded again
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_pyzmq, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_pyzmq)})
