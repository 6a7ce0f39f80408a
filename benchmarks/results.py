"""What a run measured, and the JSON that it is kept in.

A document has `about` (machine, versions, date), `left_out` (what could not be measured, and why),
and `cases`, one a line, with a row for each contender. Seconds are those of one message, or of what
the title of the case says.
"""

from pathlib import Path
from typing import Literal

import msgspec

Shown = Literal["time", "rate", "payload"]
ROOT = Path(__file__).parents[1]
KEPT = Path(__file__).with_name("results")  # those that the documents' figures come from


class Row(msgspec.Struct, omit_defaults=True):
    """What one contender took."""

    contender: str
    title: str
    whose: Literal["framewire", "peer", "floor"]  # a floor: C, or a part of what all have to do
    seconds: float
    rounds: list[float]  # seconds, in the order in which they were measured
    by_time: bool = False  # compared by how many times its time framewire takes
    target: str | None = None
    met: bool | None = None
    bytes: int = 0  # of the message, where the case is about sizes too


class Case(msgspec.Struct, omit_defaults=True):
    """What several contenders took for one thing; the first is framewire's."""

    title: str
    rows: list[Row]
    group: str = ""
    shown: Shown = "rate"
    size: int = 0  # bytes of payload, where the case has one
    of: str = "best"  # which of the rounds counts
    transport: str = ""
    sweep: str = ""  # cases of one sweep differ in size alone

    def figure(self, row: Row) -> str:
        """A row's figure with its unit."""
        if self.shown == "time":
            return _time(row.seconds)
        if self.shown == "payload":
            return _rate(self.size / row.seconds, "B/s")
        return _rate(1 / row.seconds, "/s")

    def speed(self, row: Row) -> float:
        """How many times the row's speed framewire has."""
        return row.seconds / self.rows[0].seconds

    def ratio(self, row: Row) -> float:
        """The same, or how many times its time framewire takes, as `row.by_time` says."""
        speed = self.speed(row)
        return 1 / speed if row.by_time else speed

    def faster_peers(self) -> list[tuple[float, Row]]:
        """The peers that are faster than all of framewire's ways, and by how much."""
        ours = min(row.seconds for row in self.rows if row.whose == "framewire")
        return [
            (ours / row.seconds, row)
            for row in self.rows
            if row.whose == "peer" and row.seconds < ours
        ]


class Run(msgspec.Struct):
    """A run of some groups of benchmarks."""

    about: dict[str, str]
    left_out: dict[str, str] = {}
    cases: list[Case] = []

    def save(self, path: Path) -> None:
        head = msgspec.json.encode({"about": self.about, "left_out": self.left_out})
        lines = b",\n".join(map(msgspec.json.encode, self.cases))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(head[:-1] + b',\n"cases":[\n' + lines + b"\n]}\n")


def load(path: Path) -> Run:
    return msgspec.json.decode(path.read_bytes(), type=Run)


def newest() -> Path:
    """The document that the figures of README.md come from."""
    return max(KEPT.glob("*.json"))


def _significant(number: float) -> str:
    """With two digits that count, or all before the point."""
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}" if number >= 1 else f"{number:.2f}"


def _time(seconds: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6), ("ns", 1e9)):
        if abs(seconds) * factor >= (0.1 if unit == "µs" else 1):
            break
    return f"{_significant(seconds * factor)} {unit}"


def _rate(number: float, unit: str) -> str:
    for prefix, factor in (("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0)):
        if number >= factor or not prefix:
            break
    return f"{_significant(number / factor)} {prefix}{unit}"
