"""What tests of framewire.asyncio use: loops, connected sockets, and a process that sends."""

import asyncio
import itertools
import subprocess
import sys
from contextlib import contextmanager

import pytest
import zmq

import framewire.asyncio

_names = itertools.count()

SENDER = """
import sys, zmq, framewire
endpoint, count = sys.argv[1], int(sys.argv[2])
with framewire.Context() as context, context.socket(zmq.PUSH) as push:
    push.sndtimeo = 60_000
    push.connect(endpoint)
    for i in range(count):
        push.send_value(i)
    push.send_value(None)
"""


def run(main, loop="asyncio"):
    """Run a coroutine, for a minute at most."""
    if loop == "asyncio":
        return asyncio.run(asyncio.wait_for(main, 60))
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    runner = uvloop.new_event_loop()
    try:
        return runner.run_until_complete(asyncio.wait_for(main, 60))
    finally:
        runner.close()


both_loops = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


@contextmanager
def pair(first=zmq.PAIR, second=zmq.PAIR, over="inproc", context=None, **how):
    """Two sockets of one context: a framewire.asyncio one that is bound, one that is connected."""
    with context or framewire.asyncio.Context() as made:
        with made.socket(first, **how) as here, made.socket(second, **how) as there:
            here.linger = there.linger = 0
            here.bind("tcp://127.0.0.1:*" if over == "tcp" else f"inproc://loops-{next(_names)}")
            there.connect(here.last_endpoint)
            yield here, there


@contextmanager
def sender(endpoint, count):
    """A process that sends so many numbers, and None."""
    argv = [sys.executable, "-c", SENDER, endpoint, str(count)]
    process = subprocess.Popen(argv)
    try:
        yield process
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


async def soon(awaitable):
    """A result that must come."""
    return await asyncio.wait_for(awaitable, 20)


async def waits(awaitable):
    """A task that has begun, and waits."""
    task = asyncio.ensure_future(awaitable)
    for _ in range(3):
        await asyncio.sleep(0)
    assert not task.done()
    return task
