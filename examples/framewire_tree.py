"""Read msgpack and the trees of framewire messages: a part of framewire_reader.py."""

import io
import re
import struct
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

MSGPACK = "bB bH bI xB xH xI nf nd nB nH nI nQ nb nh ni nq x x x x x sB sH sI lH lI mH mI".split()


class Array(dict[str, Any]):
    """An array: "dtype", "shape", "order", "broadcast", "scalar" and "payload"."""

    def __hash__(self) -> int:  # type: ignore[override]
        check(self["scalar"])  # or it is no key
        return hash(bytes(self["payload"]))


class Masked(NamedTuple):
    data: Array
    mask: Array
    fill: Array | None


class Object(NamedTuple):
    name: str
    header: Any
    frames: list[Any]


def check(good: object, error: str = "tree") -> None:
    if not good:
        raise ValueError(error)


def pair(kind: int, content: bytes) -> Any:
    return kind, content


def unpack(data: io.BytesIO, extension: Callable[[int, bytes], Any] = pair) -> Any:
    """The next msgpack value. An extension, timestamps included, comes as (type, bytes)."""
    code = data.read(1)[0]
    if not 0x80 <= code < 0xE0 or code in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}.get(code, code - 2 * (code & 0x80))
    kind, *form = list(MSGPACK[code - 0xC4] if code >= 0xC4 else "mlss"[(code >> 4) - 8])
    size = 1 << (code - 0xD4 & 31) if code >= 0xC4 else code & (15 if code < 0xA0 else 31)
    if form:  # the size, or the number itself, follows the code
        (size,) = struct.unpack(">" + form[0], data.read(struct.calcsize(form[0])))
    if kind == "m":
        return {unpack(data, extension): unpack(data, extension) for _ in range(size)}
    if kind == "l":
        return [unpack(data, extension) for _ in range(size)]
    if kind == "x":
        return extension(*struct.unpack(f"b{size}s", data.read(size + 1)))
    value: Any = size if kind == "n" else struct.unpack(f"{size}s", data.read(size))[0]
    return value.decode() if kind == "s" else value


def to_int(content: bytes) -> int:
    check(content)
    return int.from_bytes(content, "little", signed=True)


def to_span(content: bytes) -> timedelta:
    days, seconds, microseconds = struct.unpack("<3q", content)
    check(0 <= seconds < 86400 and 0 <= microseconds < 1_000_000)
    return timedelta(days, seconds, microseconds)


def written(read: Callable[[str], Any], write: Callable[[Any], str]) -> Callable[[bytes], Any]:
    """What `read` makes of a text, if `write` makes the same text of it: it reads others too."""

    def leaf(content: bytes) -> Any:
        value = read(content.decode())
        check(write(value) == content.decode())
        return value

    return leaf


def moment(cls: Any) -> Callable[[str], Any]:
    """`fromisoformat`, which takes an offset of less than a second for none."""

    def read(text: str) -> Any:
        value = cls.fromisoformat(text)
        if fine := re.search(r"([+-])00:00:00\.(\d{6})$", text):
            offset = timedelta(microseconds=int(fine[1] + fine[2]))
            value = value.replace(tzinfo=timezone(offset))
        return value

    return read


LEAVES: dict[int, Callable[[bytes], Any]] = {  # extensions that hold no other value
    4: bytearray,
    5: memoryview,
    9: to_int,
    10: lambda content: content.decode("utf-8", "surrogatepass"),
    11: written(moment(datetime), datetime.isoformat),
    12: written(date.fromisoformat, date.isoformat),
    13: written(moment(time), time.isoformat),
    14: to_span,
    15: lambda content: UUID(bytes=content),
    16: written(Decimal, str),
    17: lambda content: complex(*struct.unpack("<2d", content)),
}


def read_tree(tree: Any, buffers: list[Any], read_array: Callable[..., Array]) -> Any:
    """The value of a tree and its buffers. `read_array` gets a head and what takes a buffer."""
    left = buffers[::-1]

    def values(content: bytes) -> list[Any]:
        stream, found = io.BytesIO(content), []
        while stream.tell() < len(content):
            found.append(unpack(stream, extension))
        return found

    def extension(kind: int, content: bytes) -> Any:
        if kind in LEAVES:
            return LEAVES[kind](content)
        if kind == 1:
            return read_array(content, left.pop)
        if kind == 3:
            (which,) = content
            return (bytes, bytearray, memoryview)[which](left.pop())
        if kind == 2:
            masked = Masked(*values(content))
            check(type(masked.data) is type(masked.mask) is Array)
            check(masked.data["shape"] == masked.mask["shape"])
            check(masked.mask["dtype"] == "|b1" or type(masked.data["dtype"]) is dict)
            if masked.fill is not None:
                check(type(masked.fill) is Array and masked.fill["scalar"])
            return masked
        if kind == 18:
            thing = Object(*values(content))
            check(type(thing.name) is str and are_buffers(thing.frames))
            return thing
        (items,) = values(content)
        check(type(items) is list)
        return {6: tuple, 7: set, 8: frozenset}[kind](items)

    try:
        (value,) = values(bytes(tree))
    except RecursionError:
        raise ValueError("limit") from None
    except (ArithmeticError, LookupError, TypeError, ValueError, struct.error):
        raise ValueError("tree") from None
    check(not left)
    return value


def are_buffers(frames: Any) -> bool:
    kinds = (bytes, bytearray, memoryview)
    return type(frames) is list and all(type(frame) in kinds for frame in frames)
