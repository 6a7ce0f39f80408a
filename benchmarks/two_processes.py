"""Two processes over loopback: the figures that a user sees."""

from collections.abc import Iterator
from functools import partial

from .pairs import Transport, round_trips, throughput
from .report import AtLeast, interleave, measured, nth
from .results import Case

TRANSPORTS: tuple[Transport, ...] = ("tcp", "ipc")
SMALL = {
    "fw": 1_000_000,
    "raw": 600_000,
    "recipe": 60_000,
    "pyomq": 300_000,
    "c-array": 2_000_000,
}
LARGE = dict.fromkeys(["fw-inplace", "raw-inplace", "recipe-inplace", "c-inplace"], 4000)
PINGED = {"fw": 10_000, "raw": 10_000, "recipe": 5_000, "pyomq": 10_000, "c-array": 10_000}
HWM = 1000  # messages: libzmq's own default
HWM_LARGE = 32  # messages: what a program allows for that minds its memory


def small(transport: Transport, rounds: int, scale: int) -> Case:
    """96-byte arrays."""
    jobs = {
        key: partial(throughput, key, transport, 96, count // scale, HWM)
        for key, count in SMALL.items()
    }
    return measured(
        f"96 B arrays between two processes, {transport}",
        interleave(jobs, rounds),
        {"raw": AtLeast(1.5), "recipe": AtLeast(15)},
    )


def large(rounds: int, scale: int) -> Case:
    """1 MB arrays in place."""
    jobs = {
        key: partial(throughput, key, "ipc", 1_000_000, count // scale, HWM_LARGE)
        for key, count in LARGE.items()
    }
    return measured(
        "1 MB arrays in place between two processes, ipc",
        interleave(jobs, 2 * rounds),  # rounds differ by a factor of two
        {"raw-inplace": AtLeast(1)},
        size=1_000_000,
        shown="payload",
    )


def filled(rounds: int, scale: int) -> Case:
    """1 MB arrays that are filled anew for each message."""
    jobs = {
        key: partial(throughput, key, "ipc", 1_000_000, 4000 // scale, HWM_LARGE)
        for key in ("fill-pool", "fill-empty", "fill-copy")
    }
    return measured(
        "1 MB arrays, filled anew, between two processes, ipc",
        interleave(jobs, 2 * rounds),
        size=1_000_000,
        shown="payload",
    )


def latency(transport: Transport, one_core: bool, rounds: int, scale: int) -> Iterator[Case]:
    """Ping-pong of a 1 KB array.

    Where the scheduler puts four threads matters more than the library; on one core it is steady.
    """
    jobs = {
        key: partial(round_trips, key, transport, 1024, count // scale, one_core)
        for key, count in PINGED.items()
    }
    where = ", both on one core" if one_core else ""
    trips = interleave(jobs, rounds)
    for i, what in enumerate(("p50", "p99")):
        yield measured(
            f"1 KB array ping-pong between two processes, {transport}{where}, {what}",
            nth(trips, i),
            shown="time",
        )


def run(rounds: int, scale: int) -> Iterator[Case]:
    for transport in TRANSPORTS:
        yield small(transport, rounds, scale)
    yield large(rounds, scale)
    yield filled(rounds, scale)
    for transport in TRANSPORTS:
        for one_core in (False, True):
            yield from latency(transport, one_core, rounds, scale)
