"""Two runs, row by row: how framewire stands to each contender now and then, and the seconds."""

from collections.abc import Iterator
from dataclasses import dataclass

from .results import Case, Row, Run

THRESHOLD = 1.25  # a factor; rounds on a machine that does nothing else differ by up to 1.2


@dataclass(frozen=True)
class Change:
    """A row that both runs have."""

    case: Case
    row: Row
    speed: tuple[float, float]  # how many times the contender's speed framewire had, and has
    seconds: tuple[float, float]  # what the contender itself took, and takes

    @property
    def ratio(self) -> float:
        """Over 1: framewire stands better to this contender than before."""
        return self.speed[1] / self.speed[0]

    @property
    def slower(self) -> float:
        return self.seconds[1] / self.seconds[0]


def changes(old: Run, new: Run) -> tuple[list[Change], int]:
    """The rows that both have, and how many only one has."""
    before = {(case.title, row.contender): (case, row) for case in old.cases for row in case.rows}
    found, unmatched = [], 0
    for case in new.cases:
        for row in case.rows:
            if (match := before.pop((case.title, row.contender), None)) is None:
                unmatched += 1
                continue
            was, then = match
            speeds = was.speed(then), case.speed(row)
            found.append(Change(case, row, speeds, (then.seconds, row.seconds)))
    return found, unmatched + len(before)


def worst(found: list[Change]) -> float:
    """By which factor framewire fell behind most, against any contender in the same run."""
    return max((1 / change.ratio for change in found), default=1.0)


def compare(old: Run, new: Run, threshold: float = THRESHOLD) -> tuple[list[str], float]:
    """The comparison as lines of text, and `worst`.

    The ratio to a contender in the same run comes first: what slows a machine down slows both.
    """
    found, unmatched = changes(old, new)
    against = [change for change in found if change.row is not change.case.rows[0]]
    lines = [
        f"old: {_about(old)}",
        f"new: {_about(new)}",
        f"{len(found)} rows in both, {unmatched} in one only; listed from {threshold:g} x on",
        "\nFramewire against the others of the same run, in times their speed:",
        *_listed([(each.ratio, each, each.speed) for each in against], threshold),
        "\nSeconds a message (on another machine, or beside other work, they say little):",
        *_listed([(1 / each.slower, each, each.seconds) for each in found], threshold),
    ]
    return lines, worst(found)


def _about(run: Run) -> str:
    return ", ".join(run.about.get(name, "?") for name in ("date", "framewire", "cpu", "python"))


def _listed(
    gains: list[tuple[float, Change, tuple[float, float]]], threshold: float
) -> Iterator[str]:
    over = [each for each in gains if not 1 / threshold < each[0] < threshold]
    for gain, change, (was, now) in sorted(over, key=lambda each: each[0]):
        word = "better" if gain > 1 else "worse"
        factor = max(gain, 1 / gain)
        yield (
            f"  {factor:5.2f} x {word:<6} {was:9.3g} -> {now:9.3g}"
            f"  {change.row.title}: {change.case.title}"
        )
    if not over:
        yield "  none"
