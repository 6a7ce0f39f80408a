"""One frame or two, copied or in place, by size: what the inline threshold rests on."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from .one_thread import exchange, jobs
from .pairs import throughput
from .report import Case, best

SIZES = [256 << i for i in range(9)]  # bytes: 256 to 64 Ki
COLUMNS = {
    "fw-one-frame": "one frame",
    "fw-two-frames": "two frames",
    "fw-two-inplace": "in place",
    "c-array": "C one",
    "c-frames": "C two",
    "c-inplace": "C in place",
}


@dataclass
class Sweep:
    """A case for each size, printed as one table."""

    title: str
    cases: dict[int, Case]

    def rows(self) -> list[dict[str, Any]]:
        return [row for case in self.cases.values() for row in case.rows()]

    def print(self) -> None:
        print(f"\n{self.title}, us a message")
        print("  payload B" + "".join(f"{name:>12}" for name in COLUMNS.values()))
        for size, case in self.cases.items():
            figures = (case.seconds.get(key) for key in COLUMNS)
            cells = (f"{seconds * 1e6:12.3f}" if seconds else f"{'-':>12}" for seconds in figures)
            print(f"  {size:9d}" + "".join(cells), flush=True)


def two_processes(size: int, rounds: int, scale: int) -> Case:
    count = min(300_000, 1_000_000_000 // size) // scale // 10 * 10
    ways = {key: partial(throughput, key, "ipc", size, count, 1000) for key in COLUMNS}
    return Case(f"one frame or two: {size} B, ipc", best(ways, rounds), latency=True)


def one_thread(size: int, rounds: int) -> Case:
    measured = best(jobs(exchange, " ".join(COLUMNS), size), rounds)
    return Case(f"one frame or two: {size} B, inproc", measured, latency=True)


def run(rounds: int, scale: int) -> Iterator[Sweep]:
    yield Sweep("one frame or two: inproc, one thread", {s: one_thread(s, rounds) for s in SIZES})
    rounds = min(rounds, 3)
    yield Sweep(
        "one frame or two: two processes, ipc",
        {s: two_processes(s, rounds, scale) for s in SIZES},
    )
