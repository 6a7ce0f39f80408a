"""gevent: a `Context` and `Socket` whose calls block the greenlet that makes them, and no other.

They are `framewire.Socket` and `zmq.green`'s in one. Functions such as `framewire.send_array` do
the same on any socket of `zmq.green`. Needs gevent: ``pip install 'framewire[gevent]'``.
"""

from time import monotonic
from types import GenericAlias
from typing import TYPE_CHECKING, Any

import zmq

from . import socket as _plain

try:
    from gevent.event import Event  # type: ignore[import-untyped]
    from gevent.hub import get_hub  # type: ignore[import-untyped]
    from zmq.green.core import _Context as _GreenContext
    from zmq.green.core import _Socket as _GreenSocket
    from zmq.green.poll import _Poller as _GreenPoller
except ImportError as error:
    raise ImportError("framewire.green needs gevent: pip install 'framewire[gevent]'") from error

__all__ = ["Context", "Poller", "Socket"]

_ANY = zmq.POLLIN | zmq.POLLOUT
_LOOKS = 1 << 16  # with the events that one waits for who takes and sends nothing
_READ, _WRITE = 1, 2  # what a watcher of gevent's is for


class Poller(_GreenPoller):
    """`zmq.green.Poller` that misses nothing that other greenlets do with our sockets meanwhile."""

    def poll(self, timeout: float | None = -1) -> list[tuple[Any, int]]:
        """Wait for events; see `zmq.Poller.poll`. `timeout` is in milliseconds."""
        forever = timeout is None or timeout < 0
        deadline = monotonic() + (0 if forever else timeout or 0) / 1000
        while True:
            events = zmq.Poller.poll(self, 0)
            for socket, _ in self.sockets:
                if isinstance(socket, Socket):
                    socket.get(zmq.EVENTS)  # for others who wait: the poll has drained them
            left = self._gevent_bug_timeout if forever else deadline - monotonic()
            if events or left <= 0:
                return events
            self._wait(min(left, self._gevent_bug_timeout))

    def _wait(self, seconds: float) -> None:
        waiter = Event()
        watchers = []
        try:
            for item, wanted in self.sockets:
                if isinstance(item, Socket):
                    item._waiters[waiter] = wanted | _LOOKS
                    continue
                ways = _READ if wanted & (zmq.POLLIN | zmq.POLLERR) else 0
                ways |= _WRITE if wanted & zmq.POLLOUT else 0
                fd = item
                if isinstance(item, zmq.Socket):
                    fd, ways = item.FD, _READ
                elif hasattr(item, "fileno"):
                    fd = item.fileno()
                watchers.append(get_hub().loop.io(fd, ways))
                watchers[-1].start(waiter.set)
            waiter.wait(seconds)
        finally:
            for item, _ in self.sockets:
                if isinstance(item, Socket):
                    item._waiters.pop(waiter, None)
            for watcher in watchers:
                watcher.stop()
                watcher.close()


class Socket(_plain.Socket, _GreenSocket):  # type: ignore[misc]  # functions as methods
    """A `framewire.Socket` for greenlets: what would block lets other greenlets run.

    Each call is tried at once, and only if that is refused does the greenlet wait; several may wait
    on one socket. RCVTIMEO and SNDTIMEO hold for framewire's own calls; pyzmq's have no time limit,
    as in `zmq.green`, whose warning says so. What is raised in a greenlet that waits, by
    `gevent.Timeout` or ``kill()``, is raised before anything has been taken or sent.
    """

    _repr_cls = "framewire.green.Socket"
    _poller_class = Poller
    _state_event: Any  # zmq.green's watcher of the event file descriptor
    _waiters: dict[Event, int] = {}  # noqa: RUF012  # who waits for which events; each has its own

    __class_getitem__: Any = classmethod(GenericAlias)

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._waiters = {}
        self._state_event.stop()
        self._state_event.start(self._look)

    def close(self, linger: int | None = None) -> None:
        """Close the socket; see `zmq.Socket.close`. Those who wait for it get ENOTSOCK."""
        super().close(linger)  # type: ignore[no-untyped-call]
        self._wake_all()

    def get(self, option: int) -> Any:
        """`zmq.Socket.get`. A look at EVENTS wakes who waits for them."""
        if option != zmq.EVENTS:
            return super().get(option)  # type: ignore[no-untyped-call]
        try:
            events: Any = zmq.Socket.get(self, option)
        except zmq.ZMQError:
            self._wake_all()  # each finds out for itself
            raise
        self._wake(events)
        return events

    def _look(self) -> None:
        """The event file descriptor has something."""
        try:
            self.get(zmq.EVENTS)
        except zmq.ZMQError:
            if self._state_event is not None:
                self._state_event.stop()

    def _wake_all(self) -> None:
        for waiter in self._waiters:
            waiter.set()

    def _wake(self, events: int) -> None:
        """Wake all who only look, and the one for each event who has waited longest.

        That one looks again when it has done its call, so that the next is woken if there is more.
        """
        for waiter, wanted in self._waiters.items():
            if wanted & events:
                waiter.set()
                if not wanted & _LOOKS:
                    events &= ~wanted

    def _wait_for(self, events: int) -> None:
        waiter = Event()
        self._waiters[waiter] = events
        try:
            waiter.wait(self._gevent_bug_timeout)
        except BaseException:
            del self._waiters[waiter]
            if waiter.is_set():
                self._look()  # for the next, since it will not do its call
            raise
        del self._waiters[waiter]

    def _wait_read(self) -> None:
        self._wait_for(zmq.POLLIN)

    def _wait_write(self) -> None:
        self._wait_for(zmq.POLLOUT)


class Context(_plain.Context, _GreenContext):
    """A `framewire.Context` whose sockets are for greenlets."""

    _repr_cls = "framewire.green.Context"
    _socket_class = Socket
    _of_pyzmq = _GreenContext
    _instance: Any = None

    __class_getitem__: Any = classmethod(GenericAlias)

    if TYPE_CHECKING:

        def socket(self, socket_type: int, socket_class: Any = None, **kwargs: Any) -> Socket: ...
