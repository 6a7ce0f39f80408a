"""Does memory stay flat? ``python -m benchmarks.memory [--quick]`` (Linux).

A receiver of many small arrays, and one of many arrays of 1 MB that the sender makes anew for each
message and sends in place. Exits with 1 if either process grew by more than `ALLOWED`.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from .pairs import pair
from .peer import SLICES, command

ALLOWED = 20_000_000  # bytes, from the first tenth of the messages to the end
LIMIT = 900.0  # seconds that a run may take


@dataclass(frozen=True)
class Run:
    """What is sent: `count` arrays of `size` bytes."""

    title: str
    contender: str
    size: int
    count: int
    hwm: int  # messages; what is queued is in memory too

    def shorter(self) -> "Run":
        return Run(self.title, self.contender, self.size, self.count // 20, self.hwm)


RUNS = (
    Run("small arrays, copied", "fw", 96, 10_000_000, 1000),
    Run("1 MB arrays, in place", "fw-fresh", 1_000_000, 100_000, 4),
)


def resident(pid: int) -> int:
    """Resident memory of a process, in bytes; 0 once it has ended."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except FileNotFoundError:
        pass
    return 0


def grown(run: Run) -> bool:
    """Run it, print resident memory by tenth of the messages, and say whether it grew."""
    print(f"\n{run.count:,} {run.title}, ipc\n  received  receiver MB  sender MB")
    samples: list[tuple[int, int]] = []
    with pair(
        command(run.contender, "consume", run.size, run.count, run.hwm),
        command(run.contender, "produce", run.size, run.count, run.hwm),
        "ipc",
        limit=LIMIT,
    ) as running:
        for tenth, _ in enumerate(running.lines(), start=1):
            sample = resident(running.binder.pid), resident(running.connector.pid)
            samples.append(sample)
            print(f"  {tenth * 100 // SLICES:7d}%  {sample[0] / 1e6:11.1f}  {sample[1] / 1e6:9.1f}")
    ends: list[int] = []
    for who, values in zip(("receiver", "sender"), zip(*samples, strict=True), strict=True):
        alive = [value for value in values if value]
        ends.append(alive[-1] - alive[0])
        print(f"  {who} grew by {ends[-1] / 1e6:.1f} MB")
    return max(ends) > ALLOWED


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the messages")
    quick = parser.parse_args().quick
    results = [grown(run.shorter() if quick else run) for run in RUNS]
    if any(results):
        print(f"\nmemory grew by more than {ALLOWED / 1e6:.0f} MB")
    return 1 if any(results) else 0


if __name__ == "__main__":
    sys.exit(main())
