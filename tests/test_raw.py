"""Raw frames: any contiguous buffer goes out as its bytes, and comes back as it is."""

import array
import contextlib
import ctypes
import mmap
import sys

import numpy as np
import pytest
import zmq

import framewire


class Point(ctypes.Structure):
    _fields_ = (("O", ctypes.c_int), ("y", ctypes.c_double))  # "O" is a name, not a format


def buffers():
    yield "bytes", b"abc"
    yield "empty bytes", b""
    yield "bytearray", bytearray(b"abc")
    yield "empty bytearray", bytearray()
    yield "memoryview", memoryview(b"abcdef")[2:4]
    yield "empty memoryview", memoryview(b"abc")[3:]
    yield "cast memoryview", memoryview(bytearray(24)).cast("d", (3, 1))
    yield "3-d memoryview", memoryview(bytes(range(24))).cast("B", (2, 3, 4))
    yield "array.array", array.array("d", [1, 2, 3])
    yield "empty array.array", array.array("i")
    yield "ctypes", (ctypes.c_int16 * 5)(1, 2, 3)
    yield "ctypes 2-d", ((ctypes.c_int16 * 5) * 2)()
    yield "ctypes structure", Point(1, 2)
    yield "mmap", mmap.mmap(-1, 5000)
    yield "frame", zmq.Frame(b"x" * 100)
    yield "empty frame", zmq.Frame()
    yield "large frame", zmq.Frame(b"x" * 100_000)
    yield "numpy", np.arange(5)
    yield "numpy 3-d", np.arange(24.0).reshape(2, 3, 4)
    yield "numpy 0-d", np.array(3)
    yield "numpy empty", np.zeros((3, 0))
    yield "numpy datetime64", np.arange(3).astype("M8[ns]")
    yield "numpy big-endian", np.arange(3, dtype=">i8")
    yield "numpy structure", np.ones(3, [("O", "<f4"), ("b", "S3")])
    yield "numpy text", np.array(["a", "ü"])
    yield "numpy long double", np.ones(3, "g")
    yield "numpy read-only", np.frombuffer(b"abc", np.uint8)
    yield "numpy scalar", np.float64(2.5)
    yield "large bytes", bytes(range(256)) * 400
    yield "large bytearray", bytearray(range(256)) * 400
    yield "large numpy", np.arange(50_000).reshape(250, 200)


BUFFERS = [pytest.param(buffer, id=name) for name, buffer in buffers()]


def flat(buffer):
    return memoryview(buffer).tobytes() if not isinstance(buffer, np.ndarray) else buffer.tobytes()


@pytest.fixture
def lines(connect, over):
    return connect(over=over)


@pytest.mark.parametrize("buffer", BUFFERS)
def test_any_buffer(lines, buffer):
    expected = flat(buffer)
    for copy in (None, False, True):
        lines[0].send_raw(buffer, copy=copy)
        lines[0].send_raw([buffer, b"", buffer], copy=copy)
    for _ in range(3):
        (got,) = lines[1].recv_raw()
        assert got == expected
        assert [each.tobytes() for each in lines[1].recv_raw()] == [expected, b"", expected]


@pytest.mark.parametrize("name", ["bfloat16", "float8_e5m2"])
def test_extension_arrays(pair, name):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    sent = np.ones(9, getattr(ml_dtypes, name))
    pair[0].send_raw(sent)
    assert pair[1].recv_raw()[0] == sent.tobytes()


@pytest.mark.parametrize("size", [0, 1, 33, 34, 8191, 8192, 8193, 100_000])
def test_frames_come_as_read_only_bytes(lines, size):
    lines[0].send_raw([bytearray(size), b"end"])
    got = lines[1].recv_raw()
    assert len(got) == 2
    for frame in got:
        assert type(frame) is memoryview
        assert (frame.format, frame.ndim, frame.readonly) == ("B", 1, True)
        assert frame.contiguous
    assert got[0].nbytes == size
    with pytest.raises(TypeError):
        got[1][0] = 1


def test_a_frame_outlives_the_next_receive_and_the_socket(lines):
    lines[0].send_raw(b"a" * 50_000)
    (frame,) = lines[1].recv_raw()
    for _ in range(10):
        lines[0].send_raw(b"b" * 50_000)
        lines[1].recv_raw()
    lines[1].close()
    assert frame == b"a" * 50_000


@pytest.mark.parametrize("copy", [None, True])
def test_a_copied_buffer_can_be_changed_at_once(pair, copy):
    data = bytearray(100_000)
    pair[0].send_raw([data, memoryview(data).toreadonly()], copy=copy)
    data[:] = b"x" * 100_001  # resized, too
    assert [frame.tobytes().strip(b"\0") for frame in pair[1].recv_raw()] == [b"", b""]


@pytest.mark.in_place
def test_a_buffer_in_flight_cannot_be_resized(pair):
    data = bytearray(100_000)
    tracker = pair[0].send_raw(data, copy=False, track=True)
    assert not tracker.done
    data[0] = 7
    if framewire.transport == "libzmq":  # pyzmq lets go of the buffer and dangles
        with pytest.raises(BufferError):
            data.append(1)
    (got,) = pair[1].recv_raw()
    assert got[0] == 7
    del got
    tracker.wait(5)
    data.append(1)


@pytest.mark.in_place
def test_tracker_covers_every_frame(pair):
    large, small = bytes(100_000), b"small"
    tracker = pair[0].send_raw([large, small], track=True)
    assert isinstance(tracker, framewire.MessageTracker)
    assert isinstance(tracker, zmq.MessageTracker)
    assert not tracker.done
    with pytest.raises(zmq.NotDone):
        tracker.wait(0.01)
    first, _ = pair[1].recv_raw()
    assert not tracker.done  # still seen through `first`
    del first
    tracker.wait(5)
    assert tracker.done
    copied = pair[0].send_raw([large, small], copy=True, track=True)
    copied.wait(0.1)
    assert pair[0].send_raw(b"untracked") is None


def test_a_received_frame_is_forwarded_in_place(connect):
    here, there = connect(over="tcp")
    here.send_raw([b"q" * 100_000, b"w"])
    tracker = there.send_raw(there.recv_raw(), track=True)
    assert [frame.nbytes for frame in here.recv_raw()] == [100_000, 1]
    tracker.wait(5)


@pytest.mark.parametrize("send", ["send_raw", "send_multipart"])
@pytest.mark.parametrize("receive", ["recv_raw", "recv_multipart"])
def test_wire_compatible_with_pyzmq(lines, send, receive):
    for count in (1, 2, 3, 20, 100):
        sent = [bytes([i]) * (i * 700) for i in range(count)]
        getattr(lines[0], send)(sent)
        assert [bytes(frame) for frame in getattr(lines[1], receive)()] == sent


def bad():
    yield "str", "text", TypeError
    yield "numpy str", np.str_("text"), TypeError
    yield "int", 3, TypeError
    yield "None", None, TypeError
    yield "generator", (b"" for _ in range(2)), TypeError
    yield "dict", {"a": 1}, TypeError
    yield "nested list", [b"a"], TypeError
    yield "strided array", np.arange(10)[::2], ValueError
    yield "reversed array", np.arange(10)[::-1], ValueError
    yield "Fortran order", np.ones((3, 2), order="F"), ValueError
    yield "broadcast", np.broadcast_to(np.arange(3), (4, 3)), ValueError
    yield "strided memoryview", memoryview(b"abcdef")[::2], ValueError
    yield "objects", np.array([1, None], object), TypeError
    yield "memoryview of objects", memoryview(np.array([1, None], object)), TypeError
    yield "object field", np.zeros(3, [("a", "i4"), ("b", object)]), TypeError
    yield (
        "memoryview of object field",
        memoryview(np.zeros(3, [("a", "i4"), ("b", [("c", object)])])),
        TypeError,
    )
    yield "ctypes objects", (ctypes.py_object * 2)(1, 2), TypeError
    if hasattr(getattr(np, "dtypes", None), "StringDType"):
        yield "StringDType", np.array(["a"], np.dtypes.StringDType()), TypeError
    released = memoryview(b"abc")
    released.release()
    yield "released memoryview", released, ValueError


BAD = [pytest.param(buffer, error, id=name) for name, buffer, error in bad()]


@pytest.mark.parametrize(("buffer", "error"), BAD)
@pytest.mark.parametrize("at", ["alone", "first", "middle", "last"])
def test_what_cannot_be_sent_sends_nothing(pair, buffer, error, at):
    message = {
        "alone": buffer,
        "first": [buffer, b"a"],
        "middle": [b"a", b"x" * 50_000, buffer, b"b"],
        "last": (b"a", buffer),
    }[at]
    if at == "alone" and isinstance(buffer, list):
        pytest.skip("a list is a message")
    for copy in (None, False, True):
        with pytest.raises(error):
            pair[0].send_raw(message, copy=copy)
    pair[0].send_raw([b"the", b"next"])
    assert pair[1].recv_raw() == [b"the", b"next"]
    with pytest.raises(zmq.Again):
        pair[1].recv_raw(zmq.DONTWAIT)


@pytest.mark.parametrize("nothing", [[], ()])
def test_a_message_of_no_frames(pair, nothing):
    with pytest.raises(ValueError, match="frame"):
        pair[0].send_raw(nothing)


def test_failures_leave_nothing_behind(pair):
    """1000 failures of each kind: no reference, no memory, no held buffer."""
    every = [param.values for param in BAD]
    cases = [case for case in every if sys.getrefcount(case[0]) < 100]  # others have them too
    good = bytearray(10_000)
    blocks = 0
    before = [sys.getrefcount(buffer) for buffer, _ in cases]
    for turn in range(1100):
        if turn == 100:
            blocks = sys.getallocatedblocks()
        for buffer, error in cases:
            with contextlib.suppress(error):
                pair[0].send_raw([good, buffer], copy=False)
    del buffer, error
    assert [sys.getrefcount(buffer) for buffer, _ in cases] == before
    assert sys.getallocatedblocks() - blocks < 500
    good.append(1)


# ---- SNDMORE


def test_more_frames_follow(lines):
    here, there = lines
    here.send_raw(b"a", zmq.SNDMORE)
    here.send_raw([b"b", bytearray(20_000)], zmq.SNDMORE)
    here.send_raw([b"c", b"d"])
    here.send_raw(b"next")
    assert [len(frame) for frame in there.recv_raw()] == [1, 1, 20_000, 1, 1]
    assert there.recv_raw() == [b"next"]


def test_pyzmq_begins_and_framewire_ends(lines):
    here, there = lines
    here.send(b"topic", zmq.SNDMORE)
    here.send_array(np.arange(3))
    here.send_raw(b"topic", zmq.SNDMORE)
    here.send(b"end")
    message = there.recv_message()
    assert message.topic == b"topic"
    assert message.value.tolist() == [0, 1, 2]
    assert there.recv_multipart() == [b"topic", b"end"]


def test_an_array_ends_a_message_begun_with_raw_frames(lines):
    here, there = lines
    here.send_raw([b"id", b""], zmq.SNDMORE)
    here.send_array(np.arange(5000), topic="t", meta={"a": 1})
    here.send_array(np.arange(3))
    message = there.recv_message()
    assert message.envelope == [b"id", b"", b"t"]
    assert message.value.sum() == 4999 * 2500
    assert there.recv_array().tolist() == [0, 1, 2]


def test_a_failure_in_the_middle_of_a_message_can_be_made_good(pair):
    pair[0].send_raw(b"a", zmq.SNDMORE)
    with pytest.raises(TypeError):
        pair[0].send_raw("b")
    with pytest.raises(TypeError):
        pair[0].send_array(np.array([None]))
    pair[0].send_raw(b"c")
    assert pair[1].recv_raw() == [b"a", b"c"]


def test_half_a_message_does_not_arrive(pair):
    pair[0].send_raw([b"a", b"b"], zmq.SNDMORE)
    with pytest.raises(zmq.Again):
        pair[1].recv_raw(zmq.DONTWAIT)
    pair[0].send_raw(b"c", zmq.DONTWAIT)
    assert pair[1].recv_raw(zmq.DONTWAIT) == [b"a", b"b", b"c"]
