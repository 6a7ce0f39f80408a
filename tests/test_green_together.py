"""`framewire.green`, several greenlets on one socket: turns, closing, fairness."""

import numpy as np
import pytest
import zmq

gevent = pytest.importorskip("gevent")
greenlets = pytest.importorskip("greenlets")
fill, pair = greenlets.fill, greenlets.pair
ticking, waiting = greenlets.ticking, greenlets.waiting


# ---- several greenlets on one socket


def test_receivers_take_turns():
    taken = []

    def receive(pull, name):
        for _ in range(20):
            pull.recv_value()
            taken.append(name)

    with pair(zmq.PUSH, zmq.PULL, "inproc") as (push, pull):
        greenlets = [waiting(receive, pull, name) for name in range(5)]
        with gevent.Timeout(20):
            for sent in range(1, 101):
                push.send_value(None)
                # all wait again: one that lets others run, by the clock, lines up late
                while len(taken) < sent or len(pull._waiters) < sum(not g.dead for g in greenlets):
                    gevent.sleep(0)
        gevent.joinall(greenlets, raise_error=True)
        assert taken == list(range(5)) * 20


def test_one_that_was_woken_and_is_killed_passes_it_on():
    for _ in range(50):
        with pair(zmq.PUSH, zmq.PULL, "inproc") as (push, pull):
            first, second = waiting(pull.recv_value), waiting(pull.recv_value)
            first.kill(block=False)  # this will happen in its next turn
            push.send_value("for one of them")
            pull.get(zmq.EVENTS)  # wakes the first
            assert second.get() == "for one of them"


def test_senders_take_turns():
    with pair(zmq.PUSH, zmq.PULL, "inproc", hwm=1) as (push, pull):
        sent = fill(push)
        greenlets = [waiting(push.send_value, i) for i in range(10)]
        for _ in range(sent):
            pull.recv()
        assert [pull.recv_value() for _ in range(10)] == list(range(10))
        gevent.joinall(greenlets, raise_error=True)


def test_parts_of_a_message_stay_together():
    """A greenlet that receives frame by frame is not interrupted in a message, nor in sending."""
    total = 3000

    def send(push, name):
        for _ in range(total):
            push.send(name, zmq.SNDMORE)
            push.send(name, zmq.SNDMORE)
            push.send(name)

    received = []

    def receive(pull):
        while len(received) < 2 * total:
            frames = [pull.recv()]
            while pull.rcvmore:
                frames.append(pull.recv())
            received.append(frames)

    with pair(zmq.PUSH, zmq.PULL, hwm=20) as (push, pull):
        greenlets = [gevent.spawn(send, push, name) for name in (b"a", b"b")]
        receivers = [gevent.spawn(receive, pull) for _ in range(2)]
        gevent.joinall(greenlets, raise_error=True)
        while len(received) < 2 * total:
            gevent.sleep(0.001)
        gevent.killall(receivers)
        assert sorted(received) == [[b"a"] * 3] * total + [[b"b"] * 3] * total


# ---- closing


@pytest.mark.parametrize("call", ["recv", "recv_value", "recv_raw", "recv_latest"])
def test_closing_while_receiving(call):
    with pair(zmq.PUSH, zmq.PULL) as (_, pull):
        pending = [waiting(getattr(pull, call)) for _ in range(3)]
        pull.close()
        for each in pending:
            with pytest.raises(zmq.ZMQError) as caught:
                each.get()
            assert caught.value.errno == zmq.ENOTSOCK


def test_closing_while_sending_and_in_a_batch():
    with pair(zmq.PUSH, zmq.PULL, "inproc", hwm=1) as (push, pull):
        fill(push)
        pending = [waiting(push.send_value, 1), waiting(push.send_many, [1, 2])]
        push.close()
        for each in pending:
            with pytest.raises(zmq.ZMQError) as caught:
                each.get()
            assert caught.value.errno == zmq.ENOTSOCK
    with pair(zmq.PUSH, zmq.PULL, "inproc") as (push, pull):
        pending = waiting(pull.recv_many, 3, -1)
        push.send_value(1)
        gevent.sleep(0.01)
        pull.close()
        assert pending.get().values == [1]


def test_terminating_while_waiting():
    with pair(zmq.PAIR, zmq.PAIR) as (mine, other):
        pending = [waiting(mine.recv_value), waiting(mine.recv), waiting(other.recv_many, 3, -1)]
        term = gevent.get_hub().threadpool.spawn(mine.context.term)
        for each in pending:
            with pytest.raises(zmq.ContextTerminated):
                each.get()
        mine.close()
        other.close()
        term.get()


# ---- fairness


@pytest.mark.parametrize("receive", ["recv", "recv_raw", "recv_many"])
def test_others_run_beside_one_that_never_waits(receive):
    total = 30_000
    with pair(zmq.PUSH, zmq.PULL, hwm=0) as (push, pull), ticking() as turns:
        before = turns()
        if receive == "recv_many":
            push.send_many(np.zeros((total, 2)))
        else:
            for _ in range(total):
                push.send(b"x")
        sent = turns()
        assert sent > before
        if receive == "recv_many":
            assert len(pull.recv_many(total, -1)) == total
        else:
            for _ in range(total):
                getattr(pull, receive)()
        assert turns() > sent
