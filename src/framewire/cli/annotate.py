"""What each byte of a message means, field by field as in docs/wire-format.md.

Whether it is right is the parser's to say; this only knows in which order fields stand.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from framewire._heads import inspect
from framewire.cli.foreign import LONGEST, content_of
from framewire.cli.text import printable
from framewire.compression import NAMES as METHODS
from framewire.dtypes import CODES
from framewire.errors import DecodeError
from framewire.message import decode_meta
from framewire.serializers.registry import IDS, NAMES, USER

ARRAY, RECORD = IDS["array"], IDS["record"]
INLINE, PACKED = 0x0001, 0x0004
FLAGS = {
    INLINE: "INLINE", 0x0002: "FORTRAN", PACKED: "PACKED", 0x0008: "SCALAR", 0x0020: "BUFFERS",
    0x0040: "STAMP", 0x0080: "META", 0x0100: "TYPE", 0x0200: "COMPRESSED", 0x0400: "SIGNED",
}  # fmt: skip
MOST = 32  # numbers of a section, and buffers of a head, that have a line each
LONGEST_META = 4096  # bytes that are decoded
_BEFORE_ALL = ("magic", "version", "serializer", "flags", "dtype", "ndim")
"""Errors behind which nothing can be told any more."""


@dataclass
class Note:
    """What some bytes of a frame mean.

    Attributes
    ----------
    begin, end : int
        Which bytes of the frame.
    meaning : str
    is_content : bool
        They are what the application sent, and no number of the format.
    error : str
        What is wrong there; empty if nothing is.
    """

    begin: int
    end: int
    meaning: str
    is_content: bool = False
    error: str = ""


@dataclass
class Annotation:
    """What is said of a message.

    Attributes
    ----------
    titles : list of str
        Of each frame.
    notes : list of list of Note
        Of each frame, in order: each byte is in exactly one.
    error : DecodeError or None
        What the parser says; it is also at the byte where it is, if there is one.
    """

    titles: list[str]
    notes: list[list[Note]]
    error: DecodeError | None = None


def annotate(frames: Sequence[memoryview], error: DecodeError | None = None) -> Annotation:
    """Say what each byte of a message means, whatever it is. Nothing is loaded.

    Parameters
    ----------
    frames
        Of a socket that puts no routing id before them.
    error
        What is wrong with it beside what the head shows: its signature, say.
    """
    try:
        head = inspect(frames)
        if head is None:
            titles = [content_of(bytes(frame[: LONGEST + 1])) for frame in frames]
            return Annotation(titles, [[_whole(frame, "no head")] for frame in frames], error)
    except DecodeError as found:
        error = found
    at = next(i for i, frame in enumerate(frames) if bytes(frame[:2]) == b"\xc1F")
    walk = _Walk(bytes(frames[at]), error)
    inside = list(walk.notes())
    _mark(inside, error)
    titles = ["envelope"] * (at - 1) + ["topic"] * bool(at) + ["head"]
    titles += [f"buffer {i + walk.inside}" for i in range(len(frames) - at - 1)]
    notes = [inside if i == at else [_whole(frame, titles[i])] for i, frame in enumerate(frames)]
    return Annotation(titles, notes, error)


def _whole(frame: memoryview, meaning: str) -> Note:
    return Note(0, len(frame), meaning, is_content=True)


def _mark(notes: list[Note], error: DecodeError | None) -> None:
    """Put an error at its byte, or the last one if that is missing."""
    if error is None or error.offset is None:
        return
    there = [note for note in notes if note.begin <= error.offset < note.end]
    for note in there[:1] or notes[-1:]:
        note.error = f"{error.code}: {error}"


class _Walk:
    """Goes through the frame of a head from its first byte to its last."""

    def __init__(self, frame: bytes, error: DecodeError | None) -> None:
        self.frame = frame
        self.at = 0
        self.lost = error is not None and error.code in _BEFORE_ALL
        self.serializer = self.flags = self.ndim = self.payload = 0
        self.lengths: list[int] | None = None
        self.buffers = 1
        self.inside = 0  # buffers behind the head

    def notes(self) -> Iterator[Note]:
        """All of it, each byte once."""
        for part in (self._fixed, self._shape, self._sections, self._buffers):
            yield from part()
            if self.at == len(self.frame) or self.lost:
                break
        if self.at < len(self.frame):
            meaning = "not read" if self.lost else "behind the last buffer"
            yield from self._bytes(len(self.frame) - self.at, meaning)

    # ---- steps

    def _bytes(self, count: int, meaning: str, is_content: bool = True) -> Iterator[Note]:
        """So many bytes, or what is left of them; none for none."""
        end = min(self.at + count, len(self.frame))
        if end > self.at:
            cut = f", cut: {count} bytes were to come" if end - self.at < count else ""
            yield Note(self.at, end, meaning + cut, is_content)
        self.at = end

    def _number(self, size: int) -> int:
        """The number that is next, of which bytes may be missing."""
        return int.from_bytes(self.frame[self.at : self.at + size], "little")

    def _word(self, meaning: str) -> Iterator[Note]:
        yield from self._bytes(8, meaning, is_content=False)

    # ---- parts

    def _fixed(self) -> Iterator[Note]:
        padded = self.frame[:16].ljust(16, b"\0")
        version, self.serializer, self.flags = struct.unpack_from("<BBH", padded, 2)
        code, self.ndim, self.payload = struct.unpack_from("<BBQ", padded, 6)
        name = NAMES.get(self.serializer, "user" if self.serializer == USER else "unknown")
        fields = [
            (2, "magic"),
            (1, f"version {version}"),
            (1, f"serializer {self.serializer}: {name}"),
            (2, f"flags {self._names_of_flags()}"),
            (1, f"dtype {self._dtype(code)}"),
            (1, f"ndim {self.ndim}"),
            (8, f"payload: {self.payload} bytes in all buffers"),
        ]
        for size, meaning in fields:
            yield from self._bytes(size, meaning, is_content=False)

    def _names_of_flags(self) -> str:
        named = FLAGS | {0x0010: "VERSIONS" if self.serializer == RECORD else "BROADCAST"}
        bits = [1 << i for i in range(16) if self.flags >> i & 1]
        return " ".join(named.get(bit, f"{bit:#06x}?") for bit in bits) or "none"

    def _dtype(self, code: int) -> str:
        if self.serializer != ARRAY:
            return "none" if code == 0 else f"{code:#04x}?"
        if code == 0:
            return "0: described by TYPE"
        dtype = CODES.get(code & 0x7F)
        order = "big-endian " if code & 0x80 else ""
        return f"{code:#04x}: {order}{dtype or 'none that is known here'}"

    def _shape(self) -> Iterator[Note]:
        if self.serializer == RECORD:
            yield from self._word(f"fingerprint {self._number(8):#018x} of the schema")
        for axis in range(self.ndim):
            yield from self._word(f"shape, axis {axis}: {self._number(8)}")

    def _sections(self) -> Iterator[Note]:
        sections = {
            0x0010: self._versions if self.serializer == RECORD else self._broadcast,
            0x0020: self._table,
            0x0040: self._stamp,
            0x0080: self._meta,
            0x0100: self._type,
            0x0200: self._compressed,
            0x0400: self._signed,
        }
        for flag, section in sections.items():
            if self.flags & flag:
                yield from section()

    def _broadcast(self) -> Iterator[Note]:
        mask = self._number(8)
        axes = [i for i in range(64) if mask >> i & 1]
        yield from self._word(f"BROADCAST: repeated axes {axes}")

    def _stamp(self) -> Iterator[Note]:
        yield from self._word(f"STAMP: sender {self._number(8):016x}")
        yield from self._word(f"sequence {self._number(8)}")
        yield from self._word(f"sent at {self._number(8)} ns, {_moment(self._number(8))}")

    def _signed(self) -> Iterator[Note]:
        yield from self._word(f"SIGNED: key {self._number(8)}")
        yield from self._word(f"epoch {self._number(8):016x}")
        yield from self._bytes(32, "code, HMAC-SHA256", is_content=False)

    def _section(self, name: str) -> Iterator[Note]:
        """The length of a section. Its content is what comes next."""
        self.length = self._number(8)
        yield from self._word(f"{name}: {self.length} bytes")

    def _padding(self) -> Iterator[Note]:
        yield from self._bytes(-self.length % 8, "padding", is_content=False)

    def _numbers(self, name: str, meaning: str) -> Iterator[Note]:
        """A section of numbers, the first of which are kept in `numbers`."""
        yield from self._section(name)
        inside = self.frame[self.at : self.at + min(self.length, 8 * MOST)]
        self.numbers = [n for (n,) in struct.iter_unpack("<Q", inside[: len(inside) & ~7])]
        for i, number in enumerate(self.numbers):
            yield from self._word(meaning.format(i=i, n=number))
        left = self.length - 8 * len(self.numbers)
        yield from self._bytes(left, f"{left // 8} more", is_content=False)
        yield from self._padding()

    def _versions(self) -> Iterator[Note]:
        yield from self._numbers("VERSIONS", "fingerprint {n:#018x} of an older schema")

    def _table(self) -> Iterator[Note]:
        yield from self._numbers("BUFFERS", "buffer {i}: {n} bytes")
        self.lengths, self.buffers = self.numbers, self.length // 8

    def _compressed(self) -> Iterator[Note]:
        first = True
        for note in self._numbers("COMPRESSED", "raw length: {n} bytes"):
            if first and note.meaning.startswith("raw"):
                first = False
                method = self.numbers[0]
                note.meaning = f"method {method}: {METHODS.get(method, 'unknown')}"
            yield note

    def _meta(self) -> Iterator[Note]:
        yield from self._section("META")
        content = self.frame[self.at : self.at + self.length]
        yield from self._bytes(self.length, f"metadata {short_meta(content)}")
        yield from self._padding()

    def _type(self) -> Iterator[Note]:
        yield from self._section("TYPE")
        content = self.frame[self.at : self.at + self.length]
        yield from self._bytes(self.length, printable(content, 60))
        yield from self._padding()

    def _buffers(self) -> Iterator[Note]:
        lengths = [self.payload] if self.lengths is None else self.lengths
        if not self.flags & INLINE:
            return
        for i, length in enumerate(lengths if self.flags & PACKED else lengths[:1]):
            yield from self._bytes(-self.at % 8, "padding", is_content=False)
            if self.at == len(self.frame):
                return
            self.inside += 1
            yield from self._bytes(length, f"buffer {i}, {length} bytes")
        if self.flags & PACKED and self.buffers > self.inside:
            self.inside = self.buffers
            yield from self._bytes(len(self.frame) - self.at, "the other buffers")


def _moment(ns: int) -> str:
    begin = datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (begin + timedelta(microseconds=ns // 1000)).isoformat()


def short_meta(content: bytes) -> str:
    """Metadata as text, if it is short and right."""
    if len(content) > LONGEST_META:
        return "that is long"
    try:
        return printable(repr(decode_meta(content)), 60)
    except (DecodeError, RecursionError):
        return "that is no MessagePack"
