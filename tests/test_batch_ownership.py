"""How long what a batch sends and receives lives, foreign messages, and event loops."""

import asyncio
import gc
import sys
import weakref

import numpy as np
import pytest
import zmq
import zmq.asyncio
from interrupts import later
from lifetimes import Watched, eventually, view_of

import framewire

LONG = 20_000  # ms
DATA = np.arange(20 * 128.0).reshape(20, 128)


# ---- lifetimes


@pytest.mark.in_place
def test_large_values_in_place(pair):
    """Over inproc the receiver sees the memory itself; it is let go with the last view."""
    here, there = pair
    data = [Watched(100_000) for _ in range(5)]
    refs = [weakref.ref(each) for each in data]
    here.send_many([view_of(each) for each in data], copy=False)
    batch = there.recv_many(5)
    data[0][0] = 7
    assert batch[0][0] == 7
    del data
    gc.collect()
    assert all(ref() is not None for ref in refs)
    kept = batch[2]
    del batch
    framewire.release()
    assert eventually(lambda: [ref() is not None for ref in refs] == [0, 0, 1, 0, 0])
    del kept
    framewire.release()
    assert eventually(lambda: all(ref() is None for ref in refs))


@pytest.mark.in_place
def test_unsent_values_are_let_go(narrow):
    """Of a batch for which there was no room."""
    push, pull = narrow
    data = [bytearray(20_000) for _ in range(20)]
    assert push.send_many(data, zmq.DONTWAIT, copy=False) == 10
    framewire.release()
    for each in data[10:]:
        each.append(1)
    with pytest.raises(BufferError):
        data[0].append(1)
    pull.recv_many(10)
    framewire.release()
    data[0].append(1)


def test_values_outlive_the_socket(link):
    push, pull = link("tcp")
    framewire.send_many(push, DATA)
    framewire.send_many(push, np.arange(3 * 5000.0).reshape(3, 5000))
    batch = framewire.recv_many(pull, 23)
    push.close()
    pull.close()
    gc.collect()
    assert (np.array(batch[:20]) == DATA).all()
    assert (np.array(batch[20:]).ravel() == np.arange(15_000.0)).all()


def test_references_return(pair):
    here, there = pair
    out = np.empty_like(DATA)
    values = list(DATA)

    def once():
        here.send_many(values, topic="t")
        there.recv_many(20)
        here.send_many(DATA)
        there.recv_many(None, out=out)
        here.send_many(values)
        there.recv_latest()

    once()
    watched = (DATA, out, values, values[0], here, there, DATA.dtype)
    before = [sys.getrefcount(each) for each in watched]
    for _ in range(20):
        once()
    gc.collect()
    assert [sys.getrefcount(each) for each in watched] == before


def test_foreign_messages(context):
    """pyzmq's own zero-copy messages, which are freed by a thread that wants the GIL."""
    here, there = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    here.bind("inproc://foreign")
    there.connect("inproc://foreign")
    here.copy_threshold = 0
    head = framewire.dumps(DATA[0])[0]
    out = np.empty((100, 128))
    for _ in range(5):
        for _ in range(100):
            here.send(head, copy=False)
        batch = framewire.recv_many(there, None, LONG, out=out)
        assert (batch.values == DATA[0]).all()
        for _ in range(100):
            here.send(head, copy=False)
        assert len(framewire.recv_many(there, 100, LONG)) == 100
        for _ in range(100):
            here.send(b"x" * 100, copy=False)
        assert len(framewire.recv_many(there, 100, LONG).errors) == 100


# ---- threads and event loops


def test_blocked_receive_lets_other_threads_run(connect):
    here, there = connect()
    with later(lambda: here.send_many(DATA), 0.1):
        assert len(there.recv_many(20, LONG)) == 20


def test_asyncio_receive_beside_a_batch():
    """A pending receive of the event loop wakes for what a batch leaves."""

    async def main():
        context = zmq.asyncio.Context()
        pull, push = (
            context.socket(zmq.PULL),
            zmq.Context.shadow(context.underlying).socket(zmq.PUSH),
        )
        try:
            pull.bind("inproc://loop")
            push.connect("inproc://loop")
            for _ in range(300):
                pending = asyncio.ensure_future(pull.recv())
                await asyncio.sleep(0)
                framewire.send_many(push, [1, 2, 3])
                batch = framewire.recv_many(pull, 2, 0)
                assert framewire.loads(await asyncio.wait_for(pending, 10)) in (1, 3)
                rest = framewire.recv_many(pull, 2, 0)
                assert len(batch) + len(rest) == 2
        finally:
            push.close(0)
            pull.close(0)
            context.term()

    asyncio.run(main())
