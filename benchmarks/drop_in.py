"""pyzmq's own calls: the same statements on framewire's sockets and on pyzmq's."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import zmq

from .one_thread import inproc, seconds
from .report import AtLeast, interleave, measured
from .results import Case

CONTEXTS = {  # by contender: the module whose Context it is
    "framewire": "framewire",
    "pyzmq": "zmq",
}

TEN_KEYS = {
    "seq": 123_456,
    "time": 1_763_712_345.123,
    "name": "detector-7",
    "ok": True,
    "x": 1.5,
    "y": -2.25,
    "unit": "mm",
    "count": 42,
    "run": "2026-11-21",
    "error": None,
}
THREE_KEYS = {"seq": 123_456, "name": "detector-7", "x": 1.5}


@dataclass(frozen=True)
class Exchange:
    """A statement that sends `x` on the socket `a` and receives on `b`."""

    title: str
    statement: str
    value: Any
    target: float | None = None


EXCHANGES = [
    Exchange(
        "send + recv, 100 B",
        "a.send(x); y = b.recv()",
        bytes(100),
        1.5,
    ),
    Exchange(
        "send + recv, copy=False, 1 MB",
        "a.send(x, copy=False); y = b.recv(copy=False)",
        bytes(1_000_000),
        5,
    ),
    Exchange(
        "send_multipart + recv_multipart, 24 B and 1 KB",
        "a.send_multipart(x); y = b.recv_multipart()",
        [bytes(24), bytes(1024)],
        4,
    ),
    Exchange(
        "send(SNDMORE) + send + recv + recv, 24 B and 1 KB",
        "a.send(x[0], SNDMORE); a.send(x[1]); y = b.recv(); y = b.recv()",
        [bytes(24), bytes(1024)],
    ),
    Exchange(
        "send_string + recv_string, 11 characters",
        "a.send_string(x); y = b.recv_string()",
        "hello world",
    ),
    Exchange(
        "send_json + recv_json, dict of ten keys",
        "a.send_json(x); y = b.recv_json()",
        TEN_KEYS,
        2.5,
    ),
    Exchange(
        "send_pyobj + recv_pyobj, dict of three keys",
        "a.send_pyobj(x); y = b.recv_pyobj()",
        THREE_KEYS,
        1.5,
    ),
]


def exchange(key: str, what: Exchange) -> float:
    """Seconds to send and receive a message."""
    with inproc(import_module(CONTEXTS[key]).Context) as (a, b):
        values = {"a": a, "b": b, "x": what.value, "SNDMORE": zmq.SNDMORE}
        return seconds(what.statement, values)


def run(rounds: int, scale: int) -> Iterator[Case]:
    del scale  # the time of a round is fixed
    for what in EXCHANGES:
        yield measured(
            f"{what.title}, inproc, one thread",
            interleave({key: partial(exchange, key, what) for key in CONTEXTS}, rounds),
            {"pyzmq": AtLeast(what.target)} if what.target else {},
            shown="time",
        )
