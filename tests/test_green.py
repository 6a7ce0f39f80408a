"""`framewire.green`: every call blocks its own greenlet and no other, and loses nothing."""

import random
import time

import numpy as np
import pytest
import zmq

import framewire

gevent = pytest.importorskip("gevent")
green = pytest.importorskip("framewire.green")
greenlets = pytest.importorskip("greenlets")
fill, pair = greenlets.fill, greenlets.pair
ticking, waiting = greenlets.ticking, greenlets.waiting

ARRAY = np.arange(12.0)
BIG = np.arange(5000.0)
FUNCTIONS = [name for name in dir(framewire.Socket) if name.startswith(("send", "recv"))]

# A call, what it is given, and the call that receives it.
CALLS = [
    ("send", b"bytes", "recv", ()),
    ("send_multipart", [b"a", b"b"], "recv_multipart", ()),
    ("send_string", "text", "recv_string", ()),
    ("send_json", {"a": 1}, "recv_json", ()),
    ("send_pyobj", {"a": {1}}, "recv_pyobj", ()),
    ("send_array", ARRAY, "recv_array", ()),
    ("send_array", BIG, "recv_array", ()),
    ("send_value", {"a": 1, "b": [2]}, "recv_value", ()),
    ("send_raw", [b"a", bytes(9000)], "recv_raw", ()),
    ("send_value", {"a": 1}, "recv_latest", ()),
]


def same(sent, received):
    return np.array_equal(sent, received) if isinstance(sent, np.ndarray) else sent == received


@pytest.mark.parametrize(("send", "value", "recv", "args"), CALLS)
@pytest.mark.parametrize("over", ["inproc", "tcp"])
def test_receive_waits(send, value, recv, args, over):
    with pair(zmq.PUSH, zmq.PULL, over) as (push, pull), ticking() as turns:
        pending = waiting(getattr(pull, recv), *args)
        before = turns()
        gevent.sleep(0.02)
        assert turns() > before
        getattr(push, send)(value)
        assert same(value, pending.get())
        getattr(push, send)(value)
        assert same(value, getattr(pull, recv)(*args))


@pytest.mark.parametrize(("send", "value", "recv", "args"), CALLS)
def test_send_waits(send, value, recv, args):
    with pair(zmq.PUSH, zmq.PULL, "inproc", hwm=1) as (push, pull), ticking() as turns:
        sent = fill(push, bytes(2000))
        pending = waiting(getattr(push, send), value)
        before = turns()
        gevent.sleep(0.02)
        assert turns() > before
        for _ in range(sent):
            pull.recv()
        assert same(value, getattr(pull, recv)(*args))
        pending.get()


def test_other_calls():
    with pair(zmq.PUSH, zmq.PULL) as (push, pull):
        pending = waiting(pull.recv_message)
        push.send_value(1, topic="t", meta=2)
        message = pending.get()
        assert (message.topic, message.meta, message.value) == (b"t", 2, 1)
        room = bytearray(4)
        pending = waiting(pull.recv_into, room)
        push.send(b"1234")
        assert (pending.get(), room) == (4, b"1234")
        pending = waiting(pull.recv_serialized, b"".join)
        push.send_serialized("ab", lambda text: [each.encode() for each in text])
        assert pending.get() == b"ab"
        pending = waiting(pull.recv, copy=False)
        push.send(zmq.Frame(b"frame"))
        assert pending.get().bytes == b"frame"


def test_methods_are_the_same():
    for name in [*FUNCTIONS, "stats"]:
        assert getattr(green.Socket, name) is getattr(framewire.Socket, name)
    assert issubclass(green.Socket, framewire.Socket)
    assert issubclass(green.Socket, zmq.green.Socket)
    assert issubclass(green.Context, zmq.green.Context)


def test_codec_levels():
    with green.Context(serializer="json") as context, context.socket(zmq.PUSH) as push:
        assert push.codec.serializer == "json"
        with context.socket(zmq.PUSH, codec=framewire.Codec(stamp=True)) as other:
            assert (other.codec.serializer, other.codec.stamp) == ("json", True)
            other.codec = None
            assert not other.codec.stamp


def test_instance():
    context = green.Context.instance()
    assert context.underlying == zmq.green.Context.instance().underlying
    assert context.underlying != framewire.Context.instance().underlying
    assert context is green.Context.instance()
    assert type(context.socket(zmq.PUSH)) is green.Socket
    context.destroy()


# ---- time limits


def test_time_limits():
    with pair(zmq.PUSH, zmq.PULL, "inproc", hwm=1) as (push, pull):
        with pytest.warns(UserWarning, match="TIMEO"):
            pull.rcvtimeo = push.sndtimeo = 100
        for call in (pull.recv_array, pull.recv_value, pull.recv_raw, pull.recv_latest):
            start = time.monotonic()
            with ticking() as turns, pytest.raises(zmq.Again):
                call()
            assert 0.09 < time.monotonic() - start < 5
            assert turns() > 2
        assert len(pull.recv_many(3)) == 0
        fill(push, bytes(2000))
        for call in (push.send_array, push.send_raw):
            start = time.monotonic()
            with pytest.raises(zmq.Again):
                call(ARRAY)
            assert 0.09 < time.monotonic() - start < 5
        assert push.send_many([1, 2]) == 0


def test_time_limits_are_not_for_pyzmqs_calls():
    """They have no effect in zmq.green, which warns of that."""
    with pair(zmq.PUSH, zmq.PULL, "inproc", hwm=1) as (push, pull):
        with pytest.warns(UserWarning, match="TIMEO"):
            pull.rcvtimeo = push.sndtimeo = 10
        for call in (pull.recv, pull.recv_multipart, pull.recv_json, pull.recv_string):
            waiting(call).kill()
        fill(push, bytes(2000))
        for call, value in [(push.send, b"b"), (push.send_string, "b"), (push.send_json, 1)]:
            waiting(call, value).kill()


def test_dontwait_lets_nobody_run():
    with pair(zmq.PUSH, zmq.PULL, "inproc") as (push, pull), ticking() as turns:
        gevent.sleep(0.01)
        before = turns()
        for call in (pull.recv, pull.recv_array, pull.recv_value, pull.recv_latest):
            with pytest.raises(zmq.Again):
                call(zmq.DONTWAIT)
        for _ in range(100):
            push.send_array(ARRAY, zmq.DONTWAIT)
            time.sleep(0.0005)
        assert len(pull.recv_many(1000, 0)) > 0
        assert turns() == before


# ---- gevent.Timeout and kill()


@pytest.mark.parametrize("over", ["inproc", "tcp"])
def test_receives_that_are_given_up_lose_nothing(over):
    random.seed(1)
    total = 2000
    received = []

    def receive(pull):
        calls = [pull.recv_value, lambda: pull.recv_json(), lambda: pull.recv_many(1, -1)[0]]
        while len(received) < total:
            with gevent.Timeout(random.random() / 500, False):
                received.append(random.choice(calls[:1] + calls[2:])())

    def send(push):
        for i in range(total):
            push.send_value(i)
            if i % 7 == 0:
                gevent.sleep(random.random() / 500)

    with pair(zmq.PUSH, zmq.PULL, over) as (push, pull):
        receivers = [gevent.spawn(receive, pull) for _ in range(3)]
        sender = gevent.spawn(send, push)
        while len(received) < total:  # some are killed, and others take their place
            victim = random.randrange(len(receivers))
            receivers[victim].kill()
            receivers[victim] = gevent.spawn(receive, pull)
            gevent.sleep(0.001)
        sender.get()
        gevent.killall(receivers)
        assert sorted(received) == list(range(total))


@pytest.mark.parametrize("stamp", [False, True])
def test_sends_that_are_given_up_send_nothing(stamp):
    """What a send that was given up took for sent is not there; what one did, is there once."""
    random.seed(2)
    accepted, received = [], []

    def send(push, number):
        for i in range(300):
            with gevent.Timeout(random.random() / 1000, False):
                push.send_value((number, i))
                accepted.append((number, i))

    def receive(pull):
        while True:
            received.append(pull.recv_value())
            if len(received) % 5 == 0:
                gevent.sleep(0.001)

    with pair(zmq.PUSH, zmq.PULL, "inproc", hwm=1) as (push, pull):
        push.codec = pull.codec = framewire.Codec(stamp=stamp)
        receiver = gevent.spawn(receive, pull)
        gevent.joinall([gevent.spawn(send, push, number) for number in range(4)], raise_error=True)
        gevent.sleep(0.3)
        assert not receiver.ready()
        receiver.kill()
        assert len(accepted) < 1200  # some were given up
        assert sorted(received) == sorted(accepted)
        if stamp:
            counts = pull.stats().total
            assert (counts.gaps, counts.duplicates, counts.errors) == (0, 0, 0)
            assert push.stats().total.sent == len(accepted)


@pytest.mark.parametrize("rows", [False, True])
def test_batch_that_is_given_up(rows):
    with pair(zmq.PUSH, zmq.PULL, "inproc") as (push, pull):
        out = np.empty((10, 12)) if rows else None
        pending = waiting(pull.recv_many, 10, -1, out=out)
        push.send_many([ARRAY] * 3)
        gevent.sleep(0.05)
        pending.kill()
        assert isinstance(pending.value, gevent.GreenletExit)
        assert len(pending.value.batch) == 3
        assert all((each == ARRAY).all() for each in pending.value.batch)
        with gevent.Timeout(0.05, False) as timeout:
            push.send_array(ARRAY)
            pull.recv_many(10, -1, out=out)
        assert len(timeout.batch) == 1


@pytest.mark.parametrize(
    "values", [[ARRAY] * 3000, np.tile(ARRAY, (3000, 1))], ids=["list", "rows"]
)
@pytest.mark.parametrize("stamp", [False, True])
def test_batch_that_is_sent_in_part(values, stamp):
    with pair(zmq.PUSH, zmq.PULL, "inproc", hwm=10) as (push, pull):
        push.codec = pull.codec = framewire.Codec(stamp=stamp)
        pending = waiting(push.send_many, values)
        pending.kill()
        sent = pending.value.sent
        assert 0 < sent < 3000
        rest = waiting(push.send_many, values[sent:])
        beside = waiting(push.send_array, BIG)  # it waits too
        sizes = [len(pull.recv_array()) for _ in range(3001)]
        assert (rest.get(), beside.get()) == (3000 - sent, None)
        assert sorted(sizes) == [12] * 3000 + [5000]
        if stamp:
            counts = pull.stats().total
            assert (counts.gaps, counts.duplicates, counts.errors) == (0, 0, 0)


# ---- wake-ups


@pytest.mark.parametrize("over", ["inproc", "tcp"])
def test_no_wake_up_is_lost(over):
    """Both ways at once, on small queues, by all kinds of calls, with polls and looks between."""
    random.seed(3)
    total = 1500

    def send(socket):
        for i in range(total):
            how = random.randrange(5)
            if how == 0:
                socket.send_json(i)
            elif how == 1:
                socket.send_multipart([b"%d" % i])
            elif how == 2:
                socket.send_raw(b"%d" % i)
            elif how == 3:
                framewire.send_raw(socket, [b"%d" % i])
            else:
                while True:
                    try:
                        socket.send(b"%d" % i, zmq.DONTWAIT)
                        break
                    except zmq.Again:
                        gevent.sleep(0.0005)

    def receive(socket, received):
        while len(received) < total:
            how = random.randrange(5)
            if how == 0:
                received.append(socket.recv_json())
            elif how == 1:
                received.append(int(socket.recv_multipart()[0]))
            elif how == 2:
                received.append(int(bytes(socket.recv_raw()[0])))
            elif how == 3:
                received.append(int(socket.recv()))
            else:
                try:
                    received.append(int(socket.recv(zmq.DONTWAIT)))
                except zmq.Again:
                    gevent.sleep(0)

    def disturb(socket):
        while True:
            gevent.sleep(random.random() / 1000)
            random.choice([lambda: socket.poll(0), lambda: socket.poll(1), lambda: socket.EVENTS])()

    with pair(zmq.PAIR, zmq.PAIR, over, hwm=3) as sockets:
        results = [], []
        others = [gevent.spawn(disturb, each) for each in sockets]
        greenlets = [gevent.spawn(send, each) for each in sockets]
        greenlets += [gevent.spawn(receive, *each) for each in zip(sockets, results, strict=True)]
        gevent.joinall(greenlets, raise_error=True)
        gevent.killall(others)
        assert results == (list(range(total)), list(range(total)))


def test_send_beside_a_pending_receive():
    with pair(zmq.PAIR, zmq.PAIR, "inproc") as (mine, other):
        for i in range(1000):
            pending = gevent.spawn(mine.recv_value)
            gevent.sleep(0)
            other.send_value(i)
            mine.send_array(ARRAY)  # this drains the event of the message that came
            assert pending.get() == i
            assert (other.recv_array() == ARRAY).all()


def test_blocked_send_beside_a_pending_receive():
    """A send that is refused has drained the receive's event before it waits."""
    with pair(zmq.PAIR, zmq.PAIR, "inproc", hwm=1) as (mine, other):
        for i in range(200):
            sent = 0
            try:
                while True:
                    mine.send(b"fill", zmq.DONTWAIT)
                    sent += 1
            except zmq.Again:
                pass
            receiving = waiting(mine.recv_value) if i == 0 else gevent.spawn(mine.recv_value)
            gevent.sleep(0)
            other.send_value(i)
            sending = gevent.spawn(mine.send, b"last")
            gevent.sleep(0)
            assert receiving.get() == i
            assert [other.recv() for _ in range(sent + 1)] == [b"fill"] * sent + [b"last"]
            sending.get()


def test_functions_on_zmq_greens_sockets():
    with (
        pair(zmq.PUSH, zmq.PULL, "inproc", hwm=1, module=zmq.green) as (push, pull),
        ticking() as turns,
    ):
        pending = waiting(framewire.recv_array, pull)
        before = turns()
        gevent.sleep(0.01)
        assert turns() > before
        framewire.send_array(push, ARRAY)
        assert (pending.get() == ARRAY).all()
        sent = fill(push, bytes(2000))
        pending = waiting(framewire.send_value, push, 7)
        for _ in range(sent):
            pull.recv()
        assert framewire.recv_value(pull) == 7
        pending.get()
