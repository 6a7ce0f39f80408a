"""zmq.green's names, with framewire's `Context`, `Socket` and `Poller`."""

from typing import Any

from .. import green as _green  # noqa: F401  # first: without gevent it says what to install

# isort: split
import zmq.green as _pyzmq
from zmq.green import *  # noqa: F403

from ..green import Context, Poller, Socket

__all__ = [*_pyzmq.__all__, "Context", "Poller", "Socket"]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_pyzmq, name)
