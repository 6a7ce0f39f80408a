"""Who owns a buffer: what is held in flight, when it is let go, and what a tracker says."""

import gc
import threading
import weakref

import numpy as np
import pytest
import zmq
from lifetimes import check_refcounts, eventually

import framewire

SIZE = 100_000
BIG = 8 << 20  # more than the buffers of a loopback connection hold


class Owner(np.ndarray):
    """An array that can be watched as it dies."""


def owned(size=SIZE):
    return np.zeros(size, "u1").view(Owner)


# ---- in flight


@pytest.mark.in_place
def test_bytearray_in_flight(context, tmp_path):
    """Held until the peer is there, and free again when it has the message."""
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    push.connect(f"ipc://{tmp_path}/later")
    data = bytearray(BIG)
    tracker = framewire.send_raw(push, data, copy=False, track=True)
    for resize in (lambda: data.append(0), data.clear, data.pop):
        with pytest.raises(BufferError):
            resize()
    assert not tracker.done
    pull.bind(f"ipc://{tmp_path}/later")
    pull.rcvtimeo = 20_000
    assert framewire.recv_raw(pull) == [bytes(BIG)]
    tracker.wait(20)
    data.append(0)
    assert len(data) == BIG + 1


def test_copies_are_not_held(link):
    push, pull = link()
    for copy, data in ((None, bytearray(SIZE)), (True, bytearray(SIZE)), (False, bytearray(5000))):
        tracker = framewire.send_raw(push, data, copy=copy, track=True)
        assert tracker.done
        data.append(1)
        assert len(framewire.recv_raw(pull)[0]) == len(data) - 1


def test_in_place_is_in_place(link):
    """Over inproc the receiver sees the memory itself."""
    push, pull = link()
    array = np.zeros(SIZE, "u1")
    framewire.send_array(push, array, copy=False)
    received = framewire.recv_array(pull)
    if framewire.transport == "libzmq":
        assert np.shares_memory(array, received)
    framewire.send_raw(push, array, copy=None)  # writable, so copied
    array[:] = 7
    assert not np.asarray(framewire.recv_raw(pull)[0]).any()


def resized(data):
    try:
        data.append(0)
    except BufferError:
        return False
    return True


@pytest.mark.parametrize("flags", [0, zmq.DONTWAIT])
def test_refused_send_lets_go(context, flags):
    """After zmq.Again the buffer is the caller's again: at once, not at some later call."""
    push = context.socket(zmq.PUSH)
    push.sndtimeo = 10
    for _ in range(20):
        data = bytearray(SIZE)
        try:
            framewire.send_raw(push, [b"first", data], flags, copy=False)
        except zmq.Again:
            free = resized(data)
        # through pyzmq, its garbage collector thread has the buffer for a while
        assert free or (framewire.transport == "pyzmq" and eventually(lambda d=data: resized(d)))


def test_failed_preparation_lets_go(link):
    """What comes after the buffer cannot be sent: nothing is, and the buffer is free."""
    push, pull = link()
    data = bytearray(SIZE)
    for bad in ("text", object(), np.array([None]), memoryview(b"abcd")[::2]):
        with pytest.raises((TypeError, ValueError)):
            framewire.send_raw(push, [b"x", data, bad], copy=False)
        data.append(0)
    with pytest.raises(zmq.Again):
        framewire.recv_raw(pull, zmq.DONTWAIT)


# ---- received


@pytest.mark.parametrize("over", ["inproc", "tcp"])
@pytest.mark.parametrize("size", [20, 5000, SIZE])
@pytest.mark.parametrize("receive", [framewire.recv_array, framewire.recv_raw])
def test_received_view_outlives_everything(over, size, receive):
    with zmq.Context() as context:
        push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
        push.connect(f"tcp://127.0.0.1:{pull.bind_to_random_port('tcp://127.0.0.1')}")
        if over == "inproc":
            pull.bind("inproc://outlives")
            push.connect("inproc://outlives")
        pull.rcvtimeo = 20_000
        for number in range(6):
            framewire.send_array(push, np.full(size, number, "u1"), copy=[None, False][number % 2])
        received = [receive(pull) for _ in range(6)]
        push.close()
        pull.close()
    del push, pull, context
    gc.collect()
    if receive is framewire.recv_raw:
        received = [framewire.loads(frames) for frames in received]
    assert sorted(int(each[0]) for each in received) == list(range(6))
    for each in received:
        assert each.shape == (size,)
        assert (each == each[0]).all()
        assert not each.flags.writeable


@pytest.mark.in_place
def test_sender_array_lives_as_long_as_a_view_of_it(link):
    push, pull = link()
    array = owned()
    gone = weakref.ref(array)
    framewire.send_array(push, array[: SIZE - 1], copy=False)
    del array
    received = framewire.recv_array(pull)
    part = received[5:10]
    del received
    framewire.release()
    assert gone() is not None
    assert not part.any()
    del part
    framewire.release()
    assert eventually(lambda: gone() is None)


# ---- let go


def test_let_go_without_another_call(link):
    """The main thread runs bytecode, and that is all."""
    push, pull = link("tcp")
    for _ in range(20):
        array = owned()
        gone = weakref.ref(array)
        framewire.send_array(push, array, copy=False)
        del array
        assert len(pull.recv_multipart()) == 2
        assert eventually(lambda gone=gone: gone() is None)


def test_release_lets_go_in_any_thread(link):
    """With the main thread in C for long, another one calls `release`."""
    push, pull = link()
    done = []

    def work():
        array = owned()
        gone = weakref.ref(array)
        framewire.send_array(push, array, copy=False)
        del array
        framewire.recv_array(pull)
        framewire.release()
        done.append(gone() is None)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    if framewire.transport == "libzmq":
        assert done == [True]
    assert done


class Recursing:
    """Calls framewire as it dies, perhaps in the middle of a drain, and makes more to drain."""

    died = 0

    def __init__(self, socket, depth):
        self.socket, self.depth = socket, depth

    def __del__(self):
        type(self).died += 1
        framewire.release()
        if self.depth:
            send_recursing(self.socket, self.depth - 1)


def send_recursing(socket, depth):
    array = owned()
    array.friend = Recursing(socket, depth)
    framewire.send_array(socket, array, copy=False)


def test_drain_within_a_drain(context):
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    push.sndhwm = pull.rcvhwm = 0
    pull.bind("inproc://recursing")
    push.connect("inproc://recursing")
    Recursing.died = 0
    for _ in range(100):
        send_recursing(push, 3)
    received = 0

    def all_died():
        nonlocal received
        while True:
            try:
                framewire.recv_array(pull, zmq.DONTWAIT)
            except zmq.Again:
                break
            received += 1
        framewire.release()
        return Recursing.died == 400

    assert eventually(all_died)
    assert received == 400


def test_drain_keeps_a_pending_exception(link):
    """Dying owners that raise and catch do not disturb the call, nor the exception on its way."""
    push, pull = link()

    class Noisy:
        died = 0

        def __del__(self):
            Noisy.died += 1
            try:
                raise KeyError("on its way out")
            except KeyError:
                framewire.release()

    for number in range(100):
        array = owned()
        array.friend = Noisy()
        framewire.send_array(push, array, copy=False)
        del array
        with pytest.raises(ZeroDivisionError, match="mine"):
            try:
                raise ZeroDivisionError("mine")
            finally:
                framewire.recv_array(pull)
                framewire.release()
        with pytest.raises(framewire.SchemaError):
            framewire.send_array(push, np.arange(number))
            framewire.recv_array(pull, shape=number + 1)
    assert eventually(lambda: Noisy.died == 100)


def test_refcounts_return(link):
    push, pull = link()
    array, data, topic = np.zeros(SIZE, "u1"), bytes(SIZE), b"a topic of more than 33 bytes" * 2
    target = np.empty(SIZE, "u1")
    things = array, data, topic, array.dtype, target, push, pull

    def work():
        framewire.send_array(push, array, copy=False, topic=topic, meta={"a": 1})
        framewire.send_array(push, array[::2], track=True)
        framewire.send_raw(push, [data, topic, array], copy=False, track=True)
        framewire.recv_array(pull, dtype="u1", shape=SIZE, out=target)
        framewire.recv_message(pull, copy=True)
        framewire.recv_raw(pull)
        for bad in ({"topic": 5}, {"meta": object()}, {"topic": b"\xc1\x46"}):
            with pytest.raises((TypeError, ValueError)):
                framewire.send_array(push, array, copy=False, **bad)
        with pytest.raises(zmq.Again):
            framewire.recv_array(pull, zmq.DONTWAIT)

    check_refcounts(things, work, 50)


# ---- threads


def test_threads_with_sockets_of_their_own(context):
    """4 threads, 10,000 messages each way, with and without frames of their own."""
    errors = []

    def work(number):
        try:
            push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
            pull.rcvtimeo = 20_000
            push.bind(f"inproc://thread-{number}")
            pull.connect(f"inproc://thread-{number}")
            large = np.full(2000, number)
            for i in range(10_000):
                sent = large if i % 8 == 0 else np.array([number, i])
                framewire.send_array(push, sent, copy=[None, False][i % 2])
                assert (framewire.recv_array(pull) == sent).all()
            push.close()
            pull.close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert not errors
    assert not any(thread.is_alive() for thread in threads)
