"""When a command that goes on and on ends: after so many messages or seconds, or by a signal."""

from __future__ import annotations

import argparse
import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

_HANGUP = getattr(signal, "SIGHUP", None)  # not on Windows
_TERMINATING = [signal.SIGTERM] if _HANGUP is None else [signal.SIGTERM, _HANGUP]


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

    try:
        with _handled({signal.SIGINT: interrupt} | dict.fromkeys(_TERMINATING, terminate)):
            yield stopped
    except OSError:  # of a terminal that was closed, which is what SIGHUP says
        if not status:
            raise
    if status:
        sys.exit(status)


def exit_signals() -> AbstractContextManager[None]:
    """Raise `SystemExit` at a SIGTERM or SIGHUP, so that whatever is open is closed."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    return _handled(dict.fromkeys(_TERMINATING, leave))


@contextmanager
def _handled(handlers: dict[int, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    """Handle signals, but for a SIGHUP that is ignored, which nohup asks for."""
    before = {
        number: signal.signal(number, handler)
        for number, handler in handlers.items()
        if number != _HANGUP or signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
