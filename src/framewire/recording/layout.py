"""The bytes of a recording and of its index: docs/recording.md, which is normative."""

from __future__ import annotations

import errno
import os
import stat
import struct
from typing import NamedTuple
from zlib import crc32

from ..errors import DecodeError, LimitError
from ..limits import Limits

__all__ = [
    "ENTRY",
    "HEADER_SIZE",
    "HEAD_SIZE",
    "INDEX_MAGIC",
    "LENGTH",
    "MAGIC",
    "RECORD_MAGIC",
    "STRIDE",
    "Entry",
    "Head",
    "Header",
    "check_limits",
    "check_regular",
    "index_path",
    "make_entry",
    "make_head",
    "make_header",
    "padded",
    "read_entry",
    "read_head",
    "read_header",
]

MAGIC = b"\x89FWREC\r\n"
INDEX_MAGIC = b"\x89FWIDX\r\n"
RECORD_MAGIC = b"\x89rec"
VERSION = 1
_MOST = 2**63 - 1  # so that a length fits
STRIDE = 1 << 16
"""The index has an entry for the first message behind so many bytes since the last entry."""

_HEADER = struct.Struct("<8sIIQ16sII")
_HEAD = struct.Struct("<4sIQQQQII")
_HEAD_UNCHECKED = struct.Struct("<4sIQQQQI")
_CHECK = struct.Struct("<I")
_ENTRY = struct.Struct("<QQQII")
HEADER_SIZE = _HEADER.size
HEAD_SIZE = _HEAD.size
ENTRY = _ENTRY.size
LENGTH = 8
"""Bytes of the length of a frame."""


class Header(NamedTuple):
    """What a file begins with. `created` is in ns since the epoch, of the wall clock."""

    created: int
    identity: bytes

    @property
    def seed(self) -> int:
        """What the checks of heads and entries go on from: those of another file do not fit."""
        return crc32(self.identity)


class Head(NamedTuple):
    """What a record begins with."""

    frames: int
    size: int  # bytes of the body
    number: int
    time: int  # ns since the epoch
    elapsed: int  # ns since the recording was created
    check: int  # of the body


class Entry(NamedTuple):
    """Where a message is."""

    number: int
    offset: int
    elapsed: int


def padded(size: int) -> int:
    """The next multiple of 8."""
    return -(-size // 8) * 8


def make_header(header: Header, magic: bytes = MAGIC) -> bytes:
    """The header of a recording, or of its index, which has the same but for the magic."""
    data = _HEADER.pack(magic, VERSION, 0, header.created, header.identity, 0, 0)[:-4]
    return data + crc32(data).to_bytes(4, "little")


def read_header(data: bytes, magic: bytes = MAGIC) -> Header:
    """Check a header.

    Raises
    ------
    DecodeError
        Code ``header`` or ``version``.
    """
    found, version, flags, created, identity, _, check = _HEADER.unpack(data)
    if found != magic:
        raise DecodeError("no recording: the file does not begin with its magic", "header", 0)
    if crc32(data[:-4]) != check:
        raise DecodeError("the header of the recording is damaged", "header", 0)
    if version != VERSION or flags != 0:
        raise DecodeError(f"a recording of version {version}, flags {flags}", "version", 8)
    return Header(created, identity)


def make_head(
    frames: int, size: int, number: int, time: int, elapsed: int, check: int, seed: int
) -> bytes:
    """The head of a record; the arguments are the fields of `Head`, and that of the header."""
    data = _HEAD_UNCHECKED.pack(RECORD_MAGIC, frames, size, number, time, elapsed, check)
    return data + _CHECK.pack(crc32(data, seed))


def read_head(data: bytes, offset: int, seed: int) -> Head:
    """Check the head of the record at `offset`.

    Raises
    ------
    DecodeError
        Code ``record``.
    """
    magic, *fields, check = _HEAD.unpack(data)
    if magic != RECORD_MAGIC or crc32(data[:-4], seed) != check:
        raise DecodeError(f"no record at byte {offset}: the file is damaged", "record", offset)
    head = Head(*fields)
    body = head.frames >= 1 and head.size >= LENGTH * head.frames and head.size % 8 == 0
    if not body or head.number >= _MOST or head.elapsed >= _MOST:
        raise DecodeError(f"the record at byte {offset} contradicts itself", "record", offset)
    return head


def check_limits(
    what: str, frames: int, size: int, limits: Limits, offset: int | None = None
) -> None:
    """Hold a message with so many frames, and a body of this size, against what a reader takes.

    Raises
    ------
    LimitError
        Code ``limit``. The text begins with `what`.
    """
    size -= LENGTH * frames
    for name, unit, value in ("frames", "frames", frames), ("size", "bytes", size):
        most = getattr(limits, name)
        if value > most:
            text = f"{what} has {value:,} {unit}, and the limit is {most:,}"
            raise LimitError(text, "limit", offset, name)


def make_entry(entry: Entry, seed: int) -> bytes:
    """An entry of the index."""
    data = _ENTRY.pack(*entry, 0, 0)[:-4]
    return data + crc32(data, seed).to_bytes(4, "little")


def read_entry(data: bytes, seed: int) -> Entry | None:
    """An entry of the index; None if it is none."""
    *fields, _, check = _ENTRY.unpack(data)
    return Entry(*fields) if crc32(data[:-4], seed) == check else None


def index_path(path: str) -> str:
    """The name of a recording's index."""
    return f"{path}.index"


def check_regular(file: int, path: str) -> None:
    """Raise an OSError if the open file is a pipe, say, which has no places to go to."""
    mode = os.fstat(file).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # of a directory, open() says so
        raise OSError(errno.EINVAL, "Not a regular file", path)
