"""How a tap looks: a row for each stream."""

from __future__ import annotations

import shutil
from typing import Any

from framewire.cli.display import View
from framewire.cli.streams import Stream
from framewire.cli.text import printable, short_count, short_number, short_size, short_time
from framewire.cli.traffic import Traffic

MOST_ROWS = 40  # those with the most messages
_TOPIC = 24  # characters at most
_LEAST_WHAT = 24  # characters, for which columns of numbers give way
_SEPARATOR = 2  # characters between two columns
# Least widths, so that few changes of a number move or hide a column.
_WIDTHS = {
    "messages": 8, "/s": 6, "bytes/s": 8, "size": 7, "gaps": 4, "p50": 7, "p99": 7, "errors": 6,
}  # fmt: skip
_DISPENSABLE = ("bytes/s", "size", "p99", "p50", "gaps", "/s", "errors")
_Row = tuple[Stream, float, float]  # with messages and bytes a second


class TrafficView(View):
    """Shows traffic.

    Parameters
    ----------
    traffic
    title
        What it is the traffic of.
    most
        Rows that there is room for.
    """

    def __init__(self, traffic: Traffic, title: str, most: int = MOST_ROWS) -> None:
        self._traffic = traffic
        self._title = title
        self._most = most

    def lines(self, now: float) -> list[str]:
        """The rates since the last call."""
        elapsed = f"{now - self._traffic.started:5.1f} s"
        rows, more = self._shown(self._traffic.rates(now))
        if not rows:
            return [f"{elapsed}  {self._title}: nothing yet"]
        return [f"{elapsed}  {_line(row)}" for row in rows] + [f"{elapsed}  {more}"] * bool(more)

    def table(self, now: float) -> Any:
        """The rates since the last call."""
        elapsed = now - self._traffic.started
        return self._table(self._traffic.rates(now), f"{self._title}, {elapsed:.1f} s")

    def last_lines(self, now: float) -> list[str]:
        """The mean rates."""
        rows, more = self._shown(self._traffic.means(now))
        shown = [f"  {_line(row)}" for row in rows] + [f"  {more}"] * bool(more)
        return [f"{self._mean_title(now)}:", *shown]

    def last_table(self, now: float) -> Any:
        """The mean rates."""
        return self._table(self._traffic.means(now), self._mean_title(now))

    def summary(self, now: float) -> str:
        """The sum of all streams."""
        traffic = self._traffic
        elapsed = max(now - traffic.started, 1e-9)
        missing = f"{short_count(traffic.gaps)} missing, " if traffic.stamps else ""
        return (
            f"{traffic.messages:,} messages, {short_size(traffic.nbytes)} in {elapsed:.1f} s: "
            f"{traffic.messages / elapsed:,.0f}/s, {short_size(traffic.nbytes / elapsed)}/s, "
            f"{missing}{traffic.errors:,} errors"
        )

    def _mean_title(self, now: float) -> str:
        return f"{self._title}: mean rates over {now - self._traffic.started:.1f} s"

    def _shown(self, rows: list[_Row]) -> tuple[list[_Row], str]:
        """The rows that there is room for, and what is said of the others."""
        hidden = len(rows) - self._most
        if hidden > 0:
            busiest = sorted(rows, key=lambda row: row[0].messages, reverse=True)[: self._most]
            rows = sorted(busiest, key=lambda row: row[0].number)
        said = [f"{hidden:,} streams more"] * (hidden > 0)
        said += [f"{self._traffic.dropped:,} forgotten"] * bool(self._traffic.dropped)
        return rows, ", ".join(said)

    def _table(self, rows: list[_Row], title: str) -> Any:
        from rich import box
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        rows, more = self._shown(rows)
        cells = [_cells(*row) for row in rows]
        whats = [printable(stream.what, 200) for stream, _, _ in rows]
        columns = _fitting(cells, whats, shutil.get_terminal_size().columns)
        table = Table(
            title=Text(printable(title, 100)),
            title_justify="left",
            box=box.SIMPLE_HEAD,
            show_edge=False,
            expand=True,
            padding=(0, 1, 0, 0),
        )
        table.add_column("topic", style="bold cyan", no_wrap=True, max_width=_TOPIC)
        table.add_column("serializer", no_wrap=True)
        for heading in columns:
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("what", no_wrap=True, overflow="ellipsis", ratio=1)
        for row, what in zip(cells, whats, strict=True):
            shown = [_styled(heading, row[heading]) for heading in columns]
            # As Text: in a str, rich takes brackets for markup.
            table.add_row(Text(row["topic"]), Text(row["serializer"]), *shown, Text(what))
        return Group(table, Text(more))


def _styled(heading: str, text: str) -> Any:
    from rich.text import Text

    if heading not in ("gaps", "errors"):
        return Text(text)
    return Text(text, style="bold red" if text != "0" else "dim")


def _fitting(cells: list[dict[str, str]], whats: list[str], width: int) -> list[str]:
    """The columns of numbers that leave room for what the messages are.

    Those with nothing in them are left out, then the less telling ones.
    """
    stamped = any(row["p50"] for row in cells)
    empty = () if stamped else ("gaps", "p50", "p99")
    columns = [heading for heading in _WIDTHS if heading not in empty]
    widths = {
        heading: max([least, len(heading), *(len(row[heading]) for row in cells)]) + _SEPARATOR
        for heading, least in _WIDTHS.items()
    }
    topic = min(max([5, *(len(row["topic"]) for row in cells)]), _TOPIC)
    serializer = max([10, *(len(row["serializer"]) for row in cells)])
    room = width - topic - serializer - 2 * _SEPARATOR - 1
    wanted = min(max([4, *map(len, whats)]), _LEAST_WHAT)
    zero = [name for name in ("errors", "gaps") if all(row[name] in ("0", "") for row in cells)]
    for heading in [*zero, *_DISPENSABLE]:
        if sum(widths[each] for each in columns) + wanted <= room:
            break
        if heading in columns:
            columns.remove(heading)
    return columns


def _cells(stream: Stream, rate: float, speed: float) -> dict[str, str]:
    """What is shown of a stream, by the headings of a table."""
    return {
        "topic": "" if stream.topic is None else printable(stream.topic, 40) or '""',
        "serializer": stream.serializer,
        "messages": f"{stream.messages:,}",
        "/s": short_number(rate).rstrip(),
        "bytes/s": short_size(speed),
        "size": short_size(stream.nbytes / max(stream.messages, 1)),
        "gaps": short_count(stream.gaps) if stream.stamped else "",
        "p50": short_time(stream.latency(50)),
        "p99": short_time(stream.latency(99)),
        "errors": f"{sum(stream.errors.values()):,}",
    }


def _line(row: _Row) -> str:
    cell = _cells(*row)
    gaps = f" {cell['gaps']:>3} gaps" if cell["gaps"] else ""
    late = f" p50 {cell['p50']:>7} p99 {cell['p99']:>7}" if cell["p50"] else ""
    return (
        f"{cell['topic'] or '-':<12} {cell['serializer']:<9} {cell['messages']:>9} messages "
        f"{cell['/s']:>7}/s {cell['bytes/s']:>8}/s {cell['size']:>8}{gaps} "
        f"{cell['errors']:>3} errors{late}  {printable(row[0].what, 120)}"
    ).rstrip()
