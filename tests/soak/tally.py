"""What a process of the soak is told, and what it counts."""

import mmap
from dataclasses import dataclass
from pathlib import Path

COUNTERS = [
    "sent",
    "received",
    "refused",
    "interrupted",
    "rejected",
    "foreign",
    "missing",
    "late",
    "torn",
    "mismatched",
    "reopened",
    "terminated",
    "leaked",
    "objects",
    "descriptors",
    "ending",
]


class Tally:
    """Numbers in a file: read by another process at any time, and when this one was killed."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(8 * len(COUNTERS)))
        with path.open("r+b") as file:
            memory = mmap.mmap(file.fileno(), 0)
        object.__setattr__(self, "_numbers", memoryview(memory).cast("q"))

    def __getattr__(self, name: str) -> int:
        return int(self._numbers[COUNTERS.index(name)])

    def __setattr__(self, name: str, value: int) -> None:
        self._numbers[COUNTERS.index(name)] = value

    def all(self) -> dict[str, int]:
        return dict(zip(COUNTERS, self._numbers, strict=True))


@dataclass
class Setup:
    link: str
    kind: str  # of the socket
    endpoint: str
    bind: bool
    flavour: str  # "socket", "green", "asyncio": the module of its context
    manner: str  # how it receives: "message", "many", "any"
    faulty: bool  # does it close sockets and terminate contexts?
    strangers: bool  # do hostile peers connect to it?
    spawn: int  # which process of the soak it is
    seed: int
    tally: str
    events: str  # where what is wrong, and what is allowed to be missing, is written
