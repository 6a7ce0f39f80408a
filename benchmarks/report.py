"""A case: what several contenders took for one thing, and how framewire stands to each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from . import c_loop
from .contenders import title

T = TypeVar("T")


@dataclass(frozen=True)
class AtLeast:
    """framewire is to be at least this many times as fast as the contender."""

    factor: float

    def met(self, ours: float, theirs: float) -> bool:
        return theirs / ours >= self.factor

    def __str__(self) -> str:
        return f">= {self.factor:g}"


@dataclass(frozen=True)
class AtMost:
    """framewire is to take at most this many times the contender's time."""

    factor: float

    def met(self, ours: float, theirs: float) -> bool:
        return ours / theirs <= self.factor

    def __str__(self) -> str:
        return f"<= {self.factor:g}"


@dataclass(frozen=True)
class Within:
    """The contender is to take at most so many seconds, whatever others take."""

    seconds: float

    def met(self, ours: float, theirs: float) -> bool:
        return theirs <= self.seconds

    def __str__(self) -> str:
        return f"<= {self.seconds * 1e9:g} ns"


Target = AtLeast | AtMost | Within


@dataclass
class Case:
    """The seconds a message of each contender; the first is framewire's.

    `size` in bytes makes a rate of payload of it, `latency` a time; else it is messages a second.
    """

    title: str
    seconds: Mapping[str, float]
    targets: Mapping[str, Target] = field(default_factory=dict)
    size: int = 0
    latency: bool = False

    def figure(self, seconds: float) -> str:
        if self.latency:
            return f"{seconds * 1e6:9.3f} us"
        if self.size:
            return f"{self.size / seconds / 1e6:7.0f} MB/s"
        return f"{1 / seconds / 1e6:8.3f} M/s"

    def rows(self) -> list[dict[str, Any]]:
        """One row a contender, for the table and for JSON."""
        ours = next(iter(self.seconds.values()))
        rows = []
        for key, theirs in self.seconds.items():
            target = self.targets.get(key)
            of_time = isinstance(target, AtMost) or (target is None and key.startswith("c-"))
            rows.append(
                {
                    "case": self.title,
                    "contender": title(key),
                    "seconds": theirs,
                    "figure": self.figure(theirs),
                    "ratio": ours / theirs if of_time else theirs / ours,
                    "ratio of": "time" if of_time else "speed",
                    "target": str(target) if target else None,
                    "met": target.met(ours, theirs) if target else None,
                }
            )
        return rows

    def print(self) -> None:
        print(f"\n{self.title}")
        for i, row in enumerate(self.rows()):
            ratio = "" if i == 0 else f"{row['ratio']:7.2f} x its {row['ratio of']:<5}"
            target = "" if row["target"] is None else f"  target {row['target']:<9}"
            verdict = {None: "", True: "ok", False: "MISSED"}[row["met"]]
            line = f"  {row['contender']:<46} {row['figure']} {ratio}{target} {verdict}"
            print(line.rstrip(), flush=True)


def interleave(jobs: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Run every job once a round, so that a slow moment of the machine hits them all alike.

    Jobs of the C loop are left out where there is none.
    """
    ready = {k: job for k, job in jobs.items() if not (k.startswith("c-") and c_loop.available())}
    results: dict[str, list[T]] = {key: [] for key in ready}
    for _ in range(rounds):
        for key, job in ready.items():
            results[key].append(job())
    return results


def best(jobs: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The least that each job returned."""
    return {key: min(values) for key, values in interleave(jobs, rounds).items()}


def mean(jobs: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The mean of what each job returned."""
    return {key: sum(values) / rounds for key, values in interleave(jobs, rounds).items()}
