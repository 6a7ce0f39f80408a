"""One end of a pair of processes that goes through many sizes: ``python -m benchmarks.sweep_peer``.

At each size there are round trips, and then a stream. The arguments are a contender, `bound` or
`connected`, the steps, and an endpoint. The binding end prints its endpoints, two for each step,
then what `consume` of peer.py prints, step by step; the other end what `ping` prints.
"""

import signal
import sys
from dataclasses import astuple, dataclass
from importlib import import_module
from typing import Any

import zmq

from .contenders import CONTENDERS, Contender, names
from .peer import TIME_LIMIT, consume, echo, open_bound, open_connected, ping, say, timer


@dataclass(frozen=True)
class Step:
    """A size in bytes, how many round trips and messages one way, and how many may be queued."""

    size: int
    pings: int
    count: int
    hwm: int

    def __str__(self) -> str:
        return ":".join(map(str, astuple(self)))


def command(contender: str, end: str, steps: list[Step]) -> list[str]:
    """A command line for an end; the endpoint is still to be appended."""
    argv = [sys.executable, "-m", "benchmarks.sweep_peer", contender, end]
    return [*argv, ",".join(map(str, steps))]


def bound(context: Any, way: Contender, steps: list[Step], endpoint: str) -> None:
    def opened(kind: int, step: Step, i: int) -> Any:
        own = endpoint if endpoint.startswith("tcp:") else f"{endpoint}{i}"
        return open_bound(context, kind, step.hwm, own)

    both = [
        (opened(zmq.PAIR, step, 2 * i), opened(zmq.PULL, step, 2 * i + 1))
        for i, step in enumerate(steps)
    ]
    say(" ".join(socket.last_endpoint.decode() for sockets in both for socket in sockets))
    for step, (trips, stream) in zip(steps, both, strict=True):
        values = names(trips, trips, way, step.size)
        echo(way, values, step.pings)
        consume(way.recv, values | {"b": stream}, step.count)
        timer(way.send, values).timeit(1)  # all of it is here
    sys.stdin.read()  # until the other end has that too


def connected(context: Any, way: Contender, steps: list[Step], endpoints: str) -> None:
    pairs = zip(endpoints.split()[::2], endpoints.split()[1::2], strict=True)
    for step, (for_trips, for_stream) in zip(steps, pairs, strict=True):
        with (
            open_connected(context, zmq.PAIR, step.hwm, for_trips) as trips,
            open_connected(context, zmq.PUSH, step.hwm, for_stream) as stream,
        ):
            values = names(trips, trips, way, step.size)
            ping(f"{way.send}; {way.recv}", values, step.pings)
            timer(way.send, values | {"a": stream}).timeit(step.count)
            timer(way.recv, values).timeit(1)  # to close before may lose what is queued


def main(contender: str, end: str, plan: str, endpoint: str) -> None:
    signal.alarm(TIME_LIMIT)
    way = CONTENDERS[contender]
    steps = [Step(*map(int, each.split(":"))) for each in plan.split(",")]
    with import_module(way.module).Context() as context:
        (bound if end == "bound" else connected)(context, way, steps, endpoint)


if __name__ == "__main__":
    main(*sys.argv[1:])
