"""Sockets of `framewire.green` that are connected, and greenlets that cannot hang."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import zmq

import framewire.green as green

LIMIT = 30  # seconds: nothing here takes as long


@contextmanager
def pair(
    first: int, second: int, over: str = "tcp", hwm: int | None = None, module: Any = green
) -> Iterator[tuple[Any, Any]]:
    """Two sockets: the first one bound, with room for `hwm` messages in each of its queues."""
    context = module.Context()
    a, b = context.socket(first), context.socket(second)
    a.linger = b.linger = 0
    # there is no net below: an event that is missed stays missed
    a._gevent_bug_timeout = b._gevent_bug_timeout = 10 * LIMIT
    if hwm is not None:
        for each in (a, b):
            each.hwm = hwm
            each.sndbuf = each.rcvbuf = 4096
    try:
        a.bind("inproc://pair" if over == "inproc" else "tcp://127.0.0.1:*")
        b.connect(a.last_endpoint)
        with gevent.Timeout(LIMIT):
            yield a, b
    finally:
        context.destroy(linger=0)


@contextmanager
def ticking() -> Iterator[Callable[[], int]]:
    """Another greenlet that wants its turn: the function says how many it had."""
    turns = 0

    def tick() -> None:
        nonlocal turns
        while True:
            turns += 1
            gevent.sleep(0)

    greenlet = gevent.spawn(tick)
    try:
        yield lambda: turns
    finally:
        greenlet.kill()


def waiting(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A greenlet in the middle of a call that has to wait."""
    greenlet = gevent.spawn(function, *args, **kwargs)
    gevent.sleep(0.02)
    assert not greenlet.ready()
    return greenlet


def fill(socket: Any, data: Any = b"fill") -> int:
    """Send until there is no room, and the kernel has none either. How many were sent?"""
    sent = 0
    for _ in range(10):
        try:
            while True:
                socket.send(data, zmq.DONTWAIT)
                sent += 1
        except zmq.Again:
            gevent.sleep(0.01)
    return sent
