"""Measure on this machine how fast arrays travel, against pyzmq's recipe and its plain calls.

Arrays of some sizes over inproc (send and receive in one thread), ipc and tcp on the loopback (to
another process, which takes the time), with framewire's send_array and recv_array, with the recipe
of pyzmq's documentation, and as plain bytes by pyzmq's send and recv, which carry no dtype and no
shape. All take turns, and the best round of each counts. Copied, and for large arrays in place.

The figures are this machine's, now: what else runs on it moves them, ratios less than times.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import zmq

import framewire
from framewire.cli.bench_peer import CONTENDERS, names, open_socket, timer
from framewire.cli.display import Display, View, open_display

TRANSPORTS = ("inproc", "ipc", "tcp") if zmq.has("ipc") else ("inproc", "tcp")
SIZES = (100, 10_000, 1_000_000)
_LARGE = 100_000  # bytes: from here on in place too, and with a shorter queue
_QUEUE, _QUEUE_LARGE = 1000, 8  # messages


class Row(NamedTuple):
    """A figure: the seconds that a message took, and how many times framewire's."""

    transport: str
    size: int
    contender: str
    seconds: float
    ratio: float


class BenchError(Exception):
    """The other process failed; the text says how."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``framewire bench``."""
    parser.add_argument("--quick", action="store_true", help="rougher, in a few seconds")
    parser.add_argument(
        "--size",
        type=size_of_array,
        action="append",
        metavar="BYTES",
        help="of the arrays, several times perhaps (default: 100, 10000 and 1000000)",
    )
    parser.add_argument("--json", action="store_true", help="all of it as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Measure.

    Returns
    -------
    int
        0, or 1 if it could not.
    """
    rounds, seconds = (2, 0.02) if arguments.quick else (7, 0.1)
    sizes = arguments.size or SIZES
    view = BenchView(len(TRANSPORTS) * len(sizes))
    if view.busy:
        print(f"framewire bench: the machine is busy ({view.load})", file=sys.stderr)
    try:
        if arguments.json:
            for rows in measure(sizes, rounds, seconds):
                view.add(rows)
            print(json.dumps(view.describe(), indent=1))
        else:
            with open_display() as display:
                _show(view, display, measure(sizes, rounds, seconds))
    except (BenchError, zmq.ZMQError) as error:
        print(f"framewire bench: {error}", file=sys.stderr)
        return 1
    return 0


def measure(sizes: Sequence[int], rounds: int, seconds: float) -> Iterator[list[Row]]:
    """Measure each transport and size, with rounds of about so many seconds for each contender."""
    for transport in TRANSPORTS:
        for size in sizes:
            keys = [key for key in CONTENDERS if size >= _LARGE or "in-place" not in key]
            where = _one_thread if transport == "inproc" else _two_processes
            # So many that those which are in the queues do not matter.
            least = 10 * (_QUEUE_LARGE if size >= _LARGE else _QUEUE)
            with where(transport, size) as timed:
                best = _best(timed, keys, least, rounds, seconds)
            yield [
                Row(transport, size, key, best[key], best[key] / best[CONTENDERS[key].against])
                for key in keys
            ]


Timed = Callable[[str, int], float]
"""Seconds that a message of a contender takes, measured with so many messages."""


def _best(
    timed: Timed, keys: list[str], least: int, rounds: int, seconds: float
) -> dict[str, float]:
    """The least that each took in a round, of at least so many messages; they take turns."""
    trial = {key: timed(key, least) for key in keys}
    best = dict.fromkeys(keys, math.inf)
    for _ in range(rounds):
        for key in keys:
            count = max(least, int(seconds / trial[key]))
            best[key] = min(best[key], timed(key, count))
    return best


@contextmanager
def _one_thread(transport: str, size: int) -> Iterator[Timed]:
    with zmq.Context() as context:
        a, b = (open_socket(context, zmq.PAIR, _QUEUE) for _ in range(2))
        with a, b:
            b.bind(f"{transport}://bench")
            a.connect(f"{transport}://bench")
            values = names(a=a, b=b, **_payload(size))
            both = {
                key: timer(f"{each.send}; {each.recv}", values) for key, each in CONTENDERS.items()
            }
            yield lambda key, count: both[key](count) / count


@contextmanager
def _two_processes(transport: str, size: int) -> Iterator[Timed]:
    queue = _QUEUE_LARGE if size >= _LARGE else _QUEUE
    with (
        tempfile.TemporaryDirectory(prefix="framewire-") as folder,
        zmq.Context() as context,
        open_socket(context, zmq.PUSH, queue) as socket,
    ):
        socket.bind("tcp://127.0.0.1:*" if transport == "tcp" else f"ipc://{folder}/bench")
        endpoint = socket.last_endpoint.decode()
        argv = [sys.executable, "-m", "framewire.cli.bench_peer", endpoint, str(queue)]
        pipe = subprocess.PIPE
        with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as peer:
            try:
                values = names(a=socket, **_payload(size))
                send = {key: timer(each.send, values) for key, each in CONTENDERS.items()}
                yield lambda key, count: _exchange(peer, send[key], key, count)
            finally:
                peer.kill()


def _exchange(
    peer: subprocess.Popen[str], send: Callable[[int], float], key: str, count: int
) -> float:
    """Have the other process receive messages, and send them."""
    assert peer.stdin is not None
    assert peer.stdout is not None
    assert peer.stderr is not None
    try:
        peer.stdin.write(f"{key} {count}\n")
        peer.stdin.flush()
        if peer.stdout.readline():
            send(count)
    except (BrokenPipeError, zmq.Again):
        peer.kill()
    line = peer.stdout.readline()
    if not line:
        raise BenchError(f"the receiving process failed\n{peer.stderr.read()}".rstrip())
    return float(line)


def _payload(size: int) -> dict[str, Any]:
    array = np.arange(size // 4, dtype=np.float32)
    return {"array": array, "data": array.tobytes()}


def size_of_array(text: str) -> int:
    """Return a size of arrays of four-byte numbers."""
    size = int(text)
    if not 4 <= size <= 1 << 30:
        raise ValueError(text)
    return size


size_of_array.__name__ = "number of bytes"  # argparse: invalid number of bytes value: 'x'


# ---- what is shown


def _show(view: BenchView, display: Display, rows: Iterator[list[Row]]) -> None:
    for each in rows:
        view.add(each)
        display.tick(view, time.monotonic())
    display.finish(view, time.monotonic())


class BenchView(View):
    """The figures so far.

    Parameters
    ----------
    parts
        How many transports and sizes there are to measure.
    """

    def __init__(self, parts: int) -> None:
        self._rows: list[Row] = []
        self._load = os.getloadavg()[0] if hasattr(os, "getloadavg") else math.nan
        self._cores = os.cpu_count() or 1
        self._parts = parts
        self._done = 0

    @property
    def busy(self) -> bool:
        """Was something else running when it began, so that the figures are worth little?"""
        return self._load > self._cores / 2

    @property
    def load(self) -> str:
        """How much that was."""
        return f"load average {self._load:.1f} on {self._cores} cores"

    def add(self, rows: list[Row]) -> None:
        """Add the figures of a transport and a size."""
        self._rows += rows
        self._done += 1

    def describe(self) -> dict[str, Any]:
        """All of it, for machines: times are in s, sizes in bytes."""
        return {
            "framewire": framewire.__version__,
            "transport": framewire.transport,
            "pyzmq": zmq.__version__,
            "libzmq": zmq.zmq_version(),
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}, {self._cores} cores",
            "load": None if math.isnan(self._load) else self._load,
            "rows": [row._asdict() for row in self._rows],
        }

    def lines(self, now: float) -> list[str]:
        """How far it is."""
        return [f"{self._done} of {self._parts} measured"]

    def table(self, now: float) -> Any:
        """The figures."""
        from rich import box
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, show_edge=False)
        for heading in _HEADINGS[:3]:
            table.add_column(heading, no_wrap=True)
        for heading in _HEADINGS[3:]:
            table.add_column(heading, no_wrap=True, justify="right")
        for row in self._rows:
            style = "bold cyan" if row.ratio == 1 else ""
            table.add_row(*_cells(row), style=style)
        return Group(table, Text())

    def last_lines(self, now: float) -> list[str]:
        """The figures."""
        return [_line(_HEADINGS), *(_line(_cells(row)) for row in self._rows)]

    def last_table(self, now: float) -> Any:
        """The figures."""
        return self.table(now)

    def summary(self, now: float) -> str:
        """What they were measured with."""
        said = self.describe()
        busy = f"; the machine was busy: {self.load}" if self.busy else ""
        return (
            f"framewire {said['framewire']} ({said['transport']}), pyzmq {said['pyzmq']}, "
            f"libzmq {said['libzmq']}, Python {said['python']}, {said['machine']}; "
            "inproc: send and receive in one thread; others: as the receiving process takes them"
            f"{busy}"
        )


_HEADINGS = ("transport", "bytes", "with", "us/message", "messages/s", "MB/s", "x framewire")


def _cells(row: Row) -> tuple[str, ...]:
    rate = 1 / row.seconds
    return (
        row.transport,
        f"{row.size:,}",
        CONTENDERS[row.contender].title,
        f"{row.seconds * 1e6:,.2f}",
        f"{rate:,.0f}",
        f"{rate * row.size / 1e6:,.1f}",
        f"{row.ratio:.2f}",
    )


def _line(cells: tuple[str, ...]) -> str:
    transport, size, title, *numbers = cells
    return f"{transport:<9} {size:>9}  {title:<33}" + "".join(f"{each:>12}" for each in numbers)
