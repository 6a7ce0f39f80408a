"""When a command that goes on and on ends: after so many messages or seconds, or by a signal."""

from __future__ import annotations

import argparse
import math
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--count`` and ``--seconds``."""
    parser.add_argument("--count", type=natural, metavar="N", help="end after N messages")
    parser.add_argument("--seconds", type=duration, metavar="S", help="end after S seconds")


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets, so that no message is cut off half counted.

    So does the first SIGTERM or SIGHUP, which raises `SystemExit` in the end. A second Ctrl-C
    raises `KeyboardInterrupt`, and a second of the others `SystemExit`: both leave the terminal as
    it was.
    """
    stopped = threading.Event()
    status = 0

    def interrupt(number: int, frame: FrameType | None) -> None:
        stopped.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def terminate(number: int, frame: FrameType | None) -> None:
        nonlocal status
        if status:
            sys.exit(status)
        status = 128 + number
        stopped.set()

    handlers = {signal.SIGINT: interrupt, signal.SIGTERM: terminate}
    hangup = getattr(signal, "SIGHUP", None)
    if hangup and signal.getsignal(hangup) is not signal.SIG_IGN:  # which nohup asks for
        handlers[hangup] = terminate
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if status:
        sys.exit(status)


def duration(text: str) -> float:
    """Return a time in seconds, more than none and less than forever."""
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise ValueError(text)
    return seconds


def natural(text: str) -> int:
    """Return a number of messages, at least one."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


duration.__name__ = "duration in seconds"  # argparse: invalid duration in seconds value: 'x'
natural.__name__ = "number"
