"""Who waits for an asyncio socket, and who is served when.

Nothing here takes a message before the step that hands it on, but the futures of pyzmq's own calls,
which hold it as soon as they are done. A task that waits is run in the call that serves it, so no
other sees a message that it is in the middle of.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, TypeVar

import zmq
import zmq.asyncio
from zmq import EVENTS

from . import socket as plain

__all__ = ["Line", "WaitingSocket", "Wake", "is_lost", "settle"]

_T = TypeVar("_T")

# Plain numbers: the operators of pyzmq's enumerations take longer than a receive.
POLLIN, POLLOUT = int(zmq.POLLIN), int(zmq.POLLOUT)

TURN = 0.001  # seconds that a socket which is always ready has before the loop's other tasks
# Seconds until a call is tried again that libzmq refuses although the socket is ready, each time
# twice as long as before.
SHORT_PAUSE, LONG_PAUSE = 0.001, 0.01

# What a closed socket's calls are made on: its shadow's handle is of memory that is gone.
_CLOSED = plain.Socket.__new__(plain.Socket)


class Turns:
    """When the tasks that use a socket which is always ready must let others run."""

    __slots__ = ("asked", "begun", "scheduled")

    def __init__(self) -> None:
        self.scheduled: Any = None  # the loop that is going to look at the socket's events
        self.begin()

    def begin(self) -> None:
        """The loop has run other tasks."""
        self.begun = monotonic()
        self.asked = False  # the loop, to say when it has

    def over(self) -> bool:
        """Let others run now?"""
        if monotonic() - self.begun < TURN:
            return False
        self.begun = monotonic()
        return True

    def overdue(self) -> bool:
        """The same, but not if they have run: a future is to be done at once, if it can be."""
        if not self.over():
            return False
        loop = asyncio._get_running_loop()
        if not self.asked and loop is not None:
            self.asked = True
            loop.call_soon(self.begin)
            return False
        self.asked = False
        return True


class Wake(asyncio.Future[Any]):
    """What a task awaits. It goes on in the very call that serves it.

    That saves a turn of the loop, in which another thread could get hold of the GIL, and another
    task of the rest of a message that this one has begun.
    """

    _wakeup: Any = (None, None)  # of the task that waits, and its context

    def add_done_callback(self, fn: Any, *, context: Any = None) -> None:
        """Called, with its context, by a task of asyncio's as it begins to wait."""
        if context is not None:
            self._wakeup = fn, context
        super().add_done_callback(fn, context=context)

    def serve(self, call: Callable[[], Any] | None) -> None:
        """Be done with the result of the call, and run the task until it waits for something."""
        wakeup, context = self._wakeup
        if wakeup is None or self.get_loop() is not asyncio._get_running_loop():
            settle(self, call)
            return
        self.remove_done_callback(wakeup)
        settle(self, call)
        context.run(wakeup, self)


def settle(future: "asyncio.Future[Any]", call: Callable[[], Any] | None) -> None:
    """Be done with what the call returns or raises."""
    try:
        result = None if call is None else call()
    except Exception as error:
        future.set_exception(error)
    else:
        future.set_result(result)


class Waiter:
    """A future that is done when the socket is ready, with what `call` returns if there is one."""

    __slots__ = ("call", "future", "place", "timer")

    def __init__(self, future: "asyncio.Future[Any]", call: Callable[[], Any] | None) -> None:
        self.future = future
        self.call = call
        self.place: deque[Waiter] | None = None  # where it waits, until it is served
        self.timer: Any = None

    def is_over(self) -> bool:
        """Has it been cancelled, or is its time over, or its loop closed?"""
        return self.future.done() or self.future.get_loop().is_closed()

    def expire(self) -> None:
        """Its time is over."""
        if not self.future.done():
            self.future.set_exception(zmq.Again())

    def leave(self, _: Any = None) -> None:
        """It has been served, or waits no longer."""
        if self.timer is not None:
            self.timer.cancel()
        if self.place is not None:
            self.place.remove(self)
            self.place = None


class Line:
    """Those who wait for one event of a socket, in order."""

    __slots__ = ("event", "not_yet", "pause", "queue", "refused", "retries", "timeout")

    def __init__(self, event: int, timeout: int, queue: deque[Waiter], *not_yet: int) -> None:
        self.event = event
        self.timeout = timeout  # the option that bounds the wait
        self.queue = queue
        self.not_yet = not_yet  # the errors of calls that are to be made later
        # Whom libzmq refuses although the socket is ready: a ROUTER is so whomever it writes to.
        # One at a time gets in line again, behind the others.
        self.refused: deque[Waiter] = deque()
        self.retries: Any = None  # the loop that does that
        self.pause = SHORT_PAUSE

    def put(self, waiter: Waiter, refused: int = 0) -> None:
        """Give it a place. Who was refused once may have come too late, and stays the first."""
        waiter.place = self.queue if refused < 2 else self.refused
        (waiter.place.appendleft if refused == 1 else waiter.place.append)(waiter)

    def take(self) -> Waiter | None:
        """Who is served next."""
        while self.queue:
            waiter = self.queue.popleft()
            waiter.place = None
            if not waiter.is_over():
                return waiter
        return None


def is_lost(error: zmq.ZMQError) -> bool:
    """Was part of a message accepted, and then lost with its peer? The rest must not be sent."""
    return getattr(error, "lost", False)


class WaitingSocket(zmq.asyncio.Socket):
    """A `zmq.asyncio.Socket` with lines that coroutines and futures can join."""

    _turns: Any = None  # pyzmq's sockets take no attribute that the class does not have
    _incoming: Any = None
    _outgoing: Any = None

    _state: Any  # pyzmq's: the events that are waited for
    _recv_futures: Any
    _send_futures: Any
    _shadow_sock: Any
    _current_loop: Any
    _get_loop: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[misc]  # the overloads name self
        self._turns = Turns()
        # a REQ may not be allowed to receive yet
        self._incoming = Line(POLLIN, zmq.RCVTIMEO, self._recv_futures, zmq.EAGAIN, zmq.EFSM)
        self._outgoing = Line(POLLOUT, zmq.SNDTIMEO, self._send_futures, zmq.EAGAIN)
        self.__dict__["_lent"] = self._shadow_sock  # perhaps the socket that this one stands for
        self._shadow_sock = plain.Socket.shadow(self.underlying)

    def close(self, linger: int | None = None) -> None:
        """Close the socket; see `zmq.Socket.close`. What waits on it is cancelled, as in pyzmq."""
        for line in (self._incoming, self._outgoing):
            while line.refused:  # pyzmq's cancels those in the queues
                line.put(line.refused.popleft())
        super().close(linger)
        self._shadow_sock = _CLOSED
        self.__dict__["_state"] = 0

    def _has_more(self) -> bool:
        """Is it in the middle of a message that it receives? The rest is there: nobody waits."""
        return bool(self._shadow_sock.get(zmq.RCVMORE))

    # ---- waiting

    def _limit(self, line: Line) -> float | None:
        """How many seconds the socket's option lets a call wait; None is for ever."""
        milliseconds: Any = self._shadow_sock.get(line.timeout)
        return None if milliseconds < 0 else milliseconds * 1e-3

    def _line_up(
        self,
        line: Line,
        seconds: float | None,
        future: "asyncio.Future[Any]",
        call: Any = None,
        refused: int = 0,
    ) -> Waiter:
        """A place in line for a future that the loop serves; zmq.Again after so many seconds."""
        waiter = Waiter(future, call)
        if seconds is not None:
            waiter.timer = self._get_loop().call_later(seconds, waiter.expire)
        line.put(waiter, refused)
        self._watch(line)
        return waiter

    def _watch(self, line: Line) -> None:
        """Have those in line served, and those that were refused tried again."""
        if line.queue:
            self.__dict__["_state"] = self._state | line.event
            self._schedule_remaining_events()
        loop = self._get_loop()
        if line.refused and line.retries is not loop:
            line.retries = loop
            loop.call_later(line.pause, self._retry, line)

    def _retry(self, line: Line) -> None:
        line.retries = None
        line.pause = min(2 * line.pause, LONG_PAUSE)
        self._recall(line)

    def _recall(self, line: Line) -> None:
        """One of those that were refused gets in line again."""
        if line.refused:
            line.put(line.refused.popleft())
            self._watch(line)

    async def _wait(self, line: Line, limit: float | None, call: Callable[[], _T]) -> _T:
        """Wait in line, and return what the call does, in the step in which it does it.

        The call must not block. It is made again as long as it raises that it cannot be done yet:
        others may have taken what was there. This can be cancelled wherever it waits, and nothing
        is lost.
        """
        if limit == 0:
            return call()
        deadline = None if limit is None else monotonic() + limit
        refused = 0  # how often in a row, although the socket was ready
        try:
            while True:
                left = None if deadline is None else max(0, deadline - monotonic())
                wake = Wake(loop=self._get_loop())
                waiter = self._line_up(line, left, wake, refused=refused)
                try:
                    await wake
                finally:
                    waiter.leave()
                try:
                    result = call()
                except zmq.ZMQError as error:
                    if error.errno not in line.not_yet or is_lost(error):
                        raise
                    refused = refused + 1 if self._events() & line.event else 1
                else:
                    line.pause = SHORT_PAUSE
                    self._recall(line)
                    return result
        finally:
            self._turns.begin()
            self._schedule_remaining_events()  # whoever is next

    # ---- serving: what pyzmq's machinery calls

    def _events(self) -> int:
        """The socket's events. Where the context has been terminated, all who wait are told."""
        try:
            events: Any = self._shadow_sock.get(EVENTS)
        except zmq.ContextTerminated:
            self.__dict__["_state"] = events = 0
            for line in (self._incoming, self._outgoing):
                for waiter in [*line.queue, *line.refused]:
                    if not waiter.is_over():
                        waiter.future.set_exception(zmq.ContextTerminated())
        return int(events)

    def _schedule_remaining_events(self, events: int | None = None) -> None:
        """Have the loop look at the events once more, if there are some that are waited for."""
        if self._state and (self._events() if events is None else events) & self._state:
            if asyncio._get_running_loop() is None:  # a direct call, perhaps in another thread
                loop = self._current_loop
                if loop is not None and not loop.is_closed():
                    loop.call_soon_threadsafe(self._handle_events)
                return
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
        waiter = line.take()
        if not line.queue:
            self.__dict__["_state"] = self._state & ~line.event
        if waiter is None:
            return
        if isinstance(waiter.future, Wake):
            waiter.future.serve(waiter.call)
        else:  # a poller's
            waiter.future.set_result(None)
