"""One frame or two, copied or in place, by size: what the inline threshold rests on."""

from collections.abc import Iterator
from functools import partial

from .one_thread import exchange, jobs
from .pairs import throughput
from .report import interleave, measured
from .results import Case

SIZES = [256 << i for i in range(9)]  # bytes: 256 to 64 Ki
KEYS = ("fw-one-frame", "fw-two-frames", "fw-two-inplace", "c-array", "c-frames", "c-inplace")


def two_processes(size: int, rounds: int, scale: int) -> dict[str, list[float]]:
    count = min(300_000, 1_000_000_000 // size) // scale // 10 * 10
    return interleave(
        {key: partial(throughput, key, "ipc", size, count, 1000) for key in KEYS}, rounds
    )


def one_thread(size: int, rounds: int) -> dict[str, list[float]]:
    return interleave(jobs(exchange, " ".join(KEYS), size), rounds)


def case(where: str, size: int, taken: dict[str, list[float]]) -> Case:
    title = f"one frame or two: {where}"
    return measured(f"{title}, {size} B", taken, shown="time", size=size, sweep=title)


def run(rounds: int, scale: int) -> Iterator[Case]:
    for size in SIZES:
        yield case("inproc, one thread", size, one_thread(size, rounds))
    for size in SIZES:
        yield case("two processes, ipc", size, two_processes(size, min(rounds, 3), scale))
