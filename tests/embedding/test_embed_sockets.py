"""Sockets of framewire.embed: their handles, errors, waiting without the GIL."""

import errno
import signal
import sys
import threading
import time

import numpy as np
import pytest
import zmq
from compiled import direct

import framewire

pytestmark = direct


def test_sockets_that_are_none(calls, ctx):
    socket = ctx.socket(zmq.PULL)
    assert calls.open_handle(socket) == socket.underlying
    socket.close()
    with pytest.raises(zmq.ZMQError) as raised:
        calls.open_handle(socket)
    assert raised.value.errno == zmq.ENOTSOCK
    with pytest.raises(TypeError):
        calls.open_handle(object())


def test_in_the_middle_of_a_message(calls, pair):
    here, there = pair
    framewire.send(here, b"begun", zmq.SNDMORE)
    with pytest.raises(ValueError, match="middle of a message"):
        calls.open_handle(here)
    framewire.send(here, b"ended")
    assert calls.open_handle(here)
    assert there.recv_multipart() == [b"begun", b"ended"]


def test_compiled_against_another_version(calls, pair):
    with pytest.raises(ImportError, match="compile it again"):
        calls.open_as_of_another_version(pair[0])


def test_nothing_to_receive(calls, pair):
    there = pair[1]
    layout = calls.Layout(1, 8)
    there.rcvtimeo = 20
    for flags in (0, calls.DONTWAIT):
        for rc in (
            calls.recv_array(there, calls.F64, 8, flags)[0],
            calls.recv_record(there, layout, 8, flags)[0],
            calls.recv_message(there, flags)[0],
        ):
            assert calls.errno_of(rc) == errno.EAGAIN
            with pytest.raises(zmq.Again):
                calls.check(rc)
    assert calls.errno_of(calls.recv_array(there, calls.F64, 8, zmq.SNDMORE)[0]) == errno.EINVAL


def test_nobody_to_send_to(calls, ctx, quick):
    socket = quick(ctx.socket(zmq.PUSH))
    socket.bind("inproc://nobody")
    rc = calls.send_array(socket, calls.F64, [3000], bytes(24_000), None, calls.DONTWAIT)
    assert calls.errno_of(rc) == errno.EAGAIN


def test_results(calls):
    assert calls.check(calls.OK) == 0
    assert [calls.errno_of(rc) for rc in (0, -1, -14, -101, -103)] == [0] * 5
    assert calls.errno_of(calls.result_of(zmq.ETERM)) == zmq.ETERM
    with pytest.raises(zmq.ContextTerminated):
        calls.check(calls.result_of(zmq.ETERM))
    assert calls.check(calls.result_of(errno.EINTR)) == 1


# ---- threads


def test_waits_without_the_gil(calls, pair):
    here, there = pair
    found = []
    thread = threading.Thread(target=lambda: found.append(calls.recv_array(there, calls.F64, 8)))
    thread.start()
    time.sleep(0.05)  # which takes the GIL again: the thread waits by now, and does not have it
    framewire.send_array(here, np.ones(1))
    thread.join(5)
    assert found == [(0, (1,), np.ones(1).tobytes(), (0, 0, 0))]


def test_term_wakes_who_waits(calls):
    context = framewire.Context()
    socket = context.socket(zmq.PULL)
    found = []

    def receive():
        found.append(calls.recv_message(socket)[0])
        socket.close()

    thread = threading.Thread(target=receive)
    thread.start()
    time.sleep(0.05)
    context.term()
    thread.join(5)
    assert calls.errno_of(found[0]) == zmq.ETERM


def test_signals_interrupt(relay, pair):
    class Stop(Exception):
        pass

    def handler(*_):
        raise Stop

    before = signal.signal(signal.SIGUSR1, handler)
    main = threading.main_thread().ident
    timer = threading.Timer(0.1, signal.pthread_kill, [main, signal.SIGUSR1])
    try:
        timer.start()
        with pytest.raises(Stop):
            relay.total(pair[1], 1)
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("size", [10, 1100], ids=["one frame", "two frames"])
def test_makes_no_object_for_a_message(calls, connect, size):
    here, there = connect(zmq.PUSH, zmq.PULL)
    layout = calls.Layout(99, 8)
    calls.there_and_back(here, there, 10, layout, size)
    before = sys.getallocatedblocks()
    total = calls.there_and_back(here, there, 50_000, layout, size)
    assert sys.getallocatedblocks() - before < 100
    assert total == 50_000 * (size - 1 + 8)
