"""`framewire.green.Poller`, beside direct calls, other sockets and files."""

import os

import pytest
import zmq

gevent = pytest.importorskip("gevent")
green = pytest.importorskip("framewire.green")
greenlets = pytest.importorskip("greenlets")
pair, waiting = greenlets.pair, greenlets.waiting


def test_poller():
    with pair(zmq.PAIR, zmq.PAIR, "inproc") as (mine, other):
        poller = green.Poller()
        poller.register(mine, zmq.POLLIN)
        poller._gevent_bug_timeout = 300
        assert poller.poll(20) == []
        for i in range(300):
            polling = gevent.spawn(poller.poll)
            gevent.sleep(0)
            other.send_value(i)
            mine.send_value(i)  # drains the poller's event
            assert polling.get() == [(mine, zmq.POLLIN)]
            assert mine.recv_value() == other.recv_value() == i
        polling = waiting(mine.poll)
        other.send(b"")
        assert polling.get() == zmq.POLLIN
        mine.close()
        with pytest.raises(zmq.ZMQError):
            poller.poll()


def test_poller_with_files_and_other_sockets():
    end, start = os.pipe()
    try:
        with pair(zmq.PUSH, zmq.PULL, module=zmq.green) as (push, pull):
            poller = green.Poller()
            poller.register(end, zmq.POLLIN)
            poller.register(pull, zmq.POLLIN)
            polling = waiting(poller.poll)
            os.write(start, b"x")
            assert polling.get() == [(end, zmq.POLLIN)]
            os.read(end, 1)
            polling = waiting(poller.poll, 20_000)
            push.send(b"")
            assert polling.get() == [(pull, zmq.POLLIN)]
            pull.recv()
            closing = waiting(poller.poll)
            closing.kill()
    finally:
        os.close(end)
        os.close(start)
