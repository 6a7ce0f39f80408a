"""The command line: run the groups that are named, print a table, keep it as JSON."""

import argparse
import faulthandler
import json
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy
import zmq

import framewire

from . import (
    agents,
    awaited,
    batches,
    busy,
    c_loop,
    drop_in,
    greenlets,
    in_dask,
    one_thread,
    records,
    sealing,
    serializers,
    threshold,
    two_processes,
    values,
)
from .report import Case

GROUPS: dict[str, Callable[[int, int], Iterator[Case | threshold.Sweep | serializers.Table]]] = {
    "processes": two_processes.run,
    "thread": one_thread.run,
    "busy": busy.run,
    "asyncio": awaited.run,
    "batches": batches.run,
    "records": records.run,
    "pyzmq": drop_in.run,
    "green": greenlets.run,
    "osbrain": agents.run,
    "values": values.run,
    "serializers": serializers.run,
    "sealing": sealing.run,
    "dask": in_dask.run,
    "threshold": threshold.run,
}
DEFAULT = [name for name in GROUPS if name != "threshold"]
CASE_LIMIT = 600  # seconds


def describe() -> str:
    """What was measured, in two lines."""
    return (
        f"framewire {framewire.__version__} ({framewire.transport}), pyzmq {zmq.__version__},"
        f" libzmq {zmq.zmq_version()}, numpy {numpy.__version__}\n"
        f"{platform.python_implementation()} {platform.python_version()}, {platform.platform()},"
        f" {time.strftime('%Y-%m-%d')}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "groups", nargs="*", metavar="group", help=f"of {', '.join(GROUPS)}; {DEFAULT} if none"
    )
    parser.add_argument("--quick", action="store_true", help="a minute, and rougher figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE")
    options = parser.parse_args()
    unknown = set(options.groups) - set(GROUPS)
    if unknown:
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    rounds, scale = (2, 5) if options.quick else (5, 1)

    print(describe())
    if c_loop.available():
        print(f"without the C loop: {c_loop.available()}")
    rows = []
    for group in options.groups or DEFAULT:
        cases = GROUPS[group](rounds, scale)
        while True:
            faulthandler.dump_traceback_later(CASE_LIMIT, exit=True)
            case = next(cases, None)
            faulthandler.cancel_dump_traceback_later()
            if case is None:
                break
            case.print()
            rows += case.rows()
    missed = sum(row["met"] is False for row in rows)
    print(f"\n{sum(row['met'] is True for row in rows)} targets met, {missed} missed")
    if options.json:
        options.json.write_text(json.dumps({"about": describe(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
