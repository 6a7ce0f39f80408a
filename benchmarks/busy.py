"""With one other Python thread computing, so that a released GIL is long in coming back.

How long changes from run to run by a factor of thirty, as the two threads fall in or out of step,
and a run of some thousand messages may escape altogether: hence long runs, and the mean of them.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from .contenders import CONTENDERS, names
from .one_thread import inproc
from .pairs import throughput
from .peer import timer
from .report import AtLeast, interleave, measured
from .results import Case

COUNTS = {"fw": 400_000, "raw": 25_000, "recipe": 25_000}  # half a second or more of each
ROUNDS = 3
SIZE = 1024  # bytes


@contextmanager
def computing() -> Iterator[None]:
    """A thread that does nothing but compute."""
    stop: list[bool] = []

    def compute() -> None:
        n = 0
        while not stop:
            n += 1

    thread = threading.Thread(target=compute, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.append(True)
        thread.join()


def exchange(key: str, count: int) -> float:
    way = CONTENDERS[key]
    with inproc() as (a, b):
        timed = timer(f"{way.send}; {way.recv}", names(a, b, way, SIZE))
        with computing():
            return timed.timeit(count) / count


def run(rounds: int, scale: int) -> Iterator[Case]:
    rounds = min(rounds, ROUNDS)
    counts = {key: count // scale for key, count in COUNTS.items()}
    targets = {"raw": AtLeast(20), "recipe": AtLeast(20)}
    yield measured(
        "another thread computing: 1 KB array, inproc, send + receive",
        interleave({key: partial(exchange, key, count) for key, count in counts.items()}, rounds),
        targets,
        of="mean",
    )
    received = {
        key: partial(throughput, key, "tcp", SIZE, count, 1000, "consume-busy")
        for key, count in counts.items()
    }
    yield measured(
        "another thread computing: 1 KB array, receiver of two processes, tcp",
        interleave(received, rounds),
        targets,
        of="mean",
    )
