"""What is on a wire: messages sorted into streams and counted, within bounded memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any, NamedTuple

import framewire
from framewire._calls import parse_head
from framewire._heads import Head, inspect
from framewire.cli.foreign import Foreign, recognise
from framewire.cli.streams import Stream, is_unknown_record, serializer_of, type_of
from framewire.errors import DecodeError

MOST_STREAMS = 500  # the one that was heard from least recently goes
MOST_GAPS = 2**63 - 1  # that are counted: JSON has no larger number
MOST_SENDERS = 5000  # whose numbers are known, of all topics together
LONGEST_TOPIC = 256  # bytes that are told apart
_FLAG_COMPRESSED, _FLAG_SIGNED = 0x0200, 0x0400
_MAGIC = b"\xc1F"


class Sighting(NamedTuple):
    """A message: of which stream it is, its head, what is wrong with it, ns on the way.

    The shape is that of an array of the recipe, which has no head.
    """

    stream: Stream
    head: Head | None
    error: DecodeError | None
    nbytes: int
    latency: int | None
    shape: tuple[int, ...] | None = None


class Traffic:
    """Counts the messages of a socket that puts no routing id before them.

    Parameters
    ----------
    socket
        With keys in its codec, messages are verified.
    subscribed
        Whether the first of several frames is what subscriptions are compared with.

    Attributes
    ----------
    streams : OrderedDict
        The one heard from least recently is first.
    dropped : int
        Streams that are no longer there.
    messages, nbytes, stamps, gaps, errors : int
        Of all, those of dropped ones included.
    """

    def __init__(self, socket: framewire.Socket, subscribed: bool) -> None:
        self.streams: OrderedDict[tuple[Any, ...], Stream] = OrderedDict()
        self.started = time.monotonic()
        self.messages = self.nbytes = self.stamps = self.gaps = self.errors = self.dropped = 0
        self._socket = socket
        self._codec = socket.codec if socket.codec.key else None
        self._subscribed = subscribed
        self._last: OrderedDict[tuple[bytes | None, int], int] = OrderedDict()
        self._marked_at = self.started

    def add(self, frames: list[memoryview]) -> Sighting:
        """Count a message."""
        head = error = latency = shape = None
        nbytes = sum(map(len, frames))
        try:
            head = inspect(frames)
            if self._codec is not None:
                parse_head(frames, self._socket, self._codec)
        except DecodeError as wrong:
            error = wrong
        if head is not None:
            stream = self._stream_of(head, frames, error is None)
            if error is None:  # else it proves nothing
                latency = self._note(stream, head)
        elif any(bytes(frame[:2]) == _MAGIC for frame in frames):
            stream = self._malformed(frames)
        else:
            stream, found = self._foreign(frames)
            error, shape = error or found.error, found.shape
        stream.messages += 1
        stream.nbytes += nbytes
        self.messages += 1
        self.nbytes += nbytes
        if error is not None:
            stream.errors[error.code] += 1
            self.errors += 1
        return Sighting(stream, head, error, nbytes, latency, shape)

    def rates(self, now: float) -> list[tuple[Stream, float, float]]:
        """Every stream, in order, with its messages and bytes per second since the last call."""
        elapsed = max(now - self._marked_at, 1e-9)
        self._marked_at = now
        rows = []
        for stream in self.ordered():
            messages, nbytes = stream.marked
            stream.marked = stream.messages, stream.nbytes
            counts = stream.messages - messages, stream.nbytes - nbytes
            rows.append((stream, counts[0] / elapsed, counts[1] / elapsed))
        return rows

    def means(self, now: float) -> list[tuple[Stream, float, float]]:
        """Every stream, in order, with its messages and bytes per second over all the time."""
        elapsed = max(now - self.started, 1e-9)
        return [(each, each.messages / elapsed, each.nbytes / elapsed) for each in self.ordered()]

    def ordered(self) -> list[Stream]:
        """The streams in the order in which they were first seen."""
        return sorted(self.streams.values(), key=lambda stream: stream.number)

    def _stream_of(self, head: Head, frames: list[memoryview], trusted: bool) -> Stream:
        topic = bytes(frames[head.index - 1][:LONGEST_TOPIC]) if head.index else None
        key = topic, head.kind
        stream = self.streams.get(key)
        if stream is None:
            return self._new(key, serializer_of(head), type_of(head, trusted))
        self.streams.move_to_end(key)
        if is_unknown_record(stream) and head.type is not None:
            stream.type = type_of(head, trusted)
        return stream

    def _new(self, key: tuple[Any, ...], serializer: str, kind: str) -> Stream:
        if len(self.streams) >= MOST_STREAMS:
            self.streams.popitem(last=False)
            self.dropped += 1
        number = self.dropped + len(self.streams)
        stream = self.streams[key] = Stream(number, key[0], serializer, kind)
        return stream

    def _named(self, topic: bytes | None, serializer: str, kind: str, ndim: int = 0) -> Stream:
        """The stream of messages without a head that is right, which is told by its names."""
        key = topic and topic[:LONGEST_TOPIC], serializer, kind, ndim
        stream = self.streams.get(key)
        if stream is None:
            return self._new(key, serializer, kind)
        self.streams.move_to_end(key)
        return stream

    def _note(self, stream: Stream, head: Head) -> int | None:
        """Note what a head says; how long its message was on its way, if there is a stamp."""
        flags = head.flags
        stream.payload += head.payload
        if flags & _FLAG_COMPRESSED:
            stream.compression = head.compression
            stream.raw += head.raw
        else:
            stream.raw += head.payload
        if flags & _FLAG_SIGNED:
            stream.signed += 1
            stream.verified += self._codec is not None  # else it had not come here
        if head.serializer == 1:
            stream.add_shape(head.shape)
        stamp = head.stamp
        if stamp is None:
            return None
        self.stamps += 1
        sender, sequence, sent = stamp
        latency = time.time_ns() - sent
        stream.latencies.append(latency)
        if stream.topic is None or len(stream.topic) < LONGEST_TOPIC:
            self._note_sequence(stream, sender, sequence)
        return latency

    def _note_sequence(self, stream: Stream, sender: int, sequence: int) -> None:
        """Numbers are those of a sender on a topic, whatever it sends there."""
        key = stream.topic, sender
        last = self._last.get(key)
        if last is not None and sequence <= last:
            stream.late += 1
            return
        if last is not None:
            missing = sequence - last - 1
            stream.gaps = min(stream.gaps + missing, MOST_GAPS)
            self.gaps = min(self.gaps + missing, MOST_GAPS)
            self._last.move_to_end(key)
        elif len(self._last) >= MOST_SENDERS:
            self._last.popitem(last=False)
        self._last[key] = sequence

    def _malformed(self, frames: list[memoryview]) -> Stream:
        at = next(i for i, frame in enumerate(frames) if bytes(frame[:2]) == _MAGIC)
        topic = bytes(frames[at - 1][:LONGEST_TOPIC]) if at else None
        return self._named(topic, "malformed", "")

    def _foreign(self, frames: list[memoryview]) -> tuple[Stream, Foreign]:
        found = recognise(frames, self._subscribed)
        ndim = 0 if found.shape is None else len(found.shape)
        stream = self._named(found.topic, found.serializer, found.type, ndim)
        if found.shape is not None:
            stream.add_shape(found.shape)
        return stream, found
