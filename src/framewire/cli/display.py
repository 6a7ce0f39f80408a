"""How the demo shows what arrives: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from typing import Any

import framewire
from framewire.cli.tally import Row, Tally


class Display(AbstractContextManager["Display"]):
    """Shows a tally every now and then, and at the end.

    Attributes
    ----------
    interval
        The time between two updates, in seconds.
    """

    interval = 1.0
    _next = 0.0

    def tick(self, tally: Tally, now: float) -> None:
        """Show the rates since the last update, if it is time for that."""
        if now >= self._next:
            if self._next:
                self.show(tally.recent(now), now - tally.started)
            self._next = now + self.interval

    def show(self, rows: list[Row], elapsed: float) -> None:
        """Show the state after `elapsed` seconds."""
        raise NotImplementedError

    def finish(self, tally: Tally, now: float) -> None:
        """Show the mean rates and the sum, as the last thing."""
        raise NotImplementedError

    def __exit__(self, *exc_info: object) -> None:
        pass


class PlainLines(Display):
    """Prints a line per stream, once a second."""

    def show(self, rows: list[Row], elapsed: float) -> None:
        """Print the rows, after `elapsed` seconds."""
        for row in rows:
            print(f"{elapsed:5.1f} s  {_line(row)}  {row.last:.60}", flush=True)

    def finish(self, tally: Tally, now: float) -> None:
        """Print the mean rates and the sum."""
        print(f"\n{_mean_title(tally, now)}:")
        for row in tally.overall(now):
            print(f"  {_line(row)}".rstrip())
        print(tally.summary(now), flush=True)


class LiveTable(Display):
    """Draws one table over and over with rich.

    Raises
    ------
    ImportError
        rich is not installed.
    """

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

    def show(self, rows: list[Row], elapsed: float) -> None:
        """Draw the rows, after `elapsed` seconds."""
        self._live.update(_table(rows, f"live telemetry, {elapsed:.1f} s"), refresh=True)

    def finish(self, tally: Tally, now: float) -> None:
        """Draw the mean rates in the table's place, and print the sum below it."""
        self._live.update(_table(tally.overall(now), _mean_title(tally, now)), refresh=True)
        self._live.stop()
        print(tally.summary(now), flush=True)


def open_display() -> Display:
    """Return a live table if there is a terminal that can draw it, and rich; else plain lines."""
    if not sys.stdout.isatty() or os.environ.get("TERM") in ("dumb", None):
        return PlainLines()
    try:
        return LiveTable()
    except ImportError:
        print("for a live table: pip install 'framewire[demo]'", file=sys.stderr)
        return PlainLines()


def _mean_title(tally: Tally, now: float) -> str:
    return f"mean rates over {now - tally.started:.1f} s (transport: {framewire.transport})"


def _line(row: Row) -> str:
    return (
        f"{row.stream:<10} {row.messages:>9,} messages {row.rate:>9,.0f}/s "
        f"{row.megabytes:>8.2f} MB/s {row.lost:>4,} lost "
        f"{row.delays[0]:>7.1f} /{row.delays[1]:>7.1f} ms  {row.kind:<26}"
    )


def _table(rows: list[Row], title: str) -> Any:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        expand=True,
        padding=0,
    )
    table.add_column("stream", style="bold cyan", no_wrap=True)
    widths = {"messages": 9, "msg/s": 7, "MB/s": 6, "lost": 4, "p50 ms": 6, "p99 ms": 6}
    for heading, width in widths.items():
        table.add_column(heading, justify="right", no_wrap=True, min_width=width)
    table.add_column("value", no_wrap=True)
    table.add_column("last", no_wrap=True, overflow="crop", ratio=1, style="dim")
    for row in rows:
        counts = f"{row.messages:,}", f"{row.rate:,.0f}", f"{row.megabytes:,.2f}"
        lost = Text(f"{row.lost:,}", style="bold red" if row.lost else "green")
        # As Text: in a str, rich takes brackets for markup.
        delays = (f"{delay:,.1f}" for delay in row.delays)
        table.add_row(row.stream, *counts, lost, *delays, Text(row.kind), Text(row.last))
    # The cursor rests on an empty line: behind the table, the "^C" of a terminal would wrap, and
    # the next table be drawn a line too low.
    return Group(table, Text())
