"""From jobs to cases: run what contenders do in turn, and state how framewire stands to each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import fmean, median
from typing import Literal, TypeVar

from .contenders import missing, title, whose
from .results import Case, Row, Shown

T = TypeVar("T")
COUNTS: dict[str, Callable[[Sequence[float]], float]] = {
    "best": min,
    "mean": fmean,
    "median": median,
}
left_out: dict[str, str] = {}  # what was not measured, and why; `groups` hands it on
after_job: list[Callable[[], None]] = []  # called when a job is done, for who waits


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


def measured(
    title_: str,
    rounds: Mapping[str, Sequence[float]],
    targets: Mapping[str, Target] | None = None,
    *,
    shown: Shown = "rate",
    size: int = 0,
    of: Literal["best", "mean", "median"] = "best",
    transport: str = "",
    sweep: str = "",
    sizes: Mapping[str, int] | None = None,
) -> Case:
    """A case of the seconds a message that each contender took, round by round.

    The first contender is framewire's. `size` is in bytes of payload, `sizes` of the message.
    """
    taken = {key: COUNTS[of](each) for key, each in rounds.items()}
    ours = next(iter(taken.values()))
    rows = []
    for key, theirs in taken.items():
        target = (targets or {}).get(key)
        rows.append(
            Row(
                key,
                title(key),
                whose(key),
                _short(theirs),
                [_short(each) for each in rounds[key]],
                by_time=isinstance(target, AtMost) or (target is None and whose(key) == "floor"),
                target=str(target) if target else None,
                met=target.met(ours, theirs) if target else None,
                bytes=(sizes or {}).get(key, 0),
            )
        )
    return Case(title_, rows, "", shown, size, of, transport, sweep)


def _short(seconds: float) -> float:
    return float(f"{seconds:.4g}")


def interleave(jobs: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Run every job once a round, so that a slow moment of the machine hits them all alike.

    A job whose library is missing, or that fails, is left out, but for the first, framewire's own.
    """
    ours = next(iter(jobs))
    ready = dict(jobs)
    for key in jobs:
        if reason := missing(key):
            left_out["the C loop" if key.startswith("c-") else title(key)] = reason
            del ready[key]
    results: dict[str, list[T]] = {key: [] for key in ready}
    for _ in range(rounds):
        for key, job in list(ready.items()):
            try:
                results[key].append(job())
            except Exception as error:
                if key == ours:
                    raise
                left_out[f"{title(key)}, {_about(job)}"] = f"{type(error).__name__}: {error}"
                del ready[key], results[key]
            for call in after_job:
                call()
    return results


def lacks(what: str, *modules: str) -> bool:
    """Whether a module that `what` is measured with is missing: then it is left out."""
    absent = [name for name in modules if find_spec(name) is None]
    if absent:
        left_out[what] = f"{absent[0]} is not installed"
    return bool(absent)


def _about(job: object) -> str:
    """The arguments of a partial, for people."""
    return ", ".join(str(each) for each in getattr(job, "args", ())[:4])


def less(rounds: Mapping[str, Sequence[float]], seconds: float) -> dict[str, list[float]]:
    """The rounds without the seconds that something took by itself, where that leaves any."""
    return {key: [max(each - seconds, 1e-9) for each in taken] for key, taken in rounds.items()}


def nth(rounds: Mapping[str, Sequence[tuple[float, ...]]], i: int) -> dict[str, list[float]]:
    """Of jobs that measure several things, the `i`-th."""
    return {key: [each[i] for each in taken] for key, taken in rounds.items()}
