"""Threads: a socket is one thread's at a time, as in ZeroMQ; all else may be shared."""

import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
import zmq

import framewire

SECONDS = 1.0


@pytest.fixture(autouse=True)
def often():
    """Threads change as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(*works):
    """Run functions, each in a thread, and raise what one of them raised."""
    failures = []

    def guarded(work):
        try:
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    if failures:
        raise failures[0]


class Fixed(framewire.Record):
    """Shared by all threads, as are its schema and its free list."""

    seq: framewire.u32
    t: framewire.f64


def use_all(context, number, end):
    """Every feature, on sockets of this thread's own."""
    codec = framewire.Codec(stamp=True, schema=2)
    array, big = np.full(12, number), np.full(20_000, float(number))
    pool = framewire.BufferPool((2000,), "f8", 3)
    with (
        context.socket(zmq.PAIR, codec=codec) as a,
        context.socket(zmq.PAIR, codec=codec) as b,
    ):
        b.rcvtimeo = a.sndtimeo = 20_000
        a.bind(f"inproc://{number}")
        b.connect(f"inproc://{number}")
        i = 0
        while time.monotonic() < end:
            i += 1
            a.send_array(array, topic="t")
            assert (b.recv_array() == number).all()
            tracker = a.send_array(big, copy=False, track=True)
            received = b.recv_array()
            assert (received == number).all()
            del received
            tracker.wait(20)
            slot = pool.acquire(timeout=20)
            slot[...] = i
            a.send_value({"slot": slot, "i": i, "b": bytes(9000)}, copy=False)
            del slot
            value = b.recv_value()
            assert (value["i"], value["slot"][0], len(value["b"])) == (i, i, 9000)
            del value
            a.send_value(Fixed(i, 1.5))
            assert b.recv_value() == Fixed(i, 1.5)
            kind = framewire.record(np.dtype([(f"f{number}_{i % 50}", "<u4")]))
            a.send_value(kind(i))
            assert b.recv_value().to_dict() == {f"f{number}_{i % 50}": i}
            a.send_many(np.full((20, 3), number))
            assert (b.recv_many(20, out=np.empty((20, 3), int)).values == number).all()
            a.send_many([1, "two", None, {"x": array}])
            assert b.recv_many(4).values[:3] == [1, "two", None]
            a.send_raw(b"part", zmq.SNDMORE)
            a.send_raw([b"of", b"it"])
            assert b.recv_multipart() == [b"part", b"of", b"it"]
            a.send_pyobj((number, i), protocol=5)
            assert b.recv_pyobj(globals=()) == (number, i)
            a.send_json({"i": i})
            assert b.recv_json() == {"i": i}
            a.send_value({number}, serializer="pickle")
            assert b.recv_value(codec=framewire.Codec(allow={"pickle"})) == {number}
            a.codec = b.codec = framewire.Codec(stamp=True, schema=1 + i % 3)
            assert framewire.loads(framewire.dumps([i])) == [i]
            framewire.release()
        counts = b.stats().total
        assert (counts.gaps, counts.duplicates, counts.errors) == (0, 0, 0)
        assert counts.received == a.stats().total.sent > 0


def test_each_thread_its_own_sockets():
    """Codecs, schemas, free lists, the release list, trackers, pools: all at once."""
    end = time.monotonic() + 2 * SECONDS
    with framewire.Context() as context:
        together(*[lambda number=number: use_all(context, number, end) for number in range(8)])


def test_what_is_shared_besides_sockets():
    """The process's codec and serializers, and a pool, changed and used by all."""
    end = time.monotonic() + SECONDS
    pool = framewire.BufferPool((1000,), "f8", 4)

    def change(number):
        i = 0
        while time.monotonic() < end:
            i += 1
            name = f"threads-{number}-{i % 3}"
            framewire.register_serializer(
                name, lambda value: ({}, [repr(value).encode()]), lambda header, frames: number
            )
            framewire.set_default_codec(framewire.Codec(limits=framewire.Limits(depth=100 + i % 5)))
            assert framewire.loads(framewire.dumps(i, serializer=name)) == number
            framewire.unregister_serializer(name)

    def use():
        while time.monotonic() < end:
            slot = pool.acquire(timeout=20)
            slot[:] = id(slot)
            head = framewire.dumps({"a": [slot[:10], 1]})
            assert framewire.loads(head)["a"][0][3] == id(slot)

    try:
        together(*[lambda n=n: change(n) for n in range(3)], use, use, use)
    finally:
        framewire.set_default_codec(None)


@pytest.mark.parametrize("over", ["inproc", "tcp"])
def test_a_socket_that_goes_round(over):
    """With a lock, a socket may go from thread to thread, as in ZeroMQ."""
    total, received, lock = 4000, [], threading.Lock()
    codec = framewire.Codec(stamp=True)
    with (
        framewire.Context() as context,
        context.socket(zmq.PUSH, codec=codec) as push,
        context.socket(zmq.PULL, codec=codec) as pull,
    ):
        push.sndtimeo = pull.rcvtimeo = 20_000
        pull.bind("inproc://round" if over == "inproc" else "tcp://127.0.0.1:*")
        push.connect(pull.last_endpoint)
        sending = iter(range(total))

        def send():
            for _ in range(total // 4):
                with lock:
                    push.send_value([next(sending), bytes(10)])

        taking = threading.Lock()

        def receive():
            while True:
                with taking:
                    if len(received) >= total:
                        return
                    batch = pull.recv_many(min(50, total - len(received)), 20_000)
                    received.extend(value[0] for value in batch)

        together(*[send] * 4, *[receive] * 3)
        assert received == list(range(total))
        counts = pull.stats().total
        assert (counts.gaps, counts.duplicates, counts.errors) == (0, 0, 0)


MISUSE = """
    import sys, threading, time
    import numpy as np, zmq, framewire
    sys.setswitchinterval(1e-6)
    codec = framewire.Codec(stamp=True, schema=2)
    context = framewire.Context()
    a, b = context.socket(zmq.PAIR, codec=codec), context.socket(zmq.PAIR, codec=codec)
    a.bind("inproc://x")
    b.connect("inproc://x")
    end = time.monotonic() + float(sys.argv[1])

    class Fixed(framewire.Record):
        seq: framewire.u32
        t: framewire.f64

    array, rows = np.arange(12.0), np.zeros((30, 4))

    def send(i):
        a.send_array(array, zmq.DONTWAIT, topic=str(i % 2000))
        a.send_value({"a": [array, "text"]}, zmq.DONTWAIT)
        a.send_value(Fixed(i, 1.5), zmq.DONTWAIT)
        a.send_many(rows, zmq.DONTWAIT)
        a.send_many([1, Fixed(1, 2.0), "three"], zmq.DONTWAIT)
        a.send_raw(b"part", zmq.SNDMORE | zmq.DONTWAIT)
        a.send_raw(b"end", zmq.DONTWAIT)
        a.send_array(np.zeros(2000), zmq.DONTWAIT, copy=False, track=True)
        a.send_json([1], zmq.DONTWAIT)

    def receive(i):
        b.recv_many(20, 0)
        b.recv_value(zmq.DONTWAIT)
        b.recv_message(zmq.DONTWAIT)
        b.recv_latest(zmq.DONTWAIT)
        b.recv_multipart(zmq.DONTWAIT)
        b.recv_many(None, 0, out=np.empty((5, 4)))

    def look(i):
        a.stats(), b.stats()
        b.codec = framewire.Codec(stamp=True, schema=1 + i % 3)
        framewire.release()

    done = []

    def work(call):
        i = 0
        while time.monotonic() < end:
            i += 1
            try:
                call(i)
            except (zmq.ZMQError, ValueError):  # torn messages: this is misuse
                pass
        done.append(i)

    calls = [send, send, send, receive, receive, receive, look, look]
    threads = [threading.Thread(target=work, args=(call,)) for call in calls]
    for each in threads: each.start()
    for each in threads: each.join()
    assert len(done) == len(calls) and min(done) > 0
    while b.recv_many(1000, 0).values: pass
    # framewire's own state is as good as new: other sockets do not notice
    with context.socket(zmq.PAIR, codec=codec) as c, context.socket(zmq.PAIR, codec=codec) as d:
        c.bind("inproc://y")
        d.connect("inproc://y")
        for i in range(100):
            c.send_value(Fixed(i, 2.5))
            assert d.recv_value() == Fixed(i, 2.5)
        assert d.stats().total.gaps == 0
    context.destroy(linger=0)
"""


@pytest.mark.skipif(framewire.transport != "libzmq", reason="pyzmq releases the GIL in its calls")
def test_a_socket_in_many_threads_at_once():
    """That is misuse, and tears messages. What framewire keeps survives it.

    Calls that need not wait have the GIL, so that libzmq itself is in one thread at a time.
    """
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(MISUSE), str(2 * SECONDS)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
