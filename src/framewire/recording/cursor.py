"""Reading a recording from front to back: one record after the other, each checked."""

from __future__ import annotations

import os
import threading
from struct import unpack_from
from zlib import crc32

from ..errors import DecodeError
from ..limits import Limits
from .layout import (
    HEAD_SIZE,
    LENGTH,
    RECORD_MAGIC,
    Entry,
    Head,
    check_limits,
    check_regular,
    padded,
    read_head,
)

__all__ = ["Cursor", "Source"]


def _open_regular(path: str, flags: int) -> int:
    """Open a file, and do not wait for the other end of a pipe."""
    number = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    try:
        check_regular(number, path)
    except OSError:
        os.close(number)
        raise
    return number


class Source:
    """A file that is read at any place, by any thread. It may grow and shrink meanwhile.

    Not an mmap: where a file that is mapped becomes shorter, to look at it is a SIGBUS.
    """

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb", opener=_open_regular)  # noqa: SIM115
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def size(self) -> int:
        """The bytes that it has now."""
        return os.fstat(self._file.fileno()).st_size

    def read(self, offset: int, size: int) -> bytes:
        """So many bytes, or those up to the end."""
        with self._lock:
            self._file.seek(offset)
            return self._file.read(size)


class Cursor:
    """A place in a recording, at the beginning of a record.

    Parameters
    ----------
    source
        The file.
    seed
        Of its header.
    offset, number, elapsed
        Where the record is, and what it may be at least.
    window
        How many bytes to read at once.

    Attributes
    ----------
    offset
        Of the next record, or where the search for one has ended.
    """

    def __init__(
        self,
        source: Source,
        seed: int,
        offset: int,
        number: int = 0,
        elapsed: int = 0,
        window: int = 1 << 16,
    ) -> None:
        self.offset = self._end = offset
        self._source = source
        self._seed = seed
        self._number = number
        self._elapsed = elapsed
        self._window = window
        self._data = b""
        self._begin = 0
        self._size = 0
        self._gap = False

    def head(self) -> Head | None:
        """The head of the next record, to which the cursor then still points.

        Returns
        -------
        Head or None
            None at the end, where less than a whole record may follow.

        Raises
        ------
        DecodeError
            Code ``record``: there is none, or it is out of order.
        """
        data = self._get(self.offset, HEAD_SIZE)
        if len(data) < HEAD_SIZE:
            return None
        head = read_head(data, self.offset, self._seed)
        in_order = head.number >= self._number if self._gap else head.number == self._number
        if not in_order or head.elapsed < self._elapsed:
            what = f"the record at byte {self.offset} is number {head.number}, not {self._number}"
            raise DecodeError(f"{what}, or earlier than the one before", "record", self.offset)
        end = self.offset + HEAD_SIZE + head.size
        if end > self._size:
            self._size = self._source.size
        if end <= self._size:
            return head
        self._data = b""  # what will be here once there is more may be another
        return None

    @property
    def place(self) -> Entry:
        """The end of the last record, the number of the next one, and the time of the last."""
        return Entry(self._number, self._end, self._elapsed)

    def advance(self, head: Head) -> None:
        """Go behind the record with this head."""
        self.offset = self._end = self.offset + HEAD_SIZE + head.size
        self._number, self._elapsed, self._gap = head.number + 1, head.elapsed, False

    def body(self, head: Head, limits: Limits) -> list[memoryview]:
        """The frames of the record with this head, and go behind it, whatever is wrong with it.

        Raises
        ------
        DecodeError
            Code ``check``, ``lengths`` or, as a `LimitError`, ``limit``.
        """
        at = self.offset
        self.advance(head)
        check_limits(f"the message at byte {at}", head.frames, head.size, limits, at)
        data = self._own(at + HEAD_SIZE, head.size)
        if crc32(data) != head.check:
            raise DecodeError(f"the message at byte {at} is damaged", "check", at)
        view = memoryview(data)
        begin = LENGTH * head.frames
        frames = []
        for size in unpack_from(f"<{head.frames}Q", data):
            if size > len(data) - begin:
                break
            frames.append(view[begin : begin + size])
            begin += padded(size)
        if begin != head.size or len(frames) != head.frames:
            raise DecodeError(f"the lengths in the record at byte {at} are wrong", "lengths", at)
        return frames

    def skip(self) -> None:
        """Go on from a place where there is no record to the next one, or to the end."""
        self._gap = True
        while True:
            try:
                self.head()
                return
            except DecodeError:
                self.offset = self._find(self.offset + 8)

    def _find(self, offset: int) -> int:
        """Where from `offset` on a record may begin, or the end of the file."""
        while self._get(offset, 8):
            begin = offset - self._begin
            i = self._data.find(RECORD_MAGIC, begin)
            while i >= 0 and (i - begin) % 8:
                i = self._data.find(RECORD_MAGIC, i + 1)
            if i >= 0:
                return self._begin + i
            offset += padded(len(self._data) - begin)
        return offset

    def _get(self, offset: int, size: int) -> bytes:
        """Bytes of the file; fewer where it ends."""
        begin = offset - self._begin
        if begin < 0 or begin + size > len(self._data):
            self._data = self._source.read(offset, self._window)
            self._begin, begin = offset, 0
        return self._data[begin : begin + size]

    def _own(self, offset: int, size: int) -> bytes:
        """The same, of any size, and nothing else in the object."""
        begin = offset - self._begin
        if begin >= 0 and begin + size <= len(self._data):
            return self._data[begin : begin + size]
        return self._source.read(offset, size)
