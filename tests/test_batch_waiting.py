"""Batches that wait: time limits, signals, closing, and queues that are full."""

import ctypes
import time

import numpy as np
import pytest
import zmq
from interrupts import handler, later
from outcomes import nothing_is_there

import framewire

LONG = 20_000  # ms
DATA = np.arange(20 * 128.0).reshape(20, 128)


class Mine(Exception):
    pass


def fail():
    raise Mine


# ---- time


@pytest.mark.parametrize("out", [None, np.empty((20, 128))], ids=["list", "out"])
@pytest.mark.parametrize("timeout", [0, 50, None])
def test_time_is_over(pair, out, timeout):
    here, there = pair
    there.rcvtimeo = 50
    for count in (0, 3):
        here.send_many(DATA[:count])
        start = time.monotonic()
        batch = there.recv_many(20, timeout, out=out)
        took = time.monotonic() - start
        assert len(batch) == count
        assert (np.array(batch.values).reshape(count, 128) == DATA[:count]).all()
        assert took < 5
        assert took >= (0 if timeout == 0 else 0.045)


@pytest.mark.parametrize("timeout", [-1, None, LONG])
@pytest.mark.parametrize("out", [None, np.empty((20, 128))], ids=["list", "out"])
def test_waits_for_all(connect, over, timeout, out):
    here, there = connect(over=over)

    def send():
        for row in DATA:
            here.send_array(row)
            time.sleep(0.002)

    with later(send, 0):
        batch = there.recv_many(20, timeout, out=out)
    assert (np.array(batch.values) == DATA).all()


def test_time_is_over_though_messages_come(ctx, quick):
    """A sender that never pauses does not keep a call beyond its time."""
    push, pull = quick(ctx.socket(zmq.PUSH)), quick(ctx.socket(zmq.PULL))
    pull.bind("inproc://flood")
    push.connect("inproc://flood")
    stop = []

    def flood():
        while not stop:
            push.send_many(DATA, zmq.DONTWAIT)

    with later(flood, 0):
        try:
            start = time.monotonic()
            batch = pull.recv_many(10_000_000, 200)
            assert time.monotonic() - start < 10
            assert len(batch) > 0
        finally:
            stop.append(1)


# ---- signals, closing, termination


@pytest.mark.parametrize("out", [None, np.empty((20, 128))], ids=["list", "out"])
@pytest.mark.parametrize("count", [0, 3])
def test_handler_that_raises(pair, out, count):
    here, there = pair
    here.send_many(DATA[:count])
    with handler(fail) as interrupt, later(interrupt):
        with pytest.raises(Mine) as caught:
            there.recv_many(20, LONG, out=out)
    if count:
        assert (np.array(caught.value.batch.values) == DATA[:count]).all()
    else:
        assert not hasattr(caught.value, "batch")
    here.send_value("next")
    assert there.recv_value() == "next"


@pytest.mark.skipif(framewire.transport == "pyzmq", reason="pyzmq runs handlers in its calls")
def test_handler_that_raises_while_values_are_read(pair):
    """A signal that came in C is handled before the next value is read, and loses none."""
    here, there = pair
    interrupt = ("PyErr_SetInterrupt", ctypes.pythonapi)  # as by Ctrl-C, and no bytecode runs
    loads = ctypes.PYFUNCTYPE(None, ctypes.py_object, ctypes.py_object)(interrupt)
    framewire.register_serializer("interrupting", lambda value: ({}, []), loads)
    try:
        here.send_value("first", serializer="interrupting")
        values = [1 << 100, 1 << 101, 3]  # such integers are read by a function in Python
        here.send_many(values)
        with pytest.raises(KeyboardInterrupt) as caught:
            there.recv_many(4, LONG)
        assert caught.value.batch.values == [None, *values]
    finally:
        framewire.unregister_serializer("interrupting")


def test_handler_that_returns(pair):
    here, there = pair
    seen = []
    here.send_value(1)
    with handler(lambda: seen.append(1)) as interrupt, later(interrupt):
        assert there.recv_many(2, 500).values == [1]
    assert seen


@pytest.mark.parametrize("count", [0, 3])
@pytest.mark.parametrize("out", [None, np.empty((20, 128))], ids=["list", "out"])
def test_context_is_terminated(out, count):
    """What was received comes first; the next call raises."""
    context = framewire.Context()
    here, there = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    here.linger = there.linger = 0
    there.bind("inproc://terminated")
    here.connect("inproc://terminated")
    here.send_many(DATA[:count])
    with later(context.term):
        if count:
            assert len(there.recv_many(20, LONG, out=out)) == count
        with pytest.raises(zmq.ContextTerminated):
            there.recv_many(20, LONG, out=out)
        with pytest.raises(zmq.ContextTerminated):
            here.send_many(list(DATA) * 1000, zmq.DONTWAIT)
        here.close()
        there.close()


@pytest.mark.parametrize("count", [0, 3])
def test_closed_by_a_handler(connect, count):
    here, there = connect()
    here.send_many(DATA[:count])
    with handler(there.close) as interrupt, later(interrupt):
        if count:
            assert len(there.recv_many(20, LONG)) == count
        else:
            with pytest.raises(zmq.ZMQError) as caught:
                there.recv_many(20, LONG)
            assert caught.value.errno == zmq.ENOTSOCK
    assert there.closed


def test_wrong_state(connect):
    """A REP socket may receive one message, and must then send."""
    rep, req = connect(zmq.REP, zmq.REQ)
    req.send_value("question")
    assert rep.recv_many(2, LONG).values == ["question"]
    with pytest.raises(zmq.ZMQError) as caught:
        rep.recv_many(2, LONG)
    assert caught.value.errno == zmq.EFSM
    assert rep.send_many(["answer"]) == 1
    assert req.recv_latest() == "answer"


# ---- a queue that is full


KINDS = {
    "rows": (DATA, None),
    "list": (list(DATA), None),
    "rows with a topic": (DATA, "topic"),
    "list with a topic": (list(DATA), "topic"),
    "large rows": (np.arange(20 * 5000.0).reshape(20, 5000), None),
}
each_kind = pytest.mark.parametrize(("values", "topic"), KINDS.values(), ids=KINDS)


@each_kind
def test_dontwait(narrow, values, topic):
    """Sends what there is room for, and says how much that was."""
    push, pull = narrow
    got, rest = [], values
    while len(rest):
        sent = push.send_many(rest, zmq.DONTWAIT, topic=topic)
        assert sent <= 10
        rest = rest[sent:]
        got += pull.recv_many(100, 0).values
    assert (np.array(got) == values).all()
    assert nothing_is_there(pull)


@each_kind
def test_send_time_is_over(narrow, values, topic):
    push, pull = narrow
    push.sndtimeo = 50
    start = time.monotonic()
    assert push.send_many(values, topic=topic) == 10
    assert time.monotonic() - start >= 0.045
    assert push.send_many(values, topic=topic) == 0
    assert (np.array(pull.recv_many(100, 0).values) == values[:10]).all()
    push.send_many(values[10:], zmq.DONTWAIT, topic=topic)
    assert (pull.recv_value() == values[10]).all()


@each_kind
def test_send_waits_for_room(narrow, values, topic):
    push, pull = narrow
    got = []
    with later(lambda: got.extend(pull.recv_many(100, 500).values), 0.1):
        assert push.send_many(values, topic=topic) == 20
    assert (np.array(got) == values).all()


@each_kind
def test_handler_that_raises_in_a_send(narrow, values, topic):
    push, pull = narrow
    push.sndtimeo = LONG
    with handler(fail) as interrupt, later(interrupt):
        with pytest.raises(Mine) as caught:
            push.send_many(values, topic=topic)
    assert caught.value.sent == 10
    assert (np.array(pull.recv_many(100, 0).values) == values[:10]).all()


def test_nobody_is_there(ctx, quick):
    push = quick(ctx.socket(zmq.PUSH))
    push.sndtimeo = 10
    assert push.send_many(DATA) == push.send_many(list(DATA)) == 0
