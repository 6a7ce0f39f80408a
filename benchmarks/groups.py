"""The groups of cases, each run in a process of its own, so that what one breaks stops only itself.

As a program, ``python -m benchmarks.groups GROUP ROUNDS SCALE``: a line of JSON for each case.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from importlib import import_module

import msgspec

from .results import ROOT, Case

GROUPS = {
    "processes": "two_processes",
    "sizes": "sizes",
    "thread": "one_thread",
    "busy": "busy",
    "asyncio": "awaited",
    "batches": "batches",
    "records": "records",
    "pyzmq": "drop_in",
    "green": "greenlets",
    "osbrain": "agents",
    "values": "values",
    "serializers": "serializers",
    "sealing": "sealing",
    "dask": "in_dask",
    "threshold": "threshold",
}
DEFAULT = [name for name in GROUPS if name != "threshold"]
JOB_LIMIT = 180.0  # seconds that one round of a contender may take


class Line(msgspec.Struct):
    """A case, if one is complete, and what was left out since the line before."""

    case: Case | None
    left_out: dict[str, str]


def lines(group: str, rounds: int, scale: int, limit: float = JOB_LIMIT) -> Iterator[Line]:
    """The cases of a group as they come, and signs of life. A job that hangs ends the group."""
    argv = [sys.executable, "-m", "benchmarks.groups", group, str(rounds), str(scale)]
    scratch = tempfile.TemporaryDirectory(prefix="fw-")  # of what is killed too
    process = subprocess.Popen(
        argv,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": scratch.name},
        start_new_session=True,
    )
    late: list[str] = []

    def stop() -> None:
        late.append(f"nothing done within {limit:g} s")
        os.killpg(process.pid, signal.SIGKILL)

    try:
        assert process.stdout is not None
        while True:
            watchdog = threading.Timer(limit, stop)
            watchdog.start()
            try:
                line = process.stdout.readline()
            finally:
                watchdog.cancel()
            if not line:
                break
            yield msgspec.json.decode(line, type=Line)
        if process.wait() or late:
            why = late[0] if late else f"exit status {process.returncode}"
            yield Line(None, {f"the rest of the group {group}": why})
    finally:
        if process.poll() is None:  # it leads its group as long as it is not waited for
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        scratch.cleanup()


def main(group: str, rounds: str, scale: str) -> None:
    from .report import after_job, left_out

    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what else is printed is not a case

    def say(case: Case | None) -> None:
        out.write(msgspec.json.encode(Line(case, left_out)) + b"\n")
        out.flush()
        left_out.clear()

    after_job.append(lambda: say(None))
    for case in import_module(f"benchmarks.{GROUPS[group]}").run(int(rounds), int(scale)):
        case.group = group
        say(case)
    say(None)


if __name__ == "__main__":
    main(*sys.argv[1:])
