"""`Context` and `Socket` for asyncio: what `framewire.Socket` sends and receives, to be awaited."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from functools import partial, wraps
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast

import numpy
import zmq
import zmq.asyncio
from numpy.typing import NDArray
from zmq.asyncio import Poller

from . import _arrays, _batch, _batchsend, _calls, _latest, _raw, message
from . import socket as plain
from ._codec import Codec
from ._unfinished import has_begun
from .batch import Batch
from .futures import DONTWAIT, FutureSocket
from .lines import Line, is_lost
from .stats import Stats, stats

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Context", "Poller", "Socket"]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_MISSING: Any = object()

MOST = 1024  # messages that one step takes or sends: what there is no need to release the GIL for,
MOST_BYTES = 8 << 20  # or rows of so many bytes
STEP = 0.001  # seconds that a step of send_many should take,
LEAST = 16  # which begins with so many values


def _receiving(
    function: Callable[Concatenate[Any, _P], _T],
) -> Callable[Concatenate[Any, _P], Coroutine[Any, Any, _T]]:
    """The coroutine of a function that receives: ``function(socket, flags=0, ...)``."""
    call: Any = function

    @wraps(function)
    async def receive(self: Any, flags: int = 0, *args: Any, **kwargs: Any) -> Any:
        line: Line = self._incoming
        if self._turns.over() and not self._has_more():  # before anything is taken
            await asyncio.sleep(0)
        if flags & DONTWAIT:
            return call(self, flags, *args, **kwargs)
        if not line.queue or self._has_more():
            try:
                return call(self, flags | DONTWAIT, *args, **kwargs)
            except zmq.ZMQError as error:
                if error.errno not in line.not_yet:
                    raise
        again = partial(call, self, flags | DONTWAIT, *args, **kwargs)
        return await self._wait(line, self._limit(line), again)

    return cast(Callable[Concatenate[Any, _P], Coroutine[Any, Any, _T]], receive)


def _sending(
    function: Callable[Concatenate[Any, _P], _T], named: str
) -> Callable[Concatenate[Any, _P], Coroutine[Any, Any, _T]]:
    """The coroutine of a function that sends: ``function(socket, what, flags=0, ...)``."""
    call: Any = function

    @wraps(function)
    async def send(
        self: Any, what: Any = _MISSING, flags: int = 0, *args: Any, **kwargs: Any
    ) -> Any:
        line: Line = self._outgoing
        if what is _MISSING:  # given by its name, or not at all: then the call says so
            what = kwargs.pop(named) if named in kwargs else call(self)
        begun = has_begun(self)
        if not begun and self._turns.over():  # before anything is sent
            await asyncio.sleep(0)
        if flags & DONTWAIT:
            return call(self, what, flags, *args, **kwargs)
        if begun or not line.queue:
            try:
                return call(self, what, flags | DONTWAIT, *args, **kwargs)
            except zmq.Again as error:
                if is_lost(error):
                    raise
        again = partial(call, self, what, flags | DONTWAIT, *args, **kwargs)
        return await self._wait(line, self._limit(line), again)

    return cast(Callable[Concatenate[Any, _P], Coroutine[Any, Any, _T]], send)


def _at_once(max_messages: int | None, out: Any) -> int | None:
    """How many messages recv_many may take in one step; it itself says what is wrong with them."""
    most = MOST
    if isinstance(out, numpy.ndarray) and out.ndim > 0 and len(out) > 0:
        max_messages = len(out) if max_messages is None else max_messages
        most = max(1, min(MOST, MOST_BYTES // max(1, out[:1].nbytes)))
    return max_messages if max_messages is None else min(max_messages, most)


class Step:
    """How many values send_many takes at a time: more while that is quick, and there is room."""

    def __init__(self, values: Any) -> None:
        self.rows = values if isinstance(values, numpy.ndarray) else None
        self.values = iter(values)
        self.ahead: list[Any] = []  # what was taken from an iterator, and not sent yet
        self.size = LEAST
        self.chunk: Any = None

    def fill(self, sent: int) -> bool:
        """Put what comes after so many that were sent into `chunk`. Is there anything?"""
        self.begun = monotonic()
        if self.rows is not None:
            self.chunk = self.rows[sent : sent + self.size]
        else:
            self.ahead += islice(self.values, max(0, self.size - len(self.ahead)))
            self.chunk = self.ahead[: self.size]
        return len(self.chunk) > 0

    def done(self, sent: int) -> None:
        """So many of the chunk were sent."""
        if sent < len(self.chunk):
            self.size = max(LEAST, 2 * sent)
        elif monotonic() - self.begun > STEP:
            self.size = max(1, self.size // 2)
        else:
            self.size = min(2 * self.size, MOST)
        del self.ahead[:sent]


class Socket(plain.SocketCodec, FutureSocket):
    """A `zmq.asyncio.Socket` that sends and receives arrays and values, and is faster.

    pyzmq's own calls return futures, as in `zmq.asyncio`. framewire's are coroutines of the
    functions of those names, with their arguments, results and exceptions. They do not wait, and
    make no future, if the message is there or there is room for it; else they wait until the
    socket is ready, for RCVTIMEO or SNDTIMEO at most, and take the message in the step that returns
    it: one that is cancelled has taken, or sent, nothing.

    ``async for message in socket`` gives each `Message`, as `recv_message`.

    Raises
    ------
    asyncio.CancelledError
        The socket is closed while a call waits, as in pyzmq.
    """

    _repr_cls = "framewire.asyncio.Socket"

    send_array = _sending(_arrays.send_array, "A")
    recv_array = _receiving(_arrays.recv_array)
    send_value = _sending(_calls.send_value, "value")
    recv_value = _receiving(_calls.recv_value)
    send_raw = _sending(_raw.send_raw, "buffers")
    recv_raw = _receiving(_raw.recv_raw)
    recv_message = _receiving(message.recv_message)
    recv_latest = _receiving(_latest.recv_latest)

    def _inherited(self) -> Codec | None:
        """That of the socket that this one was made from, or of the context."""
        codec: Codec | None = self.__dict__["_lent"].__dict__.get("_codec")
        return codec or super()._inherited()

    def __aiter__(self) -> "Self":
        return self

    def __anext__(self) -> Awaitable[message.Message]:
        return self.recv_message()

    def stats(self) -> Stats:
        """See `framewire.stats`."""
        return stats(self)

    async def recv_many(
        self,
        max_messages: int | None,
        timeout: float | None = None,
        *,
        out: NDArray[Any] | None = None,
        type: Any = None,
        copy: bool | None = None,
        codec: Codec | str | None = None,
    ) -> Batch:
        """Wait for a message, and receive it and those that are there then, up to `max_messages`.

        As `framewire.recv_many`, but that it does not wait for more when it has one, and takes at
        most 1024, or rows of 8 MiB, at a time: what it held while it waits would be lost if it were
        cancelled, and other tasks are to have their turn.

        Parameters
        ----------
        max_messages, out, type, copy, codec
            As for `framewire.recv_many`.
        timeout : float, optional
            Milliseconds to wait for the first message; negative: no limit. None is the socket's
            RCVTIMEO. 0 takes what is there.

        Returns
        -------
        Batch
            It is empty if nothing came in time.
        """
        line: Line = self._incoming
        max_messages = _at_once(max_messages, out)
        if timeout is not None and math.isnan(timeout):
            raise ValueError("a timeout that is no number")
        taken = {"type": type, "copy": copy, "codec": codec}

        def take() -> Batch:
            return _batch.recv_many(self, max_messages, 0, out=out, **taken)

        def take_some() -> Batch:
            batch = take()
            if max_messages and not len(batch) and not batch.errors:
                raise zmq.Again
            return batch

        if self._turns.over():
            await asyncio.sleep(0)
        try:
            if timeout == 0 or not line.queue:
                return take() if timeout == 0 else take_some()
        except zmq.ZMQError as error:
            if timeout == 0 or error.errno not in line.not_yet:
                raise
        limit = self._limit(line) if timeout is None else None if timeout < 0 else timeout * 1e-3
        try:
            return await self._wait(line, limit, take_some)
        except zmq.Again:
            return take()

    async def send_many(
        self,
        values: Iterable[Any] | NDArray[Any],
        flags: int = 0,
        copy: bool | None = None,
        *,
        serializer: str | Sequence[str] | None = None,
        topic: str | bytes | None = None,
        meta: Any = None,
        packed: bool = False,
        codec: Codec | str | None = None,
    ) -> int:
        """Send many values, or the rows of an array, each as a message of its own.

        As `framewire.send_many`; what is raised, asyncio.CancelledError too, has the attribute
        ``sent``: how many messages were sent before.

        Returns
        -------
        int
            How many messages were sent. It is less than all only with ``zmq.DONTWAIT``, or when
            there was no room for one for the socket's SNDTIMEO. Of an iterator more has been taken
            than was sent, up to 1024 values.
        """
        send: Callable[[Any], int] = partial(
            _batchsend.send_many,
            self,
            flags=flags | DONTWAIT,
            copy=copy,
            serializer=serializer,
            topic=topic,
            meta=meta,
            packed=packed,
            codec=codec,
        )
        if (
            isinstance(values, (str, bytes, bytearray, memoryview))
            or getattr(values, "ndim", 1) == 0
        ):
            return send(values)  # which says that they are not many
        total = 0
        step = Step(values)
        try:
            while step.fill(total):
                if self._turns.over():
                    await asyncio.sleep(0)
                sent = await self._send_some(send, step.chunk, flags)
                total += sent
                if not sent:
                    break
                step.done(sent)
        except BaseException as error:
            error.sent = total + getattr(error, "sent", 0)  # type: ignore[attr-defined]
            raise
        return total

    async def _send_some(self, send: Callable[[Any], int], chunk: Any, flags: int) -> int:
        """Send what there is room for; at least one, if it is to wait, and time is left."""
        line: Line = self._outgoing
        if flags & DONTWAIT or not line.queue:
            sent = send(chunk)
            if sent or flags & DONTWAIT:
                return sent

        def send_one_or_more() -> int:
            sent = send(chunk)
            if not sent:
                raise zmq.Again
            return sent

        try:
            return await self._wait(line, self._limit(line), send_one_or_more)
        except zmq.Again as error:
            if is_lost(error):
                raise
            return 0


class Context(plain.Context, zmq.asyncio.Context):
    """A `zmq.asyncio.Context` whose sockets are `framewire.asyncio.Socket`.

    ``Context(codec=...)`` is as for `framewire.Context`. `instance` is that of `zmq.asyncio`, for
    framewire's sockets.
    """

    _repr_cls = "framewire.asyncio.Context"
    _socket_class: Any = Socket
    _of_pyzmq = zmq.asyncio.Context

    if TYPE_CHECKING:

        def socket(  # type: ignore[override]
            self, socket_type: int, socket_class: Any = None, **kwargs: Any
        ) -> Socket: ...
