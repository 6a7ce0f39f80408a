"""This machine's own telemetry: per-core CPU times, memory, load and interrupts, as numpy arrays.

Linux gives them in ``/proc``, other systems through psutil.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

# fmt: off
_CPU_FIELDS = (
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice",
)
_CORE = re.compile(rb"cpu\d+ ")
_MEMORY = re.compile(
    rb"^(MemTotal|MemFree|MemAvailable|Buffers|Cached|SwapTotal|SwapFree): +(\d+)", re.MULTILINE
)
_LOAD_FIELDS = ("1_min", "5_min", "15_min")
# Lines of /proc/stat that count events, and the names of what they count.
_COUNTERS = {
    b"intr": ("interrupts",),  # a count per interrupt number follows the total; left out
    b"ctxt": ("context_switches",),
    b"processes": ("forks",),
    b"softirq": (
        "softirqs", "hi", "timer", "net_tx", "net_rx", "block", "irq_poll", "tasklet", "sched",
        "hrtimer", "rcu",
    ),
}
# fmt: on


@dataclass(frozen=True)
class Reading:
    """One array of a sample and what its numbers mean.

    Attributes
    ----------
    stream
        The name of the stream that it belongs to.
    values
        A fresh array; the fields run along its last axis.
    unit
        The unit of all values: "s", "B", "tasks" or "count" (since boot).
    fields
        The names of the fields.
    """

    stream: str
    values: npt.NDArray[Any]
    unit: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """The machine at one moment: some arrays, and the text that a part of them was read from."""

    readings: tuple[Reading, ...]
    text: bytes


class Source(Protocol):
    """Anything that can be sampled."""

    def sample(self) -> Sample:
        """Read the machine's counters now."""


def open_source() -> Source:
    """Return the best source of telemetry that this machine has.

    Raises
    ------
    ImportError
        There is no ``/proc`` here and psutil is not installed.
    """
    if sys.platform == "linux" and os.access("/proc/stat", os.R_OK):
        return ProcSource()
    return PsutilSource()


class ProcSource:
    """Telemetry from ``/proc``. The files stay open, and each sample reads them afresh."""

    def __init__(self) -> None:
        self._stat, self._meminfo, self._loadavg = (
            open(f"/proc/{name}", "rb", buffering=0)  # noqa: SIM115
            for name in ("stat", "meminfo", "loadavg")
        )
        self._ticks_per_second = os.sysconf("SC_CLK_TCK")

    def sample(self) -> Sample:
        """Read the machine's counters now."""
        stat, meminfo, loadavg = map(_read_again, (self._stat, self._meminfo, self._loadavg))
        lines = stat.splitlines()
        readings = (
            self._cpu(lines),
            self._memory(meminfo),
            Reading("load", np.array(loadavg.split()[:3], np.float64), "tasks", _LOAD_FIELDS),
            self._interrupts(lines),
        )
        return Sample(readings, stat)

    def _cpu(self, lines: list[bytes]) -> Reading:
        cores = [line.split()[1:] for line in lines if _CORE.match(line)]
        seconds = np.array(cores, np.float64) / self._ticks_per_second
        return Reading("cpu", seconds, "s", _CPU_FIELDS[: seconds.shape[-1]])

    def _memory(self, meminfo: bytes) -> Reading:
        found = _MEMORY.findall(meminfo)
        values = np.array([int(kib) * 1024 for _, kib in found], np.uint64)
        fields = tuple(name.decode().removeprefix("Mem").lower() for name, _ in found)
        return Reading("memory", values, "B", fields)

    def _interrupts(self, lines: list[bytes]) -> Reading:
        counts: list[int] = []
        fields: list[str] = []
        for line in lines:
            names = _COUNTERS.get(line[: line.find(b" ")])
            if names is not None:
                words = line.split(None, len(names) + 1)[1 : len(names) + 1]
                counts.extend(map(int, words))
                fields.extend(names[: len(words)])
        return Reading("interrupts", np.array(counts, np.uint64), "count", tuple(fields))


class PsutilSource:
    """Telemetry through psutil, for systems without ``/proc``.

    Raises
    ------
    ImportError
        psutil is not installed; the message names the extra that brings it.
    """

    def __init__(self) -> None:
        try:
            self._psutil: Any = importlib.import_module("psutil")
        except ImportError as error:
            raise ImportError(
                "telemetry on this system needs psutil: pip install 'framewire[demo]'"
            ) from error

    def sample(self) -> Sample:
        """Read the machine's counters now."""
        cores = self._psutil.cpu_times(percpu=True)
        memory = self._psutil.virtual_memory()
        stats = self._psutil.cpu_stats()
        load = self._psutil.getloadavg()
        sizes = [name for name in memory._fields if name != "percent"]
        readings = (
            Reading("cpu", np.array(cores, np.float64), "s", cores[0]._fields),
            Reading(
                "memory",
                np.array([getattr(memory, name) for name in sizes], np.uint64),
                "B",
                tuple(sizes),
            ),
            Reading("load", np.array(load, np.float64), "tasks", _LOAD_FIELDS),
            Reading("interrupts", np.array(stats, np.uint64), "count", stats._fields),
        )
        return Sample(readings, f"{cores}\n{memory}\n{stats}\n".encode())


def _read_again(file: Any) -> bytes:
    """Return the whole of an open file of ``/proc``, which is made anew for each first read."""
    file.seek(0)
    content: bytes = file.read()
    return content
