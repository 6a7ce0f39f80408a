"""One message of the demo on its way in: whose it is, how it is decoded, how it looks in short.

The first frame of each is the name of its stream; what follows, the name tells.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import framewire
from framewire.cli.sender import DIGEST, END, EVENTS, TEXT

_SHOWN_VALUES = 8


class Arrival(ABC):
    """A message without its first frame.

    Attributes
    ----------
    seq
        Its sequence number in its stream.
    time
        When it was sent, in ns since the epoch.
    nbytes
        The bytes of its array or text; 0 for JSON and pickles, which come as values.
    """

    seq: int
    time: int
    nbytes = 0

    @property
    @abstractmethod
    def kind(self) -> str:
        """What sort of value it is."""

    @property
    @abstractmethod
    def short(self) -> str:
        """The value, or the beginning of it."""


class ArrayArrival(Arrival):
    """An array with a stamp and metadata."""

    def __init__(self, socket: framewire.Socket) -> None:
        message = socket.recv_message()
        self._array = message.value
        self._meta = message.meta
        assert message.stamp is not None
        _, self.seq, self.time = message.stamp
        self.nbytes = self._array.nbytes

    @property
    def kind(self) -> str:
        """Dtype, shape and unit."""
        return f"{self._array.dtype} {self._array.shape} {self._meta['unit']}"

    @property
    def short(self) -> str:
        """The first fields of the last row."""
        row = self._array[(-1,) * (self._array.ndim - 1)]
        pairs = zip(self._meta["fields"], row.tolist()[:_SHOWN_VALUES], strict=False)
        return " ".join(f"{name} {_short(number)}" for name, number in pairs)


class TextArrival(Arrival):
    """Raw frames: a sequence number with the time, and some text."""

    def __init__(self, socket: framewire.Socket) -> None:
        numbers, self._text = socket.recv_raw()
        self.seq, self.time = map(int, bytes(numbers).split())
        self.nbytes = self._text.nbytes

    @property
    def kind(self) -> str:
        """The size."""
        return f"{self.nbytes} raw bytes"

    @property
    def short(self) -> str:
        """The first line."""
        return bytes(self._text[:60]).decode("ascii", "replace").partition("\n")[0]


class EventArrival(Arrival):
    """An event, as JSON."""

    def __init__(self, socket: framewire.Socket) -> None:
        self._event: Any = socket.recv_json()
        self.seq, self.time = self._event["seq"], self._event["time"]

    @property
    def kind(self) -> str:
        """How many items it has."""
        return f"JSON, {len(self._event)} items"

    @property
    def short(self) -> str:
        """What changed."""
        before, after = self._event["before"], self._event["after"]
        return f"{self._event['what']} {'?' if before is None else before} -> {after}"


class DigestArrival(Arrival):
    """A digest, as a pickle: plain values only, so it may name no globals."""

    def __init__(self, socket: framewire.Socket) -> None:
        self._digest: Any = socket.recv_pyobj(globals=())
        self.seq, self.time = self._digest["seq"], self._digest["time"]

    @property
    def kind(self) -> str:
        """How many items it has."""
        return f"pickle, {len(self._digest)} items"

    @property
    def short(self) -> str:
        """Which numbers moved."""
        return "moved: " + " ".join(sorted(map(".".join, self._digest["moved"])))


_KINDS: dict[bytes, type[EventArrival | DigestArrival | TextArrival]] = {
    EVENTS: EventArrival,
    DIGEST: DigestArrival,
    TEXT: TextArrival,
}


def receive(socket: framewire.Socket) -> tuple[str, Arrival] | None:
    """Receive one message: the name of its stream and what came; None when nothing follows.

    Raises
    ------
    zmq.Again
        Nothing came within the socket's receive timeout.
    """
    name = socket.recv()
    if name == END:
        return None
    return name.decode(), _KINDS.get(name, ArrayArrival)(socket)


def _short(number: float) -> str:
    """Return a number with four digits at most, such as ``24.15G``."""
    prefixes = ["T", "G", "M", "k", ""]
    while abs(number) >= 1000 and len(prefixes) > 1:
        number /= 1000
        prefixes.pop()
    return f"{number:.4g}{prefixes[-1]}"
