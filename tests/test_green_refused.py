"""Sends on a `framewire.green` socket that libzmq refuses although it says that there is room."""

import time
from contextlib import suppress
from types import SimpleNamespace

import pytest
import zmq

gevent = pytest.importorskip("gevent")
green = pytest.importorskip("framewire.green")
greenlets = pytest.importorskip("greenlets")
pair, waiting = greenlets.pair, greenlets.waiting


class Looking(green.Socket):
    """Counts how often somebody looks at the events."""

    looks = 0

    def get(self, option):
        Looking.looks += option == zmq.EVENTS
        return super().get(option)


class Context(green.Context):
    _socket_class = Looking


def test_router_that_is_mandatory():
    """It says that it has room, and has none for this peer: no busy loop, and no wait for ever."""
    with pair(zmq.ROUTER, zmq.DEALER, "inproc", hwm=1) as (router, dealer):
        router.router_mandatory = 1
        dealer.send(b"hello")
        peer = router.recv_multipart()[0]
        sent = 0
        try:
            while True:
                router.send_multipart([peer, bytes(2000)], zmq.DONTWAIT)
                sent += 1
                gevent.sleep(0.002)
        except zmq.Again:
            pass
        pending = waiting(router.send_value, "at last", envelope=[peer])
        start = time.process_time()
        gevent.sleep(0.5)
        assert time.process_time() - start < 0.25
        assert not pending.ready()
        for _ in range(sent):
            dealer.recv()
        assert dealer.recv_value() == "at last"
        pending.get()


def test_several_that_a_router_refuses():
    """They do not wake each other, nor keep others waiting, and are sent when there is room."""
    how = {"hwm": 1, "module": SimpleNamespace(Context=Context)}
    with pair(zmq.ROUTER, zmq.DEALER, "inproc", **how) as (router, full):
        router.router_mandatory = 1
        other = router.context.socket(zmq.DEALER)
        other.connect(router.last_endpoint)
        peers = []
        for dealer in (full, other):
            dealer.send(b"hello")
            peers.append(router.recv_multipart()[0])
        with suppress(zmq.Again):
            while True:
                router.send_multipart([peers[0], b"full"], zmq.DONTWAIT)
        pending = [waiting(router.send_raw, [peers[0], b"%d" % i]) for i in range(5)]
        before = Looking.looks
        for _ in range(1000):
            gevent.sleep(0)
        assert Looking.looks - before < 500
        for i in range(20):
            router.send_value(i, envelope=[peers[1]])
            assert other.recv_value() == i
        got = set()
        while len(got) < 5:
            got |= {full.recv()} - {b"full"}
        assert got == {b"%d" % i for i in range(5)}
        gevent.joinall(pending, raise_error=True)
        late = waiting(router.recv)
        pending = []
        with suppress(zmq.Again):
            while True:
                router.send_multipart([peers[0], b"full"], zmq.DONTWAIT)
        pending = [waiting(router.send_raw, [peers[0], b"x"]) for _ in range(3)]
        pending.pop().kill()
        router.close()
        for each in [*pending, late]:
            with pytest.raises(zmq.ZMQError) as caught:
                each.get()
            assert caught.value.errno == zmq.ENOTSOCK
