"""What ``copy=False`` holds until it is released, and what a tracker of pyzmq's calls says."""

import numpy as np
import pytest
import zmq
from lifetimes import check_refcounts, eventually

import framewire

LARGE = 100_000
BIG = 8 << 20  # more than the buffers of a loopback connection hold

CALLS = {
    "send": lambda socket, data, **how: socket.send(data, copy=False, **how),
    "send_multipart": lambda socket, data, **how: socket.send_multipart(
        [b"a", data, b"c"], copy=False, **how
    ),
    "send_serialized": lambda socket, data, **how: socket.send_serialized(
        [data], list, copy=False, **how
    ),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def resizes(data):
    """Try to append to a bytearray: can it be resized?"""
    try:
        data.append(0)
    except BufferError:
        return False
    return True


# ---- in flight


@pytest.mark.in_place
@each_call
def test_bytearray_in_flight(pair, call):
    """It cannot be resized until it was received and released. pyzmq's would dangle."""
    here, there = pair
    data = bytearray(LARGE)
    call(here, data)
    framewire.release()
    for resize in (lambda: data.append(0), data.clear, data.pop):
        with pytest.raises(BufferError):
            resize()
    frames = there.recv_multipart(copy=False)
    framewire.release()
    assert not resizes(data)
    del frames
    framewire.release()
    assert resizes(data)


@each_call
def test_copied_is_not_held(pair, call):
    """Below the threshold, and with ``copy=True``."""
    here, there = pair
    data = bytearray(65535)
    call(here, data)
    here.send_multipart([data, data])
    data.append(0)
    call(here, data)
    assert resizes(data) is (framewire.transport == "pyzmq")
    for _ in range(3):
        there.recv_multipart()


@pytest.mark.in_place
def test_threshold_of_the_socket(pair):
    here, there = pair
    for threshold, size, held in [
        (0, 1, True),
        (10, 9, False),
        (10, 10, True),
        (1 << 30, LARGE, False),
    ]:
        here.copy_threshold = threshold
        data = bytearray(size)
        tracker = here.send(data, copy=False, track=True)
        assert tracker.done is not held
        assert resizes(data) is not held
        assert len(there.recv()) == size
        framewire.release()
        assert resizes(data)


@pytest.mark.in_place
def test_in_place_is_in_place(pair):
    """Over inproc the receiver sees the memory itself; a strided view of it is refused."""
    here, there = pair
    array = np.arange(LARGE, dtype="u1")
    here.send(array, copy=False)
    assert np.shares_memory(np.frombuffer(there.recv(copy=False), "u1"), array)
    here.send_multipart([b"a", np.asfortranarray(array.reshape(2, -1)), array], copy=False)
    frames = there.recv_multipart(copy=False)
    assert [np.shares_memory(np.frombuffer(each, "u1"), array) for each in frames] == [
        *(False, False, True)
    ]
    assert frames[1].bytes == array.reshape(2, -1).tobytes("F")


def test_refused_lets_go(ctx, quick):
    """Nobody to send to: the buffer is the caller's again."""
    push = quick(ctx.socket(zmq.PUSH))
    push.sndtimeo = 1
    for call in CALLS.values():
        for flags in (0, zmq.DONTWAIT):
            data = bytearray(LARGE)
            with pytest.raises(zmq.Again):
                call(push, data, flags=flags)
            framewire.release()
            assert eventually(lambda data=data: resizes(data))


def test_refcounts_return(connect, over):
    """Of all that was sent in place, received in place, and refused."""
    here, there = connect(over=over)
    data, array, changing = bytes(LARGE), np.zeros(LARGE, "u1"), bytearray(LARGE)
    things = data, array, changing, here, there

    def work():
        for call in CALLS.values():
            for thing in things[:3]:
                call(here, thing, track=True)
                call(here, thing)
                there.recv_multipart(copy=False)
                there.recv_serialized(lambda frames: frames[0].bytes, copy=False)
        here.send(zmq.Frame(data), copy=False)
        there.recv(copy=False, track=True)
        with pytest.raises(TypeError):
            here.send_multipart([data, array, 5], copy=False, track=True)
        with pytest.raises(zmq.Again):
            there.recv(zmq.DONTWAIT, copy=False)

    check_refcounts(things, work, 10)


# ---- trackers


def test_results(pair):
    """What each call returns: None, a tracker that is done, or one that is not yet."""
    here, there = pair
    small, large = b"x", bytes(LARGE)
    done = zmq.Frame(b"", track=True).tracker
    assert here.send(small) is None
    assert here.send(large, track=True) is None
    assert here.send(large, copy=False) is None
    assert here.send(small, copy=False).done
    assert here.send(small, copy=False) is done
    assert here.send_multipart([large, small], copy=False) is done
    assert here.send_multipart([small, large], copy=False) is None
    assert here.send_multipart([small, large], track=True) is None
    tracker = here.send(large, copy=False, track=True)
    both = here.send_multipart([large, small], copy=False, track=True)
    assert isinstance(tracker, zmq.MessageTracker)
    assert isinstance(both, zmq.MessageTracker)
    if framewire.transport == "libzmq":
        assert (tracker.done, both.done) == (False, False)
    for _ in range(10):
        there.recv_multipart()
    assert tracker.wait(5) is both.wait(5) is None
    assert (tracker.done, both.done) == (True, True)


@pytest.mark.in_place
def test_done_with_every_frame(pair):
    """pyzmq's tracker is of the last frame, which was small enough to be copied: done at once."""
    here, there = pair
    for sizes in ((LARGE, 1), (1, LARGE), (LARGE, LARGE), (LARGE, 1, LARGE)):
        parts = [bytearray(size) for size in sizes]
        tracker = here.send_multipart(parts, copy=False, track=True)
        frames = there.recv_multipart(copy=False)
        while any(len(frame) == LARGE for frame in frames):
            framewire.release()
            assert not tracker.done
            for timeout in (0, 0.01):
                with pytest.raises(zmq.NotDone):
                    tracker.wait(timeout)
            frames.pop(0)
        tracker.wait(5)
        assert tracker.done
        assert all(resizes(part) for part in parts)


@pytest.mark.in_place
def test_over_the_network(ctx, quick, tmp_path):
    push, pull = quick(ctx.socket(zmq.PUSH)), quick(ctx.socket(zmq.PULL))
    push.connect(f"ipc://{tmp_path}/later")
    tracker = push.send_multipart([bytearray(BIG), b"small"], copy=False, track=True)
    with pytest.raises(zmq.NotDone):
        tracker.wait(0.01)
    pull.bind(f"ipc://{tmp_path}/later")
    assert [len(frame) for frame in pull.recv_multipart(copy=False)] == [BIG, 5]
    tracker.wait(5)
    assert tracker.done


@pytest.mark.in_place
def test_as_a_peer_of_other_trackers(pair):
    here, there = pair
    ours = here.send(bytes(LARGE), copy=False, track=True)
    frame = zmq.Frame(b"x" * LARGE, track=True, copy=False)
    theirs = here.send(frame)
    assert theirs is frame.tracker
    every = zmq.MessageTracker(ours, theirs, zmq.MessageTracker(ours), frame)
    assert not every.done
    with pytest.raises(zmq.NotDone):
        every.wait(0.01)
    there.recv()
    there.recv()
    del frame
    every.wait(5)
    assert every.done
    assert ours.done


def test_frames_in_a_tracked_message(pair):
    """A tracked Frame goes by reference: with `track`, the tracker waits for it as well."""
    here, there = pair
    frame = zmq.Frame(b"x" * LARGE, track=True, copy=False)
    tracker = here.send_multipart([b"a", frame], copy=False, track=True)
    got = there.recv_multipart(copy=False)
    assert got[1].bytes == b"x" * LARGE
    assert isinstance(tracker, zmq.MessageTracker)
    del got, frame
    framewire.release()
    tracker.wait(5)
    assert tracker.done


def test_a_frame_is_let_go_while_its_tracker_waits(ctx, quick):
    """Nothing but pyzmq's own tracker runs then: the main thread sleeps in it."""
    push, pull = quick(ctx.socket(zmq.PUSH)), quick(ctx.socket(zmq.PULL))
    push.connect(f"tcp://127.0.0.1:{pull.bind_to_random_port('tcp://127.0.0.1')}")
    for send in (push.send, lambda frame: push.send_multipart([b"a", frame])):
        frame = zmq.Frame(bytearray(2_000_000), track=True, copy=False)
        tracker = send(frame)
        del frame
        tracker.wait(5)
        assert tracker.done
        pull.recv_multipart()


@pytest.mark.in_place
def test_a_tracker_of_buffers_and_frames(pair):
    here, there = pair
    frame = zmq.Frame(b"x" * LARGE, track=True, copy=False)
    tracker = here.send_multipart([bytes(LARGE), frame, b"b"], copy=False, track=True)
    got = there.recv_multipart(copy=False)
    assert not tracker.done
    del frame, got[1]
    with pytest.raises(zmq.NotDone):
        tracker.wait(0.05)
    del got
    tracker.wait(5)
