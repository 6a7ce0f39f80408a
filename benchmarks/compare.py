"""Two runs, row by row: how framewire stands to each contender now and then, and the seconds."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from .results import Case, Row, Run

THRESHOLD = 1.25  # a factor, which rows of small messages keep to; large ones often do not


@dataclass(frozen=True)
class Change:
    """A figure of something that both runs have; over 1, the gain is for the better."""

    what: str
    was: float
    now: float
    gain: float


Pair = tuple[Row, Row]  # of one contender, then and now


def matched(old: Run, new: Run) -> tuple[list[tuple[Case, list[Pair]]], list[Row]]:
    """The rows of each case that both runs have, and those that the new one has not."""
    before = {(case.title, row.contender): row for case in old.cases for row in case.rows}
    cases = []
    for case in new.cases:
        then = [before.pop((case.title, row.contender), None) for row in case.rows]
        cases.append((case, [(was, row) for was, row in zip(then, case.rows, strict=True) if was]))
    return cases, list(before.values())


def standings(cases: list[tuple[Case, list[Pair]]]) -> Iterator[Change]:
    """How many times the speed of each contender each of framewire's ways had, and has."""
    for case, pairs in cases:
        ours = [pair for pair in pairs if pair[1].whose == "framewire"]
        for was, now in (pair for pair in pairs if pair[1].whose != "framewire"):
            for then, today in ours:
                speeds = was.seconds / then.seconds, now.seconds / today.seconds
                what = f"{today.title} against {now.title}: {case.title}"
                yield Change(what, *speeds, speeds[1] / speeds[0])


def compare(old: Run, new: Run, threshold: float = THRESHOLD) -> tuple[list[str], float]:
    """The comparison as lines of text, and by which factor framewire fell behind most.

    The ratio to a contender in the same run comes first: what slows a machine down slows both.
    Where a row of framewire's is missing, the factor is infinite.
    """
    cases, gone = matched(old, new)
    against = list(standings(cases))
    both = [(case, *pair) for case, pairs in cases for pair in pairs]
    seconds = [
        Change(f"{now.title}: {case.title}", was.seconds, now.seconds, was.seconds / now.seconds)
        for case, was, now in both
    ]
    lines = [
        f"old: {_about(old)}",
        f"new: {_about(new)}",
        f"{len(both)} rows in both, {len(gone)} in the old one only;"
        f" listed from {threshold:g} x on",
        "\nFramewire against the others of the same run, in times their speed:",
        *_listed(against, threshold),
        "\nSeconds a message (on another machine, or beside other work, they say little):",
        *_listed(seconds, threshold),
    ]
    if any(row.whose == "framewire" for row in gone):
        return lines, math.inf
    return lines, max((1 / change.gain for change in against), default=1.0)


def _about(run: Run) -> str:
    return ", ".join(run.about.get(name, "?") for name in ("date", "framewire", "cpu", "python"))


def _listed(changes: list[Change], threshold: float) -> Iterator[str]:
    over = [each for each in changes if not 1 / threshold < each.gain < threshold]
    for each in sorted(over, key=lambda each: each.gain):
        word = "better" if each.gain > 1 else "worse"
        factor = max(each.gain, 1 / each.gain)
        yield f"  {factor:5.2f} x {word:<6} {each.was:9.3g} -> {each.now:9.3g}  {each.what}"
    if not over:
        yield "  none"
