"""gevent's sockets: PUSH and PULL between two processes, a greenlet in each."""

from collections.abc import Iterator
from functools import partial

from .pairs import throughput
from .report import AtLeast, interleave, lacks, measured
from .results import Case

HWM = 1000  # messages: libzmq's own default
SIZE = 96  # bytes
ARRAYS = {"green-fw": 600_000, "green-recipe": 60_000}
RAW = {"green-fw-raw": 600_000, "green-raw": 200_000}


def run(rounds: int, scale: int) -> Iterator[Case]:
    if lacks("gevent", "gevent"):
        return
    for what, counts, target in (
        ("arrays", ARRAYS, "green-recipe"),
        ("bytes", RAW, "green-raw"),
    ):
        jobs = {
            key: partial(throughput, key, "tcp", SIZE, count // scale, HWM)
            for key, count in counts.items()
        }
        yield measured(
            f"gevent: {SIZE} B {what} between two processes, tcp",
            interleave(jobs, rounds),
            {target: AtLeast(2)},
        )
