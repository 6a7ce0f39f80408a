"""What messages without a head are, as far as their bytes prove it. Nothing is loaded."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import msgspec

from framewire.cli.text import printable
from framewire.errors import DecodeError
from framewire.recipe import parse_header

LONGEST = 1 << 20  # bytes of a frame that is looked at whole
LONGEST_HEADER = 1 << 16  # bytes of a recipe's
MOST_DIMENSIONS = 64
SHOWN = 4  # frames of a message
SEPARATOR = b"\x80"  # between the topic and the payload of an osBrain publication
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # in no text
_PROTOCOLS = range(2, 6)  # of pickles, that say so in their first two bytes
_CONTAINERS = frozenset({*range(0x80, 0xA0), *range(0xDC, 0xE0)})  # first bytes in MessagePack


class Foreign(NamedTuple):
    """A message without a head: of what stream it is, and, of a recipe, what is wrong with it."""

    topic: bytes | None
    serializer: str
    type: str
    shape: tuple[int, ...] | None = None
    error: DecodeError | None = None


def recognise(frames: Sequence[memoryview], subscribed: bool) -> Foreign:
    """Tell what a message without a head is.

    Parameters
    ----------
    frames
    subscribed
        Whether they came by a subscription: then the first of several frames is the topic.
    """
    if len(frames) > 1 and (found := _recipe(frames)) is not None:
        return found
    if subscribed and len(frames) == 1 and (publication := _publication(frames[0])) is not None:
        return publication
    split = subscribed and len(frames) > 1
    topic = bytes(frames[0][:LONGEST]) if split else None
    contents = [content_of(bytes(frame[: LONGEST + 1])) for frame in frames[split : SHOWN + split]]
    contents += [f"{len(frames) - split - SHOWN} more"] if len(frames) - split > SHOWN else []
    count = f"{len(frames)} frame{'s' * (len(frames) != 1)}"
    return Foreign(topic, "foreign", f"{count}: {' + '.join(contents)}")


def _recipe(frames: Sequence[memoryview]) -> Foreign | None:
    """The array recipe of pyzmq's documentation, in the last two frames."""
    topic = bytes(frames[-3][:LONGEST]) if len(frames) > 2 else None
    header, payload = frames[-2:]
    if len(header) > LONGEST_HEADER:
        return None
    try:
        dtype, shape = parse_header(bytes(header))
    except DecodeError as wrong:
        return None if wrong.code == "foreign" else Foreign(topic, "recipe", "", None, wrong)
    if len(shape) > MOST_DIMENSIONS:
        many = DecodeError(f"{len(shape)} dimensions", "ndim")
        return Foreign(topic, "recipe", "", None, many)
    error: DecodeError | None = None
    if dtype.itemsize * prod(shape) != len(payload):
        error = DecodeError(f"{len(payload)} bytes of an array {dtype} {shape}", "payload")
    return Foreign(topic, "recipe", printable(str(dtype), 60), shape, error)


def _publication(frame: memoryview) -> Foreign | None:
    """A publication of an osBrain agent: the topic, the separator, a pickle or JSON."""
    topic, separator, payload = bytes(frame[: LONGEST + 1]).partition(SEPARATOR)
    if not separator or not _is_text(topic):
        return None
    content = content_of(payload)
    known = content.startswith(("pickle", "JSON"))
    return Foreign(topic, "osBrain", content) if known else None


def content_of(frame: bytes) -> str:
    """What the bytes of a frame are: a short name, ``bytes`` if nothing else can be told.

    Only an array or map, or a text in quotes, is JSON: ``5`` may be anything. Of MessagePack there
    is no proof but that the whole frame is one value of it, a container: ``msgpack?``.
    """
    if not frame:
        return "empty"
    if _is_pickle(frame):
        return f"pickle {frame[1]}"
    if frame[0] == 0x78 and (inside := _inflated(frame)) is not None:
        return f"zlib: pickle {inside[1]}" if _begins_pickle(inside) else "zlib"
    if len(frame) > LONGEST:
        return "bytes"
    if frame[0] in _CONTAINERS and len(frame) > 1 and _is_whole(frame, msgspec.msgpack.decode):
        return "msgpack?"
    if not _is_text(frame):
        return "bytes"
    is_json = frame[:1] in (b"{", b"[", b'"') and _is_whole(frame, msgspec.json.decode)
    return "JSON" if is_json else "text"


def _is_pickle(frame: bytes) -> bool:
    """It begins with its protocol and ends with a stop; of one that is cut the end is unseen."""
    return _begins_pickle(frame) and (len(frame) > LONGEST or frame[-1:] == b".")


def _begins_pickle(frame: bytes) -> bool:
    return len(frame) > 2 and frame[0] == 0x80 and frame[1] in _PROTOCOLS


def _inflated(frame: bytes) -> bytes | None:
    """The first bytes of what was compressed; None if there are none."""
    try:
        return zlib.decompressobj().decompress(frame[:4096], 64) or None
    except zlib.error:
        return None


def _is_whole(frame: bytes, decode: object) -> bool:
    try:
        decode(frame, type=msgspec.Raw)  # type: ignore[operator]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return True


def _is_text(frame: bytes) -> bool:
    try:
        return _CONTROL.search(frame.decode()) is None
    except UnicodeDecodeError:
        return False
