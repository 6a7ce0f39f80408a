"""Change a message: bits, bytes, numbers, lengths; cut it, join it with another."""

import random
import struct
from collections.abc import Callable

from .files import Frames

NUMBERS = (0, 1, 2, 7, 8, 9, 16, 64, 255, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53)
NUMBERS += (2**61, 2**63 - 1, 2**63, 2**64 - 8, 2**64 - 1)
BYTES = bytes([0, 1, 2, 3, 4, 7, 8, 0x20, 0x7F, 0x80, 0x90, 0xC0, 0xC1, 0xC7, 0xD4, 0xDD, 0xFF])
KINDS = bytes([*range(14), 255])  # of serializers
INLINE, BUFFERS, TYPE = 0x0001, 0x0020, 0x0100
RECORD = 5

Change = Callable[[bytearray, random.Random], None]


def _place(frame: bytearray, order: random.Random) -> int:
    """Where to change a frame, more often in its first bytes: that is where the head is."""
    size = len(frame)
    return int(order.random() * (min(size, 48) if order.random() < 0.3 else size))


def _flip(frame: bytearray, order: random.Random) -> None:
    frame[_place(frame, order)] ^= 1 << int(order.random() * 8)


def _byte(frame: bytearray, order: random.Random) -> None:
    frame[_place(frame, order)] = int(order.random() * 256)


def _odd_byte(frame: bytearray, order: random.Random) -> None:
    frame[_place(frame, order)] = BYTES[int(order.random() * len(BYTES))]


def _number(frame: bytearray, order: random.Random) -> None:
    """A number of a head or a section, or near one: most of those are lengths."""
    at = _place(frame, order) & ~7
    if at + 8 <= len(frame):
        number = NUMBERS[int(order.random() * len(NUMBERS))]
        if order.random() < 0.3:
            (number,) = struct.unpack_from("<Q", frame, at)
            number += order.choice((-8, -1, 1, 8))
        struct.pack_into("<Q", frame, at, number % 2**64)


def _short_number(frame: bytearray, order: random.Random) -> None:
    """As those of records' slots and of trees, big-endian."""
    at = _place(frame, order)
    if at + 4 <= len(frame):
        number = NUMBERS[int(order.random() * len(NUMBERS))]
        struct.pack_into(order.choice("<>") + "I", frame, at, number % 2**32)


def _flags(frame: bytearray, order: random.Random) -> None:
    if len(frame) >= 8:
        frame[4 + int(order.random() * 2)] ^= 1 << int(order.random() * 8)


def _kind(frame: bytearray, order: random.Random) -> None:
    if len(frame) >= 8:
        frame[3] = KINDS[int(order.random() * len(KINDS))]


def _cut(frame: bytearray, order: random.Random) -> None:
    del frame[int(order.random() * len(frame)) :]


def _drop(frame: bytearray, order: random.Random) -> None:
    at = _place(frame, order)
    del frame[at : at + order.choice((1, 1, 2, 4, 8, 16))]


def _insert(frame: bytearray, order: random.Random) -> None:
    at = _place(frame, order)
    frame[at:at] = order.randbytes(order.choice((1, 1, 2, 4, 8, 16)))


def _repeat(frame: bytearray, order: random.Random) -> None:
    at, size = _place(frame, order), order.choice((1, 2, 4, 8, 16))
    frame[at:at] = frame[at : at + size] * order.choice((1, 1, 2, 20))


CHANGES: tuple[Change, ...] = (_flip, _flip, _byte, _odd_byte, _odd_byte, _number, _number)
CHANGES += (_short_number, _flags, _kind, _cut, _drop, _insert, _repeat)


def _splice(frame: bytearray, other: bytes, order: random.Random) -> None:
    """Put a piece of another frame into this one."""
    start = int(order.random() * len(other))
    piece = other[start : start + 1 + int(order.random() * 64)]
    at = int(order.random() * (len(frame) + 1))
    frame[at : at + order.choice((0, len(piece)))] = piece


def _shuffle(frames: list[bytearray], other: Frames, order: random.Random) -> None:
    """Frames that are missing, twice, in another order, of another message."""
    at = int(order.random() * len(frames))
    what = order.random()
    if what < 0.3 and len(frames) > 1:
        del frames[at]
    elif what < 0.5:
        frames.insert(at, frames[at][:])
    elif what < 0.7:
        frames.append(bytearray(order.choice(other)))
    elif what < 0.8:
        frames.insert(0, bytearray(order.choice((b"topic", b"", other[0]))))
    else:
        order.shuffle(frames)


def _fingerprint(text: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in text:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def mend(frames: list[bytearray], grown: int, which: int) -> None:
    """Make the head say of its payload what holds again, so that a reader looks beyond it.

    Frame `which` has `grown` bytes more than it had. Only what stands first in a head is looked at.
    """
    head = frames[0]
    if len(head) < 32 or head[0] != 0xC1:
        return
    flags, serializer = head[4] | head[5] << 8, head[3]
    if grown:
        (payload,) = struct.unpack_from("<Q", head, 8)
        struct.pack_into("<Q", head, 8, (payload + grown) % 2**64)
        first = which - (0 if flags & INLINE else 1)  # of the table, if no frame is an envelope
        if flags & BUFFERS and serializer not in (1, RECORD) and first >= 0:
            at = 24 + 8 * first
            if at + 8 <= len(head):
                (length,) = struct.unpack_from("<Q", head, at)
                struct.pack_into("<Q", head, at, (length + grown) % 2**64)
    elif serializer == RECORD and flags & 0x01FE == TYPE:
        (size,) = struct.unpack_from("<Q", head, 24)
        if size < 1024:
            struct.pack_into("<Q", head, 16, _fingerprint(bytes(head[32 : 32 + size])))


def mutated(frames: Frames, other: Frames, order: random.Random) -> Frames:
    """A changed copy of a message; `other` is another one, of which pieces may come in."""
    changed = [bytearray(frame) for frame in frames]
    for _ in range(order.choice((1, 1, 1, 1, 2, 3, 6))):
        which = int(order.random() * len(changed))
        frame = changed[which]
        before = len(frame)
        what = order.random()
        if what < 0.06:
            _shuffle(changed, other, order)
            continue
        if what < 0.14 or not frame:
            _splice(frame, order.choice(other), order)
        else:
            CHANGES[int(order.random() * len(CHANGES))](frame, order)
        if order.random() < 0.6:
            mend(changed, len(frame) - before, which)
    return [bytes(frame) for frame in changed]
