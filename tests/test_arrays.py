"""Layouts, sizes, and who owns the memory of arrays that are sent and received."""

import pickle
import sys

import numpy as np
import pytest
import zmq
from numpy.lib.stride_tricks import as_strided

import framewire

BASE = np.arange(720.0).reshape(6, 5, 8, 3)
BIG = np.arange(40_000.0).reshape(200, 200)
MAX_DIMS = 64 if np.lib.NumpyVersion(np.__version__) >= "2.0.0b1" else 32


def layouts():
    yield "C", BASE
    yield "F", np.asfortranarray(BASE)
    yield "0-d", np.array(2.5)
    yield "one", np.ones((1, 1, 1))
    yield "transposed", BASE.transpose(2, 0, 3, 1)
    yield "every other", BASE[::2, :, 1::3]
    yield "reversed", BASE[::-1, :, ::-1]
    yield "reversed, 1-d", np.arange(5)[::-1]
    yield "column", BIG[:, 3]
    yield "big strided", BIG[::2, ::-1]
    yield "big F", BIG.T
    yield "big F strided", BIG.T[:, ::2]
    yield "empty", np.empty((0,))
    yield "empty in the middle", np.empty((3, 0, 4), order="F")
    yield "empty slice", BASE[3:3, ::-2]
    yield "broadcast scalar", np.broadcast_to(np.float32(3), (4, 5))
    yield "broadcast rows", np.broadcast_to(np.arange(7), (3, 7))
    yield "broadcast columns", np.broadcast_to(np.arange(7)[:, None], (7, 3))
    yield "broadcast middle", np.broadcast_to(BASE[:, :1], (6, 9, 8, 3))
    yield "broadcast F", np.broadcast_to(np.asfortranarray(BASE), (2, *BASE.shape))
    yield "broadcast F middle", np.broadcast_to(BIG.T[:, None], (200, 3, 200))
    yield "broadcast strided", np.broadcast_to(BASE[::-1, ::2], (5, 6, 3, 8, 3))
    yield "broadcast by one", np.broadcast_to(np.arange(3), (1, 3))
    yield "broadcast and empty", np.broadcast_to(np.empty((1, 0)), (5, 0))
    yield "broadcast to empty", np.broadcast_to(np.ones((1, 3)), (0, 3))
    yield "broadcast big", np.broadcast_to(BIG, (3, 200, 200))
    yield "broadcast far", np.broadcast_to(np.uint8(1), (1 << 20, 1 << 9))
    yield "overlapping windows", as_strided(np.arange(10.0), (4, 7), (8, 8))
    yield "unaligned", np.frombuffer(bytes(range(81)), np.uint8)[1:].view("<f8")
    yield "readonly", np.frombuffer(bytes(24))
    yield "matrix", np.ones((2, 2)).view(np.matrix)
    yield "recarray", np.rec.array([(1, 2.0), (3, 4.0)], dtype=[("a", "<i4"), ("b", "<f8")])
    for n in (31, 32, 33, 63, 64):
        if n <= MAX_DIMS:
            shape = (2, 1, 3) + (1,) * (n - 4) + (2,)
            yield f"{n} dims", np.arange(12).reshape(shape)
            yield f"{n} dims, F", np.arange(12).reshape(shape, order="F")
            yield (
                f"{n} dims, broadcast",
                np.broadcast_to(np.arange(12), (2,) * 8 + (1,) * (n - 9) + (12,)),
            )


LAYOUTS = [pytest.param(array, id=name) for name, array in layouts()]


@pytest.mark.parametrize("array", LAYOUTS)
def test_layout_comes_back(connect, over, assert_same, array):
    here, there = connect(over=over)
    plain = np.asarray(array)
    for copy in (None, False, True):
        here.send_array(array, copy=copy)
        got = there.recv_array()
        assert not got.flags.writeable
        if array.nbytes > 1 << 24:  # broadcast: look at its corner
            assert got.shape == plain.shape
            assert got[-1, -1] == plain[-1, -1]
        else:
            assert_same(got, plain)
        if plain.flags.f_contiguous and not plain.flags.c_contiguous:
            assert got.flags.f_contiguous
            assert not got.flags.c_contiguous


@pytest.mark.parametrize("array", LAYOUTS)
def test_dumps_then_loads(assert_same, array):
    frames = framewire.dumps(array)
    assert len(frames) in (1, 2)
    got = framewire.loads(frames)
    assert not got.flags.writeable
    if array.nbytes <= 1 << 24:
        assert_same(got, array)
        assert_same(framewire.loads(frames, copy=True), array)
        assert framewire.loads(frames, copy=True).flags.writeable


def test_broadcast_axis_travels_once(pair):
    pair[0].send_array(np.broadcast_to(np.arange(4), (1000, 4)))
    head, *rest = pair[1].recv_raw()
    assert not rest
    assert len(head) <= 48 + 32
    got = framewire.loads(head)
    assert got.strides == (0, 8)
    assert not got.flags.writeable
    written_out = framewire.loads(head, copy=True)
    assert written_out.strides == (32, 8)
    written_out[0, 0] = 9
    assert written_out[1, 0] == 0


@pytest.mark.parametrize("copy", [None, False, True])
def test_memmap(tmp_path, pair, assert_same, copy):
    array = np.memmap(tmp_path / "data", "<i4", "w+", shape=(100, 50))
    array[...] = np.arange(5000).reshape(100, 50)
    pair[0].send_array(array, copy=copy)
    assert_same(pair[1].recv_array(), array)


@pytest.mark.parametrize(
    "size", [0, 1, 7, 8, 9, 33, 34, 35, 63, 64, 8191, 8192, 8193, 65536, 65537]
)
@pytest.mark.parametrize("copy", [None, True])
def test_sizes_around_thresholds(connect, over, size, copy):
    here, there = connect(over=over)
    sent = np.frombuffer(np.random.default_rng(size).bytes(size), np.uint8)
    for _ in range(3):
        here.send_array(sent)
    for _ in range(3):
        got = there.recv_array(copy=copy)
        assert got.flags.writeable is bool(copy)
        np.testing.assert_array_equal(got, sent)
    here.send_array(sent)
    head, *rest = there.recv_raw()
    assert len(head) == 24 + (size if size <= 8192 else 0)
    assert [len(frame) for frame in rest] == ([size] if size > 8192 else [])


@pytest.mark.parametrize("dtype", ["<f8", "g", "G", [("a", "u1"), ("b", "g")]])
def test_received_arrays_are_aligned(connect, over, dtype):
    here, there = connect(over=over)
    for n in range(1, 1200, 37):
        sent = np.ones(n, np.dtype(dtype, align=True))
        here.send_array(sent, topic="x" * (n % 11))
        got = there.recv_array()
        assert got.flags.aligned
        assert (got == sent).all()


# ---- what is sent


def sources():
    """Ways to make an array of zeros, each with one to change its memory."""

    def own():
        array = np.zeros(16_000, np.uint8)
        return array, lambda: array.fill(1)

    def view():
        array = np.zeros(32_000, np.uint8)
        return array[8000:24_000], lambda: array.fill(1)

    def read_only_view():
        array = np.zeros(16_000, np.uint8)
        seen = array[:]
        seen.flags.writeable = False
        return seen, lambda: array.fill(1)

    def unpickled():
        array = pickle.loads(pickle.dumps(np.zeros(16_000, np.uint8), protocol=2))
        return array, lambda: array.fill(1)

    def view_of_unpickled():
        array, change = unpickled()
        seen = array.view(np.int16)
        seen.flags.writeable = False
        return seen, change

    def of_bytearray():
        memory = bytearray(16_000)
        return np.frombuffer(memory, np.uint8), lambda: memory.__setitem__(slice(9), b"x" * 9)

    def of_read_only_memoryview():
        array, change = of_bytearray()
        return np.frombuffer(memoryview(array).toreadonly(), np.uint8), change

    def broadcast():
        array = np.zeros(16_000, np.uint8)
        return np.broadcast_to(array, (2, 16_000)), lambda: array.fill(1)

    def fortran():
        array = np.zeros((160, 100), np.uint8)
        return array.T, lambda: array.fill(1)

    return [pytest.param(each, id=each.__name__) for each in list(locals().values())]


@pytest.mark.parametrize("source", sources())
@pytest.mark.parametrize("copy", [None, True])
def test_a_copied_array_can_be_changed_at_once(pair, source, copy):
    array, change = source()
    pair[0].send_array(array, copy=copy)
    change()
    assert not pair[1].recv_array().any()


@pytest.mark.in_place
@pytest.mark.parametrize("wrap", [bytes, memoryview], ids=["bytes", "memoryview"])
def test_bytes_are_sent_in_place(pair, wrap):
    data = bytes(100_000)
    array = np.frombuffer(wrap(data), np.uint8).reshape(100, 1000)
    tracker = pair[0].send_array(array, track=True)
    assert not tracker.done
    got = pair[1].recv_array()
    if framewire.transport == "libzmq":
        assert np.shares_memory(got, array)
    del got
    tracker.wait(5)
    assert tracker.done


def test_a_received_array_is_forwarded_in_place(connect, assert_same):
    here, there = connect(over="tcp")
    here.send_array(BIG)
    got = there.recv_array()
    tracker = there.send_array(got, track=True)
    assert_same(here.recv_array(), BIG)
    tracker.wait(5)
    there.send_array(got[::-1])
    assert_same(here.recv_array(), BIG[::-1])


@pytest.mark.in_place
@pytest.mark.parametrize("layout", ["strided", "reversed", "strided broadcast"])
def test_a_strided_array_costs_one_copy(pair, layout):
    """The contiguous copy is nobody else's: it is sent in place, and not copied once more."""
    array = {
        "strided": BIG[:, ::2],
        "reversed": BIG[::-1],
        "strided broadcast": np.broadcast_to(BIG[::2], (2, 100, 200)),
    }[layout]
    tracker = pair[0].send_array(array, track=True)
    assert not tracker.done
    np.testing.assert_array_equal(pair[1].recv_array(), array)
    tracker.wait(5)


def test_an_array_received_writable_is_copied_when_forwarded(connect):
    here, there = connect(over="tcp")
    here.send_array(np.zeros(50_000))
    got = there.recv_array(copy=True)
    loop_a, loop_b = connect()
    loop_a.send_array(got)
    got.fill(1)
    assert not loop_b.recv_array().any()


@pytest.mark.parametrize("n", [10, 100_000])
@pytest.mark.parametrize("copy", [None, False, True])
def test_refcounts(connect, over, n, copy):
    here, there = connect(over=over)
    array = np.frombuffer(bytearray(n), np.uint8)
    before = sys.getrefcount(array), sys.getrefcount(array.dtype)
    for _ in range(20):
        tracker = here.send_array(array, copy=copy, track=True)
        there.recv_array()
        tracker.wait(5)
    framewire.release()
    del tracker
    assert (sys.getrefcount(array), sys.getrefcount(array.dtype)) == before


@pytest.mark.parametrize("kind", ["strided", "F", "bytes"])
def test_source_may_go_before_it_is_received(pair, kind):
    array = {
        "strided": BIG[::2],
        "F": BIG.T.copy("F"),
        "bytes": np.frombuffer(BIG.tobytes()),
    }[kind]
    expected = array.copy()
    pair[0].send_array(array, copy=False)
    del array
    np.testing.assert_array_equal(pair[1].recv_array(), expected)


# ---- what is received


@pytest.mark.parametrize("n", [3, 100, 8192, 8193, 1_000_000])
def test_received_arrays_are_read_only_by_default(connect, over, n):
    here, there = connect(over=over)
    for copy in (None, False):
        here.send_array(np.zeros(n, np.uint8))
        got = there.recv_array(copy=copy)
        with pytest.raises(ValueError, match="read-only"):
            got[0] = 1
        if got.base is not None:  # not memory of its own: over inproc it is the sender's
            with pytest.raises(ValueError, match="WRITEABLE"):
                got.flags.writeable = True


@pytest.mark.parametrize("n", [3, 100, 8192, 8193, 1_000_000])
@pytest.mark.parametrize("send_copy", [None, False])
def test_copy_is_memory_of_ones_own(connect, over, n, send_copy):
    here, there = connect(over=over)
    sent = np.zeros(n, np.uint8)
    frozen = np.frombuffer(bytes(n), np.uint8)
    for source in (sent, frozen):
        here.send_array(source, copy=send_copy)
        got = there.recv_array(copy=True)
        got.fill(7)
        assert (got == 7).all()
        assert not source.any()
        assert not np.shares_memory(got, source)


def test_copy_of_a_message_that_two_received(ctx, quick):
    """Each subscriber gets its own memory, also where libzmq shares the message's."""
    publisher = quick(ctx.socket(zmq.XPUB))
    publisher.bind("inproc://publisher")
    subscribers = [quick(ctx.socket(zmq.SUB)) for _ in range(2)]
    for subscriber in subscribers:
        subscriber.subscribe(b"")
        subscriber.connect("inproc://publisher")
    publisher.recv()
    publisher.xpub_verboser = 1
    publisher.send_array(BIG, copy=False)
    first = subscribers[0].recv_array(copy=True)
    first.fill(0)
    np.testing.assert_array_equal(subscribers[1].recv_array(copy=True), BIG)


def test_a_view_outlives_receives_socket_and_context(quick):
    context = framewire.Context()
    here, there = quick(context.socket(zmq.PAIR)), quick(context.socket(zmq.PAIR))
    here.bind("tcp://127.0.0.1:*")
    there.connect(here.last_endpoint)
    here.send_array(BIG)
    part = there.recv_array()[5:7, ::2]
    for _ in range(5):
        here.send_array(np.zeros_like(BIG))
        there.recv_array()
    context.destroy(linger=0)
    np.testing.assert_array_equal(part, BIG[5:7, ::2])


# ---- without a socket


@pytest.mark.parametrize("kind", [bytearray, "memoryview of bytearray", np.ndarray])
def test_a_loaded_array_aliases_its_frame(kind):
    head, payload = framewire.dumps(BIG)
    memory = bytearray(payload)
    frame = {bytearray: memory, np.ndarray: np.frombuffer(memory, np.uint8)}.get(
        kind, memoryview(memory)
    )
    got = framewire.loads([head, frame])
    del frame
    memory[:8] = np.float64(-1).tobytes()
    assert got[0, 0] == -1
    assert not got.flags.writeable
    with pytest.raises(BufferError):
        memory.append(0)
    own = framewire.loads([head, memory], copy=True)
    own[0, 0] = 5
    assert got[0, 0] == -1
    del got
    memory.append(0)


def test_a_small_loaded_array_holds_nothing():
    memory = bytearray(framewire.dumps(np.arange(5))[0])
    got = framewire.loads(memory)
    memory.append(0)
    assert got.tolist() == [0, 1, 2, 3, 4]


def test_dumps_aliases_as_copy_says():
    array = BIG.copy()
    head, payload = framewire.dumps(array, copy=False)
    own = framewire.dumps(array)[1]
    array[0, 0] = -1
    assert np.frombuffer(payload)[0] == -1
    assert np.frombuffer(own)[0] == 0
    assert (memoryview(payload).readonly, memoryview(payload).format) == (True, "B")
    assert framewire.loads([head, payload])[0, 0] == -1
    data = np.frombuffer(bytes(10_000), np.uint8)
    assert np.shares_memory(np.frombuffer(framewire.dumps(data)[1], np.uint8), data)


def test_loads_takes_any_iterable_of_frames_and_one_buffer():
    frames = framewire.dumps(BIG)
    small = framewire.dumps(np.arange(3))[0]
    assert framewire.loads(iter(frames)).sum() == BIG.sum()
    assert framewire.loads((b"topic", *frames)).sum() == BIG.sum()
    for one in (small, bytearray(small), memoryview(small), np.frombuffer(small, np.uint8)):
        assert framewire.loads(one).tolist() == [0, 1, 2]
    with pytest.raises(BufferError):
        framewire.loads([memoryview(small * 2)[::2]])
    for wrong in ("text", ["text"], [object()], 3, None):
        with pytest.raises(TypeError):
            framewire.loads(wrong)
