"""asyncio at both ends of two processes, over tcp: `framewire.asyncio` and `zmq.asyncio`."""

from collections.abc import Callable, Iterator
from functools import partial

from .pairs import delays, round_trips, throughput
from .report import AtLeast, interleave, measured, nth
from .results import Case

HWM = 1000  # messages: libzmq's own default
ARRAYS = {
    "async-fw": 300_000,
    "async-fw-iterated": 100_000,
    "async-recipe": 30_000,
}
BYTES = {"async-fw-raw": 300_000, "async-fw-bytes": 200_000, "async-raw": 60_000}
PINGED = dict.fromkeys(BYTES, 5000)
PACED = dict.fromkeys(BYTES, 500)


def streams(counts: dict[str, int], size: int, rounds: int, scale: int) -> dict[str, list[float]]:
    jobs = {
        key: partial(throughput, key, "tcp", size, count // scale, HWM)
        for key, count in counts.items()
    }
    return interleave(jobs, rounds)


def latency(
    title: str, jobs: dict[str, Callable[[], tuple[float, float]]], rounds: int
) -> Iterator[Case]:
    trips = interleave(jobs, rounds)
    for i, what in enumerate(("p50", "p99")):
        yield measured(
            f"asyncio: 100 B {title}, {what}",
            nth(trips, i),
            {"async-raw": AtLeast(1)},
            of="median",
            shown="time",
        )


def run(rounds: int, scale: int) -> Iterator[Case]:
    yield measured(
        "asyncio: 96 B arrays between two processes, tcp",
        streams(ARRAYS, 96, rounds, scale),
        {"async-recipe": AtLeast(5)},
    )
    yield measured(
        "asyncio: 100 B of bytes between two processes, tcp",
        streams(BYTES, 100, rounds, scale),
        {"async-raw": AtLeast(2)},
    )
    yield from latency(
        "ping-pong between two processes, tcp, both on one core",
        {key: partial(round_trips, key, "tcp", 100, count, True) for key, count in PINGED.items()},
        rounds,
    )
    yield from latency(
        "to a process with a thread that computes, tcp, 200 a second",
        {key: partial(delays, key, 100, count) for key, count in PACED.items()},
        rounds,
    )
