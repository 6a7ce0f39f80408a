"""BufferPool: who waits for an array, in one thread and in many, and what they may rely on."""

import random
import signal
import sys
import threading
import time

import numpy as np
import pytest
import zmq
from lifetimes import eventually

import framewire
from framewire._buffers import generation

SIZE = 20_000  # bytes: sent in place
BIG = 8 << 20  # bytes: more than the buffers of a loopback connection hold

# ---- waiting


def test_timeout():
    pool = framewire.BufferPool(3, slots=2)
    held = [pool.acquire(), pool.acquire()]
    for timeout in (0, 0.0, False, 1e-9, 0.15, float("nan"), np.float32(0.01)):
        start = time.monotonic()
        with pytest.raises(TimeoutError, match="2 slots"):
            pool.acquire(timeout)
        assert not time.monotonic() - start < timeout - 1e-6
    held.pop()
    for timeout in (None, 0, -1, 5, float("inf"), float("nan")):
        pool.acquire(timeout)


def test_wakes_when_a_thread_lets_go():
    """Nothing of libzmq is in this: the last reference goes, in another thread."""
    pool = framewire.BufferPool(3, slots=2)
    held = [pool.acquire(), pool.acquire()]
    for timeout in (None, -1, 60):
        timer = threading.Timer(0.15, held.pop)
        timer.start()
        held.append(pool.acquire(timeout))
        timer.join()
        assert len(held) == 2


def test_letting_go_is_told():
    """By the same number as what libzmq lets go of: those who wait wake at once."""
    pool = framewire.BufferPool(3, slots=2)
    array = pool.acquire()
    seen = generation()
    view = array[1:]
    del array
    assert generation() == seen
    del view
    assert generation() == seen + 1


def test_many_wait():
    """Each slot that is let go serves one of those who wait; all are served."""
    pool = framewire.BufferPool(3, slots=2)
    held = [pool.acquire(), pool.acquire()]
    served = []
    waiters = [threading.Thread(target=lambda: served.append(pool.acquire(60))) for _ in range(6)]
    for waiter in waiters:
        waiter.start()
    for _ in waiters:
        assert eventually(lambda: held or served)
        (held or served).pop()
    for waiter in waiters:
        waiter.join(60)
    assert (len(served), pool.free) == (2, 0)


@pytest.mark.parametrize("over", ["inproc", "tcp"])
@pytest.mark.in_place
def test_waits_for_libzmq(context, over):
    """Nobody receives: no slot. Somebody does, in another thread: acquire wakes."""
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    pull.rcvhwm = 1
    pull.rcvtimeo = 20_000
    port = pull.bind_to_random_port("tcp://127.0.0.1")
    pull.bind("inproc://pool")
    push.connect("inproc://pool" if over == "inproc" else f"tcp://127.0.0.1:{port}")
    pool = framewire.BufferPool(BIG, "u1", slots=2)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 20:
            array = pool.acquire(0.5)
            array[:] = sent
            framewire.send_array(push, array, copy=False)
            del array
            sent += 1
    assert 2 <= sent < 20
    got = []
    receiver = threading.Timer(0.2, lambda: got.append(framewire.recv_array(pull)[:5].copy()))
    receiver.start()
    array = pool.acquire(20)
    receiver.join()
    assert got[0].tolist() == [0] * 5
    array[:] = sent
    framewire.send_array(push, array, copy=False)
    for number in range(1, sent + 1):
        received = framewire.recv_array(pull)
        assert (received == number).all()


@pytest.mark.in_place
def test_receiver_over_inproc_holds_it(link):
    """It is the same memory."""
    push, pull = link()
    pool = framewire.BufferPool(SIZE, "u1", slots=2)
    received = []
    for number in range(2):
        array = pool.acquire()
        array[:] = number
        framewire.send_array(push, array, copy=False)
        received.append(framewire.recv_array(pull))
    del array
    with pytest.raises(TimeoutError):
        pool.acquire(0.05)
    assert [np.unique(each).tolist() for each in received] == [[0], [1]]
    view = received.pop()[3:]
    with pytest.raises(TimeoutError):
        pool.acquire(0)
    del view
    assert np.shares_memory(pool.acquire(0), received[0]) is False


def test_ctrl_c():
    pool = framewire.BufferPool(3, slots=2)
    held = [pool.acquire(), pool.acquire()]
    main = threading.main_thread().ident
    timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            pool.acquire()
        timer.join()
        # a handler that returns does not end the wait; what it lets go of does
        signal.signal(signal.SIGINT, lambda *_: held.pop())
        timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))
        timer.start()
        pool.acquire(60)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert len(held) == 1


# ---- loops that fill and send


@pytest.mark.parametrize("slots", [2, 5])
def test_every_value_arrives(connect, over, slots):
    """The receiver compares each message while the sender fills the next ones."""
    push, pull = connect(zmq.PUSH, zmq.PULL, over=over)
    push.sndtimeo = pull.rcvtimeo = 60_000
    count = 5000
    wrong = []

    def receive():
        for number in range(count):
            array = framewire.recv_array(pull)
            if not (array == number).all():
                wrong.append((number, np.unique(array)))

    receiver = threading.Thread(target=receive)
    receiver.start()
    pool = framewire.BufferPool(SIZE // 4, "i4", slots)
    for number in range(count):
        array = pool.acquire(60)
        array.fill(number)
        framewire.send_array(push, array, copy=False)
    receiver.join(60)
    assert not receiver.is_alive()
    assert not wrong
    del array
    assert eventually(lambda: pool.free == slots)


def test_a_slow_receiver_paces_the_loop(connect, over):
    """Never more on their way than there are slots and what the connection holds."""
    push, pull = connect(zmq.PUSH, zmq.PULL, over=over)
    push.sndtimeo = pull.rcvtimeo = 60_000
    count, received, ahead = 30, [], []

    def receive():
        for number in range(count):
            time.sleep(0.005)
            array = framewire.recv_array(pull)
            received.append(bool((array == number).all()))

    receiver = threading.Thread(target=receive)
    receiver.start()
    pool = framewire.BufferPool(1 << 20, "u1", slots=2)
    for number in range(count):
        array = pool.acquire(60)
        ahead.append(number - len(received))
        array.fill(number)
        framewire.send_array(push, array, copy=False)
    receiver.join(60)
    assert received == [True] * count
    if over == "inproc" and framewire.transport == "libzmq":
        assert max(ahead) <= 2


def test_a_pool_of_many_senders(context):
    """One pool, a socket for each thread, and more threads than slots."""
    pool = framewire.BufferPool((2, SIZE // 16), "i8", slots=4)
    pull = context.socket(zmq.PULL)
    pull.rcvtimeo = 60_000
    port = pull.bind_to_random_port("tcp://127.0.0.1")

    def send(sender):
        with context.socket(zmq.PUSH) as push:
            push.connect(f"tcp://127.0.0.1:{port}")
            for number in range(500):
                array = pool.acquire(60)
                array[0], array[1] = sender, number
                framewire.send_array(push, array, copy=False)
                del array

    senders = [threading.Thread(target=send, args=(i,)) for i in range(6)]
    for sender in senders:
        sender.start()
    expected = [0] * len(senders)
    for _ in range(500 * len(senders)):
        array = framewire.recv_array(pull)
        who = int(array[0, 0])
        assert (array[0] == who).all()
        assert (array[1] == expected[who]).all()
        expected[who] += 1
    for sender in senders:
        sender.join(60)
    assert expected == [500] * len(senders)
    assert eventually(lambda: pool.free == 4)


@pytest.mark.parametrize("seed", range(4))
def test_threads_at_random(seed):
    """What each thread wrote stays while it holds it, and no two live arrays overlap."""
    pool = framewire.BufferPool(64, "i8", slots=5)
    live, lock, failures = set(), threading.Lock(), []

    def work(number):
        chance = random.Random(seed * 100 + number)
        held = []
        for step in range(2000):
            if held and (len(held) == 3 or chance.random() < 0.6):
                array, value = held.pop(chance.randrange(len(held)))
                if not (array == value).all():
                    failures.append((number, step, "changed"))
                with lock:
                    live.remove(array.ctypes.data)
                del array
            else:
                try:
                    array = pool.acquire(chance.choice([0, 0.001, 0.01]))
                except TimeoutError:
                    continue
                with lock:
                    if array.ctypes.data in live:
                        failures.append((number, step, "shared"))
                    live.add(array.ctypes.data)
                value = number * 10_000 + step
                array[:] = value
                held.append((array[chance.choice([slice(None), ...])], value))
                del array
        with lock:
            live.difference_update(array.ctypes.data for array, _ in held)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        sys.setswitchinterval(switch)
    assert not any(thread.is_alive() for thread in threads)
    assert not failures
    assert pool.free == 5
