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
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import zmq

from framewire.cli.bench_peer import CONTENDERS, names, open_socket, timer
from framewire.cli.bench_view import BenchView, Row
from framewire.cli.display import Display, open_display
from framewire.cli.failure import CommandError

TRANSPORTS = ("inproc", "ipc", "tcp") if zmq.has("ipc") else ("inproc", "tcp")
SIZES = (100, 10_000, 1_000_000)
_LARGE = 100_000  # bytes: from here on in place too, and with a shorter queue
_QUEUE, _QUEUE_LARGE = 1000, 8  # messages


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
        0.

    Raises
    ------
    CommandError
        The other process failed.
    """
    rounds, seconds = (2, 0.02) if arguments.quick else (7, 0.1)
    sizes = arguments.size or SIZES
    view = BenchView(len(TRANSPORTS) * len(sizes))
    if view.busy:
        print(f"framewire bench: the machine is busy ({view.load})", file=sys.stderr)
    if arguments.json:
        for rows in measure(sizes, rounds, seconds):
            view.add(rows)
        print(json.dumps(view.describe(), indent=1))
    else:
        with open_display() as display:
            _show(view, display, measure(sizes, rounds, seconds))
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
        raise CommandError(f"the receiving process failed\n{peer.stderr.read()}".rstrip())
    return float(line)


def _payload(size: int) -> dict[str, Any]:
    array = np.arange(size // 4, dtype=np.float32)
    return {"array": array, "data": array.tobytes()}


def _show(view: BenchView, display: Display, rows: Iterator[list[Row]]) -> None:
    for each in rows:
        view.add(each)
        display.tick(view, time.monotonic())
    display.finish(view, time.monotonic())


def size_of_array(text: str) -> int:
    """Return a size of arrays of four-byte numbers."""
    size = int(text)
    if not 4 <= size <= 1 << 30:
        raise ValueError(text)
    return size


size_of_array.__name__ = "number of bytes"  # argparse: invalid number of bytes value: 'x'
