"""Everything side by side, from 8 B to 64 MiB: rate and latency over inproc, ipc and tcp."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from .array_codecs import CODECS
from .one_thread import exchange
from .pairs import Transport, sweep
from .peer import SLICES
from .report import interleave, measured
from .results import Case
from .sweep_peer import Step
from .tables import size as words

SIZES = (8, 128, 2 << 10, 32 << 10, 512 << 10, 8 << 20, 64 << 20)  # bytes
KEYS = (
    *("fw", "fw-inplace", "raw", "raw-inplace", "recipe", "recipe-inplace"),
    *("pyomq", "pyomq-inplace"),
    *(f"array-{name}" for name in CODECS),
    *("c-array", "c-inplace"),
)
IN_PLACE_FROM = 32 << 10  # bytes: below, all of them copy
# About how many messages a second the fast ones send: what their counts are chosen by.
RATES = {"fw": 2e6, "raw": 1e6, "pyomq": 5e5, "c-array": 3e6, "array-struct": 2e5}
RATE = 1e5  # all others
BANDWIDTH = 1e9  # bytes a second
STREAM, PINGS = 0.2, 0.1  # seconds that a size takes of each
ROUND_TRIP = 50e-6  # seconds, without the payload
QUEUED = 20  # a queue holds at most one message of so many: few wait when the clock starts
TAIL = 200  # round trips: with fewer, there is no saying what one of a hundred takes


def steps(key: str, sizes: tuple[int, ...], scale: int) -> list[Step]:
    """What a contender sends at each size."""
    made = []
    for size in sizes:
        if key.endswith("inplace") and size < IN_PLACE_FROM:
            continue
        most, slow = (
            max(QUEUED, int(min(rate, BANDWIDTH / size) * STREAM / scale) // SLICES * SLICES)
            for rate in (RATES.get(key, RATE), RATE)
        )
        pings = PINGS / scale / (ROUND_TRIP + 2 * size / BANDWIDTH)
        made.append(Step(size, max(3, int(pings)), most, slow // QUEUED))
    return made


Taken = dict[tuple[str, int], float]  # seconds, by what was measured and the size


def one_thread(key: str, sizes: tuple[int, ...]) -> Taken:
    return {("rate", each.size): exchange(key, each.size) for each in steps(key, sizes, 1)}


def two_processes(key: str, sizes: tuple[int, ...], transport: Transport, scale: int) -> Taken:
    taken: Taken = {}
    plan = steps(key, sizes, scale)
    for step, (seconds, median, tail) in zip(plan, sweep(key, transport, plan), strict=True):
        taken |= {("rate", step.size): seconds, ("p50", step.size): median}
        if step.pings >= TAIL:
            taken["p99", step.size] = tail
    return taken


def cases(transport: str, jobs: Mapping[str, Callable[[], Taken]], rounds: int) -> Iterator[Case]:
    taken = interleave(jobs, rounds)
    for what, title in (
        ("rate", f"arrays, one way, {transport}"),
        ("p50", f"arrays, ping-pong, {transport}, p50"),
        ("p99", f"arrays, ping-pong, {transport}, p99"),
    ):
        measured_sizes = sorted({size for name, size in taken["fw"][0] if name == what})
        for size in measured_sizes:
            at = {
                key: [each[what, size] for each in all_rounds]
                for key, all_rounds in taken.items()
                if (what, size) in all_rounds[0]
            }
            yield measured(
                f"{title}, {words(size)}",
                at,
                shown="rate" if what == "rate" else "time",
                size=size,
                transport=transport,
                sweep=title,
            )


def run(
    rounds: int, scale: int, sizes: tuple[int, ...] = (), keys: tuple[str, ...] = KEYS
) -> Iterator[Case]:
    sizes = sizes or (SIZES if scale == 1 else SIZES[:-1])
    rounds = 1 if scale > 1 else rounds
    keys = tuple(key for key in keys if steps(key, sizes, scale))
    yield from cases("inproc", {key: partial(one_thread, key, sizes) for key in keys}, rounds)
    transports: tuple[Transport, ...] = ("ipc", "tcp")
    for transport in transports:
        jobs = {key: partial(two_processes, key, sizes, transport, scale) for key in keys}
        yield from cases(transport, jobs, rounds)
