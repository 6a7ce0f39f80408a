"""asyncio at both ends of two processes, over tcp: `framewire.asyncio` and `zmq.asyncio`."""

from collections.abc import Iterator
from functools import partial

from .pairs import round_trips, throughput
from .report import AtLeast, Case, best, interleave

HWM = 1000  # messages: libzmq's own default
ARRAYS = {
    "async-fw": 300_000,
    "async-fw-iterated": 100_000,
    "async-recipe": 30_000,
}
BYTES = {"async-fw-raw": 300_000, "async-fw-bytes": 200_000, "async-raw": 60_000}
PINGED = {"async-fw-raw": 5000, "async-fw-bytes": 5000, "async-raw": 5000}
PINGED_BUSY = {"async-fw-raw": 500, "async-fw-bytes": 500, "async-raw": 500}


def streams(counts: dict[str, int], size: int, rounds: int, scale: int) -> dict[str, float]:
    jobs = {
        key: partial(throughput, key, "tcp", size, count // scale, HWM)
        for key, count in counts.items()
    }
    return best(jobs, rounds)


def latency(
    title: str, counts: dict[str, int], busy: str, targets: tuple[float, float], rounds: int
) -> Iterator[Case]:
    jobs = {
        key: partial(round_trips, key, "tcp", 100, count, not busy, busy)
        for key, count in counts.items()
    }
    trips = interleave(jobs, rounds)
    for i, what in enumerate(("p50", "p99")):
        yield Case(
            f"asyncio: 100 B ping-pong between two processes, tcp, {title}, {what}",
            {key: sorted(each[i] for each in times)[rounds // 2] for key, times in trips.items()},
            {"async-raw": AtLeast(targets[i])},
            latency=True,
        )


def run(rounds: int, scale: int) -> Iterator[Case]:
    yield Case(
        "asyncio: 96 B arrays between two processes, tcp",
        streams(ARRAYS, 96, rounds, scale),
        {"async-recipe": AtLeast(5)},
    )
    yield Case(
        "asyncio: 100 B of bytes between two processes, tcp",
        streams(BYTES, 100, rounds, scale),
        {"async-raw": AtLeast(2)},
    )
    yield from latency("both on one core", PINGED, "", (1, 1), rounds)
    yield from latency("a thread computing", PINGED_BUSY, "-busy", (1, 1), rounds)
