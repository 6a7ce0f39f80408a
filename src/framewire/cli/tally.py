"""What has arrived on each stream of the demo: messages, bytes, losses, the last value."""

from __future__ import annotations

from dataclasses import dataclass, field

import framewire

_SHOWN_VALUES = 8


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
        Megabytes (10**6 bytes) of arrays or raw frames per second, without topics and heads.
    lost
        Messages lost so far, by their sequence numbers.
    kind
        Dtype, shape and unit of the last value.
    last
        The last value.
    """

    stream: str
    messages: int
    rate: float
    megabytes: float
    lost: int
    kind: str
    last: str


@dataclass
class Stream:
    """The state of one stream."""

    last: framewire.Message
    messages: int = 0
    nbytes: int = 0
    lost: int = 0
    next_seq: int = 0
    marked: tuple[int, int] = (0, 0)

    def add(self, message: framewire.Message, seq: int, nbytes: int) -> None:
        """Count a message with sequence number `seq` and `nbytes` bytes of payload."""
        self.last = message
        self.messages += 1
        self.nbytes += nbytes
        self.lost += seq - self.next_seq
        self.next_seq = seq + 1


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

    def add(self, message: framewire.Message) -> None:
        """Count a message: an array with topic and metadata, or raw frames with name and number."""
        if message.serializer is None:
            name, number, text = message.frames
            self._stream(bytes(name), message).add(message, int(bytes(number)), text.nbytes)
        else:
            stream = self._stream(message.topic or b"", message)
            stream.add(message, message.meta["seq"], message.value.nbytes)

    def _stream(self, name: bytes, message: framewire.Message) -> Stream:
        key = name.decode()
        stream = self.streams.get(key)
        if stream is None:
            stream = self.streams[key] = Stream(message)
        return stream

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
    return Row(
        stream=name,
        messages=stream.messages,
        rate=messages / seconds,
        megabytes=nbytes / seconds / 1e6,
        lost=stream.lost,
        kind=_kind(stream.last),
        last=_last(stream.last),
    )


def _kind(message: framewire.Message) -> str:
    if message.serializer is None:
        return f"{message.frames[-1].nbytes} raw bytes"
    return f"{message.value.dtype} {message.value.shape} {message.meta['unit']}"


def _last(message: framewire.Message) -> str:
    """Return the last value in short: the first fields of an array's last row, or some text."""
    if message.serializer is None:
        return bytes(message.frames[-1][:60]).decode("ascii", "replace").partition("\n")[0]
    value = message.value
    row = value[(-1,) * (value.ndim - 1)]
    pairs = zip(message.meta["fields"], row.tolist()[:_SHOWN_VALUES], strict=False)
    return " ".join(f"{name} {_short(number)}" for name, number in pairs)


def _short(number: float) -> str:
    """Return a number with four digits at most, such as ``24.15G``."""
    prefixes = ["T", "G", "M", "k", ""]
    while abs(number) >= 1000 and len(prefixes) > 1:
        number /= 1000
        prefixes.pop()
    return f"{number:.4g}{prefixes[-1]}"
