"""Batches when something goes wrong: what was received is not lost, what was sent is known."""

import gc
import signal
import sys
import threading
import time
import weakref
from contextlib import contextmanager

import numpy as np
import pytest
import zmq
from lifetimes import Watched, eventually, view_of

import framewire
from framewire import DecodeError

LONG = 20_000  # ms
MANY = 3000
DATA = np.arange(20 * 128.0).reshape(20, 128)


class Mine(Exception):
    pass


@contextmanager
def later(act, delay=0.2):
    """Do something in another thread, while this one is in a call."""
    timer = threading.Timer(delay, act)
    timer.start()
    try:
        yield
    finally:
        timer.join()


@contextmanager
def handler(act):
    """What SIGUSR1 does."""
    before = signal.signal(signal.SIGUSR1, lambda *_: act())
    try:
        yield lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)


def fail():
    raise Mine


def nothing_is_there(socket):
    with pytest.raises(zmq.Again):
        framewire.recv_raw(socket, zmq.DONTWAIT)
    return True


# ---- arguments

READ_ONLY = np.zeros((4, 128))
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize(
    ("error", "bad"),
    [
        (TypeError, {"max_messages": None}),
        (TypeError, {"max_messages": "3"}),
        (TypeError, {"max_messages": 2.0}),
        (ValueError, {"max_messages": -1}),
        (TypeError, {"timeout": "soon"}),
        (ValueError, {"timeout": float("nan")}),
        (TypeError, {"codec": 5}),
        (TypeError, {"out": [0.0] * 5}),
        (TypeError, {"out": np.ma.zeros((4, 128))}),
        (TypeError, {"out": np.empty((4, 128), object)}),
        (TypeError, {"out": np.empty((4, 128)), "type": list}),
        (ValueError, {"out": READ_ONLY}),
        (ValueError, {"out": np.array(0.0)}),
        (ValueError, {"out": np.zeros((4, 256))[:, ::2]}),
        (ValueError, {"out": np.zeros((128, 4, 2)).T}),
        (ValueError, {"max_messages": 5, "out": np.empty((4, 128))}),
    ],
    ids=[f"receive {i}" for i in range(16)],
)
def test_bad_receive(pair, error, bad):
    """Nothing is received then."""
    here, there = pair
    here.send_many(DATA)
    with pytest.raises(error):
        there.recv_many(**{"max_messages": 3, "timeout": 0, **bad})
    assert len(there.recv_many(100, 0)) == len(DATA)


@pytest.mark.parametrize(
    ("error", "bad"),
    [
        (TypeError, {"values": 5}),
        (TypeError, {"values": "text"}),
        (TypeError, {"values": b"bytes"}),
        (TypeError, {"values": np.array(5)}),
        (TypeError, {"values": np.array([None])}),
        (ValueError, {"flags": zmq.SNDMORE}),
        (TypeError, {"topic": 5}),
        (ValueError, {"topic": b"\xc1\x46"}),
        (TypeError, {"meta": object()}),
        (ValueError, {"serializer": "no such"}),
        (TypeError, {"codec": 5}),
    ],
    ids=[f"send {i}" for i in range(11)],
)
@pytest.mark.parametrize("rows", [True, False], ids=["rows", "list"])
def test_bad_send(pair, rows, error, bad):
    here, there = pair
    with pytest.raises(error):
        here.send_many(**{"values": DATA if rows else list(DATA), **bad})
    assert nothing_is_there(there)


@pytest.mark.parametrize("call", [framewire.send_many, framewire.recv_many])
def test_not_a_socket(call):
    for thing in (None, 5, object()):
        with pytest.raises(TypeError):
            call(thing, [1] if call is framewire.send_many else 1)


@pytest.mark.parametrize("out", [None, np.empty((3, 4))], ids=["list", "out"])
def test_closed_socket(ctx, out):
    socket = ctx.socket(zmq.PAIR)
    socket.close()
    for call in (
        lambda: socket.recv_many(3, out=out),
        lambda: socket.recv_many(3, 0, out=out),
        lambda: socket.send_many([1]),
        lambda: socket.send_many(DATA),
        socket.recv_latest,
    ):
        with pytest.raises(zmq.ZMQError) as caught:
            call()
        assert caught.value.errno == zmq.ENOTSOCK


# ---- bad messages


def test_bad_messages_in_a_list(pair):
    here, there = pair
    here.send_value(0)
    here.send_multipart([b"foreign", b"message"])
    here.send_value(2)
    here.send(b"\xc1\x46 this is no head")
    here.send_value({3}, serializer="pickle")
    here.send_many(DATA[:2])
    head = bytearray(framewire.dumps(DATA[0])[0])
    here.send(head[:-1])  # as long as another, and not the same head
    here.send_value(8)
    batch = there.recv_many(9)
    assert batch[:2] == [0, 2]
    assert (batch[2:4] == DATA[:2]).all()
    assert batch[4] == 8
    assert [(at, error.code) for at, error in batch.errors] == [
        *((1, "foreign"), (3, "version"), (4, "refused"), (7, "truncated"))
    ]


@pytest.mark.parametrize("topic", [None, "t"])
def test_bad_messages_between_rows(connect, over, topic):
    """Rows are filled one after the other; errors say which messages were none."""
    here, there = connect(over=over)
    here.send_many(DATA[:2], topic=topic)
    here.send_array(DATA[0].astype("f4"))  # another dtype
    here.send_array(DATA[0, :100])  # another shape
    here.send_many(DATA[2:4], topic=topic)
    here.send_value("text")
    here.send_multipart([b"a", b"b", b"c"])
    here.send_multipart([*framewire.dumps(DATA[0]), b"more"])
    here.send_array(np.asfortranarray(DATA[4:5]).reshape(128))
    here.send_array(np.broadcast_to(DATA[0, 0], 128))
    here.send_many(DATA[5:6], topic=topic)
    out = np.full_like(DATA, -1)
    batch = there.recv_many(12, out=out)
    assert [(at, error.code) for at, error in batch.errors] == [
        *((2, "mismatch"), (3, "mismatch"), (6, "mismatch"), (7, "foreign"), (8, "frames"))
    ]
    assert len(batch) == 7
    assert (out[:5] == DATA[:5]).all()
    assert (out[5] == DATA[0, 0]).all()
    assert (out[6] == DATA[5]).all()
    assert (out[7:] == -1).all()


@pytest.mark.parametrize("size", [128, 5000])
def test_codec_refuses_arrays(pair, size):
    here, there = pair
    data = np.arange(3.0 * size).reshape(3, size)
    here.send_many(data)
    batch = there.recv_many(3, out=np.empty_like(data), codec=framewire.Codec(allow=["json"]))
    assert len(batch) == 0
    assert [error.code for _, error in batch.errors] == ["refused"] * 3


def test_every_head_changed(pair):
    """No byte of a known head may be another one, neither in a list nor in rows."""
    here, there = pair
    good = framewire.dumps(DATA[0])[0]
    expected = {}
    for at in range(24):
        bad = bytearray(good)
        bad[at] ^= 1
        try:
            expected[at] = framewire.loads_array(bad, dtype="f8", shape=128)
        except DecodeError as error:
            expected[at] = error.code
        here.send_multipart([good])
        here.send_multipart([bad])
    out = np.empty((48, 128))
    into_rows = there.recv_many(None, out=out)
    found = {at // 2: error.code for at, error in into_rows.errors}
    assert found == {at: code for at, code in expected.items() if isinstance(code, str)}
    assert all((row == DATA[0]).all() for row in into_rows)


def test_type_that_is_not_supported(pair):
    """An exception that is no message's fault: what could be read comes with it."""
    here, there = pair
    here.send_many([1, 2, 3])
    with pytest.raises(TypeError) as caught:
        there.recv_many(3, type=int | np.ndarray)
    assert len(caught.value.batch) == 0
    rest = there.recv_many(3, 0).values  # pyzmq's transport looks at them one by one
    assert rest == ([] if framewire.transport == "libzmq" else [2, 3])


class Stop(BaseException):
    """Not an Exception, as KeyboardInterrupt is."""


def test_reader_that_raises(pair):
    """The messages behind the one whose function raises are read all the same, now or later."""

    def loads(header, frames):
        if header == "stop":
            raise Stop
        if header == "bad":
            raise Mine
        return header

    framewire.register_serializer("batch-test", lambda text: (text, []), loads)
    try:
        here, there = pair
        here.send_many(["a", "bad", "b", "stop", "c"], serializer="batch-test")
        with pytest.raises(Stop) as caught:
            there.recv_many(5)
        rest = there.recv_many(5, 0).values
    finally:
        framewire.unregister_serializer("batch-test")
    assert caught.value.batch.values + rest == ["a", "b", "c"]
    assert [at for at, _ in caught.value.batch.errors] == [1]


def test_reader_that_closes_the_socket(connect):
    """What was received by then is returned."""
    here, there = connect()

    def loads(header, frames):
        there.close()
        return header

    framewire.register_serializer("batch-test", lambda text: (text, []), loads)
    try:
        here.send_many(["a", "b"], serializer="batch-test")
        batch = there.recv_many(3)
    finally:
        framewire.unregister_serializer("batch-test")
    assert batch.values == (["a", "b"] if framewire.transport == "libzmq" else ["a"])
    assert there.closed


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


@pytest.fixture
def narrow(ctx, quick):
    push, pull = quick(ctx.socket(zmq.PUSH)), quick(ctx.socket(zmq.PULL))
    push.sndhwm = pull.rcvhwm = 5
    pull.bind("inproc://narrow")
    push.connect("inproc://narrow")
    return push, pull


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


# ---- values that cannot be sent


@pytest.mark.parametrize("before", [0, 1, 1023, 1024, 2500])
def test_value_that_cannot_be_sent(ctx, quick, before):
    """Whole chunks are sent before it, nothing of its own; `sent` says how many."""
    push, pull = quick(ctx.socket(zmq.PUSH)), quick(ctx.socket(zmq.PULL))
    push.sndhwm = pull.rcvhwm = MANY
    pull.bind("inproc://cannot")
    push.connect("inproc://cannot")
    with pytest.raises(TypeError) as caught:
        push.send_many([*range(before), object(), 5])
    assert caught.value.sent == before // 1024 * 1024
    assert pull.recv_many(MANY, 0).values == list(range(caught.value.sent))


def test_iterator_that_raises(pair):
    here, there = pair

    def values():
        yield 1
        raise Mine

    with pytest.raises(Mine) as caught:
        here.send_many(values())
    assert caught.value.sent == 0
    assert nothing_is_there(there)


def test_iterator_that_uses_the_socket(pair):
    """It sends, receives and leaves a message begun, which the first of the chunk then ends."""
    here, there = pair

    def values():
        here.send_value("within")
        yield 1
        here.send(b"begun", zmq.SNDMORE)
        yield 2

    assert here.send_many(values()) == 2
    assert there.recv_value() == "within"
    message = there.recv_message()
    assert (message.envelope, message.value) == ([b"begun"], 1)
    assert there.recv_value() == 2


@pytest.mark.parametrize("values", [DATA, list(DATA)], ids=["rows", "list"])
def test_message_begun_before(pair, values):
    here, there = pair
    here.send_raw(b"begun", zmq.SNDMORE)
    assert here.send_many(values, topic="t") == 20
    message = there.recv_message()
    assert message.envelope == [b"begun", b"t"]
    assert (message.value == DATA[0]).all()
    for row in DATA[1:]:
        message = there.recv_message()
        assert message.envelope == [b"t"]
        assert (message.value == row).all()


def test_router_mandatory(connect):
    """The error of a first frame: nothing of that message stays behind."""
    router, dealer = connect(zmq.ROUTER, zmq.DEALER, routing_id=b"known")
    router.router_mandatory = 1
    for values in (DATA, list(DATA)):
        with pytest.raises(zmq.ZMQError) as caught:
            router.send_many(values, topic=b"unknown")
        assert (caught.value.errno, caught.value.sent) == (zmq.EHOSTUNREACH, 0)
        assert router.send_many(values, topic=b"known") == 20
        assert (np.array(dealer.recv_many(20).values) == DATA).all()


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
    asyncio = pytest.importorskip("asyncio")
    import zmq.asyncio

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
