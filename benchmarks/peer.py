"""One end of a pair of processes: ``python -m benchmarks.peer`` with the arguments of `command`.

A binding end (`consume`, `echo`) first prints its endpoint. `consume` then prints the seconds that
each of ten equal slices of its messages took; `ping` prints the median and the 99th percentile of
its round trips, in seconds. loop.c does the same in C.
"""

import signal
import sys
import threading
import time
from importlib import import_module
from timeit import Timer
from typing import Any

import zmq

from . import c_loop
from .contenders import CONTENDERS, Contender, names

SLICES = 10
TIME_LIMIT = 1000  # seconds: more than a pair may take, which is said with a reason


def command(contender: str, role: str, size: int, count: int, hwm: int) -> list[str]:
    """A command line for a role; the endpoint is still to be appended."""
    if contender.startswith("c-"):
        return c_loop.command(contender, role, size, count, hwm)
    module = "benchmarks.async_peer" if contender.startswith("async-") else "benchmarks.peer"
    argv = [sys.executable, "-m", module, contender, role]
    return [*argv, str(size), str(count), str(hwm)]


def timer(statement: str, values: dict[str, Any]) -> Timer:
    """A timer of a statement, with the garbage collector on, as in a user's program."""
    return Timer(statement, "import gc; gc.enable()", globals=values)


def say(line: object) -> None:
    print(line, flush=True)


def compute() -> None:
    """What the other thread does when a consumer is busy."""
    n = 0
    while True:
        n += 1


def open_bound(context: "zmq.Context[Any]", kind: int, hwm: int, endpoint: str) -> Any:
    socket = context.socket(kind)
    socket.hwm = hwm
    socket.bind(endpoint)
    return socket


def open_connected(context: "zmq.Context[Any]", kind: int, hwm: int, endpoint: str) -> Any:
    socket = context.socket(kind)
    socket.hwm = hwm
    socket.connect(endpoint)
    return socket


def consume(recv: str, values: dict[str, Any], count: int) -> None:
    for _ in range(SLICES):
        say(timer(recv, values).timeit(count // SLICES))


def echo(way: Contender, values: dict[str, Any], count: int) -> None:
    timer(f"{way.recv}; x = y; {way.send}", values).timeit(count)


def ping(both: str, values: dict[str, Any], count: int) -> None:
    times: list[float] = []
    values.update(times=times, now=time.perf_counter)
    timer(f"t = now(); {both}; times.append(now() - t)", values).timeit(count)
    timed = sorted(times[count // SLICES :])
    say(timed[len(timed) // 2])
    say(timed[len(timed) * 99 // 100])


def main(contender: str, role: str, size: str, count: str, hwm: str, endpoint: str) -> None:
    signal.alarm(TIME_LIMIT)
    way = CONTENDERS[contender]
    n = int(count)
    if role == "consume-busy":
        threading.Thread(target=compute, daemon=True).start()
    with import_module(way.module).Context() as context:
        binds = role in ("consume", "consume-busy", "echo")
        open_end = open_bound if binds else open_connected
        kind = {"produce": zmq.PUSH, "echo": zmq.PAIR, "ping": zmq.PAIR}.get(role, zmq.PULL)
        with open_end(context, kind, int(hwm), endpoint) as socket:
            if binds:
                say(socket.last_endpoint.decode())
            values = names(socket, socket, way, int(size))
            if role == "produce":
                timer(way.send, values).timeit(n)
                sys.stdin.read()  # until the other end has received all of it; see pairs.pair
            elif role == "echo":
                echo(way, values, n)
                sys.stdin.read()  # until the other end has the last one
            elif role == "ping":
                ping(f"{way.send}; {way.recv}", values, n)
            else:
                consume(way.recv, values, n)


if __name__ == "__main__":
    main(*sys.argv[1:])
