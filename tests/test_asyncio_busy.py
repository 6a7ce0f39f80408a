"""Sockets that are never idle: other tasks have their turn, and memory stays flat."""

import asyncio
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import zmq
from loops import both_loops, pair, run, soon, waits

import framewire
import framewire.asyncio


class Ticking:
    """A task beside: it must have a turn for every 20 ms that the loop computes."""

    async def __aenter__(self):
        self.turns = 0
        self.begun = time.thread_time()
        self.task = asyncio.ensure_future(self.tick())

    async def tick(self):
        while True:
            self.turns += 1
            await asyncio.sleep(0)

    async def __aexit__(self, *_):
        assert self.turns >= max(1, (time.thread_time() - self.begun) // 0.02)
        self.task.cancel()


async def _iterate(pull, count):
    got = []
    async for message in pull:
        got.append(message.value)
        if len(got) == count:
            return got


async def _many(pull, count):
    got = []
    while len(got) < count:
        got += await pull.recv_many(count - len(got))
    return got


def _each(name):
    async def receive(pull, count):
        got = [await getattr(pull, name)() for _ in range(count)]
        return got if name == "recv_value" else list(map(framewire.loads, got))

    return receive


RECEIVES = {"async for": _iterate, "recv_many": _many} | {
    name: _each(name) for name in ("recv_value", "recv_raw", "recv_multipart")
}


@both_loops
@pytest.mark.parametrize("receive", RECEIVES)
def test_other_tasks_have_their_turn(loop, receive):
    """All messages are there before the first is received, and there is never a need to wait."""

    async def main():
        context = framewire.asyncio.Context()
        context.sndhwm = context.rcvhwm = 0
        count = 50_000
        with pair(zmq.PUSH, zmq.PULL, context=context) as (push, pull):
            async with Ticking():
                assert await push.send_many(range(count)) == count
            async with Ticking():
                assert await RECEIVES[receive](pull, count) == list(range(count))

    run(main(), loop)


PYZMQS = [("send", "recv"), ("send_json", "recv_json"), ("send_string", "recv_string")]
PYZMQS += [("send_pyobj", "recv_pyobj"), ("send", "recv_into")]


@both_loops
@pytest.mark.parametrize(("send", "receive"), PYZMQS)
def test_other_tasks_have_their_turn_beside_pyzmqs_calls(loop, send, receive):
    async def main():
        context = framewire.asyncio.Context()
        context.sndhwm = context.rcvhwm = 0
        count = 20_000
        value = b"data" if send == "send" else "data"
        into = [bytearray(4)] if receive == "recv_into" else []
        with pair(zmq.PUSH, zmq.PULL, context=context) as (push, pull):
            async with Ticking():
                for _ in range(count):
                    await getattr(push, send)(value)
            async with Ticking():
                for _ in range(count):
                    assert await getattr(pull, receive)(*into) == (4 if into else value)

    run(main(), loop)


@both_loops
@pytest.mark.parametrize("receive", ["recv", "recv_multipart", "recv_json"])
def test_a_future_is_done_at_once_if_others_have_run(loop, receive):
    """However long ago the socket was used: who looks now and then finds what is there."""

    async def main():
        with pair(zmq.PUSH, zmq.PULL) as (push, pull):
            for _ in range(20):
                await push.send(b"1")
                threading.Event().wait(0.003)  # work
                await asyncio.sleep(0)
                assert await asyncio.wait_for(getattr(pull, receive)(), 0) in (b"1", [b"1"], 1)

    run(main(), loop)


@pytest.mark.parametrize("send", ["send_value", "send_raw"])
def test_while_one_sends(send):
    async def main():
        context = framewire.asyncio.Context()
        context.sndhwm = context.rcvhwm = 0
        with pair(zmq.PUSH, zmq.PULL, context=context) as (push, _):
            async with Ticking():
                for _ in range(20_000):
                    await getattr(push, send)(b"data")

    run(main())


def test_many_in_steps():
    """At most 1024 at a time are received; rows too."""

    async def main():
        context = framewire.asyncio.Context()
        context.sndhwm = context.rcvhwm = 0
        with pair(zmq.PUSH, zmq.PULL, context=context) as (push, pull):
            rows = np.arange(3000.0).reshape(1500, 2)
            assert await push.send_many(rows) == 1500
            out = np.empty_like(rows)
            filled = 0
            while filled < 1500:
                batch = await soon(pull.recv_many(None, out=out[filled:]))
                assert 0 < len(batch) <= 1024
                filled += len(batch)
            assert np.array_equal(out, rows)
            assert len(await pull.recv_many(5, 0)) == 0
            assert len(await pull.recv_many(5, 20)) == 0
            pull.rcvtimeo = 20
            assert len(await pull.recv_many(5)) == 0
            assert len(await pull.recv_many(0)) == 0
            waiting = await waits(pull.recv_many(5, 10_000))
            await push.send(b"no head")
            assert [place for place, _ in (await soon(waiting)).errors] == [0]
            with pytest.raises(TypeError):
                await pull.recv_many(None)
            with pytest.raises(TypeError):
                await pull.recv_many(None, out=[1])
            for count, timeout in ((-1, 0), (1, float("nan"))):
                with pytest.raises(ValueError, match=r"-1|no number"):
                    await pull.recv_many(count, timeout)
            with pytest.raises(TypeError):
                await push.send_many(b"text")
            with pytest.raises(TypeError):
                await push.send_many(np.float64(1))
            assert await push.send_many([]) == 0
            assert await push.send_many(iter("abc")) == 3
            assert list(await soon(pull.recv_many(5))) == ["a", "b", "c"]

    run(main())


def test_send_many_waits_for_room():
    async def main():
        context = framewire.asyncio.Context()
        context.sndhwm = context.rcvhwm = 5
        with pair(zmq.PUSH, zmq.PULL, "tcp", context) as (push, pull):
            for values in (range(2000), np.arange(2000), iter(range(2000))):
                sending = asyncio.ensure_future(push.send_many(values))
                got = []
                while len(got) < 2000:
                    got += await soon(pull.recv_many(100))
                assert await soon(sending) == 2000
                assert got == list(range(2000))
        with framewire.asyncio.Context() as context, context.socket(zmq.PUSH) as push:
            push.sndtimeo = 20
            assert await soon(push.send_many(range(5))) == 0
            assert await soon(push.send_many(range(5), zmq.DONTWAIT)) == 0

    run(main())


MEMORY = """
import asyncio, resource, sys
import zmq, framewire.asyncio

async def main():
    with framewire.asyncio.Context() as context:
        with context.socket(zmq.PAIR) as here, context.socket(zmq.PAIR) as there:
            here.bind("inproc://flat")
            there.connect("inproc://flat")
            waiting = asyncio.ensure_future(here.recv_value())  # all the time
            await asyncio.sleep(0)

            async def some(count):
                for _ in range(count):
                    await here.send_value(1)
                    await METHOD

            await some(20_000)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            await some(200_000)
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
            waiting.cancel()

asyncio.run(main())
"""


@pytest.mark.parametrize("method", ["recv_value()", "recv()", "recv_many(1)", "__anext__()"])
def test_memory_is_flat(method):
    """In a process of its own; 200,000 messages on a socket that is always ready."""
    pytest.importorskip("resource")
    program = MEMORY.replace("METHOD", f"there.{method}")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) < 2000  # KiB
