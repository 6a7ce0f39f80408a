"""framewire's own coroutines can be cancelled anywhere, and nothing is lost or comes twice."""

import asyncio
import random

import numpy as np
import pytest
import zmq
from loops import both_loops, pair, run, sender, soon, waits

import framewire.asyncio

COUNT = 5000


async def _one(socket, timeout):
    return [await asyncio.wait_for(socket.recv_value(), timeout)]


async def _latest(socket, timeout):
    return [await asyncio.wait_for(socket.recv_message(), timeout)]


async def _many(socket, timeout):
    return list(await asyncio.wait_for(socket.recv_many(7), timeout))


async def _rows(socket, timeout):
    out = np.empty((7,), "i8")
    return list(await asyncio.wait_for(socket.recv_many(None, out=out), timeout))


async def _raw(socket, timeout):
    frames = await asyncio.wait_for(socket.recv_raw(), timeout)
    return [framewire.loads(frames)]


async def _anext(socket, timeout):
    return [await asyncio.wait_for(anext(socket), timeout)]


def number(value):
    return value.value if isinstance(value, framewire.Message) else value


@both_loops
@pytest.mark.parametrize("receive", [_one, _latest, _many, _raw, _anext])
@pytest.mark.parametrize("where", ["process", "task"])
def test_storm_of_time_outs(loop, receive, where):
    """`wait_for` around each receive, with time-outs of about the time between two messages."""
    chance = random.Random(7)

    async def send(push):
        for i in range(COUNT):
            await push.send_value(i)
            if chance.random() < 0.3:
                await asyncio.sleep(chance.choice([0, 0, 1e-4, 3e-4]))
        await push.send_value(None)

    async def receive_all(pull):
        got, late = [], 0
        while None not in got[-7:]:
            try:
                got += map(number, await receive(pull, chance.choice([0, 1e-5, 1e-4, 3e-4])))
            except asyncio.TimeoutError:
                late += 1
            if chance.random() < 0.2:
                await asyncio.sleep(0)
        assert got == [*range(COUNT), None]
        return late

    async def main():
        with framewire.asyncio.Context() as context, context.socket(zmq.PULL) as pull:
            pull.bind("tcp://127.0.0.1:*")
            if where == "process":
                with sender(pull.last_endpoint, COUNT):
                    await receive_all(pull)
            else:
                with context.socket(zmq.PUSH) as push:
                    push.connect(pull.last_endpoint)
                    sending = asyncio.ensure_future(send(push))
                    assert await receive_all(pull) > 10
                    await soon(sending)

    run(main(), loop)


@both_loops
def test_storm_of_cancellations(loop):
    """Tasks that are cancelled at any moment, several at a time on one socket."""
    chance = random.Random(3)

    async def main():
        with pair(zmq.PUSH, zmq.PULL) as (push, pull):
            got = []

            async def take():
                while True:
                    kind = chance.choice(["recv_value", "recv_many", "recv_raw"])
                    if kind == "recv_value":
                        got.append(await pull.recv_value())
                    elif kind == "recv_many":
                        got.extend(await pull.recv_many(3))
                    else:
                        got.append(framewire.loads(await pull.recv_raw()))

            tasks = []
            for i in range(COUNT):
                if len(tasks) < 5:
                    tasks.append(asyncio.ensure_future(take()))
                if chance.random() < 0.5:
                    await asyncio.sleep(0)
                framewire.send_value(push, i, zmq.DONTWAIT)
                if chance.random() < 0.5:
                    await asyncio.sleep(0)
                if chance.random() < 0.7:
                    tasks.pop(chance.randrange(len(tasks))).cancel()
                if i % 500 == 0:
                    await asyncio.sleep(0.002)
            last = asyncio.ensure_future(take())
            while len(got) < COUNT:
                await asyncio.sleep(0.001)
            for task in [*tasks, last]:
                task.cancel()
            assert sorted(got) == list(range(COUNT))

    run(main(), loop)


@pytest.mark.parametrize("second", ["recv_value", "recv_raw", "recv"])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_what_was_for_the_first_goes_on_to_the_next(second, turns):
    """The first in line is cancelled when its message has come, so many turns of the loop later."""

    async def main():
        with pair() as (mine, other):
            for _ in range(50):
                first, then = await waits(mine.recv_value()), await waits(getattr(mine, second)())
                framewire.send_value(other, 1, zmq.DONTWAIT)
                for _ in range(turns):
                    await asyncio.sleep(0)
                if not first.cancel():
                    assert first.result() == 1
                    framewire.send_value(other, 2, zmq.DONTWAIT)
                await soon(then)
                await asyncio.gather(first, return_exceptions=True)

    run(main())


@both_loops
def test_storm_of_sends(loop):
    """What was cancelled was not sent, and what was not cancelled was sent once."""
    chance = random.Random(5)

    async def main():
        context = framewire.asyncio.Context()
        context.sndhwm = context.rcvhwm = 2
        with pair(zmq.PUSH, zmq.PULL, "inproc", context) as (push, pull):
            got = []

            async def take():
                while not got or got[-1] is not None:
                    got.append(await pull.recv_value())
                    if chance.random() < 0.5:
                        await asyncio.sleep(chance.choice([0, 1e-4, 2e-4]))

            taking = asyncio.ensure_future(take())
            sent, late = [], 0
            for i in range(2000):
                try:
                    await asyncio.wait_for(push.send_value(i), chance.choice([1e-5, 1e-4, 3e-4]))
                    sent.append(i)
                except asyncio.TimeoutError:
                    late += 1
            await soon(push.send_value(None))
            await soon(taking)
            assert late > 0
            assert got == [*sent, None]

    run(main(), loop)


def test_send_many_says_how_far_it_came():
    async def main():
        context = framewire.asyncio.Context()
        context.sndhwm = context.rcvhwm = 5
        with pair(zmq.PUSH, zmq.PULL, "inproc", context) as (push, pull):
            sending = await waits(push.send_many(iter(range(100))))
            got = [await soon(pull.recv_value()) for _ in range(20)]
            for _ in range(5):
                await asyncio.sleep(0)

            async def watched():
                try:
                    await push.send_many(range(100, 200))
                except asyncio.CancelledError as error:
                    return error.sent

            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            second = await waits(watched())
            second.cancel()
            sent = await second
            got += await pull.recv_many(100, 0)
            assert [value for value in got if value < 100] == list(range(len(got) - sent))
            assert [value for value in got if value >= 100] == list(range(100, 100 + sent))

    run(main())
