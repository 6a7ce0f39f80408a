"""When a tracker is done: with every frame, within another tracker, and in many threads."""

import signal
import threading
import time

import numpy as np
import pytest
import zmq

import framewire

SIZE = 100_000
BIG = 8 << 20  # more than the buffers of a loopback connection hold


@pytest.mark.in_place
def test_tracker_covers_every_frame(context, tmp_path):
    """The first frame is by far the last to go: pyzmq's tracker would be done before."""
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    push.connect(f"ipc://{tmp_path}/later")
    first, last = bytearray(BIG), bytearray(SIZE)
    tracker = framewire.send_raw(push, [first, b"x", last], copy=False, track=True)
    assert isinstance(tracker, zmq.MessageTracker)
    assert not tracker.done
    for timeout in (0, 0.05):
        with pytest.raises(zmq.NotDone):
            tracker.wait(timeout)
    pull.bind(f"ipc://{tmp_path}/later")
    pull.rcvtimeo = 20_000
    frames = framewire.recv_raw(pull)
    tracker.wait(20)
    assert tracker.done
    assert [len(frame) for frame in frames] == [BIG, 1, SIZE]
    first.append(0)
    last.append(0)


@pytest.mark.in_place
def test_tracker_when_one_frame_is_kept(link):
    push, pull = link()
    data = [bytes(SIZE), bytes(SIZE)]
    for kept in (0, 1):
        tracker = framewire.send_raw(push, data, copy=False, track=True)
        frames = framewire.recv_raw(pull)
        del frames[1 - kept]
        framewire.release()
        assert not tracker.done
        with pytest.raises(zmq.NotDone):
            tracker.wait(0.01)
        frames.clear()
        tracker.wait(20)
        assert tracker.done


@pytest.mark.in_place
def test_tracker_inside_a_tracker(link):
    push, pull = link()
    one = framewire.send_raw(push, bytes(SIZE), copy=False, track=True)
    two = framewire.send_array(push, np.zeros(SIZE), copy=False, track=True)
    both = zmq.MessageTracker(one, two)
    assert not both.done
    framewire.recv_raw(pull)
    assert not both.done
    with pytest.raises(zmq.NotDone):
        both.wait(0.01)
    framewire.recv_raw(pull)
    both.wait(20)
    assert both.done
    assert one.done
    assert two.done


@pytest.mark.in_place
def test_ctrl_c_during_wait(link):
    push, pull = link()
    tracker = framewire.send_raw(push, bytes(SIZE), copy=False, track=True)
    main = threading.main_thread().ident
    timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            tracker.wait(20)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert not tracker.done
    framewire.recv_raw(pull)
    tracker.wait(20)


def test_no_missed_wake_up(context):
    """Several threads wait on trackers while messages come and go: each returns, and soon."""
    slowest = []

    def work(number):
        push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
        pull.bind(f"inproc://wake-{number}")
        push.connect(f"inproc://wake-{number}")
        pull.rcvtimeo = 20_000
        waiters = []
        for _ in range(300):
            trackers = [
                framewire.send_raw(push, bytes(SIZE), copy=False, track=True) for _ in range(2)
            ]
            waiters = [threading.Thread(target=wait, args=(each,)) for each in trackers]
            for waiter in waiters:
                waiter.start()
            for _ in trackers:
                framewire.recv_raw(pull)
            for waiter in waiters:
                waiter.join(30)
        push.close()
        pull.close()

    def wait(tracker):
        start = time.monotonic()
        tracker.wait(20)
        slowest.append(time.monotonic() - start)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert len(slowest) == 3 * 300 * 2  # none raised NotDone
