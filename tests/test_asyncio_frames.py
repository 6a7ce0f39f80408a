"""Messages that tasks send and receive frame by frame: whole, whoever else uses the socket."""

import asyncio
import pickle
import threading
from contextlib import suppress

import pytest
import zmq
from loops import both_loops, pair, run, soon, waits

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


PARTS = ["recv", "recv_json", "recv_string", "recv_pyobj"]
WHOLE = ["recv_raw", "recv_multipart", "recv_message"]


@both_loops
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("whole", WHOLE)
def test_a_message_that_one_waits_for_by_frames(loop, part, whole):
    """Another task, which wants whole messages, is about to run as the first frame comes."""

    async def main():
        with pair(zmq.PUSH, zmq.PULL) as (push, pull):
            data = pickle.dumps(1, 0) if part == "recv_pyobj" else b"1"

            async def frames():
                got = [await getattr(pull, part)()]
                while pull.rcvmore:
                    got.append(await getattr(pull, part)())
                return len(got)

            async def messages():
                got = []
                for _ in range(2):
                    message = await getattr(pull, whole)()
                    got.append(len(getattr(message, "frames", message)))
                    await asyncio.sleep(0)
                return got

            for _ in range(10):
                second = asyncio.ensure_future(messages())
                first = await waits(frames())
                for _ in range(3):
                    framewire.send_raw(push, [data] * 3, zmq.DONTWAIT)
                assert await soon(second) == [3, 3]
                assert await soon(first) == 3

    run(main(), loop)


@both_loops
@pytest.mark.parametrize("part", ["send", "send_raw"])
@pytest.mark.parametrize("whole", ["send_raw", "send_multipart"])
def test_a_message_that_waits_for_room_by_frames(loop, part, whole):
    async def main():
        context = framewire.asyncio.Context()
        context.sndhwm = context.rcvhwm = 5
        with pair(zmq.PUSH, zmq.PULL, context=context) as (push, pull):

            async def frames():
                for flags in (zmq.SNDMORE, zmq.SNDMORE, 0):
                    await getattr(push, part)(b"f", flags)

            async def messages():
                for _ in range(2):
                    await getattr(push, whole)([b"w"] * 3)
                    await asyncio.sleep(0)

            for _ in range(10):
                full = 0
                with suppress(zmq.Again):
                    while True:
                        await push.send(b"full", zmq.DONTWAIT)
                        full += 1
                sending = [await waits(messages()), await waits(frames())]
                for _ in range(full):
                    framewire.recv_raw(pull, zmq.DONTWAIT)
                await soon(asyncio.gather(*sending))
                got = [await soon(pull.recv_multipart()) for _ in range(3)]
                assert sorted(got) == [[b"f"] * 3] + [[b"w"] * 3] * 2

    run(main(), loop)


@both_loops
@pytest.mark.parametrize("whole", WHOLE)
def test_storm_of_readers(loop, whole):
    """Two by frames, two by messages."""

    async def main():
        with pair(zmq.PUSH, zmq.PULL) as (push, pull):
            got = []

            async def frames():
                while True:
                    message = [await pull.recv()]
                    while pull.rcvmore:
                        message.append(await pull.recv())
                    got.append(message)

            async def messages():
                while True:
                    message = await getattr(pull, whole)()
                    got.append(list(map(bytes, getattr(message, "frames", message))))

            tasks = [asyncio.ensure_future(each()) for each in (frames, messages) * 2]
            for i in range(2000):
                await push.send_multipart([b"%d" % i] * 3)
                if i % 5 == 0:
                    await asyncio.sleep(0)
            while len(got) < 2000:
                await asyncio.sleep(0.001)
            for task in tasks:
                task.cancel()
            assert sorted(got) == sorted([b"%d" % i] * 3 for i in range(2000))

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
