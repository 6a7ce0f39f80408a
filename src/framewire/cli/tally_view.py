"""How the demo looks: a row for each stream."""

from __future__ import annotations

import shutil
from typing import Any

import framewire
from framewire.cli.display import SumView
from framewire.cli.tally import Row, Tally

_WIDE = 100  # columns of a terminal with room for the last values


class TallyView(SumView):
    """Shows a tally."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def describe(self, now: float) -> dict[str, Any]:
        """The sum, for machines."""
        return self._tally.describe(now)

    def lines(self, now: float) -> list[str]:
        """The rates since the last call."""
        elapsed = now - self._tally.started
        rows = self._tally.recent(now)
        return [f"{elapsed:5.1f} s  {_line(row)}  {row.last:.60}" for row in rows]

    def table(self, now: float) -> Any:
        """The rates since the last call."""
        elapsed = now - self._tally.started
        return _table(self._tally.recent(now), f"live telemetry, {elapsed:.1f} s")

    def last_lines(self, now: float) -> list[str]:
        """The mean rates."""
        rows = self._tally.overall(now)
        return ["", f"{self._mean_title(now)}:", *(f"  {_line(row)}".rstrip() for row in rows)]

    def last_table(self, now: float) -> Any:
        """The mean rates."""
        return _table(self._tally.overall(now), self._mean_title(now))

    def summary(self, now: float) -> str:
        """The sum of all streams."""
        return self._tally.summary(now)

    def _mean_title(self, now: float) -> str:
        elapsed = now - self._tally.started
        return f"mean rates over {elapsed:.1f} s (transport: {framewire.transport})"


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
    wide = shutil.get_terminal_size().columns >= _WIDE
    table.add_column("value", no_wrap=True, overflow="ellipsis", ratio=None if wide else 1)
    if wide:
        table.add_column("last", no_wrap=True, overflow="crop", ratio=1, style="dim")
    for row in rows:
        counts = f"{row.messages:,}", f"{row.rate:,.0f}", f"{row.megabytes:,.2f}"
        lost = Text(f"{row.lost:,}", style="bold red" if row.lost else "green")
        # As Text: in a str, rich takes brackets for markup.
        delays = (f"{delay:,.1f}" for delay in row.delays)
        values = [Text(row.kind), Text(row.last)][: 1 + wide]
        table.add_row(row.stream, *counts, lost, *delays, *values)
    # The cursor rests on an empty line: behind the table, the "^C" of a terminal would wrap, and
    # the next table be drawn a line too low.
    return Group(table, Text())
