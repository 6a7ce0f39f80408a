"""BufferPool: its arrays, whose they are, and when they come back."""

import copy
import gc
import pickle
import sys
import tracemalloc

import numpy as np
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from lifetimes import eventually

import framewire

SIZE = 20_000  # bytes: sent in place
BIG = 8 << 20  # bytes: more than the buffers of a loopback connection hold


@pytest.fixture(scope="module")
def module_link():
    """Two sockets for all examples of a property."""
    with zmq.Context() as context:
        push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
        pull.bind("inproc://pool")
        push.connect("inproc://pool")
        yield push, pull
        context.destroy(linger=0)


# ---- the arrays


@pytest.mark.parametrize("shape", [5, (), 0, (2, 3), (3, 0, 2), (1,) * 31, [7]], ids=repr)
@pytest.mark.parametrize(
    "dtype",
    ["f8", "?", "u1", ">i4", "c16", "g", "M8[us]", "m8", "S5", "U3", "S", "f4, u1", "(2,)f4"],
)
def test_shapes_and_dtypes(shape, dtype):
    """As numpy.empty has them; aligned, writable, apart, and at first zeros."""
    like = np.empty(shape, dtype)
    pool = framewire.BufferPool(shape, dtype, slots=3)
    arrays = [pool.acquire(0) for _ in range(3)]
    assert (pool.shape, pool.dtype, pool.slots, pool.free) == (like.shape, like.dtype, 3, 0)
    for array in arrays:
        assert type(array) is np.ndarray
        assert (array.shape, array.dtype) == (like.shape, like.dtype)
        assert array.flags.c_contiguous
        assert array.flags.aligned
        assert array.flags.writeable
        assert array.ctypes.data % 64 == 0
        assert array.tobytes() == bytes(like.nbytes)
    for i, array in enumerate(arrays):
        array.reshape(-1).view(np.uint8 if like.nbytes else like.dtype)[...] = i + 1
    assert [set(array.tobytes()) for array in arrays] == [
        {i + 1} if like.nbytes else set() for i in range(3)
    ]


def test_defaults():
    pool = framewire.BufferPool(4)
    assert (pool.dtype, pool.slots, pool.free) == (np.float64, 8, 8)


def test_refused():
    for dtype in ("O", "f8, O", "(2,)O"):
        with pytest.raises(TypeError, match="Python objects"):
            framewire.BufferPool(4, dtype)
    if hasattr(getattr(np, "dtypes", None), "StringDType"):
        with pytest.raises(TypeError, match="Python objects"):
            framewire.BufferPool(4, np.dtypes.StringDType())
    for arguments in [("a",), (4, "no dtype"), (4, "f8", "8"), (4, "f8", 2.5), ()]:
        with pytest.raises(TypeError):
            framewire.BufferPool(*arguments)
    for slots in (1, 0, -5):
        with pytest.raises(ValueError, match="at least 2"):
            framewire.BufferPool(4, slots=slots)
    for shape in (-1, (2, -3)):
        with pytest.raises(ValueError, match="negative"):
            framewire.BufferPool(shape)
    for shape, slots in [(1 << 61, 2), (1 << 40, 1 << 30), (0, 1 << 61)]:
        with pytest.raises((ValueError, MemoryError)):
            framewire.BufferPool(shape, slots=slots)
    pool = framewire.BufferPool(4)
    for timeout in ("1", [1], b""):
        with pytest.raises(TypeError):
            pool.acquire(timeout)
    for name in ("shape", "dtype", "slots", "free"):
        with pytest.raises(AttributeError):
            setattr(pool, name, 1)
    assert pool.free == 8


def test_copies():
    """Of an array: memory of their own. Of what owns memory: none."""
    pool = framewire.BufferPool(4, slots=2)
    array = pool.acquire()
    array[:] = 3
    copies = [array.copy(), copy.copy(array), copy.deepcopy(array)]
    copies.append(pickle.loads(pickle.dumps(array, protocol=5)))
    for each in (pool, array.base):
        for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError):
                duplicate(each)
    with pytest.raises(BufferError):
        memoryview(type(array.base)())
    del array, each
    assert pool.free == 2
    pool.acquire()[:] = 4
    assert all((each == 3).all() for each in copies)


# ---- when one comes back


VIEWS = {
    "slice": lambda array: array[1:3],
    "item": lambda array: array[0, ...],
    "transposed": lambda array: array.T,
    "dtype": lambda array: array.view("u1"),
    "subclass": lambda array: array.view(np.recarray),
    "masked": lambda array: np.ma.masked_array(array, copy=False),
    "broadcast": lambda array: np.broadcast_to(array, (2, *array.shape)),
    "memoryview": memoryview,
    "frombuffer": np.frombuffer,
    "Frame": lambda array: zmq.Frame(array, copy=False),
    "base": lambda array: array.base,
    "iterator": np.nditer,
    "itself": lambda array: array,
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_views_keep_it(view):
    pool = framewire.BufferPool((4, 2), slots=2)
    held = view(pool.acquire())
    gc.collect()
    assert pool.free == 1
    del held
    assert eventually(lambda: pool.free == 2)


def test_made_read_only_and_writable_again():
    pool = framewire.BufferPool(SIZE, "u1", slots=2)
    array = pool.acquire()
    array.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    array.flags.writeable = True
    array[0] = 1
    with pytest.raises(ValueError, match="own its data"):
        array.resize(2 * SIZE, refcheck=False)


def test_last_values():
    """Of the two slots, the one that was let go last is handed out first, as it was left."""
    pool = framewire.BufferPool(3, slots=2)
    one, two = pool.acquire(), pool.acquire()
    one[:], two[:] = 1, 2
    del one, two
    assert [int(pool.acquire()[0]) for _ in range(3)] == [2, 2, 2]


def test_outlives_its_pool():
    """The memory goes with the last array."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        pool = framewire.BufferPool(1_000_000, "u1", slots=5)
        arrays = [pool.acquire() for _ in range(3)]
        for i, array in enumerate(arrays):
            array[:] = i
        del pool, array
        gc.collect()
        assert [set(array.tolist()) for array in arrays] == [{0}, {1}, {2}]
        view = arrays.pop()[5:6]
        arrays.clear()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before > 5_000_000
        assert view[0] == 2
        del view
        assert tracemalloc.get_traced_memory()[0] - before < 100_000
    finally:
        tracemalloc.stop()


def test_in_flight_outlives_its_pool(context, tmp_path):
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    push.connect(f"ipc://{tmp_path}/later")
    pool = framewire.BufferPool(BIG, "u1", slots=2)
    for i in range(2):
        array = pool.acquire()
        array[:] = i + 1
        framewire.send_array(push, array, copy=False)
    del pool, array
    gc.collect()
    pull.bind(f"ipc://{tmp_path}/later")
    pull.rcvtimeo = 20_000
    assert [np.unique(framewire.recv_array(pull)).tolist() for _ in range(2)] == [[1], [2]]


def test_cycles(link):
    """Arrays in cycles come back when the garbage collector finds those."""
    push, pull = link()
    pool = framewire.BufferPool(SIZE, "u1", slots=2)
    gc.collect()
    gc.disable()
    try:
        held = [pool.acquire(), pool]
        held.append(held)
        framewire.send_array(push, held[0], copy=False)
        del held
        framewire.recv_array(pull)
        assert pool.free == 1
        gc.collect()
        assert pool.free == 2
    finally:
        gc.enable()


def test_refcounts(link):
    push, pull = link()
    pool = framewire.BufferPool(SIZE, "u1", slots=2)

    def counts():
        framewire.release()
        return [sys.getrefcount(each) for each in (pool, pool.shape, pool.dtype)]

    def work():
        with pytest.raises(TimeoutError):
            [pool.acquire(0) for _ in range(3)]
        for copied in (None, False, True):
            framewire.send_array(push, pool.acquire(), copy=copied)
            framewire.recv_array(pull, copy=copied)

    work()
    before = counts()
    for _ in range(100):
        work()
    assert counts() == before


def test_lost_messages(context):
    """Refused, dropped, or queued on a socket that closes: libzmq lets go of each."""
    pool = framewire.BufferPool(SIZE, "u1", slots=2)
    push, pub = context.socket(zmq.PUSH), context.socket(zmq.PUB)
    with pytest.raises(zmq.Again):
        framewire.send_array(push, pool.acquire(), zmq.DONTWAIT, copy=False)
    assert pool.free == 2
    framewire.send_array(pub, pool.acquire(), copy=False)
    assert pool.free == 2
    push.connect("tcp://127.0.0.1:1")
    for _ in range(2):
        framewire.send_array(push, pool.acquire(), copy=False)
    assert pool.free == (0 if framewire.transport == "libzmq" else 2)
    push.close(linger=0)
    pool.acquire(20)


# ---- no two in the same memory


STEPS = st.tuples(st.sampled_from(["acquire", "drop", "view", "send"]), st.integers(0, 99))


@given(st.lists(STEPS, max_size=60))
def test_one_thread_at_random(module_link, steps):
    """After each step, all that is held has its values, and the slots of the rest are free."""
    push, pull = module_link
    pool = framewire.BufferPool(3000, "i4", slots=4)
    held = []  # for each array: its value, and its views, each with whether it is in the slot
    for number, (step, which) in enumerate(steps):
        taken = sum(any(inside for _, inside in views) for _, views in held)
        assert pool.free == 4 - taken
        if step == "acquire" and taken == 4:
            with pytest.raises(TimeoutError):
                pool.acquire(0)
        elif step == "acquire":
            held.append((number, [(pool.acquire(0), True)]))
            held[-1][1][0][0][:] = number
        elif held:
            views = held[which % len(held)][1]
            view, inside = views[which % len(views)]
            if step == "view":
                views.append((view[which % 3 :], inside))
            elif step == "send":
                framewire.send_array(push, view, copy=False)
                copied = which % 2 == 0
                inside = inside and not copied and framewire.transport == "libzmq"
                views.append((framewire.recv_array(pull, copy=copied), inside))
            else:
                views.pop(which % len(views))
                held = [each for each in held if each[1]]
            del view, views
        for value, views in held:
            assert all((view == value).all() for view, _ in views)
            del views
