"""Cases as text: one at a time, a sweep as a table by size, and where framewire is slower."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from .results import Case

SHORT = 12  # characters of a column


def size(count: int) -> str:
    """A number of bytes for people: 512 B, 32 KiB, 2 MiB."""
    for unit, factor in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= factor and count % factor == 0:
            return f"{count // factor} {unit}"
    return f"{count} B"


def case(each: Case) -> Iterator[str]:
    yield f"\n{each.title}"
    for i, row in enumerate(each.rows):
        ratio = f"{each.ratio(row):8.2f} x its {'time' if row.by_time else 'speed'}" if i else ""
        target = "" if row.target is None else f"target {row.target:<9}"
        verdict = {None: "", True: "ok", False: "MISSED"}[row.met]
        bytes_ = f"{row.bytes:,} B" if row.bytes else ""
        line = f"  {row.title:<52} {each.figure(row):>10} {ratio:<20} {bytes_}{target} {verdict}"
        yield line.rstrip()


def sweep(cases: list[Case]) -> Iterator[str]:
    """A line for each contender, a column for each size."""
    yield f"\n{cases[0].sweep}"
    yield f"  {'':<44}" + "".join(f"{size(each.size):>{SHORT}}" for each in cases)
    titles = {row.contender: row.title for each in cases for row in each.rows}
    figures = [{row.contender: each.figure(row) for row in each.rows} for each in cases]
    for key, title in titles.items():
        yield f"  {title:<44}" + "".join(f"{each.get(key, '-'):>{SHORT}}" for each in figures)


def stream(cases: Iterable[Case]) -> Iterator[str]:
    """Each case as it comes; those of a sweep when it is complete."""
    for name, each in groupby(cases, lambda case: case.sweep):
        if name:
            yield from sweep(list(each))
        else:
            for one in each:
                yield from case(one)


def slower(cases: Iterable[Case]) -> Iterator[str]:
    """Where a peer is faster than framewire, the worst first."""
    found = [(times, each, row) for each in cases for times, row in each.faster_peers()]
    yield f"\nWhere a peer is faster: {len(found)} rows"
    for times, each, row in sorted(found, key=lambda one: -one[0]):
        yield f"  {times:6.2f} x framewire's speed: {row.title}: {each.title}"
