"""How recording and replaying look, live and in the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import framewire
from framewire.cli.display import Display, JsonSum, SumView, drop_output
from framewire.cli.replaying import Replay
from framewire.cli.text import printable, short_number, short_size
from framewire.recording import Recorder
from framewire.stats import Counts

_SHOWN_TOPICS = 15
_ALL = "all"  # no topic, which are bytes


@contextmanager
def unminded() -> Iterator[None]:
    """Go on without what is shown, if it cannot be: its disk is full, or nobody reads it."""
    try:
        yield
    except OSError:
        drop_output()


def finish(display: Display, view: SumView) -> None:
    """Show the sum, which may fail only where it is all that was asked for."""
    with nullcontext() if isinstance(display, JsonSum) else unminded():
        display.finish(view, time.monotonic())


class RecordView(SumView):
    """What has been recorded, in all and of each topic.

    Parameters
    ----------
    socket
        Counts its messages: its codec has ``stamp=True``.
    recorder
        Where they go.

    Attributes
    ----------
    first : int
        How many messages the file had before.
    refused : int
        Messages that came, and that no reader of the file would take.
    lost, lost_bytes : int
        Messages that the recorder was given, and that are not in the file, since it failed; and
        their bytes.
    """

    def __init__(self, socket: framewire.Socket, recorder: Recorder) -> None:
        self._socket = socket
        self._recorder = recorder
        self.first = recorder.messages
        self._started = self._marked_at = time.monotonic()
        self._marked: dict[bytes | str | None, Counts] = {}
        self.refused = self.lost = self.lost_bytes = 0

    def describe(self, now: float) -> dict[str, Any]:
        """The sum of this run; the file may have had more before."""
        total = framewire.stats(self._socket).total
        return {
            "file": self._recorder.path,
            "messages": self._recorder.messages - self.first - self.lost,
            "nbytes": self._recorder.nbytes - self.lost_bytes,
            "size": self._recorder.size,
            "seconds": now - self._started,
            "gaps": total.gaps if total.latency.count else None,
            "malformed": total.errors,
            "refused": self.refused,
            "lost": self.lost,
        }

    def lines(self, now: float) -> list[str]:
        """The rate since the last call."""
        messages, rate, size, *_ = self._rows(now)[-1][1:]
        elapsed = now - self._started
        return [f"{elapsed:5.1f} s  {messages} messages  {rate}/s  {size}/s"]

    def table(self, now: float) -> Any:
        """A row for each topic, with the rates since the last call."""
        title = f"recording to {self._recorder.path}, {now - self._started:.1f} s"
        return _table(title, self._rows(now))

    def last_lines(self, now: float) -> list[str]:
        """Nothing but the sum."""
        return []

    def last_table(self, now: float) -> Any:
        """A row for each topic, with the mean rates."""
        self._marked, self._marked_at = {}, self._started
        return self.table(now)

    def summary(self, now: float) -> str:
        """The sum of this run."""
        said = self.describe(now)
        refused = f", {self.refused:,} refused: over the limits of readers" if self.refused else ""
        lost = f", {self.lost:,} lost" if self.lost else ""
        missing = "" if said["gaps"] is None else f"{said['gaps']:,} missing, "
        return (
            f"{said['messages']:,} messages, {short_size(said['nbytes'])} in "
            f"{said['seconds']:.1f} s to {said['file']}, "
            f"{missing}{said['malformed']:,} malformed{refused}{lost}"
        )

    def _rows(self, now: float) -> list[list[str]]:
        """The topics with the most messages, and the sum, as the cells of a table."""
        stats = framewire.stats(self._socket)
        topics = sorted(stats.topics.items(), key=lambda item: -item[1].received)
        everything: dict[bytes | str | None, Counts] = dict(topics[:_SHOWN_TOPICS])
        everything[_ALL] = stats.total
        elapsed = max(now - self._marked_at, 1e-9)
        rows = []
        for topic, counts in everything.items():
            before = self._marked.get(topic, Counts())
            rate = (counts.received - before.received) / elapsed
            size = short_size((counts.received_bytes - before.received_bytes) / elapsed)
            name = "" if topic is None else printable(topic, 30)
            numbers = f"{counts.received:,}", short_number(rate).strip(), size
            gaps = f"{counts.gaps:,}" if counts.latency.count else ""
            rows.append([name, *numbers, gaps, f"{counts.errors:,}"])
        if len(topics) > _SHOWN_TOPICS:
            more = f"{len(topics) - _SHOWN_TOPICS:,} topics more"
            rows.insert(-1, [more, "", "", "", "", ""])
        self._marked, self._marked_at = everything, now
        return rows


class ReplayView(SumView):
    """What has been replayed.

    Parameters
    ----------
    replay
        What is under way.
    """

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._started = time.monotonic()
        self._marked = (self._started, 0, 0)

    def describe(self, now: float) -> dict[str, Any]:
        """The sum."""
        replay = self._replay
        return {
            "file": replay.path,
            "messages": replay.messages,
            "nbytes": replay.nbytes,
            "seconds": now - self._started,
            "latest": replay.latest,
            "skipped": replay.skipped,
            "refused": replay.refused,
        }

    def lines(self, now: float) -> list[str]:
        """The place, and the rate since the last call."""
        replay = self._replay
        (at, messages, nbytes), self._marked = self._marked, (now, replay.messages, replay.nbytes)
        elapsed = max(now - at, 1e-9)
        if replay.waits:
            return [f"{now - self._started:5.1f} s  waiting for {replay.waits}"]
        rate = (replay.messages - messages) / elapsed
        speed = short_size((replay.nbytes - nbytes) / elapsed)
        return [
            f"{now - self._started:5.1f} s  at {replay.position:.1f} of {replay.seconds:.1f} s"
            f"  {replay.messages:,} messages  {short_number(rate).strip()}/s  {speed}/s"
            f"  {replay.late * 1e3:.1f} ms late"
        ]

    def table(self, now: float) -> Any:
        """A bar of how far it is, and the same."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        bar = ProgressBar(total=max(self._replay.seconds, 1e-9), completed=self._replay.position)
        # Rows of a grid: in a Group, a bar has no end of line.
        grid = Table.grid()
        grid.add_column()
        for row in (Text(f"replaying {self._replay.path}"), bar, Text(*self.lines(now)), Text()):
            grid.add_row(row)
        return grid

    def last_lines(self, now: float) -> list[str]:
        """Nothing but the sum."""
        return []

    def last_table(self, now: float) -> Any:
        """The same, and how far it came."""
        self._marked = (self._started, 0, 0)
        return self.table(now)

    def summary(self, now: float) -> str:
        """The sum."""
        replay = self._replay
        places = "place" if replay.skipped == 1 else "places"
        skipped = f", {replay.skipped:,} damaged {places} skipped" if replay.skipped else ""
        refused = f", {replay.refused:,} over limits skipped" if replay.refused else ""
        return (
            f"{replay.messages:,} messages, {short_size(replay.nbytes)} in "
            f"{now - self._started:.1f} s, at most {replay.latest * 1e3:.1f} ms late"
            f"{skipped}{refused}"
        )


def _table(title: str, rows: list[list[str]]) -> Any:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("topic", style="bold cyan", no_wrap=True)
    for heading in ("messages", "msg/s", "bytes/s", "missing", "malformed"):
        table.add_column(heading, justify="right", no_wrap=True, min_width=8)
    for row in rows:
        # As Text: in a str, rich takes brackets for markup.
        table.add_row(*map(Text, row))
    return Group(table, Text())  # the cursor rests on an empty line, where a terminal's "^C" fits
