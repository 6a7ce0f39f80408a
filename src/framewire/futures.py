"""The asyncio socket of pyzmq with framewire's calls below its own, which return futures."""

import asyncio
import warnings
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any

import zmq

from ._json import json_dumps, json_loads
from ._serialized import restricted
from ._unfinished import has_begun
from .lines import Line, WaitingSocket, Wake, is_lost, settle

__all__ = ["DONTWAIT", "FutureSocket"]

_Future = asyncio.Future[Any]

# Plain numbers: the operators of pyzmq's enumerations take longer than a receive.
DONTWAIT, SNDMORE = int(zmq.DONTWAIT), int(zmq.SNDMORE)


def _load(future: Wake, load: Callable[[Any], Any], recvd: _Future) -> None:
    if recvd.cancelled():
        future.cancel()
    elif not future.done():
        future.serve(lambda: load(recvd.result()))
    elif recvd.exception() is None:
        text = f"{future} was cancelled as {recvd} was done: a message has been dropped!"
        warnings.warn(text, RuntimeWarning, stacklevel=2)


class FutureSocket(WaitingSocket):
    """A `zmq.asyncio.Socket` whose calls are made by framewire's."""

    def _future(
        self, line: Line, future: _Future | None = None, call: Callable[[], Any] | None = None
    ) -> _Future:
        """A future in line, which leaves it as it is done; for the time that the socket allows."""
        if future is None:
            future = Wake(loop=self._get_loop())
        waiter = self._line_up(line, self._limit(line), future, call)
        future.add_done_callback(waiter.leave)
        return future

    def _add_recv_event(self, kind: str, *_: Any, future: Any = None, **__: Any) -> _Future:
        """A poller's future is to be done when there is something to receive."""
        return self._future(self._incoming, future)

    def _add_send_event(self, kind: str, *_: Any, future: Any = None, **__: Any) -> _Future:
        return self._future(self._outgoing, future)

    def _must_rest(self, line: Line) -> bool:
        """Is it time that others run, before a message is begun?"""
        return self._turns.overdue() and self._limit(line) != 0

    def _receive(self, receive: Callable[..., Any], flags: int, *args: Any) -> _Future:
        line = self._incoming
        at_once = flags & DONTWAIT
        if at_once or not (line.queue or self._must_rest(line)) or self._has_more():
            future: _Future = asyncio.Future()
            try:
                future.set_result(receive(flags | DONTWAIT, *args))
            except Exception as error:
                # else in its turn, as pyzmq's: a REQ may not be allowed to receive yet
                if at_once or not isinstance(error, zmq.ZMQError):
                    future.set_exception(error)
            if self._state:
                self._schedule_remaining_events()
            if future.done():
                return future
        return self._future(line, call=partial(receive, flags | DONTWAIT, *args))

    def _transmit(self, send: Callable[..., Any], data: Any, flags: int, *args: Any) -> _Future:
        line = self._outgoing
        at_once = flags & DONTWAIT
        # A program may send the rest without waiting: what begins a message gives up no turn.
        goes_on = flags & (DONTWAIT | SNDMORE)
        if has_begun(self) or not (line.queue or (not goes_on and self._must_rest(line))):
            future: _Future = asyncio.Future()
            try:
                future.set_result(send(data, flags | DONTWAIT, *args))
            except Exception as error:
                if at_once or not isinstance(error, zmq.Again) or is_lost(error):
                    future.set_exception(error)
            if self._state:
                self._schedule_remaining_events()
            if future.done():
                return future
        return self._future(line, call=partial(send, data, flags | DONTWAIT, *args))

    def recv(self, flags: int = 0, copy: bool = True, track: bool = False) -> Any:
        """`zmq.asyncio.Socket.recv`: a future of one frame."""
        return self._receive(self._shadow_sock.recv, flags, copy, track)

    def recv_multipart(self, flags: int = 0, copy: bool = True, track: bool = False) -> Any:
        """`zmq.asyncio.Socket.recv_multipart`: a future of all frames of a message."""
        return self._receive(self._shadow_sock.recv_multipart, flags, copy, track)

    def recv_into(self, buffer: Any, /, *, nbytes: int = 0, flags: int = 0) -> Any:
        """`zmq.asyncio.Socket.recv_into`: a future of how many bytes came into your memory."""
        receive: Any = partial(self._shadow_sock.recv_into, buffer, nbytes=nbytes)
        return self._receive(lambda flags: receive(flags=flags), flags)

    def send(  # type: ignore[override]  # routing_id and group are in kwargs
        self, data: Any, flags: int = 0, copy: bool = True, track: bool = False, **kwargs: Any
    ) -> Any:
        """`zmq.asyncio.Socket.send`: a future that is done when the frame has been sent."""
        send = self._shadow_sock.send
        return self._transmit(partial(send, **kwargs) if kwargs else send, data, flags, copy, track)

    def send_multipart(  # type: ignore[override]  # the same
        self, msg_parts: Any, flags: int = 0, copy: bool = True, track: bool = False, **kwargs: Any
    ) -> Any:
        """`zmq.asyncio.Socket.send_multipart`: a future that is done when all have been sent."""
        send = self._shadow_sock.send_multipart
        return self._transmit(
            partial(send, **kwargs) if kwargs else send, msg_parts, flags, copy, track
        )

    def send_json(self, obj: Any, flags: int = 0, **kwargs: Any) -> Any:
        """`zmq.asyncio.Socket.send_json`: the very bytes of ``json.dumps(obj)``."""
        if kwargs:
            return super().send_json(obj, flags, **kwargs)
        return self.send(json_dumps(obj), flags)

    def recv_json(self, flags: int = 0, **kwargs: Any) -> Any:
        """`zmq.asyncio.Socket.recv_json`: a future of the result of ``json.loads``."""
        if kwargs:
            return super().recv_json(flags, **kwargs)
        return self._deserialize(self.recv(flags), json_loads)

    def recv_pyobj(self, flags: int = 0, *, globals: Any = None) -> Any:
        """A future of what a pickle loads; with `globals`, as `framewire.recv_pyobj`.

        Warnings
        --------
        Without `globals`, **whoever can send to this socket can run any code in this process**.
        """
        if globals is None:
            return super().recv_pyobj(flags)
        return self._deserialize(self.recv(flags), restricted(globals))

    def _deserialize(self, recvd: Any, load: Callable[[Any], Any]) -> Any:
        """A future of what is loaded from the result of `recvd`; at once if that is done."""
        if recvd.done():
            future: _Future = asyncio.Future()
            settle(future, lambda: load(recvd.result()))
            return future
        future = Wake()
        # with a context, as a task's own: so this is done in the call that serves it
        recvd.add_done_callback(partial(_load, future, load), context=copy_context())
        future.add_done_callback(lambda _: future.cancelled() and recvd.cancel())
        return future
