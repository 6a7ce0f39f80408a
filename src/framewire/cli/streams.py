"""One stream of what is on a wire: what its messages are, how many, how fast they come."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from framewire._heads import Head
from framewire.cli.text import printable
from framewire.compression import NAMES as METHODS
from framewire.errors import DecodeError, RefusedError
from framewire.learned import class_for
from framewire.serializers.registry import NAMES

RECENT = 500  # messages whose latency is known
SHOWN_FIELDS = 8
UNREAD = ("pickle", "cloudpickle", "dill")  # what may run code where it is read


@dataclass
class Stream:
    """The messages of one topic that are the same in kind.

    Attributes
    ----------
    number : int
        Which stream it is, in the order in which they were first seen.
    topic : bytes or None
        The beginning of it.
    serializer : str
        Its name; or ``recipe``, ``osBrain``, ``foreign``, ``malformed``.
    type : str
        A dtype, a record with its fields, or what else is known of what the messages are.
    shape : tuple of (int or None), or None
        Of arrays; a length is None where it differs.
    messages, nbytes : int
        Messages so far, and the bytes of all their frames.
    payload, raw : int
        Bytes of payload as they travelled, and as they were before they were compressed.
    compression : int
        The method of the last one that was compressed; 0 if none was.
    signed, verified : int
        How many say that they are signed; how many are, by a key.
    gaps, late : int
        By stamps: messages that were missing when a later one came; those with a number that is not
        larger than one before it.
    errors : Counter of str
        What was wrong, by the names of the wire format.
    latencies : deque of int
        How long the last ones were on their way, in ns.
    marked : tuple of int
        Messages and bytes when rates were last asked for.
    """

    number: int
    topic: bytes | None
    serializer: str
    type: str = ""
    shape: tuple[int | None, ...] | None = None
    messages: int = 0
    nbytes: int = 0
    payload: int = 0
    raw: int = 0
    compression: int = 0
    signed: int = 0
    verified: int = 0
    gaps: int = 0
    late: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    latencies: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT))
    marked: tuple[int, int] = (0, 0)

    def add_shape(self, shape: tuple[int, ...]) -> None:
        """Note the shape of another array of as many dimensions."""
        if self.shape is None:
            self.shape = shape
        elif self.shape != shape:
            pairs = zip(self.shape, shape, strict=True)
            self.shape = tuple(n if n == m else None for n, m in pairs)

    def latency(self, percent: int) -> int | None:
        """What so many percent of the last messages took at most, in ns; None without stamps."""
        if not self.latencies:
            return None
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]

    @property
    def stamped(self) -> bool:
        """Whether messages have stamps, without which nobody knows of gaps."""
        return bool(self.latencies)

    @property
    def method(self) -> str | None:
        """How messages are compressed."""
        return METHODS.get(self.compression)

    @property
    def ratio(self) -> float:
        """How many times as large the payload was before it was compressed."""
        return self.raw / self.payload if self.payload else 1.0

    @property
    def what(self) -> str:
        """All that is known of what the messages are, in a line."""
        parts = [self.type] if self.type else []
        if self.shape is not None:
            lengths = ["*" if n is None else str(n) for n in self.shape]
            parts.append(f"({', '.join(lengths)}{',' * (len(lengths) == 1)})")
        if self.method is not None:
            parts.append(f"{self.method} {self.ratio:.1f}x")
        if self.signed:
            parts.append("verified" if self.verified == self.signed else "signed")
        parts += [f"{code} {count}" for code, count in self.errors.items()]
        return " ".join(parts)

    def describe(self) -> dict[str, object]:
        """All of it, for machines: times are in s, sizes in bytes."""
        latency = {f"p{p}": self.latency(p) for p in (50, 99)}
        return {
            "topic": topic_text(self.topic),
            "serializer": self.serializer,
            "type": self.type or None,
            "shape": self.shape,
            "messages": self.messages,
            "nbytes": self.nbytes,
            "gaps": self.gaps if self.stamped else None,
            "late": self.late if self.stamped else None,
            "latency": {name: None if ns is None else ns / 1e9 for name, ns in latency.items()},
            "compression": self.method,
            "ratio": round(self.ratio, 3),
            "signed": self.signed,
            "verified": self.verified,
            "errors": dict(self.errors),
        }


def topic_text(topic: bytes | None) -> str | None:
    """A topic as text, in which other bytes are ``\\xff``."""
    return None if topic is None else topic.decode("utf-8", "backslashreplace")


def serializer_of(head: Head) -> str:
    """The name of a message's serializer, those of users' included."""
    return NAMES.get(head.serializer) or printable(head.type or b"", 40)


def type_of(head: Head, trusted: bool = True) -> str:
    """What a head says of what its message is, with nothing decoded.

    The schema in a message is learned only if the message is not one that was refused.
    """
    name = NAMES.get(head.serializer)
    if name == "array":
        return printable(dtype_of(head), 60)
    if name == "record":
        return _record_type(head, trusted)
    if name is None or name in UNREAD:
        return "not read"
    return printable(head.type or b"", 60)


def dtype_of(head: Head) -> str:
    """The dtype of an array, in numpy's words, or in the wire format's if there is none here."""
    try:
        return str(head.dtype)
    except RefusedError:
        return (head.type or b"long double").decode()


def _record_type(head: Head, trusted: bool) -> str:
    """The class if it is known here, or the fields if the message says them; else a fingerprint."""
    try:
        cls = class_for(head.fingerprint, (), head.type if trusted else None)
    except DecodeError:
        return f"{head.fingerprint:#018x}"
    names = [each.name for each in cls.fields]
    shown = names[:SHOWN_FIELDS] + ["…"] * (len(names) > SHOWN_FIELDS)
    name = "" if cls.__name__.startswith("Record_") else cls.__name__
    return printable(f"{name}({', '.join(shown)})", 80)


def is_unknown_record(stream: Stream) -> bool:
    """May a later message say more of its fields?"""
    return stream.serializer == "record" and stream.type.startswith("0x")
