"""The index of a recording: where every so many bytes a message begins, in a file beside it."""

from __future__ import annotations

import io
import os
from bisect import bisect_left

from ..errors import DecodeError
from .layout import (
    ENTRY,
    HEADER_SIZE,
    INDEX_MAGIC,
    STRIDE,
    Entry,
    Header,
    index_path,
    read_entry,
    read_header,
)

__all__ = ["BadIndexError", "Index"]


class BadIndexError(Exception):
    """The index's file says what is not so."""


class Index:
    """Entries that are read when they are asked for, and those that were added since.

    Nothing in the file is believed: whoever follows an entry looks whether the message is there.

    Parameters
    ----------
    path
        That of the recording.
    header
        The recording's; an index with another one counts as none.
    """

    def __init__(self, path: str, header: Header) -> None:
        self._seed = header.seed
        self._added: list[Entry] = []
        self.next = 0  # the least offset of the next entry
        self._file: io.BufferedReader | None = None
        self.stored = 0  # entries of the file that are used
        try:
            if not os.path.isfile(index_path(path)):  # a pipe, say, could be waited for
                return
            self._file = open(index_path(path), "rb")  # noqa: SIM115
            if read_header(self._file.read(HEADER_SIZE).ljust(HEADER_SIZE), INDEX_MAGIC) == header:
                self.stored = max(0, self._file.seek(0, 2) - HEADER_SIZE) // ENTRY
        except (OSError, DecodeError):
            pass

    def close(self) -> None:
        """Close its file."""
        if self._file is not None:
            self._file.close()

    def __len__(self) -> int:
        return self.stored + len(self._added)

    def __getitem__(self, i: int) -> Entry:
        """An entry, from 0.

        Raises
        ------
        BadIndexError
            The file has none there.
        """
        if i >= self.stored:
            return self._added[i - self.stored]
        assert self._file is not None
        self._file.seek(HEADER_SIZE + i * ENTRY)
        data = self._file.read(ENTRY)
        entry = read_entry(data, self._seed) if len(data) == ENTRY else None
        if entry is None:
            raise BadIndexError
        return entry

    def before(self, field: str, limit: int) -> int:
        """How many entries there are of which the field is less."""
        return bisect_left(self, limit, key=lambda entry: int(getattr(entry, field)))

    def add(self, entry: Entry) -> None:
        """Add one, unless the last is less than `STRIDE` bytes before it."""
        if entry.offset >= self.next:
            self._added.append(entry)
            self.next = entry.offset + STRIDE

    @property
    def added(self) -> list[Entry]:
        """The entries that are not in the file."""
        return self._added

    def keep(self, count: int) -> None:
        """Forget all entries but the first ones, of which the file has so many."""
        self._added.clear()
        self.stored = count
        self.next = self[count - 1].offset + STRIDE if count else 0
