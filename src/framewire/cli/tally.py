"""What has arrived on each stream of the demo: messages, bytes, losses, delays, the last value."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import framewire
from framewire.cli.arrival import Arrival


@dataclass(frozen=True)
class Row:
    """One stream's line in a table.

    Attributes
    ----------
    stream
        The name of the stream.
    messages
        Messages received so far.
    rate
        Messages per second.
    megabytes
        Megabytes (10**6 bytes) of arrays or text per second, without heads; JSON and pickles are
        not counted.
    lost
        Messages lost so far: the gaps in their sequence numbers.
    delays
        How long messages were on their way, in milliseconds: the median, and what 99 % took at
        most. Of the last `RECENT` messages.
    kind
        What sort of value the last one is: dtype, shape and unit of an array.
    last
        The last value in short.
    """

    stream: str
    messages: int
    rate: float
    megabytes: float
    lost: int
    delays: tuple[float, float]
    kind: str
    last: str


RECENT = 1000


@dataclass
class Stream:
    """The state of one stream."""

    last: Arrival
    messages: int = 0
    nbytes: int = 0
    lost: int = 0
    next_seq: int = 0
    marked: tuple[int, int] = (0, 0)
    delays: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT))

    def add(self, arrival: Arrival) -> None:
        """Count a message."""
        self.last = arrival
        self.messages += 1
        self.nbytes += arrival.nbytes
        self.lost += arrival.seq - self.next_seq
        self.next_seq = arrival.seq + 1
        self.delays.append(time.time_ns() - arrival.time)


@dataclass
class Tally:
    """All streams, in the order in which they were first seen.

    Times are those of one clock, in seconds.

    Attributes
    ----------
    started
        The time from which rates count.
    """

    started: float
    streams: dict[str, Stream] = field(default_factory=dict)
    _marked_at: float = 0.0

    def add(self, name: str, arrival: Arrival) -> None:
        """Count a message of the stream `name`."""
        stream = self.streams.get(name)
        if stream is None:
            stream = self.streams[name] = Stream(arrival)
        stream.add(arrival)

    def recent(self, now: float) -> list[Row]:
        """Return a row per stream with the rates since the last call."""
        elapsed = now - (self._marked_at or self.started)
        rows = []
        for name, stream in self.streams.items():
            messages, nbytes = stream.marked
            rows.append(
                _row(name, stream, stream.messages - messages, stream.nbytes - nbytes, elapsed)
            )
            stream.marked = (stream.messages, stream.nbytes)
        self._marked_at = now
        return rows

    def overall(self, now: float) -> list[Row]:
        """Return a row per stream with the mean rates since the start."""
        elapsed = now - self.started
        return [
            _row(*item, item[1].messages, item[1].nbytes, elapsed) for item in self.streams.items()
        ]

    def describe(self, now: float) -> dict[str, Any]:
        """All of it, for machines: times are in s, sizes in bytes."""
        streams = self.streams.values()
        return {
            "transport": framewire.transport,
            "seconds": now - self.started,
            "messages": sum(stream.messages for stream in streams),
            "nbytes": sum(stream.nbytes for stream in streams),
            "lost": sum(stream.lost for stream in streams),
            "streams": [
                {
                    "stream": row.stream,
                    "value": row.kind,
                    "messages": row.messages,
                    "nbytes": self.streams[row.stream].nbytes,
                    "rate": row.rate,
                    "speed": row.megabytes * 1e6,
                    "lost": row.lost,
                    "latency": {"p50": row.delays[0] / 1e3, "p99": row.delays[1] / 1e3},
                }
                for row in self.overall(now)
            ],
        }

    def summary(self, now: float) -> str:
        """Return the sum of all streams in a line."""
        elapsed = max(now - self.started, 1e-9)
        streams = self.streams.values()
        messages = sum(stream.messages for stream in streams)
        megabytes = sum(stream.nbytes for stream in streams) / 1e6
        lost = sum(stream.lost for stream in streams)
        return (
            f"{messages:,} messages, {megabytes:,.1f} MB in {elapsed:.1f} s: "
            f"{messages / elapsed:,.0f} msg/s, {megabytes / elapsed:,.1f} MB/s, {lost:,} lost"
        )


def _row(name: str, stream: Stream, messages: int, nbytes: int, elapsed: float) -> Row:
    seconds = max(elapsed, 1e-9)
    median, most = np.percentile(stream.delays, (50, 99)) / 1e6
    return Row(
        stream=name,
        messages=stream.messages,
        rate=messages / seconds,
        megabytes=nbytes / seconds / 1e6,
        lost=stream.lost,
        delays=(median, most),
        kind=stream.last.kind,
        last=stream.last.short,
    )
