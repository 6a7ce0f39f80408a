"""What happens on this machine between one sample and another: the demo's events."""

from __future__ import annotations

from collections.abc import Iterator

from framewire.cli.telemetry import Reading, Sample

_WATCHED = {("load", "1_min"), ("interrupts", "forks")}


class Watch:
    """Compares samples."""

    def __init__(self) -> None:
        self._known: dict[str, float] = {}
        self._before: tuple[Reading, ...] = ()

    def changes(self, sample: Sample) -> Iterator[dict[str, object]]:
        """Yield an event for each watched number that is not what it was in the sample before.

        Each has ``what``, and its value ``before`` (None at first) and ``after``. Watched are the
        number of cores, the load and, where the system tells it, how many processes were started.
        """
        for what, after in _watched(sample):
            before = self._known.get(what)
            if after != before:
                self._known[what] = after
                yield {"what": what, "before": before, "after": after}

    def moved(self, sample: Sample) -> set[tuple[str, str]]:
        """Return the (stream, field) of all numbers that have changed since the last call.

        The first call returns them all.
        """
        before = self._before or (None,) * len(sample.readings)
        self._before = sample.readings
        return {
            (new.stream, field)
            for old, new in zip(before, sample.readings, strict=True)
            for field in _moved_fields(old, new)
        }


def _watched(sample: Sample) -> Iterator[tuple[str, float]]:
    yield "cores", len(sample.readings[0].values)
    for reading in sample.readings:
        for at, field in enumerate(reading.fields):
            if (reading.stream, field) in _WATCHED:
                yield f"{reading.stream}.{field}", reading.values[at].item()


def _moved_fields(old: Reading | None, new: Reading) -> list[str]:
    if old is None or old.values.shape != new.values.shape:
        return list(new.fields)
    moved = (old.values != new.values).reshape(-1, len(new.fields)).any(axis=0)
    return [field for field, has in zip(new.fields, moved, strict=True) if has]
