"""One thread over inproc: diagnostics. Nothing waits, so all of it is the library's own time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from timeit import Timer
from typing import Any

import zmq

from . import c_loop
from .contenders import CONTENDERS, names
from .peer import timer
from .report import AtLeast, AtMost, interleave, measured
from .results import Case

HWM = 1000  # messages
SLICE = 0.05  # seconds that a round of a contender takes
BYTES = 4_000_000_000  # that the C loop sends in a round, where the arrays are large
Job = Callable[[], float]


@contextmanager
def inproc(
    make_context: Callable[[], Any] = zmq.Context, hwm: int = HWM
) -> Iterator[tuple[Any, Any]]:
    """Two connected sockets of one thread, with room for so many messages."""
    with make_context() as context, context.socket(zmq.PAIR) as a, context.socket(zmq.PAIR) as b:
        for socket in (a, b):
            socket.hwm = hwm
        b.bind("inproc://benchmark")
        a.connect("inproc://benchmark")
        yield a, b


def seconds(statement: str, values: dict[str, Any]) -> float:
    """Seconds a run of the statement, over about `SLICE` seconds."""
    timed = timer(statement, values)
    number, took = 1, timed.timeit(1)
    while took < SLICE / 10 and number < 100_000:
        number *= 5
        took = timed.timeit(number)
    number = max(3, min(1_000_000, int(SLICE * number / max(took, 1e-8))))
    return timed.timeit(number) / number


def exchange(key: str, size: int) -> float:
    """Seconds to send and receive a message."""
    if key.startswith("c-"):
        count = max(20, min(300_000, BYTES // size))
        return c_loop.seconds(key, "inproc", size, count, HWM)
    way = CONTENDERS[key]
    with inproc(import_module(way.module).Context) as (a, b):
        return seconds(f"{way.send}; {way.recv}", names(a, b, way, size))


def send_alone(key: str, size: int) -> float:
    """Seconds to send a message: batches that fit the queue, drained outside the timing."""
    batch = HWM // 2
    if key.startswith("c-"):
        return c_loop.seconds(key, "sends", size, 40 * batch, HWM)
    with inproc() as (a, b):
        way = CONTENDERS[key]
        values = names(a, b, way, size)
        send, recv = timer(way.send, values), timer(way.recv, values)
        return min(_drained(send, recv, batch) for _ in range(20)) / batch


def _drained(send: Timer, recv: Timer, batch: int) -> float:
    took = send.timeit(batch)
    recv.timeit(batch)
    return took


def jobs(measure: Callable[[str, int], float], keys: str, size: int) -> dict[str, Job]:
    return {key: partial(measure, key, size) for key in keys.split()}


def in_place(rounds: int) -> Iterator[Case]:
    sent = interleave(
        jobs(
            send_alone,
            "fw-inplace fw-buffer fw-tracked fw-buffer-tracked raw-inplace raw-tracked"
            " c-inplace c-buffer",
            100_000,
        ),
        rounds,
    )
    for what, ours, theirs, c in (
        ("an array", "fw-inplace", "raw-inplace", "c-inplace"),
        ("a raw buffer", "fw-buffer", "raw-inplace", "c-buffer"),
        ("an array, tracked", "fw-tracked", "raw-tracked", "c-inplace"),
        ("a raw buffer, tracked", "fw-buffer-tracked", "raw-tracked", "c-buffer"),
    ):
        yield measured(
            f"100 kB in-place send of {what}, inproc",
            {key: sent[key] for key in (ours, theirs, c) if key in sent},
            {theirs: AtLeast(10)},
            shown="time",
        )


def run(rounds: int, scale: int) -> Iterator[Case]:
    del scale  # the time of a round is fixed
    yield measured(
        "1 KB float64 array, send + receive, inproc, one thread",
        interleave(jobs(exchange, "fw recipe raw c-array c-bare", 1024), rounds),
        {
            "recipe": AtLeast(30),
            "raw": AtLeast(2),
            "c-array": AtMost(4),
            "c-bare": AtMost(4),
        },
        shown="time",
    )
    yield measured(
        "4 MB array, copy=False, send + receive, inproc, one thread",
        interleave(
            jobs(exchange, "fw-inplace raw-inplace recipe-inplace c-inplace", 4_000_000), rounds
        ),
        {"c-inplace": AtMost(4)},
        shown="time",
    )
    for size in (20_000, 1_000_000):
        yield measured(
            f"{size // 1000} kB array, filled anew, send + receive, inproc, one thread",
            interleave(jobs(exchange, "fill-pool fill-empty fill-copy", size), rounds),
            shown="time",
        )
    yield from in_place(rounds)
    yield measured(
        "two frames (24 B and 1 KB), send + receive, inproc, one thread",
        interleave(jobs(exchange, "fw-frames raw-frames c-frames", 1024), rounds),
        {"raw-frames": AtLeast(4)},
        shown="time",
    )
