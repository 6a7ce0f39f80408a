"""Many messages in one call: against the C loop, and with another thread that computes."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from time import perf_counter
from typing import Any

import numpy as np

import framewire

from . import c_loop
from .contenders import BATCHES, rows
from .one_thread import inproc
from .pairs import pair
from .peer import SLICES, command
from .report import AtMost, interleave, measured
from .results import Case

BATCH = 1000  # messages, as in loop.c
SIZE = 1024  # bytes
HWM = 100_000  # messages
TIMES = 300  # batches of a round
SENT = 1_000_000  # messages between two processes
PEERS = ("one-by-one", "raw", "pyomq")


def exchange(act: Callable[[Any, Any], None], module: str = "zmq") -> float:
    """Seconds to send and receive a message: the best of many batches."""
    took = 1e9
    with inproc(import_module(module).Context, HWM) as (a, b):
        for _ in range(TIMES):
            start = perf_counter()
            act(a, b)
            took = min(took, perf_counter() - start)
    return took / BATCH


def one_thread(rounds: int) -> Iterator[Case]:
    array = rows(np.arange(SIZE / 8), BATCH)
    values = list(array)
    out = np.empty_like(array)
    same_bytes = [value.tobytes() for value in values]

    def many(a: Any, b: Any) -> None:
        framewire.send_many(a, values)
        framewire.recv_many(b, BATCH)

    def many_rows(a: Any, b: Any) -> None:
        framewire.send_many(a, array)
        framewire.recv_many(b, None, out=out)

    def one_by_one(a: Any, b: Any) -> None:
        for value in values:
            framewire.send_array(a, value)
        [framewire.recv_array(b) for _ in values]

    def as_bytes(a: Any, b: Any) -> None:
        for value in same_bytes:
            a.send(value)
        [b.recv() for _ in same_bytes]

    jobs = {
        "many-rows": partial(exchange, many_rows),
        "many": partial(exchange, many),
        "one-by-one": partial(exchange, one_by_one),
        "raw": partial(exchange, as_bytes),
        "pyomq": partial(exchange, as_bytes, "pyomq"),
        "c-array": partial(c_loop.seconds, "c-array", "batches", SIZE, TIMES * BATCH, HWM),
    }
    took = interleave(jobs, rounds)
    for ours, what, target in (("many", "a list", 3), ("many-rows", "rows of an array", 1.4)):
        yield measured(
            f"1 KB arrays in batches of {BATCH}, {what}, send + receive, inproc, one thread",
            {key: took[key] for key in (ours, *PEERS, "c-array") if key in took},
            {"c-array": AtMost(target)},
            shown="time",
        )


def receive(key: str, role: str, messages: int, size: int = SIZE) -> float:
    """Seconds a message at the receiving end, which takes so many rows at a time."""
    kind, _, number = key.rpartition("-")
    count = int(number)
    batches = max(messages // count // SLICES, 1) * SLICES
    sent = -(-batches * count // BATCH)
    with pair(
        command(key, role, size, batches, BATCH),
        command(f"{kind}-{BATCH}", "produce", size, sent, BATCH),
        "tcp",
    ) as running:
        slices = [float(line) for line in running.lines()]
    return sum(slices[1:]) / (batches // SLICES * (SLICES - 1) * count)


def run(rounds: int, scale: int) -> Iterator[Case]:
    yield from one_thread(rounds)
    for role, what in (("consume", "by size"), ("consume-busy", "another thread computing")):
        jobs = {
            f"rows-{count}": partial(receive, f"rows-{count}", role, SENT // scale)
            for count in BATCHES
        }
        yield measured(
            f"1 KB arrays in batches, receiver of two processes, tcp, {what}",
            interleave(jobs, min(rounds, 3)),
            of="mean",
        )
