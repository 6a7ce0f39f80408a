"""Arrays and registered types through dask's serialize and its messages, as dask has them."""

import pickle
import subprocess
import sys
from pathlib import Path

import dask_types
import numpy as np
import pytest
from sameness import same

import framewire

pytest.importorskip("distributed", reason="distributed is not installed")

from distributed.protocol import (
    Serialize,
    deserialize,
    deserialize_bytes,
    dumps,
    loads,
    serialize,
    serialize_bytes,
)
from distributed.protocol.serialize import dask_deserialize, dask_serialize, families

from framewire.compat import dask

LARGE = np.arange(20_000.0)  # over what framewire copies
SHARD = 64 << 20  # bytes, of dask's frames


@pytest.fixture
def registered():
    dask.register()
    yield
    dask.unregister()


@pytest.fixture
def switch():
    """Switch framewire on, with True, and off."""
    yield lambda on: dask.register() if on else dask.unregister()
    dask.unregister()


def travel(value, made=bytearray, **options):
    """A value through a whole message of dask's, whose frames another process would have."""
    frames = dumps({"x": Serialize(value)}, on_error="raise", **options)
    return loads([made(frame) for frame in frames])["x"]


def directly(value):
    return deserialize(*serialize(value, on_error="raise"))


def spilled(value):
    """As dask writes to a disk, where a reader has bytes."""
    return deserialize_bytes(serialize_bytes(value, on_error="raise"))


def read_only(value):
    return travel(value, bytes)


WAYS = [travel, directly, spilled, read_only]


def described(array):
    """What must be as dask gives it."""
    flags = array.flags
    dtype = array.dtype
    shape = dtype, dtype.isalignedstruct, dtype.metadata, array.shape, array.strides
    return type(array), *shape, flags.writeable, flags.c_contiguous, flags.f_contiguous


def locked(array):
    array.flags.writeable = False
    return array


def written(array):
    """A broadcast array that is writable all the same, as dask's users make them."""
    return np.lib.stride_tricks.as_strided(array, writeable=True)


TABLE = LARGE.reshape(100, 200)
CUBE = LARGE.reshape(20, 10, 100)
INNER = np.dtype({"names": ["x", "y"], "formats": ["u1", "<f8"]}, align=True)
ARRAYS = {
    "ones": np.ones(5),
    "large": LARGE.copy(),
    "zero-dimensional": np.array(5),
    "zero-dimensional-datetime": np.array("2026-05-17", "M8[s]"),
    "empty": np.empty(0),
    "empty-2d": np.empty((0, 3)),
    "empty-fortran": np.empty((3, 0, 4), order="F"),
    "fortran": np.asfortranarray(TABLE),
    "fortran-small": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "transposed": CUBE.T,
    "axes-swapped": CUBE.swapaxes(0, 1),
    "every-second": LARGE[::2],
    "every-second-row": TABLE[::2],
    "every-second-column": TABLE[:, ::2],
    "fortran-every-second": np.asfortranarray(TABLE)[::2],
    "backwards": LARGE[::-1],
    "one-row": TABLE[1:2, :3],
    "one-column": TABLE[:, :1],
    "one-item": TABLE[1:2, 1:2],
    "new-axis": LARGE[None, :],
    "new-axis-behind": LARGE[:, None],
    "new-axis-small": np.arange(3)[:, None, None],
    "broadcast-scalar": np.broadcast_to(np.float32(2.5), (300, 200)),
    "broadcast": np.broadcast_to(LARGE, (5, 20_000)),
    "broadcast-small": np.broadcast_to(np.arange(3), (4, 3)),
    "broadcast-inner": np.broadcast_to(LARGE[:, None], (20_000, 7)),
    "broadcast-middle": np.broadcast_to(TABLE[:, None], (100, 6, 200)),
    "broadcast-fortran": np.broadcast_to(np.asfortranarray(TABLE), (3, 100, 200)),
    "broadcast-strided": np.broadcast_to(TABLE[:, ::2], (3, 100, 100)),
    "broadcast-and-one": np.broadcast_to(TABLE[::2, None, ::2], (3, 50, 1, 100)),
    "broadcast-empty": np.broadcast_to(np.ones(3), (0, 3)),
    "broadcast-huge": np.broadcast_to(np.float64(1), (1 << 20, 1 << 20)),
    "broadcast-writable": written(np.broadcast_to(LARGE, (5, 20_000))),
    "broadcast-writable-strided": written(np.broadcast_to(TABLE[:, ::2], (3, 100, 100))),
    "read-only": locked(LARGE.copy()),
    "read-only-small": locked(np.arange(3)),
    "read-only-empty": locked(np.empty(0)),
    "read-only-strided": locked(LARGE[::3]),
    "over-bytes": np.frombuffer(bytes(100_000), "i4"),
    "unaligned": np.frombuffer(bytes(80_001), "f8", offset=1),
    "bool": np.array([True, False]),
    "long": np.arange(3, dtype="l"),
    "long-long": np.arange(3, dtype="q"),
    "float16": np.arange(3, dtype="f2"),
    "long-double": np.arange(3, dtype="g"),
    "complex": np.arange(3, dtype="c16"),
    "swapped": np.arange(20_000, dtype=">i8"),
    "swapped-small": np.arange(3, dtype=">f4"),
    "datetime": np.arange(20_000).astype("M8[us]"),
    "datetime-25s": np.arange(3).astype("M8[25s]"),
    "datetime-swapped": np.arange(3).astype(">M8[ms]"),
    "timedelta": np.arange(3).astype("m8[ns]"),
    "timedelta-fortran": np.asfortranarray(np.arange(6).astype("m8").reshape(2, 3)),
    "bytes": np.array([b"a", b"bcd"]),
    "bytes-of-none": np.array([b""]),
    "text": np.array(["a", "bcd", "\u00e4\U0001f600"]),
    "text-0d": np.array("abc"),
    "void": np.array([b"abc", b"def"], "V3"),
    "structured": np.array([(1, 2.5, b"x")], [("a", "<i4"), ("b", ">f8"), ("c", "S3")]),
    "structured-large": np.zeros(9000, [("total", "<f8"), ("n", "<f8")]),
    "structured-strided": np.zeros(9000, [("total", "<f8"), ("n", "<f8")])["n"],
    "structured-nested": np.zeros(3, [("inner", INNER, (2, 3)), ("when", "M8[ms]")]),
    "structured-aligned": np.zeros(3, INNER),
    "structured-titled": np.zeros(3, [(("a title", "a"), "i4")]),
    "structured-overlapping": np.zeros(
        3, np.dtype({"names": ["a", "b"], "formats": ["i4", "u1"], "offsets": [0, 2]})
    ),
    "structured-broadcast": np.broadcast_to(np.zeros(1, INNER), (1000,)),
    "structured-without-fields": np.zeros(3, np.dtype([])),
    "objects": np.array([None, "x", {1: 2}], object),
    "objects-in-structure": np.array([(1, [2])], [("a", "i4"), ("b", "O")]),
    "objects-broadcast": np.broadcast_to(np.array([None], object), (4,)),
    "matrix": np.matrix([[1, 2], [3, 4]]),
    "records": np.rec.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
    "characters": np.char.array(["a", "b"]),
}


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_arrays_are_as_dask_gives_them(switch, way, array):
    results = []
    for on in (False, True):
        switch(on)
        try:
            results.append(way(array))
        except Exception as error:
            results.append(error)
    theirs, ours = results
    if isinstance(theirs, Exception):
        assert type(ours) is type(theirs)
        return
    if ours.strides != theirs.strides:  # dask loses those of axes of one item where it copies
        assert ours.strides == array.strides
        theirs = np.ndarray(array.shape, array.dtype, theirs, 0, array.strides)
    assert described(ours) == described(theirs)
    if array.nbytes > 1 << 30:  # most of it is not there
        ours, theirs = ours[:2, :2], theirs[:2, :2]
    if array.dtype.hasobject:
        assert (ours == theirs).all()
    else:
        assert same(ours, theirs)


CARRIED = [
    name
    for name, array in ARRAYS.items()
    if type(array) is np.ndarray and not array.dtype.hasobject and array.itemsize
]


@pytest.mark.parametrize("name", CARRIED)
def test_metadata_in_the_header_and_data_in_one_frame(registered, name):
    header, frames = serialize(ARRAYS[name], on_error="raise")
    assert header["serializer"] == "dask"
    assert len(frames) == 1
    assert len(repr(header)) < 1000
    stored = framewire.loads([header["sub-header"]["head"], *frames])  # a message of framewire's
    assert memoryview(frames[0]).nbytes == stored.nbytes <= ARRAYS[name].nbytes
    assert stored.dtype == ARRAYS[name].dtype
    for _ in range(2):  # a header is not used up
        assert deserialize(header, frames).shape == ARRAYS[name].shape


def test_objects_stay_with_pickle(registered):
    header, _ = serialize(np.array([None, {}], object))
    assert "head" not in header["sub-header"]


def test_memory_is_the_frames_own(registered):
    frame = bytearray(LARGE)
    header, frames = serialize(LARGE)
    assert np.shares_memory(np.frombuffer(frames[0]), LARGE)  # in place where it leaves
    array = deserialize(header, [frame])  # and where it comes
    array[0] = 7
    assert np.frombuffer(frame)[0] == 7
    held = deserialize(header, [bytes(frame)])  # read-only, which the array was not
    held[0] = 8
    assert held[1] == 1


@pytest.mark.parametrize(("count", "aligned"), [(20_000, True), (200_000, False)])
def test_a_frame_at_an_odd_address(registered, count, aligned):
    """What is large stays where it came, as dask has it."""
    array = np.arange(float(count))
    frame = memoryview(bytearray(array.nbytes + 1))[1:]
    frame[:] = array.data.cast("B")
    came = deserialize(serialize(array)[0], [frame])
    assert came.flags.aligned is aligned
    assert np.shares_memory(came, np.frombuffer(frame, "u1")) is not aligned
    assert came.flags.writeable
    assert same(came, array)


def test_memmap(switch, tmp_path):
    for mode in ("w+", "r"):
        mapped = np.memmap(tmp_path / "data", "f8", mode, shape=(3, 1000))
        switch(False)
        theirs = travel(mapped)
        switch(True)
        assert "head" in serialize(mapped)[0]["sub-header"]
        assert described(travel(mapped)) == described(theirs)
        assert same(travel(mapped), theirs)
        if mode == "w+":
            mapped[:] = 7
            mapped.flush()


@pytest.mark.parametrize("writeable", [True, False])
def test_large_arrays_are_split_and_merged(registered, writeable):
    array = np.arange(2 * SHARD // 8 + 1, dtype="u8").reshape(-1, 1)
    array.flags.writeable = writeable
    frames = dumps([Serialize(array)], context={"compression": None})
    assert [memoryview(frame).nbytes for frame in frames[2:]] == [SHARD, SHARD, 8]
    for made in (frames, [bytes(frame) for frame in frames]):
        (came,) = loads(made)
        assert described(came) == described(array)
        assert (came == array).all()
    (came,) = loads(frames)
    assert np.shares_memory(came, array)  # merged without copying
    halves = dumps(
        {"x": Serialize(LARGE)}, context={"compression": None}, frame_split_size=LARGE.nbytes // 2
    )
    assert same(loads(halves)["x"], LARGE)


@pytest.mark.parametrize("compression", ["zlib", "lz4", "zstd"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_frames_that_dask_compresses(registered, compression, order):
    from distributed.protocol.compression import compressions

    if compression not in compressions:
        pytest.skip(f"{compression} is not installed")
    context = {"compression": compression}
    zeros = np.zeros((100, 200), order=order)
    frames = dumps({"x": Serialize(zeros)}, context=context)
    assert sum(memoryview(frame).nbytes for frame in frames) < zeros.nbytes / 10
    came = loads(frames)["x"]
    assert described(came) == described(zeros)
    assert same(came, zeros)
    noise = np.random.default_rng(1).random(20_000)  # does not compress
    assert sum(map(len, map(bytes, dumps({"x": Serialize(noise)}, context=context)))) > noise.nbytes
    assert same(travel(noise, context=context), noise)


# ---- masked arrays

MASK = np.arange(20_000) % 3 == 0
MASKED = {
    "no-mask": np.ma.array([5.0, 6.0]),
    "mask": np.ma.array([5.0, 6.0], mask=[True, False]),
    "large": np.ma.array(LARGE, mask=MASK),
    "fill-value": np.ma.array(np.arange(3), mask=[0, 1, 0], fill_value=-1),
    "fill-value-text": np.ma.array(["a", "bc"], mask=[0, 1], fill_value="-"),
    "fill-value-datetime": np.ma.array(np.arange(3).astype("M8[s]"), mask=[0, 1, 0]),
    "structured": np.ma.array([(1, 2.5)], mask=[(1, 0)], dtype=[("a", "i4"), ("b", "f8")]),
    "hard": np.ma.array([1, 2], mask=[0, 1], hard_mask=True),
    "fortran": np.ma.array(np.asfortranarray(TABLE), mask=np.asfortranarray(TABLE > 7)),
    "strided": np.ma.array(LARGE, mask=MASK)[::2],
    "zero-dimensional": np.ma.array(5.0, mask=True),
    "empty": np.ma.array([], mask=[]),
    "read-only": np.ma.array(locked(np.arange(3)), mask=locked(np.array([True, False, True]))),
    "objects": np.ma.array([None, "x"], mask=[0, 1], dtype=object),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("array", MASKED.values(), ids=MASKED)
def test_masked_arrays_are_as_dask_gives_them(switch, way, array):
    switch(False)
    theirs = way(array)
    switch(True)
    ours = way(array)
    assert described(ours) == described(theirs)
    assert described(ours.data) == described(theirs.data)
    assert (ours.mask is np.ma.nomask) == (theirs.mask is np.ma.nomask)
    if ours.mask is not np.ma.nomask:
        assert described(ours.mask) == described(theirs.mask)
    assert ours.hardmask == theirs.hardmask
    assert ours.sharedmask == theirs.sharedmask
    assert type(ours.fill_value) is type(theirs.fill_value)
    if array.dtype.hasobject:
        assert ours.tolist() == theirs.tolist()
    else:
        assert same(ours, theirs)


def test_a_masked_array_is_a_frame_for_each_of_its_arrays(registered):
    for array, count in ((MASKED["no-mask"], 1), (MASKED["mask"], 2), (MASKED["large"], 2)):
        header, frames = serialize(array)
        assert len(frames) == count
        assert "head" in header["sub-header"]["data"]


def test_the_masked_constant(registered):
    assert travel(np.ma.masked) is np.ma.masked


# ---- other values


def test_random_states(registered):
    for made in (np.random.default_rng(5), np.random.RandomState(5)):
        came = travel(made)
        assert type(came) is type(made)
        assert came.normal(size=3).tolist() == made.normal(size=3).tolist()


@pytest.mark.parametrize("value", [np.float64(2.5), np.int8(3), np.datetime64("2026-05-17"), True])
def test_scalars(registered, value):
    assert same(travel(value), value)


def test_collections(registered):
    value = {"a": [LARGE, (np.arange(3), "text")], "b": {"c": np.ma.array([1, 2], mask=[0, 1])}}
    for way in WAYS:
        assert same(way(value), value)
    header, frames = serialize([LARGE, LARGE])
    assert [sub["sub-header"]["writeable"] for sub in header["sub-headers"]] == [True, True]
    assert len(frames) == 2


class Table(np.ndarray):
    pass


def test_registered_types(registered):
    for value in (
        dask_types.Model(LARGE),
        [dask_types.Model(LARGE)],
        {"model": dask_types.Model(LARGE)},
    ):
        header, frames = serialize(value)
        assert header.get("serializer", "dask") == "dask"
        assert [memoryview(frame).nbytes for frame in frames][-1] == LARGE.nbytes
        for way in WAYS:
            came = way(value)
            while not isinstance(came, dask_types.Model):
                came = next(iter(came.values() if isinstance(came, dict) else came))
            assert came.name == "a model"
            assert same(came.weights, LARGE)
            assert came.weights.flags.writeable  # as dask's are


def test_a_registered_type_that_framewire_cannot_carry_is_pickled(registered):
    header, _ = serialize(dask_types.Model(range))
    assert header["serializer"] == "pickle"
    assert travel(dask_types.Model(range)).weights is range


def test_subclasses_of_arrays(registered, monkeypatch):
    table = np.arange(6.0).reshape(2, 3).view(Table)
    assert type(travel(table)) is np.ndarray  # dask's own
    dispatches = [framewire.serialize._dispatch, framewire.deserialize._dispatch]
    framewire.register_generic(Table)
    try:
        came = travel(table)
        assert type(came) is Table
        assert same(came, table)
    finally:
        for dispatch in dispatches:
            dispatch._functions.pop(Table)
            dispatch._names.pop(f"{__name__}.Table")
            dispatch._found.clear()


def test_types_that_dask_knows_hold_arrays(registered):
    from distributed.protocol import register_generic

    class Holder:
        def __init__(self):
            self.array = LARGE

    register_generic(Holder)
    try:
        header, frames = serialize(Holder())
        assert "head" in header["sub-header"]["complex"]["array"]["header"]["sub-header"]
        assert same(deserialize(header, frames).array, LARGE)
    finally:
        for dispatch in (dask_serialize, dask_deserialize):
            del dispatch._lookup[Holder]


# ---- families by name


def test_serializers_by_name(registered):
    for names in (["framewire"], ["framewire", "pickle"], ["msgpack", "framewire"]):
        header, frames = serialize(LARGE, serializers=names)
        assert header["serializer"] == "framewire"
        assert same(deserialize(header, frames, deserializers=names), LARGE)
        with pytest.raises(TypeError, match="framewire"):
            deserialize(header, frames, deserializers=["dask", "pickle"])
    header, frames = serialize(LARGE, serializers=["dask"])
    assert same(deserialize(header, frames, deserializers=["dask"]), LARGE)
    with pytest.raises(TypeError, match="dask"):
        deserialize(header, frames, deserializers=["framewire"])
    with pytest.raises(TypeError, match="Could not serialize"):
        serialize(range, serializers=["framewire"], on_error="raise")


VALUES = [1, "text", None, {"a": (1, [2]), 3: {4}}, b"x", np.float32(2), MASKED["hard"]]


@pytest.mark.parametrize("value", [*VALUES, dask_types.Model(3)])
def test_framewire_alone_carries_any_value(registered, value):
    header, frames = serialize(value, serializers=["framewire"], on_error="raise")
    came = deserialize(header, frames, deserializers=["framewire"])
    assert type(came) is type(value)
    if not isinstance(value, dask_types.Model):
        assert same(came, value)


def test_what_framewire_does_not_take_goes_to_the_next(registered):
    for value in (range, np.array([{}], object)):
        assert serialize(value, serializers=["framewire", "pickle"])[0]["serializer"] == "pickle"
        header, frames = serialize(value, serializers=["framewire"])
        with pytest.raises(TypeError, match="Could not serialize"):
            deserialize(header, frames)


@pytest.mark.parametrize("serializers", [None, ["framewire"]])
def test_headers_that_lie(registered, serializers):
    header, frames = serialize(LARGE, serializers=serializers)
    inner = header.get("sub-header", header)
    for change in (
        {"strides": (80,)},
        {"strides": (8, 8)},
        {"strides": "x"},
        {"shape": (1 << 40,)},
        {"head": b""},
        {"head": framewire.dumps(np.arange(3))[0]},
    ):
        wrong = {**inner, **change}
        if "sub-header" in header:
            wrong = {**header, "sub-header": wrong}
        with pytest.raises((ValueError, TypeError)):
            deserialize(wrong, frames)
    for wrong in ([], [frames[0][:-1]], [*frames, b""]):
        with pytest.raises(ValueError, match=r"unpack|the head says"):
            deserialize(header, wrong)


# ---- register and unregister


def test_unregister_restores():
    before = dict(families), dict(vars(dask_serialize))
    dask.register()
    dask.register()
    assert families["dask"] != before[0]["dask"]
    sent = serialize(LARGE)
    dask.unregister()
    dask.unregister()
    assert (families, vars(dask_serialize)) == before
    assert "strides" in serialize(LARGE)[0]["sub-header"]
    assert "head" not in serialize(LARGE)[0]["sub-header"]
    assert same(deserialize(*sent), LARGE)  # what was sent before


READER = """
import pickle, sys
class Without:
    def find_spec(name, path, target=None):
        if name.partition(".")[0] == "framewire":
            raise ModuleNotFoundError(f"No module named {name!r}")
if sys.argv[1] == "without":
    sys.meta_path.insert(0, Without)
from distributed.protocol import deserialize
for value in pickle.load(sys.stdin.buffer):
    try:
        print(type(deserialize(*value)).__name__)
    except Exception as error:
        print(repr(error))
"""


@pytest.mark.parametrize(
    ("framewires", "printed"),
    [
        ("with", ["ndarray", "MaskedArray", "Model"]),
        ("without", ["No module named 'framewire'"] * 3),
    ],
)
def test_processes_that_did_not_register(registered, framewires, printed):
    values = LARGE, MASKED["mask"], dask_types.Model(LARGE)
    made = [serialize(value) for value in values]
    made = pickle.dumps([(header, [bytes(frame) for frame in frames]) for header, frames in made])
    done = subprocess.run(
        [sys.executable, "-c", READER, framewires],
        input=made,
        capture_output=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parent,
    )
    lines = done.stdout.decode().splitlines()
    assert len(lines) == len(printed), done.stderr.decode()
    for line, text in zip(lines, printed, strict=True):
        assert text in line
