"""The ways in which a tap shows what it sees."""

from __future__ import annotations

import argparse
import shutil
import sys
from contextlib import AbstractContextManager

from framewire.cli import tap_json
from framewire.cli.annotate import annotate
from framewire.cli.display import PlainLines, open_display
from framewire.cli.fields import Field
from framewire.cli.hexview import show
from framewire.cli.plot import Plot, can_plot
from framewire.cli.streams import is_unknown_record
from framewire.cli.traffic import Sighting, Traffic
from framewire.cli.traffic_view import MOST_ROWS, TrafficView

_OTHER_LINES = 8  # of a terminal that are no rows


class Output(AbstractContextManager["Output"]):
    """Shows messages. `now` is of `time.monotonic`.

    Made before anything can come, since libraries take their time to be imported.
    """

    _traffic: Traffic

    def begin(self, traffic: Traffic) -> None:
        """Messages are going to come, and are counted there."""
        self._traffic = traffic

    def add(self, frames: list[memoryview], sighting: Sighting) -> None:
        """A message came, and was counted."""

    def tick(self, now: float) -> None:
        """Some time went by."""

    def finish(self, now: float) -> str:
        """Nothing more is to come. What is missing, in a line; empty if nothing is."""
        return "" if self._traffic.messages else "nothing came"

    def __exit__(self, *exc_info: object) -> None:
        pass


class Table(Output):
    """A row for each stream."""

    def __init__(self, title: str) -> None:
        self._display = open_display()
        self._title = title

    def begin(self, traffic: Traffic) -> None:
        """Messages are going to come, and are counted there."""
        super().begin(traffic)
        lines = shutil.get_terminal_size().lines - _OTHER_LINES
        most = MOST_ROWS if isinstance(self._display, PlainLines) else max(lines, 3)
        self._view = TrafficView(traffic, self._title, most)

    def __enter__(self) -> Table:
        self._display.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._display.__exit__(*exc_info)

    def tick(self, now: float) -> None:
        """Draw it, if it is time for that."""
        self._display.tick(self._view, now)

    def finish(self, now: float) -> str:
        """Draw it with the mean rates."""
        self._display.finish(self._view, now)
        return super().finish(now)


class Lines(Output):
    """JSON."""

    def add(self, frames: list[memoryview], sighting: Sighting) -> None:
        """Write a line."""
        sys.stdout.buffer.write(tap_json.message_line(sighting))

    def finish(self, now: float) -> str:
        """Write the sums."""
        sys.stdout.buffer.write(tap_json.summary_line(self._traffic, now))
        sys.stdout.flush()
        return super().finish(now)


class Hex(Output):
    """Every byte."""

    def begin(self, traffic: Traffic) -> None:
        """Messages are going to come, and are counted there."""
        super().begin(traffic)
        if sys.stdout.isatty():
            print("waiting…", file=sys.stderr)

    def add(self, frames: list[memoryview], sighting: Sighting) -> None:
        """Print all of it."""
        if self._traffic.messages > 1:
            print()
        show(frames, annotate(frames, sighting.error))


class Curve(Output):
    """A field: drawn if there is a terminal that can draw, else its numbers, a line each."""

    def __init__(self, field: Field) -> None:
        self._display = open_display() if can_plot() else None
        self._field = field

    def begin(self, traffic: Traffic) -> None:
        """Messages are going to come, and are counted there."""
        super().begin(traffic)
        self._plot = Plot(traffic, self._field, prints=self._display is None)

    def __enter__(self) -> Curve:
        if self._display is not None:
            self._display.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._display is not None:
            self._display.__exit__(*exc_info)

    def add(self, frames: list[memoryview], sighting: Sighting) -> None:
        """Take its numbers."""
        self._plot.add(frames, sighting)

    def tick(self, now: float) -> None:
        """Draw it, if it is time for that."""
        if self._display is not None:
            self._display.tick(self._plot, now)

    def finish(self, now: float) -> str:
        """Draw it for the last time."""
        if self._display is not None:
            self._display.finish(self._plot, now)
        sys.stdout.flush()
        nothing = super().finish(now)
        return nothing or ("" if self._plot.count else self._no_number())

    def _no_number(self) -> str:
        unknown = sum(map(is_unknown_record, self._traffic.streams.values()))
        hint = ": records with a schema unknown here, --record MODULE:CLASS would help"
        return f"no number {self._plot.name} in it{hint if unknown else ''}"


def open_output(arguments: argparse.Namespace) -> Output:
    """What the arguments ask for."""
    if arguments.json:
        return Lines()
    if arguments.hex:
        return Hex()
    if arguments.plot is not None:
        return Curve(arguments.plot)
    return Table(f"{arguments.type} {arguments.address}")
