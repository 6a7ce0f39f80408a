"""The asyncio socket of pyzmq with framewire's calls below it: who waits, and who is served when.

Nothing here takes a message before the step that hands it on, but the futures of pyzmq's own calls,
which hold it as soon as they are done.
"""

import asyncio
import warnings
from collections import deque
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, TypeVar

import zmq
import zmq.asyncio
from zmq import EVENTS

from . import socket as plain
from ._json import json_dumps, json_loads
from ._serialized import restricted
from ._unfinished import has_begun

__all__ = ["DONTWAIT", "Line", "WaitingSocket", "is_lost"]

_T = TypeVar("_T")
_Future = asyncio.Future[Any]

# Plain numbers: the operators of pyzmq's enumerations take longer than a receive.
DONTWAIT, SNDMORE = int(zmq.DONTWAIT), int(zmq.SNDMORE)
POLLIN, POLLOUT = int(zmq.POLLIN), int(zmq.POLLOUT)

TURN = 0.001  # seconds that a socket which is always ready has before the loop's other tasks
REFUSED = 0.001  # seconds until a send is tried again that libzmq refuses although it is writable

# What a closed socket's calls are made on: its shadow's handle is of memory that is gone.
_CLOSED = plain.Socket.__new__(plain.Socket)


class Turns:
    """When the tasks that use a socket which is always ready must let others run."""

    __slots__ = ("begun", "scheduled")

    def __init__(self) -> None:
        self.scheduled: Any = None  # the loop that is going to look at the socket's events
        self.begin()

    def begin(self) -> None:
        """The loop has run other tasks."""
        self.begun = monotonic()

    def over(self) -> bool:
        """Let others run now?"""
        if monotonic() - self.begun < TURN:
            return False
        self.begin()
        return True


class Wake(asyncio.Future[None]):
    """What a coroutine awaits. Its task goes on in the very call that serves it.

    That saves a turn of the loop, in which another thread can get hold of the GIL.
    """

    _wakeup: Any = None

    def add_done_callback(self, fn: Any, *, context: Any = None) -> None:
        """Called by the task, once, as it begins to wait."""
        self._wakeup = fn, context
        super().add_done_callback(fn, context=context)

    def serve(self) -> None:
        """Be done, and run the task until it waits for something else."""
        if self._wakeup is None or self._wakeup[1] is None:  # it is no task of asyncio's that waits
            self.set_result(None)
            return
        wakeup, context = self._wakeup
        self.remove_done_callback(wakeup)
        self.set_result(None)
        context.run(wakeup, self)


class Waiter:
    """A future that is done when the socket is ready, with what `call` returns if there is one."""

    __slots__ = ("call", "future", "timer")

    def __init__(self, future: _Future, call: Callable[[], Any] | None, timer: Any) -> None:
        self.future = future
        self.call = call
        self.timer = timer


class Line:
    """Those who wait for one event of a socket, in order."""

    __slots__ = ("event", "queue", "timeout", "waiting")

    def __init__(self, event: int, timeout: int, queue: deque[Waiter]) -> None:
        self.event = event
        self.timeout = timeout  # the option that bounds the wait
        self.queue = queue
        self.waiting = 0  # coroutines


def _expire(future: _Future) -> None:
    if not future.done():
        future.set_exception(zmq.Again())


def is_lost(error: zmq.Again) -> bool:
    """Was part of a message accepted, and then lost with its peer? The rest must not be sent."""
    return getattr(error, "lost", False)


def _settle(future: _Future, call: Callable[[], Any]) -> None:
    try:
        result = call()
    except Exception as error:
        future.set_exception(error)
    else:
        future.set_result(result)


def _load(future: _Future, load: Callable[[Any], Any], recvd: _Future) -> None:
    if recvd.cancelled():
        future.cancel()
    elif not future.done():
        _settle(future, lambda: load(recvd.result()))
    elif recvd.exception() is None:
        text = f"{future} was cancelled as {recvd} was done: a message has been dropped!"
        warnings.warn(text, RuntimeWarning, stacklevel=2)


class WaitingSocket(zmq.asyncio.Socket):
    """A `zmq.asyncio.Socket` by framewire's calls, with lines that coroutines can join."""

    _turns: Any = None  # pyzmq's sockets take no attribute that the class does not have
    _incoming: Any = None
    _outgoing: Any = None

    _state: Any  # pyzmq's: the events that are waited for
    _recv_futures: Any
    _send_futures: Any
    _shadow_sock: Any
    _get_loop: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[misc]  # the overloads name self
        self._turns = Turns()
        self._incoming = Line(POLLIN, zmq.RCVTIMEO, self._recv_futures)
        self._outgoing = Line(POLLOUT, zmq.SNDTIMEO, self._send_futures)
        self.__dict__["_lent"] = self._shadow_sock  # perhaps the socket that this one stands for
        self._shadow_sock = plain.Socket.shadow(self.underlying)

    def close(self, linger: int | None = None) -> None:
        """Close the socket; see `zmq.Socket.close`. What waits on it is cancelled, as in pyzmq."""
        super().close(linger)
        self._shadow_sock = _CLOSED
        self.__dict__["_state"] = 0

    # ---- messages by the frame

    def _has_more(self) -> bool:
        """Is it in the middle of a message that it receives? The rest is there: nobody waits."""
        return bool(self._shadow_sock.get(zmq.RCVMORE))

    # One future later, others may have used the socket: so those that may be of a frame in the
    # middle of a message give up no turn, as in pyzmq.

    def _may_receive(self, whole: bool) -> bool:
        """May a call receive now, and not in its turn? `whole`: all frames of a message."""
        line = self._incoming
        if line.waiting or line.queue:
            return self._has_more()
        return not whole or not self._turns.over() or self._has_more()

    def _may_send(self, flags: int) -> bool:
        """May a call send now, and not in its turn? What was begun is ended first."""
        line = self._outgoing
        if has_begun(self):
            return True
        if line.waiting or line.queue:
            return False
        return bool(flags & (SNDMORE | DONTWAIT)) or not self._turns.over()

    # ---- waiting

    def _line_up(
        self,
        line: Line,
        seconds: float | None,
        future: _Future,
        call: Any = None,
        first: bool = False,
    ) -> Waiter:
        """A place in line for a future that the loop serves; zmq.Again after so many seconds."""
        loop = self._get_loop()
        timer = None if seconds is None else loop.call_later(seconds, _expire, future)
        waiter = Waiter(future, call, timer)
        (line.queue.appendleft if first else line.queue.append)(waiter)
        self.__dict__["_state"] = self._state | line.event
        self._schedule_remaining_events()
        return waiter

    @staticmethod
    def _leave(line: Line, waiter: Waiter, _: Any = None) -> None:
        if waiter.timer is not None:
            waiter.timer.cancel()
        if waiter in line.queue:  # cancelled, or its time is over
            line.queue.remove(waiter)

    def _future(
        self, line: Line, future: _Future | None = None, call: Callable[[], Any] | None = None
    ) -> _Future:
        """A future in line, which leaves it as it is done; for the time that the socket allows."""
        limit = self._limit(line)
        future = future or self._get_loop().create_future()
        future.add_done_callback(
            partial(self._leave, line, self._line_up(line, limit, future, call))
        )
        return future

    def _limit(self, line: Line) -> float | None:
        """How many seconds the socket's option lets a call wait; None is for ever."""
        milliseconds: Any = self._shadow_sock.get(line.timeout)
        return None if milliseconds < 0 else milliseconds * 1e-3

    async def _wait(self, line: Line, limit: float | None, call: Callable[[], _T]) -> _T:
        """Wait in line, and return what the call does, in the step in which it does it.

        The call must not block. It is made again as long as it raises zmq.Again: others may have
        taken what was there. This can be cancelled wherever it waits, and nothing is lost.
        """
        if limit == 0:
            return call()
        deadline = None if limit is None else monotonic() + limit
        refused = 0
        line.waiting += 1
        try:
            while True:
                left = None if deadline is None else max(0, deadline - monotonic())
                waiter = self._line_up(line, left, Wake(loop=self._get_loop()), None, refused > 0)
                try:
                    await waiter.future
                finally:
                    self._leave(line, waiter)
                try:
                    return call()
                except zmq.Again as error:
                    if is_lost(error):
                        raise
                    refused += 1
                if refused > 1 and self._shadow_sock.get(EVENTS) & line.event:
                    # a ROUTER is writable whomever it writes to
                    await asyncio.sleep(REFUSED)
        finally:
            line.waiting -= 1
            self._turns.begin()
            self._schedule_remaining_events()  # whoever is next

    # ---- serving: what pyzmq's machinery calls

    def _events(self) -> int:
        """The socket's events. Where the context has been terminated, all who wait are told."""
        try:
            events: Any = self._shadow_sock.get(EVENTS)
        except zmq.ContextTerminated:
            self.__dict__["_state"] = events = 0
            for waiter in [*self._incoming.queue, *self._outgoing.queue]:
                if not waiter.future.done():
                    waiter.future.set_exception(zmq.ContextTerminated())
        return int(events)

    def _schedule_remaining_events(self, events: int | None = None) -> None:
        """Have the loop look at the events once more, if there are some that are waited for."""
        if self._state and (self._events() if events is None else events) & self._state:
            loop = self._get_loop()
            if self._turns.scheduled is not loop:
                self._turns.scheduled = loop
                loop.call_soon(self._handle_events)

    def _handle_events(self, fd: int = 0, events: int = 0) -> None:
        """Serve the first of each line. What comes next is for the loop's next iteration."""
        self._turns.scheduled = None
        if self._shadow_sock.closed:
            return
        try:
            for line in (self._incoming, self._outgoing):
                if self._state & line.event and self._events() & line.event:
                    self._serve(line)
        finally:  # a task that is served may raise KeyboardInterrupt
            self._schedule_remaining_events()

    def _serve(self, line: Line) -> None:
        waiter = None
        while line.queue and (waiter is None or waiter.future.done()):
            waiter = line.queue.popleft()
        if not line.queue:
            self.__dict__["_state"] = self._state & ~line.event
        if waiter is None or waiter.future.done():
            return
        if isinstance(waiter.future, Wake):
            waiter.future.serve()
        elif waiter.call is None:
            waiter.future.set_result(None)
        else:
            _settle(waiter.future, waiter.call)

    def _add_recv_event(self, kind: str, *_: Any, future: Any = None, **__: Any) -> _Future:
        """A poller's future is to be done when there is something to receive."""
        return self._future(self._incoming, future)

    def _add_send_event(self, kind: str, *_: Any, future: Any = None, **__: Any) -> _Future:
        return self._future(self._outgoing, future)

    # ---- pyzmq's own calls, which return futures

    def _receive(
        self, receive: Callable[..., Any], flags: int, *args: Any, whole: bool = False
    ) -> _Future:
        line = self._incoming
        at_once = flags & DONTWAIT
        if at_once or self._may_receive(whole):
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
        call = partial(receive, flags | DONTWAIT, *args)
        return self._future(line, call=call)

    def _transmit(self, send: Callable[..., Any], data: Any, flags: int, *args: Any) -> _Future:
        line = self._outgoing
        at_once = flags & DONTWAIT
        if self._may_send(flags):
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
        call = partial(send, data, flags | DONTWAIT, *args)
        return self._future(line, call=call)

    def recv(self, flags: int = 0, copy: bool = True, track: bool = False) -> Any:
        """`zmq.asyncio.Socket.recv`: a future of one frame."""
        return self._receive(self._shadow_sock.recv, flags, copy, track)

    def recv_multipart(self, flags: int = 0, copy: bool = True, track: bool = False) -> Any:
        """`zmq.asyncio.Socket.recv_multipart`: a future of all frames of a message."""
        return self._receive(self._shadow_sock.recv_multipart, flags, copy, track, whole=True)

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
        future: _Future = asyncio.Future()
        if recvd.done():
            _settle(future, lambda: load(recvd.result()))
        else:
            recvd.add_done_callback(partial(_load, future, load))
            future.add_done_callback(lambda _: future.cancelled() and recvd.cancel())
        return future
