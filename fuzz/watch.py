"""What a long run must not do: grow, hang, or end without leaving the message that ended it."""

import faulthandler
import gc
import mmap
import sys
import time
from pathlib import Path
from typing import Any

import framewire

from .files import Frames, pack

LIMIT = 600.0  # seconds for one message: many times what any takes on a busy machine
ALLOWED_BYTES = 64_000_000  # of growth of resident memory
ALLOWED_BLOCKS = 100_000  # of Python's allocator: caches and statistics fill up
ALLOWED_REFERENCES = 50
SIZE = 1 << 20  # bytes of the file with the last message


def resident() -> int:
    """Bytes of memory that the process has; 0 where that is not known."""
    try:
        for line in Path("/proc/self/status").read_text("ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


class Growth:
    """Memory and references, against those of the first look, which comes after a warm-up."""

    def __init__(self, watched: dict[str, Any]) -> None:
        self._watched = watched
        self._first: dict[str, int] | None = None

    def look(self) -> dict[str, int]:
        framewire.release()
        gc.collect()
        found = {"bytes": resident(), "blocks": sys.getallocatedblocks()}
        return found | {
            f"references to {name}": sys.getrefcount(each) for name, each in self._watched.items()
        }

    def check(self) -> str:
        """A line about it. AssertionError: it grew."""
        found = self.look()
        if self._first is None:
            self._first = found
        grown = {name: found[name] - self._first[name] for name in found}
        allowed = {"bytes": ALLOWED_BYTES, "blocks": ALLOWED_BLOCKS}
        for name, by in grown.items():
            if by > allowed.get(name, ALLOWED_REFERENCES):
                raise AssertionError(f"{name} grew by {by:,}: {self._first} to {found}")
        more = max((by for name, by in grown.items() if name not in allowed), default=0)
        return (
            f"{found['bytes'] / 1e6:.1f} MB ({grown['bytes'] / 1e6:+.1f}), "
            f"{found['blocks']:,} blocks ({grown['blocks']:+,}), references {more:+}"
        )


class Last:
    """The message that is being received, in a file that is there after a crash."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        path.write_bytes(bytes(SIZE))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), SIZE)

    def note(self, frames: Frames) -> None:
        data = pack(frames)
        if len(data) <= SIZE:
            self._memory[: len(data)] = data

    def close(self) -> None:
        self._memory.close()


class Patience:
    """Ends the process, with a traceback, if `again` is not called in time."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._armed = 0.0

    def again(self) -> None:
        now = time.monotonic()
        if now - self._armed > LIMIT / 4:  # arming starts a thread
            faulthandler.dump_traceback_later(LIMIT, exit=True)
            self._armed = now

    def close(self) -> None:
        faulthandler.cancel_dump_traceback_later()
