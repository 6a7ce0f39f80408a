"""Arrow: tables, batches and data frames, read in place; and what a peer could do with them."""

import json
import struct

import numpy as np
import pytest

import framewire
from framewire.errors import LimitError, RefusedError
from framewire.serializers import registry

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")

ALLOWED = {"allow": frozenset(["arrow.extension"])}


@pytest.fixture
def serializer():
    return registry.by_name("arrow")


@pytest.fixture
def table():
    return pa.table(
        {
            "i": [1, None, 3],
            "f": np.arange(3.0),
            "s": ["größe☃", None, ""],
            "l": [[1, 2], None, []],
            "d": pa.array(["p", "q", "p"]).dictionary_encode(),
            "st": [{"a": 1, "b": "x"}, None, {"a": 2, "b": None}],
            "t": pa.array([1, 2, None], pa.timestamp("ns", "Europe/Berlin")),
            "m": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int32())),
            "n": pa.nulls(3),
        },
        metadata={"who": "me"},
    )


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "a": [1, 2, 3],
            "b": ["x", "y", None],
            "c": pd.Categorical(["u", "v", "u"]),
            "t": pd.date_range("2020", periods=3, tz="UTC"),
        },
        index=pd.Index(["i", "j", "k"], name="ix"),
    )


def stream(value, **options):
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(**options)
    with pa.ipc.new_stream(sink, value.schema, options=options) as writer:
        writer.write(value)
    return sink.getvalue().to_pybytes()


def received(serializer, value):
    header, frames = serializer.dumps(value)
    return header, [memoryview(bytes(frame)) for frame in frames]


# ---- values


def test_a_table(serializer, table):
    header, frames = received(serializer, table)
    assert (header, len(frames)) == ("table", 1)
    assert bytes(frames[0]) == stream(table)
    came = serializer.loads(header, frames)
    assert isinstance(came, pa.Table)
    assert came.equals(table, check_metadata=True)


def test_chunks_stay(serializer):
    table = pa.table({"a": pa.chunked_array([[1], [2, 3]])})
    came = serializer.loads(*received(serializer, table))
    assert [len(chunk) for chunk in came["a"].chunks] == [1, 2]


def test_a_slice_is_sent_as_a_slice(serializer):
    table = pa.table({"a": np.arange(100_000)}).slice(10, 5)
    header, frames = received(serializer, table)
    assert len(frames[0]) < 1000
    assert serializer.loads(header, frames).equals(table)


@pytest.mark.parametrize("rows", [0, 3])
def test_a_batch(serializer, rows):
    batch = pa.RecordBatch.from_pydict({"a": np.arange(rows), "b": ["x"] * rows})
    header, frames = received(serializer, batch)
    assert header == "batch"
    came = serializer.loads(header, frames)
    assert isinstance(came, pa.RecordBatch)
    assert came.equals(batch)


def test_a_table_without_batches(serializer):
    table = pa.table({"a": pa.chunked_array([], pa.int8())})
    assert serializer.loads(*received(serializer, table)).equals(table)


def test_a_data_frame(serializer, frame):
    header, frames = received(serializer, frame)
    assert header == "pandas"
    pd.testing.assert_frame_equal(serializer.loads(header, frames), frame)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame({"a": []}),
        pd.DataFrame({"a": [None] * 1000}),
        pd.DataFrame({("a", 1): [1], ("b", 2): [2]}),
        pd.DataFrame([[1, 2]], columns=[10, 20]),
        pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, "x"), (2, "y")])),
    ],
    ids=["nothing", "no rows", "nulls", "levels", "numbers", "index of levels"],
)
def test_data_frames(serializer, frame):
    pd.testing.assert_frame_equal(serializer.loads(*received(serializer, frame)), frame)


def test_read_in_place(serializer):
    table = pa.table({"a": np.arange(10_000)})
    header, frames = received(serializer, table)
    memory = np.frombuffer(frames[0], np.uint8)
    came = serializer.loads(header, frames)
    assert np.shares_memory(came["a"].chunk(0).to_numpy(), memory)
    frame = serializer.loads("pandas", frames)
    assert np.shares_memory(frame["a"].to_numpy(), memory)
    writable = frame.copy()
    writable.loc[0, "a"] = 5
    assert writable.loc[0, "a"] == 5


def test_a_table_outlives_its_frames(serializer, table):
    header, frames = received(serializer, table)
    came = serializer.loads(header, frames)
    del frames
    assert came.equals(table)


@pytest.mark.parametrize(
    "value",
    [1, None, {"a": 1}, pa.array([1]), pa.schema([]), pd.Series([1])],
    ids=lambda value: type(value).__name__,
)
def test_what_it_does_not_take(serializer, value):
    with pytest.raises(NotImplementedError, match="no pyarrow Table"):
        serializer.dumps(value)


@pytest.mark.parametrize(
    "kind",
    [pa.string_view(), pa.list_(pa.binary_view()), pa.struct([("a", pa.list_view(pa.int8()))])],
    ids=str,
)
def test_views_are_not_taken(serializer, kind):
    table = pa.schema([("a", kind)]).empty_table()
    with pytest.raises(ValueError, match="views"):
        serializer.dumps(table)
    with pytest.raises(ValueError, match="views"):
        serializer.loads("table", [memoryview(stream(table))])


def test_a_field_may_be_called_a_view(serializer):
    table = pa.table({"string_view": [{"list_view": 1}]})
    assert serializer.loads(*received(serializer, table)).equals(table)


# ---- what is wrong, and what is refused


@pytest.mark.parametrize("header", [None, "", "tables", "feather"])
def test_header(serializer, table, header):
    with pytest.raises(ValueError, match="table, batch or pandas"):
        serializer.loads(header, [memoryview(stream(table))])


@pytest.mark.parametrize("count", [0, 2])
def test_number_of_frames(serializer, table, count):
    with pytest.raises(ValueError, match="one frame"):
        serializer.loads("table", [memoryview(stream(table))] * count)


def test_a_batch_is_one(serializer):
    table = pa.table({"a": pa.chunked_array([[1], [2]])})
    with pytest.raises(ValueError, match="one, not 2"):
        serializer.loads("batch", [memoryview(stream(table))])
    with pytest.raises(ValueError, match="one, not 0"):
        serializer.loads("batch", [memoryview(stream(table.schema.empty_table()))])


def test_cut_at_every_byte(serializer):
    batch = pa.RecordBatch.from_pydict({"a": ["x", "yy"]})
    data = stream(batch)
    for length in range(len(data) - 8):  # the last 8 are the end, which may be missing
        with pytest.raises(ValueError, match=r"Arrow|record batch"):
            serializer.loads("batch", [memoryview(data)[:length]])


def test_wrong_offsets(serializer):
    data = stream(pa.table({"a": ["abc", "def"]}))
    offsets = struct.pack("<3i", 0, 3, 6)
    assert data.count(offsets) == 1
    for wrong in ((0, 3, 1 << 30), (0, -5, 6), (3, 0, 6), (-8, 3, 6)):
        changed = data.replace(offsets, struct.pack("<3i", *wrong))
        with pytest.raises(ValueError, match="Arrow"):
            serializer.loads("table", [memoryview(changed)])


def test_a_wrong_index(serializer):
    table = pa.table({"a": pa.DictionaryArray.from_arrays(pa.array([1] * 64, "int8"), ["x", "y"])})
    data = stream(table)
    assert data.count(b"\x01" * 64) == 1
    changed = data.replace(b"\x01" * 64, b"\x01" * 63 + b"\x70")
    with pytest.raises(ValueError, match="Arrow"):
        serializer.loads("table", [memoryview(changed)])


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
@pytest.mark.parametrize(
    "column",
    [np.zeros(100_000), pa.array(["x" * 1000] * 9).dictionary_encode()],
    ids=["batch", "dictionary"],
)
def test_compressed(serializer, codec, column):
    data = stream(pa.table({"a": column}), compression=codec)
    with pytest.raises(ValueError, match="compressed"):
        serializer.loads("table", [memoryview(data)])


def extended():
    storage = pa.array([b"0123456789abcdef"], pa.binary(16))
    field = pa.field("u", storage.type, metadata={"ARROW:extension:name": "arrow.uuid"})
    return pa.table([storage], schema=pa.schema([field])), field


def nested(field):
    for wrap in (pa.list_, lambda each: pa.struct([each]), pa.list_):
        field = pa.field("n", wrap(field))
    return pa.schema([field]).empty_table()


@pytest.mark.parametrize("context", [None, {}, {"allow": frozenset(["pickle", "arrow"])}])
def test_extension_types_are_refused(serializer, context):
    table, field = extended()
    for value in (table, nested(field)):
        with pytest.raises(RefusedError, match=r'allow=\["arrow\.extension"') as error:
            serializer.loads("table", [memoryview(stream(value))], context=context)
        assert error.value.code == "refused"


def test_extension_types_can_be_allowed(serializer):
    table, field = extended()
    came = serializer.loads("table", [memoryview(stream(table))], context=ALLOWED)
    assert came.num_rows == 1
    frames = [memoryview(stream(nested(field)))]
    assert serializer.loads("table", frames, context=ALLOWED).num_columns == 1


def test_periods_are_an_extension_type(serializer):
    frame = pd.DataFrame({"p": pd.period_range("2020", periods=3, freq="D")})
    header, frames = received(serializer, frame)
    with pytest.raises(RefusedError):
        serializer.loads(header, frames)
    pd.testing.assert_frame_equal(serializer.loads(header, frames, context=ALLOWED), frame)


N = (1 << 31) - 1


@pytest.mark.parametrize(
    "column",
    [
        lambda: pa.nulls(N),
        lambda: pa.LargeListArray.from_arrays(pa.array([0, N]), pa.nulls(N)),
        lambda: pa.RunEndEncodedArray.from_arrays(pa.array([N]), pa.array(["x"])),
        lambda: pa.DictionaryArray.from_arrays(pa.array([0], "int8"), pa.nulls(N)),
        lambda: pa.Array.from_buffers(pa.struct([]), N, [None]),
    ],
    ids=["nulls", "nested", "runs", "dictionary", "empty structs"],
)
def test_a_data_frame_of_any_size_from_nothing(serializer, column):
    data = memoryview(stream(pa.table({"a": column()})))
    with pytest.raises(LimitError, match="elements"):
        serializer.loads("pandas", [data])


COLUMN = {"name": "a", "field_name": "a", "pandas_type": "int64", "metadata": None}


@pytest.mark.parametrize(
    "change",
    [
        {"column_indexes": [{"numpy_type": "S1000000000"}]},
        {"column_indexes": [{"numpy_type": "(9999,9999)f8"}]},
        {"column_indexes": 5},
        {"column_indexes": [None]},
        {"index_columns": 5},
        {"index_columns": [{}]},
        {"columns": [5]},
        {"columns": [COLUMN | {"numpy_type": "datetime64[ns, dateutil//etc/passwd]"}]},
    ],
    ids=str,
)
def test_what_a_peer_says_to_pandas(serializer, change):
    table = pa.Table.from_pandas(pd.DataFrame({"a": [1]}))
    notes = json.dumps(table.schema.pandas_metadata | change)
    data = stream(table.replace_schema_metadata({"pandas": notes}))
    with pytest.raises(ValueError, match="data frame"):
        serializer.loads("pandas", [memoryview(data)])


def test_long_names_of_several_levels(serializer):
    """pyarrow gives them to ast.literal_eval, which ends CPython 3.10 on some."""
    table = pa.Table.from_pandas(pd.DataFrame({("a", 1): [1]}))
    hostile = table.rename_columns(["1+" * 5_000 + "1j"]).replace_schema_metadata(
        table.schema.metadata
    )
    notes = json.dumps(table.schema.pandas_metadata | {"columns": [{"name": "1+" * 5_000 + "1j"}]})
    for each in (hostile, table.replace_schema_metadata({"pandas": notes})):
        with pytest.raises(ValueError, match="too long"):
            serializer.loads("pandas", [memoryview(stream(each))])


MUTATE = """
import random, struct
import numpy as np
import pandas as pd
import pyarrow as pa
from framewire.serializers import registry

serializer = registry.by_name("arrow")
columns = {
    "i": pa.array([1, None, 3]),
    "b": pa.array([True, None, False]),
    "s": pa.array(["abc", None, "längere"]),
    "ls": pa.array(["abc", "d", None], pa.large_string()),
    "fb": pa.array([b"abcd", None, b"efgh"], pa.binary(4)),
    "l": pa.array([[1, 2], None, [3]]),
    "ll": pa.array([["a"], [], ["b", "c"]], pa.large_list(pa.string())),
    "fl": pa.array([[1, 2], [3, 4], None], pa.list_(pa.int32(), 2)),
    "st": pa.array([{"a": 1, "b": "x"}, None, {"a": 2, "b": None}]),
    "d": pa.array(["p", "q", "p"]).dictionary_encode(),
    "m": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int32())),
    "n": pa.nulls(3),
    "u": pa.UnionArray.from_dense(
        pa.array([0, 1, 0], "int8"),
        pa.array([0, 0, 1], "int32"),
        [pa.array([1, 2]), pa.array(["x"])],
    ),
    "r": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], "int32"), pa.array(["r", "s"])),
}
bases = [serializer.dumps(pa.table(columns))]
bases += [serializer.dumps(pa.table({name: column})) for name, column in columns.items()]
frame = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.Categorical(["u", "v"])})
bases += [serializer.dumps(frame), serializer.dumps(frame.set_index("b"))]
generator = random.Random(1)
taken = 0
for _ in range(5_000):
    header, [good] = generator.choice(bases)
    data = bytearray(good)
    first = generator.choice([0, len(data) // 2, len(data) // 2])  # the second half are arrays
    for _ in range(generator.choice([1, 1, 2, 4])):
        at = generator.randrange(first, len(data))
        match generator.randrange(4):
            case 0:
                data[at] = generator.randrange(256)
            case 1:
                data[at] ^= 1 << generator.randrange(8)
            case 2:
                number = generator.choice([0, 1, -1, 8, 255, 2**31 - 1, -(2**31)])
                struct.pack_into("<i", data, min(at & ~3, len(data) - 4), number)
            case 3:
                number = generator.choice([0, 1, -1, 8, 1 << 20, 1 << 40, 2**63 - 1, -(2**63)])
                struct.pack_into("<q", data, min(at & ~7, len(data) - 8), number)
    try:
        came = serializer.loads(header, [memoryview(bytes(data))])
    except ValueError:
        continue
    taken += 1
    if header == "pandas":
        repr(came)
    elif came.num_rows < 1000:
        for use in (came.to_pylist, came.to_pandas, came.combine_chunks, came.drop_null):
            try:
                use()
            except Exception:
                pass
assert taken > 500, taken
"""


def test_hostile_bytes_do_not_end_the_process(survives):
    survives(MUTATE)


def test_end_to_end(serializer, table, frame, through):
    for came in through(table, "arrow"):
        assert came.equals(table)
    big = pa.table({"a": np.arange(100_000.0)})
    for came in through(big, "arrow"):
        assert came.equals(big)
    for came in through(frame, "arrow"):
        pd.testing.assert_frame_equal(came, frame)


@pytest.mark.parametrize("wanted", [dict, dict[str, list[int]], int])
def test_not_what_was_asked_for(table, wanted):
    """msgspec takes a table for a mapping, and it has no keys."""
    for value in (table, table.to_batches()[0]):
        frames = framewire.dumps(value)
        assert framewire.loads(frames, type=type(value)).equals(value)
        with pytest.raises(framewire.SchemaError):
            framewire.loads(frames, type=wanted)


def test_end_to_end_extension_types(serializer, through):
    table, _ = extended()
    with pytest.raises(framewire.RefusedError, match=r"arrow\.extension"):
        framewire.loads(framewire.dumps(table, serializer="arrow"))
    for came in through(table, "arrow", allow=["arrow", "arrow.extension"]):
        assert came.num_rows == 1
