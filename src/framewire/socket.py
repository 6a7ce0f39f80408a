"""`Socket` and `Context`: pyzmq's, with framewire's functions as methods."""

import sys
from types import GenericAlias
from typing import TYPE_CHECKING, Any

import zmq

from ._arrays import recv_array, send_array
from ._batch import recv_many
from ._batchsend import send_many
from ._calls import recv_value, send_value
from ._codec import Codec, as_codec, default_codec, note_codec
from ._latest import recv_latest
from ._multipart import (
    note_overrides,
    recv,
    recv_into,
    recv_multipart,
    send,
    send_multipart,
)
from ._raw import recv_raw, send_raw
from ._serialized import (
    recv_json,
    recv_pyobj,
    recv_serialized,
    recv_string,
    send_json,
    send_pyobj,
    send_serialized,
    send_string,
)
from .message import recv_message
from .stats import stats

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Context", "Socket", "install", "uninstall"]

# What pyzmq builds its other calls on: these come by a subclass's override.
_BASES = ("send", "send_multipart", "recv", "recv_multipart", "_deserialize")


class HasCodec:
    """The level of a context, or of a socket: see `Codec`."""

    _codec: Codec | None = None  # resolved; None where it is that of the level above

    def __init__(self, *args: Any, codec: Any = None, serializer: Any = None, **kwargs: Any):
        super().__init__(*args, **kwargs)  # pyzmq's
        chosen = as_codec(codec, serializer)
        if chosen is not None or self._inherited() is not None:
            self.codec = chosen

    @property
    def codec(self) -> Codec:
        """The codec of this level, everything set. Assign a Codec, a serializer's name, or None."""
        return self._codec or default_codec()

    @codec.setter
    def codec(self, codec: Any) -> None:
        self._codec = note_codec(as_codec(codec), self._inherited())

    def _inherited(self) -> Codec | None:
        """The codec of the level above; None where that is the process's."""
        return None


class SocketCodec(HasCodec):
    """The level of a socket."""

    def _inherited(self) -> Codec | None:
        return getattr(getattr(self, "context", None), "_codec", None)


class Socket(SocketCodec, zmq.Socket[Any]):
    """A `zmq.Socket` that does pyzmq's own calls faster, and sends and receives arrays and values.

    Each method is the function of that name. Where a subclass overrides ``send``, ``recv``,
    ``send_multipart``, ``recv_multipart`` or ``_deserialize``, those of pyzmq's calls that are
    built on it come by the override, as in pyzmq.
    """

    _repr_cls = "framewire.Socket"

    __class_getitem__: Any = classmethod(GenericAlias)  # zmq.Socket[bytes], as in pyzmq

    send = send
    recv = recv
    recv_into = recv_into
    send_multipart = send_multipart
    recv_multipart = recv_multipart
    send_string = send_unicode = send_string
    recv_string = recv_unicode = recv_string
    send_json = send_json
    recv_json = recv_json
    send_pyobj = send_pyobj
    recv_pyobj = recv_pyobj
    send_serialized = send_serialized
    recv_serialized = recv_serialized
    send_array = send_array
    recv_array = recv_array
    send_value = send_value
    recv_value = recv_value
    send_raw = send_raw
    recv_raw = recv_raw
    recv_message = recv_message
    send_many = send_many
    recv_many = recv_many
    recv_latest = recv_latest
    stats = stats

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        names = [name for name in _BASES if getattr(cls, name) is not getattr(Socket, name)]
        if names:
            note_overrides(cls, names)


class Context(HasCodec, zmq.Context[Socket]):
    """A `zmq.Context` whose sockets are `framewire.Socket`.

    ``Context(codec=...)``, or ``Context(serializer="json")``, is for all sockets made from then on
    that have no codec of their own: ``context.socket(zmq.PUSH, codec=...)``.
    """

    _repr_cls = "framewire.Context"
    _socket_class = Socket
    _instance: Any = None
    _of_pyzmq: Any = zmq.Context  # whose instance this one's stands for
    _shared: Any = None  # the context that this one stands for

    __class_getitem__: Any = classmethod(GenericAlias)

    @classmethod
    def instance(cls, io_threads: int = 1) -> "Self":
        """`zmq.Context.instance()` as a framewire context: the same of libzmq, for our sockets.

        So inproc endpoints and authenticators of libraries that use pyzmq's instance are those of
        the sockets made here. To terminate or destroy either is to do so to both.
        """
        shared: Any = cls._of_pyzmq.instance(io_threads)
        with cls._instance_lock:
            mine: Any = cls._instance
            if type(mine) is not cls or mine._shared is not shared:
                mine = cls._instance = cls.shadow(shared.underlying)
                mine._shared = shared
                mine._sockets = shared._sockets  # for `destroy` of either
        return mine  # type: ignore[no-any-return]

    def term(self) -> None:
        """Terminate the context; see `zmq.Context.term`."""
        if self._shared is None:
            super().term()
        elif not self.closed:
            self._shared.term()
            self.closed = True


def _classes() -> "list[tuple[Any, type]]":
    """pyzmq's contexts, and our sockets for them."""
    from . import asyncio  # not before: it takes as long to import as all else

    classes: list[tuple[Any, type]] = [
        (zmq.Context, Socket),
        (asyncio.Context._of_pyzmq, asyncio.Socket),
    ]
    if "gevent" in sys.modules:  # who does not use it should not have to import it
        from . import green

        classes.append((green.Context._of_pyzmq, green.Socket))
    return classes


_pyzmqs: "dict[Any, Any]" = {}  # while `install` holds: what pyzmq's contexts gave out


def install() -> None:
    """Make pyzmq's contexts give out framewire's sockets from now on, in the whole process.

    `zmq.Context`, `zmq.asyncio.Context` and, if gevent has been imported by then,
    `zmq.green.Context`. Contexts that exist already do so too; sockets that exist stay as they are,
    and so do contexts with a socket class of their own. See `uninstall`.
    """
    for context, socket in _classes():
        _pyzmqs.setdefault(context, context._socket_class)
        context._socket_class = socket


def uninstall() -> None:
    """Undo `install`: pyzmq's contexts give out plain sockets again."""
    while _pyzmqs:
        context, socket = _pyzmqs.popitem()
        context._socket_class = socket
