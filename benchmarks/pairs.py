"""Run two processes against each other, bounded in time, and leave none behind."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal

from .peer import ROOT, SLICES, command

Transport = Literal["tcp", "ipc"]


@dataclass
class Pair:
    """A running pair: the end that binds and the end that connects."""

    binder: "subprocess.Popen[str]"
    connector: "subprocess.Popen[str]"

    def lines(self) -> Iterator[str]:
        """What the binding end prints after its endpoint, as it comes."""
        assert self.binder.stdout is not None
        yield from self.binder.stdout


def _pin() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _start(argv: list[str], one_core: bool) -> "subprocess.Popen[str]":
    pin = _pin if one_core and sys.platform.startswith("linux") else None
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, preexec_fn=pin)


@contextmanager
def awake() -> Iterator[None]:
    """Keep every core from halting: a process on each that runs only where nothing else would.

    To wake a halted core takes a virtual machine longer than to send 64 KiB.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    spin = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile 1: pass"
    with ExitStack() as stack:
        for _ in os.sched_getaffinity(0):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", spin]))
            stack.callback(process.kill)
        yield


def _finish(process: "subprocess.Popen[str]") -> None:
    """Tell a process that it may close its socket, and wait until it has ended."""
    assert process.stdin is not None
    process.stdin.close()
    if process.wait():
        raise RuntimeError(
            f"exit status {process.returncode} (-9: took too long) of {process.args!r}"
        )


@contextmanager
def pair(
    binder: list[str],
    connector: list[str],
    transport: Transport,
    *,
    limit: float = 120.0,
    one_core: bool = False,
) -> Iterator[Pair]:
    """Start two commands, the second with the endpoint of the first.

    Both are killed after `limit` seconds, and on the way out; an end that failed is an error.
    `one_core` (Linux) keeps both on the same core.

    The connecting end is told to close only when the other is done: a libzmq that reads no more
    because its queue is full, and then sees its peer close, drops what the kernel still holds.
    """
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="framewire-bench-"))
        endpoint = "tcp://127.0.0.1:*" if transport == "tcp" else f"ipc://{directory}/socket"

        def start(argv: list[str]) -> "subprocess.Popen[str]":
            process = stack.enter_context(_start(argv, one_core))
            stack.callback(process.kill)
            watchdog = threading.Timer(limit, process.kill)
            watchdog.start()
            stack.callback(watchdog.cancel)
            return process

        first = start([*binder, endpoint])
        assert first.stdout is not None
        second = start([*connector, first.stdout.readline().strip()])
        yield Pair(first, second)
        _finish(first)
        _finish(second)


def throughput(
    contender: str, transport: Transport, size: int, count: int, hwm: int, consumer: str = "consume"
) -> float:
    """Seconds a message at the receiving end, all slices but the first, which warms up."""
    with pair(
        command(contender, consumer, size, count, hwm),
        command(contender, "produce", size, count, hwm),
        transport,
    ) as running:
        slices = [float(line) for line in running.lines()]
    return sum(slices[1:]) / (count // SLICES * (SLICES - 1))


def round_trips(
    contender: str, transport: Transport, size: int, count: int, one_core: bool
) -> tuple[float, float]:
    """Median and 99th percentile of round trips, in seconds."""
    with pair(
        command(contender, "echo", size, count, 1000),
        command(contender, "ping", size, count, 1000),
        transport,
        one_core=one_core,
    ) as running:
        assert running.connector.stdout is not None
        median, tail = (float(line) for line in running.connector.stdout)
    return median, tail


def delays(contender: str, size: int, count: int) -> tuple[float, float]:
    """Median and 99th percentile of how long messages take to a receiver whose process computes."""
    with pair(
        command(contender, "arrive-busy", size, count, 1000),
        command(contender, "pace", size, count, 1000),
        "tcp",
    ) as running:
        median, tail = (float(line) for line in running.lines())
    return median, tail
