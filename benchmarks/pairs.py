"""Run two processes against each other, bounded in time, and leave none behind."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal

from . import sweep_peer
from .peer import SLICES, command
from .results import ROOT

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

    def release(self) -> None:
        """Tell the binding end that it may close its sockets."""
        assert self.binder.stdin is not None
        self.binder.stdin.close()


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
    spin = """
import os
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
parent = os.getppid()
while os.getppid() == parent:
    sum(range(100_000))
"""
    with ExitStack() as stack:
        for _ in os.sched_getaffinity(0):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", spin]))
            stack.callback(process.kill)
        yield


def _finish(processes: list["subprocess.Popen[str]"]) -> None:
    """Tell one after the other that it may close its socket, and wait until it has ended."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
    # the one that was not killed is the one that failed
    for process in sorted(processes, key=lambda each: each.returncode == -signal.SIGKILL):
        if process.returncode:
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

    Both are killed after `limit` seconds, when one fails, and on the way out; an end that failed is
    an error.
    `one_core` (Linux) keeps both on the same core.

    The connecting end is told to close only when the other is done: a libzmq that reads no more
    because its queue is full, and then sees its peer close, drops what the kernel still holds.
    """
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="fw-"))
        endpoint = "tcp://127.0.0.1:*" if transport == "tcp" else f"ipc://{directory}/socket"
        started: list[subprocess.Popen[str]] = []
        over = threading.Event()

        def end_both() -> None:
            over.set()
            for process in started:
                process.kill()

        def watch(process: "subprocess.Popen[str]") -> None:
            if process.wait():
                end_both()

        def start(argv: list[str]) -> "subprocess.Popen[str]":
            process = stack.enter_context(_start(argv, one_core))
            stack.callback(process.kill)
            started.append(process)
            if over.is_set():  # the first failed before it could know of this one
                process.kill()
            threading.Thread(target=watch, args=(process,), daemon=True).start()
            return process

        watchdog = threading.Timer(limit, end_both)
        watchdog.start()
        stack.callback(watchdog.cancel)

        first = start([*binder, endpoint])
        assert first.stdout is not None
        second = start([*connector, first.stdout.readline().strip()])
        yield Pair(first, second)
        _finish(started)


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
        trips = [float(line) for line in running.connector.stdout]
    median, tail = trips
    return median, tail


def sweep(
    contender: str, transport: Transport, steps: list[sweep_peer.Step]
) -> list[tuple[float, float, float]]:
    """At each step the seconds a message one way, and median and 99th percentile of round trips.

    All in one pair of processes, which saves starting one for each; a C program starts at once.
    """
    if contender.startswith("c-"):
        return [
            (
                throughput(contender, transport, step.size, step.count, step.hwm),
                *round_trips(contender, transport, step.size, step.pings, one_core=False),
            )
            for step in steps
        ]
    with pair(
        sweep_peer.command(contender, "bound", steps),
        sweep_peer.command(contender, "connected", steps),
        transport,
    ) as running:
        assert running.connector.stdout is not None
        trips = [float(line) for line in running.connector.stdout]
        running.release()
        slices = [float(line) for line in running.lines()]
    return [
        (
            sum(slices[SLICES * i + 1 : SLICES * (i + 1)]) / (step.count // SLICES * (SLICES - 1)),
            trips[2 * i],
            trips[2 * i + 1],
        )
        for i, step in enumerate(steps)
    ]


def delays(contender: str, size: int, count: int) -> tuple[float, float]:
    """Median and 99th percentile of how long messages take to a receiver whose process computes."""
    with pair(
        command(contender, "arrive-busy", size, count, 1000),
        command(contender, "pace", size, count, 1000),
        "tcp",
    ) as running:
        times = [float(line) for line in running.lines()]
    median, tail = times
    return median, tail
