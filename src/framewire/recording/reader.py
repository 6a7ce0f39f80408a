"""Reading recordings: from the front, or from a number or a time on."""

from __future__ import annotations

import math
import operator
import os
import threading
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import DecodeError, LimitError
from ..limits import Limits, check_is_limits
from .cursor import Cursor, Source
from .index import BadIndexError, Index
from .layout import HEADER_SIZE, MAGIC, Entry, Head, Header, read_header

__all__ = ["Recorded", "Recording"]

_FOREVER = 1e10  # seconds: more than a recording can have
_HEADS_WINDOW = 1 << 12  # bytes to read at once where only heads are looked at


class Recorded(NamedTuple):
    """A message of a recording.

    Attributes
    ----------
    number : int
        Which of the recording it is, from 0.
    time : int
        When it came, in ns since the epoch, by the wall clock of then.
    elapsed : int
        The same in ns since the recording was created, by a clock that does not step.
    frames : list of memoryview
        Read-only, in memory of their own, each at a multiple of 8 bytes; what `loads` takes.
    """

    number: int
    time: int
    elapsed: int
    frames: list[memoryview]


class Recording:
    """The messages of a file. It may still be recorded to: what is whole then is there.

    Iterating it gives every message, as a `Recorded`. Any thread may use it.

    Parameters
    ----------
    path : str or path-like
    limits : Limits, optional
        `frames` and `size` of a message, before memory is taken for it.
    skip_errors : bool
        Go on behind what is damaged, or over a limit. By default a DecodeError says where it is.

    Attributes
    ----------
    created : int
        In ns since the epoch; 0 if the file was cut within its header.
    skipped : int
        Damaged places that were skipped in reading.
    refused : int
        Messages over a limit that were skipped in reading: others may take them.

    Raises
    ------
    OSError
        There is no such file, or it cannot be read.
    DecodeError
        Code ``header`` or ``version``: it is no recording.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        limits: Limits | None = None,
        skip_errors: bool = False,
    ) -> None:
        self._path = os.fsdecode(path)
        check_is_limits(limits)
        self._limits = limits or Limits()
        self._skip_errors = skip_errors
        self._lock = threading.Lock()
        self.skipped = self.refused = 0
        self._source = Source(self._path)
        try:
            self.header = self._read_header()
            self.index = Index(self._path, self.header)
        except BaseException:
            self._source.close()
            raise
        self.created = self.header.created
        self._tail = Cursor(self._source, self.header.seed, HEADER_SIZE, window=_HEADS_WINDOW)
        self._known = False  # is _tail behind the last entry?

    def _read_header(self) -> Header:
        data = self._source.read(0, HEADER_SIZE)
        if len(data) < HEADER_SIZE and data[: len(MAGIC)] == MAGIC[: len(data)]:
            return Header(0, b"")
        return read_header(data.ljust(HEADER_SIZE, b"\0"))

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. The frames of messages stay."""
        self._source.close()
        self.index.close()

    def __len__(self) -> int:
        """How many messages were recorded, damaged ones included."""
        return self.place.number

    @property
    def seconds(self) -> float:
        """When the last message came, in seconds since the recording was created."""
        return self.place.elapsed / 1e9

    @property
    def place(self) -> Entry:
        """The number of the next message, the end of the last one in the file, and its time.

        What the file has behind that end was cut off, or is damaged.
        """
        with self._lock:
            self._catch_up()
            return self._tail.place

    def __iter__(self) -> Iterator[Recorded]:
        return self.read()

    def __getitem__(self, number: int) -> Recorded:
        """A message by its number; negative ones count from the end.

        Raises
        ------
        IndexError
            There is none.
        DecodeError
            It is damaged.
        TypeError
            The number is no integer.
        """
        try:
            number = operator.index(number)
        except TypeError:
            what = f"a message has an integer as its number, not {type(number).__name__}"
            raise TypeError(f"{what}; read(start, stop) gives those of a range") from None
        count = len(self)
        i = number + count if number < 0 else number
        if not 0 <= i < count:
            raise IndexError(f"message {number} of {count}")
        cursor = self._cursor("number", i + 1)
        while (head := _next_head(cursor)) is not None and head.number < i:
            cursor.advance(head)
        if head is None or head.number > i:
            raise DecodeError(f"message {i} is damaged", "record")
        return Recorded(i, head.time, head.elapsed, cursor.body(head, self._limits))

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[Recorded]:
        """Read the messages with the numbers from `start` up to, and without, `stop`.

        Raises
        ------
        DecodeError
            Something is damaged, and `skip_errors` is False; its offset says where in the file.
        ValueError
            A number is negative.
        """
        if start < 0 or (stop is not None and stop < 0):
            raise ValueError(f"messages are read from 0 on: start={start}, stop={stop}")
        return self._read(start, stop)

    def _read(self, start: int, stop: int | None) -> Iterator[Recorded]:
        cursor = self._cursor("number", start + 1 if start > 0 else 0)
        while True:
            try:
                head = cursor.head()
                if head is None or (stop is not None and head.number >= stop):
                    return
                if head.number < start:
                    cursor.advance(head)
                    continue
                frames = cursor.body(head, self._limits)
            except DecodeError as error:
                if not self._skip_errors:
                    raise
                if isinstance(error, LimitError):
                    self.refused += 1
                else:
                    self.skipped += 1
                if error.code == "record":
                    cursor.skip()
                continue
            yield Recorded(head.number, head.time, head.elapsed, frames)

    def find(self, seconds: float) -> int:
        """The number of the first message that came so many seconds after the start, or later.

        The start is when the recording was created. Where there is none, it is the length.

        Raises
        ------
        ValueError
            The time is NaN.
        """
        if math.isnan(seconds):
            raise ValueError("a time in seconds, not NaN")
        at = round(min(max(seconds, 0.0), _FOREVER) * 1e9)
        cursor = self._cursor("elapsed", at, _HEADS_WINDOW)
        number = 0
        while (head := _next_head(cursor)) is not None:
            if head.elapsed >= at:
                return head.number
            number = head.number + 1
            cursor.advance(head)
        return number

    # ---- where things are

    def _cursor(self, field: str, limit: int, window: int = 1 << 16) -> Cursor:
        """A cursor at a message of which the field is less than the limit, not far before it."""
        if limit <= 0:
            return Cursor(self._source, self.header.seed, HEADER_SIZE, window=window)
        with self._lock:
            self._catch_up()
            while True:
                try:
                    count = self.index.before(field, limit)
                    if count == 0:
                        return Cursor(self._source, self.header.seed, HEADER_SIZE, window=window)
                    entry = self.index[count - 1]
                    if getattr(entry, field) < limit and (cursor := self._follow(entry, window)):
                        return cursor
                except BadIndexError:
                    pass
                self._rebuild()

    def _follow(self, entry: Entry, window: int) -> Cursor | None:
        """A cursor at an entry, if the message is there."""
        if not HEADER_SIZE <= entry.offset < self._source.size or entry.offset % 8:
            return None
        place = entry.offset, entry.number, entry.elapsed
        cursor = Cursor(self._source, self.header.seed, *place, window=window)
        try:
            head = cursor.head()
        except DecodeError:
            return None
        return cursor if head is not None and head.elapsed == entry.elapsed else None

    def _catch_up(self) -> None:
        """Bring the index and the tail up to the end of the file."""
        if not self._known:
            self._known = True
            self._trust()
        tail = self._tail
        while (head := _next_head(tail)) is not None:
            self.index.add(Entry(head.number, tail.offset, head.elapsed))
            tail.advance(head)

    def _trust(self) -> None:
        """Set the tail to the last entry of the index's file whose message is whole."""
        index = self.index
        try:
            # The file may have been cut since; the last entry in it may be that of a torn record.
            count = index.before("offset", self._source.size)
            for kept in range(count, max(0, count - 2), -1):
                cursor = self._follow(index[kept - 1], _HEADS_WINDOW)
                if cursor is not None:
                    index.keep(kept)
                    self._tail = cursor
                    return
        except BadIndexError:
            pass
        index.keep(0)

    def _rebuild(self) -> None:
        """Read all heads: the index's file is wrong."""
        self.index.keep(0)
        self._tail = Cursor(self._source, self.header.seed, HEADER_SIZE, window=_HEADS_WINDOW)
        self._catch_up()


def _next_head(cursor: Cursor) -> Head | None:
    """The next head, wherever it is."""
    while True:
        try:
            return cursor.head()
        except DecodeError:
            cursor.skip()
