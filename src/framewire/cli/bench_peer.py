"""What ``framewire bench`` compares, and the receiving process of it.

``python -m framewire.cli.bench_peer ENDPOINT QUEUE`` reads lines from its standard input, each a
contender and a number of messages; prints ``ready``; receives these; and prints the seconds that a
message took.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from timeit import Timer
from typing import Any, NamedTuple

import numpy as np
import zmq

import framewire  # noqa: F401  # the statements name it

PATIENCE = 30_000  # ms that a message may take


def recipe_send_array(socket: Any, A: Any, flags: int = 0, copy: bool = True) -> Any:
    """As it stands in pyzmq's documentation, "Serializing messages with PyZMQ"."""
    md = dict(dtype=str(A.dtype), shape=A.shape)  # noqa: C408
    socket.send_json(md, flags | zmq.SNDMORE)
    return socket.send(A, flags, copy=copy)


def recipe_recv_array(socket: Any, flags: int = 0, copy: bool = True) -> Any:
    """As it stands there."""
    md = socket.recv_json(flags=flags)
    msg = socket.recv(flags=flags, copy=copy)
    A = np.frombuffer(msg, dtype=md["dtype"])
    return A.reshape(md["shape"])


class Contender(NamedTuple):
    """A way to send an array, or its bytes, and to receive it.

    `send` sends `array`, or `data`, its bytes, on the socket `a`; `recv` receives on `b`. They are
    timed as they stand, on sockets of pyzmq's own. `against` is what it is compared with.
    """

    title: str
    send: str
    recv: str
    against: str = "framewire"


CONTENDERS = {
    "framewire": Contender(
        "framewire send_array, recv_array",
        "framewire.send_array(a, array)",
        "framewire.recv_array(b)",
    ),
    "recipe": Contender("pyzmq's recipe", "recipe_send_array(a, array)", "recipe_recv_array(b)"),
    "raw": Contender("pyzmq send, recv of the bytes", "a.send(data)", "b.recv()"),
    "framewire-in-place": Contender(
        "framewire, copy=False",
        "framewire.send_array(a, array, copy=False)",
        "framewire.recv_array(b)",
        "framewire-in-place",
    ),
    "recipe-in-place": Contender(
        "pyzmq's recipe, copy=False",
        "recipe_send_array(a, array, copy=False)",
        "recipe_recv_array(b, copy=False)",
        "framewire-in-place",
    ),
    "raw-in-place": Contender(
        "pyzmq send, recv, copy=False",
        "a.send(data, copy=False)",
        "b.recv(copy=False)",
        "framewire-in-place",
    ),
}


def names(**values: Any) -> dict[str, Any]:
    """What the statements name."""
    return globals() | values


def open_socket(context: zmq.Context[Any], kind: int, queue: int) -> Any:
    """A socket of pyzmq's own."""
    socket = context.socket(kind)
    socket.hwm = queue
    socket.linger = 0
    socket.rcvtimeo = socket.sndtimeo = PATIENCE
    return socket


def timer(statement: str, values: dict[str, Any]) -> Callable[[int], float]:
    """Make a function that runs a statement so many times, and returns the seconds of all."""
    return Timer(statement, "import gc; gc.enable()", globals=values).timeit


def main(endpoint: str, queue: str) -> None:
    """Receive what is asked for, until the standard input ends."""
    with zmq.Context() as context, open_socket(context, zmq.PULL, int(queue)) as socket:
        socket.connect(endpoint)
        receive = {key: timer(each.recv, names(b=socket)) for key, each in CONTENDERS.items()}
        for line in sys.stdin:
            key, count = line.split()
            first = int(count) // 10
            print("ready", flush=True)
            receive[key](first)  # what is slow at first
            print(receive[key](int(count) - first) / (int(count) - first), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
