"""How a command shows what goes on: live in a terminal, as plain lines elsewhere."""

from __future__ import annotations

import json
import os
import sys
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, suppress
from typing import Any


class View(ABC):
    """What is shown. `now` is of `time.monotonic`, in seconds."""

    @abstractmethod
    def lines(self, now: float) -> list[str]:
        """What is printed once a second where there is no terminal."""

    @abstractmethod
    def table(self, now: float) -> Any:
        """What rich draws several times a second."""

    @abstractmethod
    def last_lines(self, now: float) -> list[str]:
        """What is printed in the end."""

    @abstractmethod
    def last_table(self, now: float) -> Any:
        """What rich leaves on the screen."""

    @abstractmethod
    def summary(self, now: float) -> str:
        """What is printed last in either case."""


class SumView(View):
    """A view that can also be printed as one JSON object, in the end."""

    @abstractmethod
    def describe(self, now: float) -> dict[str, Any]:
        """The sum, for machines: times are in s, sizes in bytes."""


class Display(AbstractContextManager["Display"]):
    """Shows a view every now and then, and at the end.

    Attributes
    ----------
    interval
        The time between two updates, in seconds.
    """

    interval = 1.0
    _next = 0.0

    def tick(self, view: View, now: float) -> None:
        """Show what came since the last update, if it is time for that."""
        if now >= self._next:
            if self._next:
                self.show(view, now)
            self._next = now + self.interval

    def show(self, view: View, now: float) -> None:
        """Show the state at this time."""
        raise NotImplementedError

    def finish(self, view: View, now: float) -> None:
        """Show the whole, as the last thing."""
        raise NotImplementedError

    def __exit__(self, *exc_info: object) -> None:
        pass


class PlainLines(Display):
    """Prints lines, once a second."""

    def show(self, view: View, now: float) -> None:
        """Print what came."""
        for line in view.lines(now):
            print(line, flush=True)

    def finish(self, view: View, now: float) -> None:
        """Print the whole."""
        print(*view.last_lines(now), view.summary(now), sep="\n", flush=True)


class LiveTable(Display):
    """Draws one table over and over with rich, which is to be installed."""

    interval = 0.2

    def __init__(self) -> None:
        from rich.live import Live

        # No thread of rich's own: it would fight with the receiving loop for the GIL.
        self._live = Live(auto_refresh=False)

    def __enter__(self) -> LiveTable:
        self._live.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._live.stop()

    def show(self, view: View, now: float) -> None:
        """Draw what came."""
        self._live.update(view.table(now), refresh=True)

    def finish(self, view: View, now: float) -> None:
        """Draw the whole in its place, and print the sum below it."""
        self._live.update(view.last_table(now), refresh=True)
        self._live.stop()
        print(view.summary(now), flush=True)


class JsonSum(Display):
    """Shows nothing but the sum, as JSON, in the end."""

    interval = float("inf")

    def finish(self, view: View, now: float) -> None:
        """Print it."""
        assert isinstance(view, SumView)
        print(json.dumps(view.describe(now)), flush=True)


def open_display(json_only: bool = False) -> Display:
    """Return a live table if there is a terminal that can draw it, and rich; else plain lines.

    With `json_only`, nothing but the sum of a `SumView`.
    """
    if json_only:
        return JsonSum()
    return LiveTable() if can_draw() else PlainLines()


def can_draw() -> bool:
    """Is there a terminal that can draw, and rich? What is missing to install is said."""
    if not sys.stdout.isatty() or os.environ.get("TERM") in ("dumb", None):
        return False
    try:
        import rich.live
        import rich.table  # noqa: F401  # what is drawn, before there is anything to draw
    except ImportError:
        print("for a live view: pip install 'framewire[cli]'", file=sys.stderr)
        return False
    return True


def drop_output() -> None:
    """What could not be written is not tried again by the exit."""
    with suppress(OSError, ValueError):  # no file is behind it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
