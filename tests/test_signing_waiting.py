"""Signed messages whose senders wait, and are overtaken: each has its number and its code anew."""

import asyncio
import threading

import pytest
import zmq

import framewire
import framewire.asyncio
from framewire import Codec

SIGNED = Codec(key=b"a secret of both", compression="zlib")
BIG = "x" * 3000


def numbers_of(messages):
    """They came in order, from several senders of one sequence."""
    numbers = [message.stamp.sequence for message in messages]
    assert numbers == list(range(len(messages)))
    return sorted(message.value[0] for message in messages)


def test_asyncio():
    async def main():
        with framewire.asyncio.Context(codec=SIGNED) as context:
            push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
            push.hwm = pull.hwm = 1
            pull.bind("inproc://signed")
            push.connect("inproc://signed")
            tasks = [asyncio.create_task(push.send_value([i, BIG])) for i in range(50)]
            tasks += [asyncio.create_task(push.send_many([[i, BIG]] * 5)) for i in (50, 51)]
            got = [await asyncio.wait_for(pull.recv_message(), 10) for _ in range(60)]
            await asyncio.gather(*tasks)
            assert numbers_of(got) == [*range(50), *[50] * 5, *[51] * 5]
            push.close()
            pull.close()

    asyncio.run(main())


def test_gevent():
    gevent = pytest.importorskip("gevent")
    import framewire.green as green

    with gevent.Timeout(30), green.Context(codec=SIGNED) as context:
        push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
        push.hwm = pull.hwm = 1
        pull.bind("inproc://signed-green")
        push.connect("inproc://signed-green")
        senders = [gevent.spawn(push.send_value, [i, BIG]) for i in range(50)]
        senders += [gevent.spawn(push.send_many, [[i, BIG]] * 5) for i in (50, 51)]
        got = []
        for _ in range(60):
            got.append(pull.recv_message())
            gevent.sleep(0)
        gevent.joinall(senders, raise_error=True)
        assert numbers_of(got) == [*range(50), *[50] * 5, *[51] * 5]
        context.destroy(linger=0)


def test_threads(ctx, quick):
    """Each with a socket of its own, over one codec, whose keys and methods they share."""

    def send(i):
        with quick(ctx.socket(zmq.PUSH, codec=SIGNED)) as push:
            push.connect("inproc://signed-threads")
            push.linger = -1
            for n in range(200):
                push.send_value([i, n, BIG])

    pull = quick(ctx.socket(zmq.PULL, codec=SIGNED))
    pull.bind("inproc://signed-threads")
    threads = [threading.Thread(target=send, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    got = [pull.recv_value()[:2] for _ in range(800)]
    for thread in threads:
        thread.join()
    assert sorted(got) == [[i, n] for i in range(4) for n in range(200)]
