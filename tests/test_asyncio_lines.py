"""Who waits for a socket of `framewire.asyncio` that refuses it, or whose loop is gone."""

import asyncio
from contextlib import contextmanager, suppress

import pytest
import zmq
from loops import both_loops, pair, run, soon, waits

import framewire
import framewire.asyncio

# ---- refused


class Counted(list):
    """Frames that count how often somebody tried to send them."""

    tries = 0

    def __iter__(self):
        type(self).tries += 1
        return super().__iter__()


@contextmanager
def router_of_two():
    """A ROUTER that refuses what it has no room for, its peer `a`, which has none, and `b`."""
    with framewire.asyncio.Context() as context:
        context.sndhwm = context.rcvhwm = 1
        context.linger = 0
        with context.socket(zmq.ROUTER) as router:
            router.router_mandatory = 1
            router.bind("inproc://mandatory")
            with context.socket(zmq.DEALER) as a, context.socket(zmq.DEALER) as b:
                for name, dealer in ((b"a", a), (b"b", b)):
                    dealer.routing_id = name
                    dealer.connect("inproc://mandatory")
                    framewire.send_raw(dealer, b"", zmq.DONTWAIT)
                    framewire.recv_raw(router, zmq.DONTWAIT)
                with suppress(zmq.Again):
                    while True:
                        framewire.send_raw(router, [b"a", b"full"], zmq.DONTWAIT)
                yield router, a, b


@both_loops
def test_many_that_a_router_refuses(loop):
    """They keep neither the loop nor another peer waiting, and are sent when there is room."""

    async def main():
        with router_of_two() as (router, a, b):
            blocked = [
                asyncio.ensure_future(router.send_raw(Counted([b"a", b"%d" % i])))
                for i in range(300)
            ]
            for i in range(20):
                await soon(router.send_value(i, topic=b"b"))
                assert await soon(b.recv_value()) == i
            while Counted.tries < 600:  # each twice
                await asyncio.sleep(0)
            before = Counted.tries
            for _ in range(1000):
                await asyncio.sleep(0)
            assert Counted.tries - before < 500
            late = asyncio.ensure_future(router.send_many([1, 2], topic=b"b"))
            assert [await soon(b.recv_value()) for _ in range(2)] == [1, 2]
            assert await soon(late) == 2
            got = set()
            while len(got) < 300:
                got.update(map(bytes, await soon(a.recv_raw())))
                got.discard(b"full")
            assert got == {b"%d" % i for i in range(300)}
            await soon(asyncio.gather(*blocked))

    run(main(), loop)


def test_the_refused_are_cancelled_time_out_and_are_closed():
    async def main():
        with router_of_two() as (router, a, _):
            cancelled = [await waits(router.send_raw([b"a", b"1"])) for _ in range(5)]
            router.sndtimeo = 1000
            late = [await waits(router.send_raw([b"a", b"2"])) for _ in range(5)]
            router.sndtimeo = -1
            last = await waits(router.send_raw([b"a", b"3"]))
            for each in cancelled:
                each.cancel()
            for each in late:
                with pytest.raises(zmq.Again):
                    await soon(each)
            while framewire.recv_raw(a, zmq.DONTWAIT) == [b"full"] and not last.done():
                await asyncio.sleep(0.005)
            await soon(last)
            for _ in range(10):  # libzmq takes a while to see that there was room
                with suppress(zmq.Again):
                    while True:
                        framewire.send_raw(router, [b"a", b""], zmq.DONTWAIT)
                await asyncio.sleep(0.005)
            left = [await waits(router.send_raw([b"a", b"4"])) for _ in range(5)]
            router.close()
            for each in left:
                with pytest.raises(asyncio.CancelledError):
                    await soon(each)

    run(main())


# ---- not allowed yet


@both_loops
@pytest.mark.parametrize("call", ["recv_value", "recv_raw", "recv_message", "recv_latest"])
def test_a_request_that_is_to_come(loop, call):
    """A REQ receives before it has sent, two tasks serve one REP: each in its turn, as in pyzmq."""

    async def main():
        with pair(zmq.REP, zmq.REQ, "tcp") as (rep, req):

            async def serve():
                while True:
                    await getattr(rep, call)()
                    await asyncio.sleep(0)
                    await rep.send_value("reply")

            serving = [asyncio.ensure_future(serve()) for _ in range(2)]
            for _ in range(20):
                early = await waits(getattr(req, call)())
                many = await waits(req.recv_many(1, -1))
                await soon(req.send_value("request"))
                await soon(early)
                await soon(req.send_value("request"))
                assert list(await soon(many)) == ["reply"]
            for each in serving:
                assert not each.done()
                each.cancel()
            for direct in (getattr(req, call)(zmq.DONTWAIT), req.recv_many(1, 0)):
                with pytest.raises(zmq.ZMQError) as caught:
                    await direct
                assert caught.value.errno == zmq.EFSM
            await req.send_value("request")
            with pytest.raises(zmq.ZMQError) as caught:
                await req.send_value("request")
            assert caught.value.errno == zmq.EFSM

    run(main(), loop)


# ---- loops that do not run


@pytest.mark.parametrize("call", ["recv_value", "recv"])
def test_a_direct_call_while_no_loop_runs(call):
    """It wakes the task that waits in the socket's loop, once that runs."""
    loop = asyncio.new_event_loop()
    with pair() as (here, there):
        try:
            for other in (framewire.recv_value, lambda socket, _: framewire.send_value(socket, 1)):
                waiting = loop.run_until_complete(begin(getattr(here, call)))
                framewire.send_value(there, "first")
                framewire.send_value(there, "second")
                other(here, zmq.DONTWAIT)
                loop.run_until_complete(soon(waiting))
        finally:
            loop.close()


async def begin(call):
    return await waits(call())


def test_a_direct_call_in_another_thread():
    async def main():
        with pair() as (here, there):
            for _ in range(50):
                waiting = await waits(here.recv_value())
                framewire.send_value(there, "value", zmq.DONTWAIT)
                await asyncio.to_thread(framewire.send_value, here, 1)
                assert await soon(waiting) == "value"
                assert await soon(there.recv_value()) == 1

    run(main())


@pytest.mark.parametrize("call", ["recv_value", "recv", "poll"])
def test_a_loop_that_was_closed_takes_nothing(call):
    """A task that waited in it is not there any more."""
    with pair() as (here, there):
        loop = asyncio.new_event_loop()
        task = loop.run_until_complete(begin(getattr(here, call)))
        loop.close()

        async def main():
            for i in range(3):
                await there.send_value(i)
            assert [await soon(here.recv_value()) for _ in range(3)] == [0, 1, 2]
            waiting = await waits(here.recv_value())
            await there.send_value(3)
            assert await soon(waiting) == 3

        run(main())
        assert not task.done()
        task._log_destroy_pending = False


def test_a_loop_that_is_stopped():
    """Its task goes on in it, when it runs again, and in no other."""
    loop = asyncio.new_event_loop()

    async def receive(socket):
        value = await socket.recv_value()
        return value, asyncio.get_running_loop() is loop

    async def main(here, there):
        waiting = await waits(here.recv_value())
        await there.send_value(1)
        await there.send_value(2)
        return await soon(waiting)

    with pair() as (here, there):
        try:
            task = loop.run_until_complete(begin(lambda: receive(here)))
            second = run(main(here, there))
            first, in_its_loop = loop.run_until_complete(soon(task))
            assert sorted((first, second)) == [1, 2]
            assert in_its_loop
        finally:
            loop.close()
