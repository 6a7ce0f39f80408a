"""How measuring looks: a table that grows by a transport and a size at a time."""

from __future__ import annotations

import math
import os
import platform
from typing import Any, NamedTuple

import zmq

import framewire
from framewire.cli.bench_peer import CONTENDERS
from framewire.cli.display import View


class Row(NamedTuple):
    """A figure: the seconds that a message took, and how many times framewire's."""

    transport: str
    size: int
    contender: str
    seconds: float
    ratio: float


class BenchView(View):
    """The figures so far.

    Parameters
    ----------
    parts
        How many transports and sizes there are to measure.
    """

    def __init__(self, parts: int) -> None:
        self._rows: list[Row] = []
        self._load = os.getloadavg()[0] if hasattr(os, "getloadavg") else math.nan
        self._cores = os.cpu_count() or 1
        self._parts = parts
        self._done = 0

    @property
    def busy(self) -> bool:
        """Was something else running when it began, so that the figures are worth little?"""
        return self._load > self._cores / 2

    @property
    def load(self) -> str:
        """How much that was."""
        return f"load average {self._load:.1f} on {self._cores} cores"

    def add(self, rows: list[Row]) -> None:
        """Add the figures of a transport and a size."""
        self._rows += rows
        self._done += 1

    def describe(self) -> dict[str, Any]:
        """All of it, for machines: times are in s, sizes in bytes."""
        return {
            "framewire": framewire.__version__,
            "transport": framewire.transport,
            "pyzmq": zmq.__version__,
            "libzmq": zmq.zmq_version(),
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}, {self._cores} cores",
            "load": None if math.isnan(self._load) else self._load,
            "rows": [row._asdict() for row in self._rows],
        }

    def lines(self, now: float) -> list[str]:
        """How far it is."""
        return [f"{self._done} of {self._parts} measured"]

    def table(self, now: float) -> Any:
        """The figures."""
        from rich import box
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, show_edge=False)
        for heading in _HEADINGS[:3]:
            table.add_column(heading, no_wrap=True)
        for heading in _HEADINGS[3:]:
            table.add_column(heading, no_wrap=True, justify="right")
        for row in self._rows:
            style = "bold cyan" if row.ratio == 1 else ""
            table.add_row(*_cells(row), style=style)
        return Group(table, Text())

    def last_lines(self, now: float) -> list[str]:
        """The figures."""
        return [_line(_HEADINGS), *(_line(_cells(row)) for row in self._rows)]

    def last_table(self, now: float) -> Any:
        """The figures."""
        return self.table(now)

    def summary(self, now: float) -> str:
        """What they were measured with."""
        said = self.describe()
        busy = f"; the machine was busy: {self.load}" if self.busy else ""
        return (
            f"framewire {said['framewire']} ({said['transport']}), pyzmq {said['pyzmq']}, "
            f"libzmq {said['libzmq']}, Python {said['python']}, {said['machine']}; "
            "inproc: send and receive in one thread; others: as the receiving process takes them"
            f"{busy}"
        )


_HEADINGS = ("transport", "bytes", "with", "us/message", "messages/s", "MB/s", "x framewire")


def _cells(row: Row) -> tuple[str, ...]:
    rate = 1 / row.seconds
    return (
        row.transport,
        f"{row.size:,}",
        CONTENDERS[row.contender].title,
        f"{row.seconds * 1e6:,.2f}",
        f"{rate:,.0f}",
        f"{rate * row.size / 1e6:,.1f}",
        f"{row.ratio:.2f}",
    )


def _line(cells: tuple[str, ...]) -> str:
    transport, size, title, *numbers = cells
    return f"{transport:<9} {size:>9}  {title:<33}" + "".join(f"{each:>12}" for each in numbers)
