"""Arrays through dask's serialize and its messages, as dask has them."""

import numpy as np
import pytest
from sameness import same

import framewire

pytest.importorskip("distributed", reason="distributed is not installed")

from dask_ways import ARRAYS, LARGE, MASKED, WAYS, described, directly, travel
from distributed.protocol import Serialize, deserialize, dumps, loads, serialize

SHARD = 64 << 20  # bytes, of dask's frames


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


def test_dtypes_that_a_head_does_not_say_whole(switch):
    """Which dask pickles, so that these come back with them."""
    inner = np.dtype((np.record, [("a", "i4")]))
    noted = np.dtype([("a", np.dtype("i4", metadata={"unit": "m"}))])
    for dtype in (inner, np.dtype([("inner", inner, 2)]), noted):
        for array in (np.zeros(3, dtype), np.ma.array(np.zeros(3, dtype), mask=False)):
            switch(True)
            assert "head" not in serialize(array)[0]["sub-header"]
            assert "data" not in serialize(array)[0]["sub-header"]
            ours = travel(array)
            switch(False)
            theirs = travel(array)
            assert type(ours) is type(theirs)
            assert type(ours[0]) is type(theirs[0])
            assert ours.dtype[0].type is theirs.dtype[0].type
            assert ours.dtype[0].metadata == theirs.dtype[0].metadata


def test_more_than_framewire_takes_by_default(registered):
    """dask has no limits; none of this memory is looked at."""
    array = np.empty((1 << 32) + 8, "u1")
    assert directly(array).nbytes == array.nbytes > framewire.Limits().size


@pytest.mark.parametrize(
    "codec",
    [
        framewire.Codec(compression="zlib"),
        framewire.Codec(limits=framewire.Limits(size=100, spread=100)),
        framewire.Codec(key=bytes(16)),
        framewire.Codec(serializer="json", allow=[]),
    ],
)
def test_the_codec_of_the_process_is_no_matter(registered, codec):
    framewire.set_default_codec(codec)
    try:
        for way in WAYS:
            assert same(way(LARGE), LARGE)
            assert same(way(MASKED["mask"]), MASKED["mask"])
            assert way(ARRAYS["broadcast-writable"]).shape == (5, 20_000)
    finally:
        framewire.set_default_codec()


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
