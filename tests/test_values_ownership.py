"""Who owns the buffers of a value: in place or copied, held in flight, let go, never lost."""

import array
import gc
import mmap
import struct
import weakref

import numpy as np
import pytest
import zmq
from lifetimes import Watched, eventually, view_of

import framewire

SIZE = 100_000
BIG = 8 << 20  # more than the buffers of a loopback connection hold


def memory(value):
    """A view of what a value is made of."""
    return np.frombuffer(value, "u1")


def tree(value):
    return {"deep": [1, (value,)]}


def from_tree(value):
    return value["deep"][1][0]


ROOTS = {"root": (lambda value: value, lambda value: value), "tree": (tree, from_tree)}
roots = pytest.mark.parametrize(("into", "out"), ROOTS.values(), ids=ROOTS)

# For each: does copy=None send it in place?
KINDS = {
    "bytes": (lambda: bytes(SIZE), True),
    "memoryview-of-bytes": (lambda: memoryview(bytes(SIZE)), True),
    "array-of-bytes": (lambda: np.frombuffer(bytes(SIZE), "f4"), True),
    "bytearray": (lambda: bytearray(SIZE), False),
    "read-only-view": (lambda: memoryview(bytearray(SIZE)).toreadonly(), False),
    "array": (lambda: np.zeros(SIZE, "u1"), False),
    "fortran": (lambda: np.zeros((SIZE // 100, 100), "u1", order="F"), False),
    "array.array": (lambda: array.array("B", bytes(SIZE)), False),
    "mmap": (lambda: mmap.mmap(-1, SIZE), False),
}
kinds = pytest.mark.parametrize(("make", "immutable"), KINDS.values(), ids=KINDS)


@roots
@kinds
@pytest.mark.parametrize("copy", [None, False, True])
def test_dumps_in_place(make, immutable, into, out, copy):
    value = make()
    frames = framewire.dumps(into(value), copy=copy)
    in_place = copy is False or (copy is None and immutable)
    assert len(frames) == 2
    source = value.ravel("K") if isinstance(value, np.ndarray) else value
    assert np.shares_memory(memory(frames[1]), memory(source)) == in_place
    assert memoryview(frames[1]).readonly


@pytest.mark.in_place
@roots
@kinds
@pytest.mark.parametrize("copy", [None, False, True])
def test_sent_in_place(pair, make, immutable, into, out, copy):
    """Over inproc the receiver has the sender's memory, or not."""
    here, there = pair
    value = make()
    here.send_value(into(value), copy=copy)
    message = there.recv_message()
    source = value.ravel("K") if isinstance(value, np.ndarray) else value
    in_place = copy is False or (copy is None and immutable)
    assert np.shares_memory(memory(message.frames[1]), memory(source)) == in_place


@roots
def test_a_copy_does_not_change(pair, into, out):
    here, there = pair
    for value in (np.zeros(SIZE, "u1"), bytearray(SIZE)):
        for copy in (None, True):
            here.send_value(into(value), copy=copy)
        value[:] = b"\1" * SIZE if type(value) is bytearray else 1
        for _ in range(2):
            assert not np.any(memory(out(there.recv_value())))


@roots
def test_small_ones_are_always_copied(into, out):
    value = np.zeros(8192, "u1")
    frames = framewire.dumps(into(value), copy=False)
    value[:] = 1
    assert len(frames) == 1
    assert not np.any(out(framewire.loads(frames)))


@roots
@pytest.mark.parametrize("copy", [None, False, True])
def test_received(connect, over, into, out, copy):
    """Views are read-only, copies writable and nobody else's."""
    here, there = connect(over=over)
    for value in (np.zeros(SIZE, "u1"), memoryview(bytes(SIZE))):
        here.send_value(into(value), copy=False)
        came = out(there.recv_value(copy=copy))
        writable = copy is True
        assert memoryview(came).readonly != writable
        if writable:
            came[0] = 1
            assert not np.any(memory(value))


def test_sent_on_in_place(connect):
    """What came is nobody's to change, and goes on as it is."""
    here, there = connect()
    here.send_value(tree(np.arange(SIZE)), copy=False)
    came = there.recv_value()
    frames = framewire.dumps([came])
    assert np.shares_memory(memory(frames[1]), from_tree(came))


# ---- in flight


@pytest.mark.in_place
@roots
def test_a_bytearray_in_flight(ctx, quick, tmp_path, into, out):
    push, pull = quick(ctx.socket(zmq.PUSH)), quick(ctx.socket(zmq.PULL))
    push.connect(f"ipc://{tmp_path}/later")
    data = bytearray(BIG)
    tracker = push.send_value(into(data), copy=False, track=True)
    for resize in (lambda: data.append(0), data.clear, data.pop):
        with pytest.raises(BufferError):
            resize()
    assert not tracker.done
    with pytest.raises(zmq.NotDone):
        tracker.wait(0.01)
    pull.bind(f"ipc://{tmp_path}/later")
    pull.rcvtimeo = 20_000
    assert out(pull.recv_value()) == bytes(BIG)
    tracker.wait(20)
    data.append(0)


@pytest.mark.in_place
def test_a_tracker_covers_every_buffer(pair):
    here, there = pair
    tracker = here.send_value([np.zeros(SIZE), 5, np.ones(SIZE)], 0, False, True)
    came = there.recv_value()
    one, other = came[0], came[2]
    del came
    assert not tracker.done
    del other
    framewire.release()
    assert not tracker.done
    del one
    framewire.release()
    tracker.wait(20)
    assert tracker.done


@roots
def test_trackers_of_copies_are_done(pair, into, out):
    here, _ = pair
    for value, copy in ((np.zeros(SIZE), True), (np.zeros(10), False), (bytearray(SIZE), None)):
        assert here.send_value(into(value), copy=copy, track=True).done
    assert here.send_value(into(1), track=False) is None


@roots
def test_a_send_that_is_refused_lets_go(ctx, into, out):
    push = ctx.socket(zmq.PUSH)
    push.linger, push.sndtimeo = 0, 10
    for flags in (0, zmq.DONTWAIT):
        data = bytearray(SIZE)
        with pytest.raises(zmq.Again):
            push.send_value(into(data), flags, copy=False)
        assert eventually(lambda data=data: resized(data))


def resized(data):
    try:
        data.append(0)
    except BufferError:
        return False
    return True


# ---- received, and kept


@roots
@pytest.mark.parametrize("kept", ["value", "message"])
def test_views_outlive_everything(over, tmp_path, into, out, kept):
    """The next receive, the sockets, the context, and the message itself."""
    context = framewire.Context()
    here, there = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    there.rcvtimeo = 20_000
    place = {"inproc": "inproc://kept", "ipc": f"ipc://{tmp_path}/k", "tcp": "tcp://127.0.0.1:*"}
    here.bind(place[over])
    there.connect(here.last_endpoint)
    for number in range(12):
        value = np.full([50, 5000, SIZE][number % 3], number, "u1")
        here.send_value(
            into(memoryview(value) if number % 2 else value), copy=[None, False][number % 2]
        )
    if kept == "value":
        came = [out(there.recv_value()) for _ in range(12)]
    else:
        came = [out(there.recv_message().value) for _ in range(12)]
    here.close()
    there.close()
    context.term()
    del here, there, context, value
    gc.collect()
    for number, each in enumerate(came):
        each = memory(each)
        assert each.shape == ([50, 5000, SIZE][number % 3],)
        assert (each == number).all()


@pytest.mark.in_place
def test_a_part_keeps_the_whole(pair):
    here, there = pair
    value = Watched(SIZE)
    gone = weakref.ref(value)
    here.send_value(tree(view_of(value)[1:]), copy=False)
    del value
    came = from_tree(there.recv_value())
    part = came[10:20]
    del came
    framewire.release()
    assert gone() is not None
    assert not part.any()
    del part
    assert eventually(lambda: framewire.release() or gone() is None)


def apart(array):
    """A message, as others may write it: a large array in a tree, which has a frame of its own."""
    head = framewire.dumps(array, packed=True)[0]
    tree = b"\x91\xc9" + struct.pack(">IB", len(head), 1) + head
    return [b"\xc1F\x01\x04" + struct.pack("<HBBQ", 0, 0, 0, len(tree)), tree]


@pytest.mark.parametrize("copy", [None, True])
def test_a_tree_in_a_frame_of_its_own(pair, copy):
    here, there = pair
    sent = np.arange(3 * SIZE, dtype="u1")
    here.send_multipart(apart(sent))
    (came,) = there.recv_value(copy=copy)
    for _ in range(50):  # to use what was freed, if it was
        here.send_multipart([bytes(16), b"\xee" * 3 * SIZE])
        there.recv_raw()
    np.testing.assert_array_equal(came, sent)
    (came,) = framewire.loads(apart(sent), copy=copy)
    np.testing.assert_array_equal(came, sent)
    assert came.flags.writeable == bool(copy)


def test_loads_keeps_its_frames():
    data = bytearray(framewire.dumps(tree(np.zeros(SIZE, "u1")), packed=True)[0])
    came = framewire.loads(data)
    with pytest.raises(BufferError):
        data.append(0)
    assert np.shares_memory(from_tree(came), memory(data))
    del came
    gc.collect()
    data.append(0)
    framewire.loads(data[:-1], copy=True)
    with pytest.raises(framewire.DecodeError):
        framewire.loads(data)
    data.append(0)
