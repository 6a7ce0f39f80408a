"""One end of a pair of processes on asyncio; as peer.py, which says what the roles print."""

import asyncio
import signal
import struct
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import zmq
import zmq.asyncio

import framewire.asyncio

from .contenders import CONTENDERS, names
from .peer import SLICES, TIME_LIMIT, compute, open_bound, open_connected, say

RATE = 200  # messages a second that `pace` sends


async def send_array(socket: Any, A: Any, flags: int = 0) -> None:
    """The recipe of pyzmq's documentation, awaited."""
    await socket.send_json({"dtype": str(A.dtype), "shape": A.shape}, flags | zmq.SNDMORE)
    await socket.send(A, flags)


async def recv_array(socket: Any, flags: int = 0) -> Any:
    md = await socket.recv_json(flags=flags)
    msg = await socket.recv(flags=flags)
    return np.frombuffer(msg, dtype=md["dtype"]).reshape(md["shape"])


def loop(statement: str, values: dict[str, Any]) -> Callable[[int], Awaitable[None]]:
    """A coroutine function that runs the statement so many times."""
    source = f"async def run(n, x=x, y=y):\n    for _ in range(n):\n        {statement}"
    values |= {"send_array": send_array, "recv_array": recv_array, "now": time.monotonic}
    values |= {"pack": struct.pack, "unpack_from": struct.unpack_from}
    exec(source, values)
    run: Callable[[int], Awaitable[None]] = values["run"]
    return run


async def consume(statement: str, values: dict[str, Any], count: int) -> None:
    run = loop(statement, values)
    for _ in range(SLICES):
        begun = time.perf_counter()
        await run(count // SLICES)
        say(time.perf_counter() - begun)


async def ping(both: str, values: dict[str, Any], count: int) -> None:
    await timed(f"t = now(); {both}; times.append(now() - t)", values, count)


async def arrive(recv: str, values: dict[str, Any], count: int) -> None:
    """How long after it was sent each message is there, of those that `pace` sends."""
    await timed(f"{recv}; times.append(now() - unpack_from('d', y)[0])", values, count)


async def pace(send: str, values: dict[str, Any], count: int, size: int) -> None:
    values |= {"sleep": asyncio.sleep, "rest": bytes(size - 8)}
    pause = f"await sleep({1 / RATE})"
    await loop(f"{pause}; x = pack('d', now()) + rest; {send}", values)(count)


async def timed(statement: str, values: dict[str, Any], count: int) -> None:
    times: list[float] = []
    await loop(statement, values | {"times": times})(count)
    ordered = sorted(times[count // SLICES :])
    say(ordered[len(ordered) // 2])
    say(ordered[len(ordered) * 99 // 100])


async def play(contender: str, role: str, size: int, count: int, hwm: int, endpoint: str) -> None:
    way = CONTENDERS[contender]
    module: Any = framewire.asyncio if contender.startswith("async-fw") else zmq.asyncio
    role, _, busy = role.partition("-")
    if busy:
        threading.Thread(target=compute, daemon=True).start()
    open_end = open_bound if role in ("consume", "echo", "arrive") else open_connected
    kind = (
        zmq.PAIR if role in ("echo", "ping") else zmq.PULL if open_end is open_bound else zmq.PUSH
    )
    with module.Context() as context, open_end(context, kind, hwm, endpoint) as socket:
        if open_end is open_bound:
            say(socket.last_endpoint.decode())
        values = names(socket, socket, way, size)
        if role == "produce":
            await loop(way.send, values)(count)
            sys.stdin.read()  # until the other end has received all of it; see pairs.pair
        elif role == "echo":
            await loop(f"{way.recv}; x = y; {way.send}", values)(count)
        elif role == "pace":
            await pace(way.send, values, count, size)
            sys.stdin.read()
        elif role == "arrive":
            await arrive(way.recv, values, count)
        elif role == "ping":
            await ping(f"{way.send}; {way.recv}", values, count)
        else:
            await consume(way.recv, values, count)


def main(contender: str, role: str, size: str, count: str, hwm: str, endpoint: str) -> None:
    signal.alarm(TIME_LIMIT)
    asyncio.run(play(contender, role, int(size), int(count), int(hwm), endpoint))


if __name__ == "__main__":
    main(*sys.argv[1:])
