"""The zmq.Frame that framewire receives: pyzmq's in what can be asked, safe in what it lends."""

import copy
import gc
import pickle

import numpy as np
import pytest
import zmq
from outcomes import outcome

import framewire

SIZES = [0, 1, 33, 34, 1000, 8192, 8193, 100_000]


def received(socket, whole):
    """A frame by recv, or by recv_multipart as the only one."""
    if not whole:
        return socket.recv(copy=False)
    (frame,) = socket.recv_multipart(copy=False)
    return frame


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("over", ["inproc", "tcp"])
@pytest.mark.parametrize("by", ["pyzmq", "framewire"])
def test_what_a_frame_says(alike, over, size, by):
    """Its length, bytes, memory, text, options and properties, and what it refuses to say."""

    def act(here, there):
        (zmq.Socket if by == "pyzmq" else type(here)).send(here, b"q" * size)
        frame = there.recv(copy=False)
        assert isinstance(frame, zmq.Frame)
        seen = {
            "len": len(frame),
            "bytes": frame.bytes,
            "same bytes": frame.bytes is frame.bytes,
            "bytes()": bytes(frame),
            "buffer": bytes(frame.buffer),
            "format": (frame.buffer.format, frame.buffer.shape, frame.buffer.itemsize),
            "more": frame.more,
            "tracker": frame.tracker,
            "str": str(frame).replace("framewire._frame.ReadOnlyFrame", "zmq.Frame"),
            "pickle": outcome(pickle.dumps, frame),
            "setitem": outcome(frame.__class__.__setattr__, frame, "nonsense", 5),
        }
        for option in (zmq.MORE, zmq.SHARED, 99, "Socket-Type", "Identity", "nonsense"):
            seen["get", option] = outcome(frame.get, option)
            seen["item", option] = outcome(lambda option=option: frame[option])
        for option in ("routing_id", "group"):
            seen[option] = outcome(getattr, frame, option)
        seen["get of bytes"] = outcome(frame.get, b"Socket-Type")
        seen["get of None"] = outcome(frame.get, None)
        seen["copy"] = bytes(copy.copy(frame))
        return seen

    found = alike(act, over=over)
    assert found["item", "Socket-Type"] == (
        (str, "'PAIR'") if over == "tcp" else (zmq.ZMQError, zmq.EINVAL)
    )


def test_more_and_trackers(alike, over):
    def act(here, there):
        frames = [b"", b"x" * 50, b"y" * 10_000, b"z"]
        here.send_multipart(frames)
        here.send_multipart(frames)
        here.send_multipart(frames)
        whole = there.recv_multipart(copy=False)
        tracked = there.recv_multipart(copy=False, track=True)
        return {
            "whole": outcome(lambda: whole),
            "more": [(frame.more, frame.get(zmq.MORE)) for frame in whole],
            "tracked": [frame.tracker.done for frame in tracked],
            "waited": [frame.tracker.wait(1) for frame in tracked],
            "one by one": [
                (there.recv(copy=False).more, there.getsockopt(zmq.RCVMORE)) for _ in frames
            ],
        }

    found = alike(act, over=over)
    assert found["more"] == [(True, 1)] * 3 + [(False, 0)]


def test_a_frame_goes_on(alike, over):
    """Received frames are sent on, by reference, to pyzmq's peer and back."""

    def act(here, there):
        here.send_multipart([b"x" * 5, b"y" * 70_000])
        frames = there.recv_multipart(copy=False, track=True)
        there.send_multipart(frames, copy=False, track=True)
        there.send(frames[1], copy=False)
        there.send_multipart([b"a", *frames])
        back = [zmq.Socket.recv_multipart(here) for _ in range(3)]
        return {"back": back, "still": [frame.bytes for frame in frames]}

    alike(act, over=over)


# ---- memory


def writable(frame):
    """Can anybody write into the frame, in any of the usual ways?"""
    found = {not memoryview(frame).readonly, not frame.buffer.readonly}
    found.add(np.frombuffer(frame, "u1").flags.writeable)
    try:
        frame.buffer[:] = b"X" * len(frame)
        found.add(True)
    except TypeError:
        found.add(False)
    assert len(found) == 1, "one way says this, another that"
    return found.pop()


@pytest.mark.in_place
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("how", [{"copy": False}, {"copy": False, "track": True}])
def test_bytes_sent_in_place_cannot_be_changed(pair, how, whole):
    here, there = pair
    here.copy_threshold = 0
    for size in SIZES[1:]:
        data = bytes(range(256)) * (size // 256 + 1)
        before = bytearray(data)
        here.send(data, **how)
        frame = received(there, whole)
        assert not writable(frame)
        with pytest.raises((BufferError, ValueError, TypeError)):
            there.recv_into(frame, flags=zmq.DONTWAIT)
        assert data == before


@pytest.mark.in_place
def test_a_copy_of_a_read_only_frame_is_no_way_around(pair):
    """pyzmq's would be another frame of the same memory."""
    here, there = pair
    data = b"q" * 100_000
    here.send_multipart([data, data], copy=False)
    for frame, more in zip(there.recv_multipart(copy=False), (True, False), strict=True):
        copied = copy.copy(frame)
        assert isinstance(copied, zmq.Frame)
        assert (copied.bytes, copied.more) == (data, more)
        if not memoryview(copied).readonly:
            memoryview(copied)[:] = bytes(len(data))
        assert memoryview(frame).readonly
        assert set(data) == {ord("q")}


@pytest.mark.in_place
def test_bytes_sent_in_place_by_pyzmq_cannot_be_changed_either(connect, context, ctx):
    """The maker of the message makes no difference."""
    ours = framewire.Context.shadow(context.underlying)
    here, there = context.socket(zmq.PAIR), ours.socket(zmq.PAIR)
    there.rcvtimeo = 5000
    here.bind("inproc://plain")
    there.connect("inproc://plain")
    data = b"q" * 100_000
    here.send(data, copy=False)
    frame = there.recv(copy=False)
    assert not writable(frame)
    assert set(data) == {ord("q")}
    del frame
    here.close(0)
    there.close(0)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("size", SIZES[1:])
@pytest.mark.parametrize("over", ["ipc", "tcp"])
def test_a_frame_from_the_network_is_writable(connect, over, size, whole):
    here, there = connect(over=over)
    here.send(b"q" * size)
    frame = received(there, whole)
    assert type(frame) is zmq.Frame
    assert writable(frame)
    assert bytes(frame) == b"X" * size


@pytest.mark.in_place
@pytest.mark.parametrize("size", [40, 100_000])
def test_a_message_to_two_subscribers_is_read_only(ctx, quick, size):
    """Over inproc both have the same memory, and neither may write it."""
    publisher = quick(ctx.socket(zmq.XPUB))
    publisher.copy_threshold = 0
    publisher.xpub_verbose = True
    publisher.bind("inproc://shared")
    subscribers = [quick(ctx.socket(zmq.SUB)) for _ in range(2)]
    for subscriber in subscribers:
        subscriber.connect("inproc://shared")
        subscriber.subscribe(b"")
        publisher.recv()
    for data, how in ((b"q" * size, {"copy": False}), (b"q" * size, {})):
        publisher.send(data, **how)
        frames = [subscriber.recv(copy=False) for subscriber in subscribers]
        assert [writable(frame) for frame in frames] == [False, False]
        assert [frame.bytes for frame in frames] == [data, data]


@pytest.mark.parametrize("size", [20, 5000, 100_000])
def test_frames_outlive_everything(connect, over, size):
    """The next receive, the socket, the context; the frame itself, while there is a view of it."""
    context = framewire.Context()
    here, there = connect(context=context, over=over)
    for number in range(4):
        here.send(bytes([number]) * size, copy=bool(number % 2))
    here.send_multipart([bytes([4]) * size, bytes([5]) * size])
    frames = [there.recv(copy=False) for _ in range(4)] + there.recv_multipart(copy=False)
    views = [memoryview(frame) for frame in frames[:2]]
    views += [np.frombuffer(frame, "u1") for frame in frames[2:4]]
    views += [frame.buffer for frame in frames[4:]]
    here.close()
    there.close()
    context.term()
    del here, there, context
    kept = frames[1::2]
    del frames
    gc.collect()
    framewire.release()
    for number, view in enumerate(views):
        assert bytes(view) == bytes([number]) * size
    assert [bytes(frame) for frame in kept] == [bytes([number]) * size for number in (1, 3, 5)]
