"""Messages that tasks send and receive frame by frame: whole, whoever else uses the socket."""

import asyncio
import threading

import pytest
import zmq
from loops import both_loops, pair, run

import framewire


def by(socket, name):
    """How to send a frame: by a future of pyzmq's, or by a coroutine."""
    return socket.send if name == "send" else socket.send_raw


@both_loops
@pytest.mark.parametrize("name", ["send", "send_raw"])
def test_several_tasks_send(loop, name):
    async def send(push, key):
        for i in range(1000):
            await by(push, name)(key, zmq.SNDMORE)
            await by(push, name)(key, zmq.SNDMORE)
            await by(push, name)(key)
            if i % 50 == 0:
                await asyncio.sleep(0.001)

    async def main():
        with pair(zmq.PUSH, zmq.PULL) as (push, pull):
            push.hwm = pull.hwm = 0
            keys = [b"a", b"b", b"c"]
            await asyncio.gather(*(send(push, key) for key in keys))
            got = [await pull.recv_multipart() for _ in range(3000)]
            assert sorted(got) == sorted([[key] * 3 for key in keys for _ in range(1000)])

    run(main(), loop)


@both_loops
@pytest.mark.parametrize("name", ["send", "send_raw"])
def test_a_task_that_sends_is_cancelled(loop, name):
    """Between two frames there is no point at which it could be."""

    async def send(push):
        while True:
            await by(push, name)(b"a", zmq.SNDMORE)
            await by(push, name)(b"b", zmq.SNDMORE)
            await by(push, name)(b"c")
            await asyncio.sleep(0)

    async def main():
        with pair(zmq.PUSH, zmq.PULL) as (push, pull):
            push.hwm = pull.hwm = 0
            for _ in range(30):
                task = asyncio.ensure_future(send(push))
                await asyncio.sleep(0.003)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await push.send(b"end")
            while (got := await pull.recv_multipart()) != [b"end"]:
                assert got == [b"a", b"b", b"c"]

    run(main(), loop)


@both_loops
@pytest.mark.parametrize("name", ["recv", "recv_json"])
def test_several_tasks_receive(loop, name):
    async def receive(pull, got):
        while True:
            message = [await getattr(pull, name)()]
            if message == [0] or message == [b"0"]:
                return
            while pull.getsockopt(zmq.RCVMORE):
                message.append(await getattr(pull, name)())
            got.append(message)

    async def main():
        with pair(zmq.PUSH, zmq.PULL) as (push, pull):
            push.hwm = pull.hwm = 0
            for i in range(1, 2001):
                await push.send_multipart([b"%d" % i] * 3)
            for _ in range(3):
                await push.send(b"0")
            got = []
            await asyncio.gather(*(receive(pull, got) for _ in range(3)))
            assert sorted([int(part) for part in parts] for parts in got) == [
                [i] * 3 for i in range(1, 2001)
            ]

    run(main(), loop)


def test_an_envelope_and_a_value():
    """Requests of several tasks to a REP that is slower than they are."""

    async def ask(dealer, key):
        for i in range(50):
            await dealer.send(b"", zmq.SNDMORE)
            await dealer.send_value((key, i))
            await asyncio.sleep(0.001)

    async def main():
        with pair(zmq.DEALER, zmq.REP) as (dealer, rep):
            asking = asyncio.gather(*(ask(dealer, key) for key in range(3)))
            got = set()
            for _ in range(150):
                got.add(await rep.recv_value())
                await rep.send(b"")
            await asking
            assert len(got) == 150

    run(main())


def test_other_tasks_get_their_turn():
    """Also beside calls that are slow, on many sockets that are ready."""

    async def main():
        pairs = [pair(zmq.PUSH, zmq.PULL) for _ in range(8)]
        sockets = [each.__enter__() for each in pairs]
        turns = 0

        async def count():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        for push, _ in sockets:
            await push.send_many(range(10))
        task = asyncio.ensure_future(count())
        for _ in range(10):
            for _, pull in sockets:
                await pull.recv_value()
                threading.Event().wait(0.002)  # work
        assert turns >= 40
        task.cancel()
        for each in pairs:
            each.__exit__(None, None, None)

    run(main())


def test_a_thread_without_a_loop_loses_nothing():
    """A direct call on a socket that a future still waits for."""

    async def main(socket):
        socket.recv()
        await asyncio.sleep(0.01)

    with pair() as (here, there):
        asyncio.run(main(there))
        for i in range(3):
            framewire.send_value(here, i)
            assert framewire.recv_value(there, 0) == i


def test_a_coroutine_that_no_task_drives():
    async def main():
        with pair() as (here, there):
            receiving = there.recv_value()
            future = receiving.send(None)
            future._asyncio_future_blocking = False
            woken = asyncio.Event()
            future.add_done_callback(lambda _: woken.set())
            await here.send_value(5)
            await asyncio.wait_for(woken.wait(), 5)
            with pytest.raises(StopIteration) as done:
                receiving.send(None)
            assert done.value.value == 5

    run(main())
