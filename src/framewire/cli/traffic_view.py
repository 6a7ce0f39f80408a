"""How a tap looks: a row for each stream."""

from __future__ import annotations

from typing import Any

from framewire.cli.display import View
from framewire.cli.streams import Stream
from framewire.cli.text import printable, short_number, short_size, short_time
from framewire.cli.traffic import Traffic

MOST_ROWS = 40  # those with the most messages
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
        return (
            f"{traffic.messages:,} messages, {short_size(traffic.nbytes)} in {elapsed:.1f} s: "
            f"{traffic.messages / elapsed:,.0f}/s, {short_size(traffic.nbytes / elapsed)}/s, "
            f"{traffic.gaps:,} missing, {traffic.errors:,} errors"
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
        table = Table(
            title=Text(printable(title, 100)),
            title_justify="left",
            box=box.SIMPLE_HEAD,
            show_edge=False,
            expand=True,
            padding=(0, 1, 0, 0),
        )
        table.add_column("topic", style="bold cyan", no_wrap=True, max_width=24)
        table.add_column("serializer", no_wrap=True)
        for heading in ("messages", "/s", "bytes/s", "size", "gaps", "p50", "p99", "errors"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("what", no_wrap=True, overflow="ellipsis", ratio=1)
        for stream, rate, speed in rows:
            topic, serializer, counts, problems, times = _cells(stream, rate, speed)
            gaps, errors = (
                Text(text, style="bold red" if text != "0" else "dim") for text in problems
            )
            # As Text: in a str, rich takes brackets for markup.
            cells = [Text(each) for each in (topic, serializer, *counts)]
            table.add_row(
                *cells, gaps, *map(Text, times), errors, Text(printable(stream.what, 200))
            )
        return Group(table, Text(more))


def _cells(
    stream: Stream, rate: float, speed: float
) -> tuple[str, str, list[str], list[str], list[str]]:
    """The topic, the serializer; counts; gaps and errors; the two latencies."""
    topic = "" if stream.topic is None else printable(stream.topic, 40) or '""'
    size = short_size(stream.nbytes / max(stream.messages, 1))
    counts = [f"{stream.messages:,}", short_number(rate).rstrip(), short_size(speed), size]
    errors = sum(stream.errors.values())
    times = [short_time(stream.latency(percent)) for percent in (50, 99)]
    return topic, stream.serializer, counts, [f"{stream.gaps:,}", f"{errors:,}"], times


def _line(row: _Row) -> str:
    topic, serializer, counts, (gaps, errors), times = _cells(*row)
    messages, rate, speed, size = counts
    late = f" {times[0]:>7} /{times[1]:>7}" if times[0] else ""
    return (
        f"{topic or '-':<12} {serializer:<9} {messages:>9} messages {rate:>7}/s {speed:>8}/s "
        f"{size:>8} {gaps:>3} gaps {errors:>3} errors{late}  {printable(row[0].what, 120)}"
    ).rstrip()
