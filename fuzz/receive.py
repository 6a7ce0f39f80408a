"""The receive path: a message goes through a socket, is received in some way, and read in full."""

import functools
import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import zmq

import framewire
from framewire import Codec, DecodeError

from . import classes, content
from .files import ROOT, Frames

SIGNED = Codec(key=b"the key of the fuzzers", allow=framewire.SAFE)
QUIET = 5000  # ms: a message that was sent is there at once, or is lost
FORMAT = (ROOT / "docs" / "wire-format.md").read_text("utf-8")
CODES = frozenset(re.findall(r"—\s+`([a-z]+)`", FORMAT)) | {"mismatch", "limit", "refused"}

Way = Callable[["Receiver", Frames], Any]


class Receiver:
    """Two connected sockets, and what they are sent.

    `over` is how they are connected: "inproc", "tcp", or "ipc:" and a path.
    """

    def __init__(self, over: str = "inproc") -> None:
        self.found = classes.register()
        self.context = framewire.Context()
        self.here = self.context.socket(zmq.PAIR)
        self.there = self.context.socket(zmq.PAIR)
        self.here.linger = self.there.linger = 0
        self.here.rcvtimeo = self.there.rcvtimeo = QUIET
        address = {"inproc": "inproc://fuzz", "tcp": "tcp://127.0.0.1:*"}
        self.here.bind(address.get(over, over.replace("ipc:", "ipc://", 1)))
        self.there.connect(self.here.last_endpoint)
        self.here.codec = self.there.codec = Codec(
            allow=framewire.SAFE | {"arrow.extension"}, stamp=True
        )
        self.rows = np.zeros(4, classes.Row.dtype)
        self.floats = np.zeros((2, 3))
        self.checks = 0

    def close(self) -> None:
        self.context.destroy(linger=0)

    def outcome(self, frames: Frames, way: Way) -> str:
        """What comes of a message: "taken", or the code of a DecodeError. All else is raised."""
        try:
            content.read(way(self, frames))
            return "taken"
        except DecodeError as error:
            if error.code not in CODES or (error.offset is not None and error.offset < 0):
                raise AssertionError(f"undocumented: {error!r}, {error.offset}") from error
            return error.code

    def check_next(self) -> None:
        """The next message is intact."""
        self.checks += 1
        self.here.send_value(self.checks)
        assert self.there.recv_value() == self.checks


def _value(receiver: Receiver, frames: Frames, **how: Any) -> Any:
    receiver.here.send_raw(frames)
    return receiver.there.recv_value(**how)


def _typed(receiver: Receiver, frames: Frames, wanted: Any) -> Any:
    receiver.here.send_raw(frames)
    return receiver.there.recv_value(type=wanted)


def _array(receiver: Receiver, frames: Frames, **how: Any) -> Any:
    receiver.here.send_raw(frames)
    return receiver.there.recv_array(**how)


def _into(receiver: Receiver, frames: Frames) -> Any:
    receiver.here.send_raw(frames)
    return receiver.there.recv_array(out=receiver.floats)


def _message(receiver: Receiver, frames: Frames) -> Any:
    receiver.here.send_raw(frames)
    message = receiver.there.recv_message()
    repr(message), [bytes(frame) for frame in message.frames], message.stamp
    content.read(message.value)
    return message.meta


def _latest(receiver: Receiver, frames: Frames) -> Any:
    receiver.here.send_raw(frames)
    return receiver.there.recv_latest()


def _many(receiver: Receiver, frames: Frames, rows: bool) -> Any:
    """With a good message before and behind it, which come."""
    good = classes.Row(3, "good", 1.5)
    receiver.here.send_value(good)
    receiver.here.send_raw(frames)
    receiver.here.send_value(good)
    batch = receiver.there.recv_many(3, QUIET, out=receiver.rows if rows else None)
    assert len(batch) + len(batch.errors) == 3
    content.read(batch.values if rows else list(batch.values))
    for at, error in batch.errors:
        assert at == 1
        raise error
    return None


def _loads(receiver: Receiver, frames: Frames, **how: Any) -> Any:
    """Through no socket, and memory that the caller may write to."""
    codec = receiver.there.codec
    return framewire.loads([bytearray(frame) for frame in frames], codec=codec, **how)


def _dtype(receiver: Receiver, frames: Frames) -> Any:
    return _array(receiver, frames, dtype="<f8", shape=(-1, 3))


def _signed(receiver: Receiver, frames: Frames) -> Any:
    """What is not signed by the key of the seeds, or came before, goes no further."""
    return _value(receiver, frames, codec=SIGNED)


WAYS: dict[str, Way] = {
    "value": _value,
    "value, signed": _signed,
    "value, copied": functools.partial(_value, copy=True),
    "message": _message,
    "array": _array,
    "array, copied": functools.partial(_array, copy=True),
    "array, checked": _dtype,
    "array, into another": _into,
    "latest": _latest,
    "many": functools.partial(_many, rows=False),
    "many, as rows": functools.partial(_many, rows=True),
    "loads": _loads,
    "loads, copied": functools.partial(_loads, copy=True),
}
TYPED: dict[str, Way] = {
    f"value, as {each}": functools.partial(_typed, wanted=each) for each in classes.TYPES
}
ALL = WAYS | TYPED
_common = tuple((name, way) for name, way in WAYS.items() if not name.startswith("loads"))
_common += _common[:3]
_typed_ones = tuple(TYPED.items())


def way_for(order: random.Random) -> tuple[str, Way]:
    """Some way of those with a socket: the full path."""
    ways = _typed_ones if order.random() < 0.2 else _common
    return ways[int(order.random() * len(ways))]
