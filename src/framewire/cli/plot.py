"""A numeric field over time: drawn in a terminal, as numbers elsewhere."""

from __future__ import annotations

import shutil
import sys
from collections import deque
from typing import Any

from framewire.cli.display import View, can_draw
from framewire.cli.fields import Field
from framewire.cli.text import printable
from framewire.cli.traffic import Sighting, Traffic

WINDOW = 1000  # numbers that are drawn
SMALLEST, LARGEST = 1e-300, 1e300  # beyond which the drawing's arithmetic ends


class Plot(View):
    """The last numbers of a field.

    Parameters
    ----------
    traffic
        What is counted meanwhile.
    field
    prints
        Whether to print each number as it comes, and nothing else.

    Attributes
    ----------
    name : str
        Of the field.
    count, without : int
        Numbers so far, and messages that had none.
    """

    def __init__(self, traffic: Traffic, field: Field, prints: bool) -> None:
        self._traffic = traffic
        self._field = field
        self.name = printable(field.text, 40)
        self._prints = prints
        self._last: deque[float] = deque(maxlen=WINDOW)
        self.count = self.without = 0

    def add(self, frames: list[memoryview], sighting: Sighting) -> None:
        """Take the numbers of a message."""
        if sighting.error is None:
            meta = None if sighting.head is None else sighting.head.meta
            numbers = self._field.numbers(frames, meta)
        else:
            numbers = ()
        self.count += len(numbers)
        self.without += len(numbers) == 0
        if self._prints:
            sys.stdout.write("".join(f"{number}\n" for number in numbers))
        else:
            self._last.extend(float(number) for number in numbers[-WINDOW:])

    def lines(self, now: float) -> list[str]:
        """Nothing more: numbers are printed as they come."""
        return []

    def table(self, now: float) -> Any:
        """The curve."""
        from rich.console import Group
        from rich.text import Text

        return Group(Text.from_ansi(self._drawn()), Text(self.summary(now)), Text())

    def last_lines(self, now: float) -> list[str]:
        """Nothing more."""
        return []

    def last_table(self, now: float) -> Any:
        """The curve."""
        from rich.text import Text

        return Text.from_ansi(self._drawn())

    def summary(self, now: float) -> str:
        """What was drawn, in a line."""
        shown = [f"{self.name} {self._last[-1]:g}"] if self._last else [self.name]
        shown += [f"{self.count:,} numbers in {self._traffic.messages:,} messages"]
        shown += [f"{self.without:,} messages without"] * bool(self.without)
        return ", ".join(shown)

    def _drawn(self) -> str:
        import plotille  # type: ignore[import-untyped]

        size = shutil.get_terminal_size()
        figure = plotille.Figure()
        figure.width = max(size.columns - 30, 20)
        figure.height = max(min(size.lines - 8, 24), 4)
        figure.x_label, figure.y_label = "number", self.name
        figure.x_ticks_fkt = lambda value, _: f"{value:.0f}"
        figure.y_ticks_fkt = lambda value, _: f"{value:.4g}"
        figure.origin = False
        first = self.count - len(self._last)
        figure.set_x_limits(first, max(self.count - 1, first + 1))
        points = [
            (first + i, y if abs(y) > SMALLEST else 0.0)
            for i, y in enumerate(self._last)
            if abs(y) < LARGEST  # and is a number
        ]
        if points:
            figure.plot(*zip(*points, strict=True))
        return str(figure.show())


def can_plot() -> bool:
    """Is there a terminal that can draw, and what draws? What is missing to install is said."""
    if not can_draw():
        return False
    try:
        import plotille  # noqa: F401
    except ImportError:
        print("for a plot: pip install 'framewire[cli]'", file=sys.stderr)
        return False
    return True
