"""Values of every kind through dumps and loads, and through sockets."""

import array
import ctypes
import datetime
import decimal
import mmap
import pickle
import uuid

import numpy as np
import pytest
from sameness import form, same

import framewire

UTC = datetime.timezone.utc
EAST = datetime.timezone(datetime.timedelta(hours=5, minutes=45), "named")
ODD = datetime.timezone(-datetime.timedelta(hours=1, minutes=2, seconds=3, microseconds=4))
NAN = float("nan")
LARGE = 20_000  # bytes: more than is sent inside a tree

PLAIN = {
    "none": None,
    "bools": [True, False],
    "ints": [0, 1, -1, 127, 128, 255, 256, 65535, 65536, -32, -33, -128, -129, -32768, -32769],
    "ints-32": [2**31 - 1, 2**31, 2**32 - 1, 2**32, -(2**31), -(2**31) - 1],
    "ints-64": [2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, -(2**64)],
    "ints-huge": [10**100, -(10**100), 1 << 8000, -(1 << 8000), 10**5000],
    "floats": [0.0, -0.0, 1.5, 1e308, 5e-324, float("inf"), float("-inf"), NAN, -NAN],
    "complex": [1j, complex(NAN, float("inf")), complex(-0.0, 0.0)],
    "texts": ["", "a", "a" * 31, "a" * 32, "a" * 255, "a" * 256, "é☃😀", "\0", "a" * 70_000],
    "surrogates": ["\ud800", "a\udfffb", "\udcff" * 300, {"\ud800": "\udfff"}],
    "bytes": [b"", b"a", b"\xc1F", b"a" * 255, b"a" * 256, b"a" * 8192],
    "bytearrays": [bytearray(), bytearray(b"abc"), bytearray(300)],
    "memoryviews": [memoryview(b""), memoryview(b"abc"), memoryview(b"a" * 300)],
    "lists": [[], [[]], [[1], [2, [3]]], list(range(15)), list(range(16)), [None] * 70_000],
    "tuples": [(), (1,), ((), ((1, 2), [3])), tuple(range(300))],
    "sets": [set(), {1, "a", None, 2.5, b"x"}, frozenset(), frozenset({1, 2}), {frozenset({3})}],
    "dicts": [{}, {"b": 1, "a": 2}, {"a": {"b": {"c": {}}}}, {str(n): n for n in range(70)}],
    "keys": {None: 0, True: 1, 7: 2, 2.5: 3, b"b": 4, 1j: 5, 2**70: 6, "t": 7, -(2**70): 8},
    "keys-nested": {(1, ("a", frozenset({2, (3,)}))): [1], frozenset(): 2, (): 3},
    "datetimes": [
        datetime.datetime.min,
        datetime.datetime.max,
        datetime.datetime(2026, 1, 2, 3, 4, 5),
        datetime.datetime(2026, 1, 2, 3, 4, 5, 6),
        *(datetime.datetime(2026, 1, 2, 3, 4, 5, 600, zone) for zone in (UTC, EAST, ODD)),
        datetime.datetime(1, 1, 1, tzinfo=EAST),
    ],
    "dates": [datetime.date.min, datetime.date.max, datetime.date(2026, 1, 2)],
    "times": [
        datetime.time.min,
        datetime.time.max,
        *(datetime.time(3, 4, 5, 6, zone) for zone in (None, UTC, EAST, ODD)),
    ],
    "timedeltas": [
        datetime.timedelta.min,
        datetime.timedelta.max,
        datetime.timedelta(),
        datetime.timedelta(-1, 3, 4),
    ],
    "date-keys": {datetime.date(2026, 1, 2): 1, datetime.timedelta(1): 2, uuid.UUID(int=3): 3},
    "uuids": [uuid.UUID(int=0), uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")],
    "decimals": [
        decimal.Decimal(text)
        for text in "0 -0 1.50 1E+5 -1e-400 NaN -NaN123 sNaN Infinity -Infinity 0E-7".split()
    ],
    "decimal-long": decimal.Decimal("1." + "3" * 1000),
}

ARRAYS = {
    "1d": np.arange(5.0),
    "0d": np.array(7, "u2"),
    "empty": np.zeros((0, 3), "i4"),
    "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "strided": np.arange(20)[::3],
    "reversed": np.arange(20)[::-1],
    "broadcast": np.broadcast_to(np.arange(3), (4, 3)),
    "big-endian": np.arange(3, dtype=">i4"),
    "bool": np.array([True, False]),
    "complex": np.array([1j, NAN]),
    "half": np.array([1, np.inf], "f2"),
    "text": np.array(["é", "abc"]),
    "bytes": np.array([b"a", b"abc"]),
    "void": np.array([b"abc"], "V3"),
    "datetime": np.array(["2026-01-02", "NaT"], "M8[us]"),
    "timedelta": np.array([5, -5], "m8[25s]"),
    "struct": np.array([(1, 2.5)], [("a", "i1"), ("b", ">f8")]),
    "struct-aligned": np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    "struct-nested": np.zeros(2, [("a", [("b", "M8[s]"), ("c", "U3")]), ("d", "f4", (2, 3))]),
    "long-double": np.array([1, NAN], "g"),
    "dims-20": np.zeros((1,) * 20),
    "large": np.arange(LARGE),
    "large-fortran": np.asfortranarray(np.arange(LARGE).reshape(100, 200)),
    "large-strided": np.arange(2 * LARGE)[::2],
    "large-broadcast": np.broadcast_to(np.arange(LARGE), (2, LARGE)),
}

MASKED = {
    "plain": np.ma.array([1, 2, 3], mask=[0, 1, 0]),
    "nomask": np.ma.array([1.0, 2.0]),
    "0d": np.ma.array(5, mask=True),
    "empty": np.ma.zeros((0, 3)),
    "fill": np.ma.array([1.0, 2.0], mask=[1, 0], fill_value=-7),
    "complex": np.ma.array([1 + 2j], fill_value=3j),
    "text": np.ma.array(["abc", "b"], mask=[0, 1], fill_value="?"),
    "datetime": np.ma.array(np.array(["2026-01-02", "NaT"], "M8[D]"), mask=[1, 0]),
    "bool": np.ma.array([True, False], mask=[1, 0]),
    "struct": np.ma.array([(1, 2.0)], "i4,f8", mask=[(1, 0)], fill_value=(7, 8.0)),
    "struct-nested": np.ma.zeros(2, [("a", [("b", "i2")]), ("c", "f4", (2,))]),
    "fortran": np.ma.array(np.asfortranarray(np.eye(3)), mask=np.eye(3)),
    "strided": np.ma.array(np.arange(9), mask=np.arange(9) % 2)[::3],
    "large": np.ma.masked_less(np.arange(float(LARGE)), 10),
}

CODES = list("?bBhHiIlLefdgFDG")  # without a second type for 64 bits, which comes back as the first
SCALARS = {code: np.dtype(code).type(1) for code in CODES} | {
    "S": np.bytes_(b"abc"),
    "U": np.str_("é☃"),
    "M": np.datetime64("2026-01-02T03:04", "s"),
    "M-nat": np.datetime64("NaT"),
    "m": np.timedelta64(5, "ms"),
    "nan": np.float32("nan"),
    "-0": np.float64(-0.0),
}
KEYS = {name: scalar for name, scalar in SCALARS.items() if name not in ("M-nat", "nan")}


def cases(table):
    return pytest.mark.parametrize("value", [pytest.param(v, id=k) for k, v in table.items()])


def through(value, **settings):
    return framewire.loads(framewire.dumps(value, **settings))


# ---- round trips


@cases(PLAIN)
def test_plain(value):
    came = through(value)
    assert same(came, value)
    for item, sent in zip(came, value, strict=True) if type(value) is list else ():
        assert same(through(sent), sent)  # at the root, where serializers other than trees are
        assert type(item) is type(sent)


@cases(ARRAYS)
@pytest.mark.parametrize("copy", [None, False, True])
def test_arrays(assert_same, value, copy):
    frames = framewire.dumps({"deep": [value, (value,)], "x": value}, copy=copy)
    came = framewire.loads(frames, copy=copy)
    for each in (came["deep"][0], came["deep"][1][0], came["x"]):
        assert_same(each, value)
        assert each.flags.writeable == (copy is True)
        assert each.flags.f_contiguous == value.flags.f_contiguous or not value.flags.forc
        if copy is not True:
            assert [s == 0 for s in each.strides] == [s == 0 for s in value.strides]


@cases(MASKED)
def test_masked_arrays(value):
    for came in (through(value), *through([value, value])):
        assert type(came) is np.ma.MaskedArray
        assert same(came, value)
    writable = framewire.loads(framewire.dumps([value]), copy=True)[0]
    writable[...] = np.ma.masked
    assert np.ma.getmaskarray(writable).tobytes().count(0) == 0


def test_masked_constant():
    for came in (through(np.ma.masked), through({"x": np.ma.masked})["x"]):
        assert isinstance(came, np.ma.MaskedArray)
        assert came.shape == ()
        assert came.mask


@cases(SCALARS)
def test_numpy_scalars(value):
    for came in (through(value), through([value])[0], through({"a": (value,)})["a"][0]):
        assert type(came) is type(value)
        assert same(came, value)


@cases(KEYS)
def test_numpy_scalars_as_keys(value):
    for came in (through({value: 1}), through({value}), through({(value, 2): 3})):
        (key,) = came
        assert same(key[0] if type(key) is tuple else key, value)


def test_structured_scalars():
    value = np.array([(1, (2.5, b"x"))], [("a", "i4"), ("b", [("c", ">f8"), ("d", "S3")])])[0]
    for came in (through(value), through([value])[0]):
        assert type(came) is np.void
        assert same(came, value)
    assert same(through([np.void(b"abc")])[0], np.void(b"abc"))


# ---- buffers


@pytest.mark.parametrize("size", [0, 1, 8192, 8193, 100_000])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_buffers_come_back_as_what_they_were(kind, size):
    data = bytes(range(256)) * (size // 256 + 1)
    value = kind(data[:size])
    for came in (through(value), through([value])[0], through({"a": [value]})["a"][0]):
        assert type(came) is kind
        assert bytes(came) == data[:size]
        if kind is memoryview:
            assert (came.readonly, came.format, came.ndim) == (True, "B", 1)
    if kind is memoryview:
        assert not framewire.loads(framewire.dumps([value]), copy=True)[0].readonly


def mapped():
    memory = mmap.mmap(-1, LARGE)
    memory[:3] = b"abc"
    return memory


EXPORTERS = {
    "array-small": array.array("d", [1.5, 2.5]),
    "array-large": array.array("i", range(LARGE)),
    "ctypes": (ctypes.c_uint32 * 5)(1, 2, 3, 4, 5),
    "mmap": mapped(),
    "2d": memoryview(bytes(range(12))).cast("B", (3, 4)),
    "doubles": memoryview(array.array("d", [1.0] * LARGE)),
    "pickle-buffer": pickle.PickleBuffer(b"abc" * LARGE),
}


@cases(EXPORTERS)
def test_other_exporters_come_back_as_memoryviews(value):
    for came in (through(value), through([value])[0]):
        assert type(came) is memoryview
        assert came.tobytes() == memoryview(value).tobytes()


def test_memory_maps(tmp_path, assert_same):
    value = np.memmap(tmp_path / "map", "f4", "w+", shape=(100, 50))
    value[:] = 3
    for came in (through(value), through([value])[0]):
        assert_same(came, np.asarray(value))


class Tensor:
    """A tensor of another library."""

    def __init__(self, data):
        self.data = data

    def __dlpack__(self, **options):
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.data.__dlpack_device__()


@pytest.mark.parametrize("size", [5, LARGE])
def test_dlpack(size, assert_same):
    data = np.arange(size * 2.0).reshape(2, size)
    for layout in (data, data.T, data[:, ::2]):
        assert_same(through(Tensor(layout)), layout)
        assert_same(through({"a": [Tensor(layout)]})["a"][0], layout)
        assert_same(through(Tensor(layout), serializer="array"), layout)


def test_dlpack_that_numpy_cannot_view():
    class Elsewhere(Tensor):
        def __dlpack_device__(self):
            return (2, 0)  # a GPU

        def __dlpack__(self, **_):
            raise BufferError("not on this device")

    with pytest.raises(TypeError, match=r"^value\['a'\]: a .*Elsewhere that numpy cannot view"):
        framewire.dumps({"a": Elsewhere(None)})
    with pytest.raises(TypeError, match="Elsewhere that numpy cannot view"):
        framewire.dumps(Elsewhere(None))


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e8m0fnu"])
def test_ml_dtypes(name):
    dtype = getattr(pytest.importorskip("ml_dtypes"), name, None)
    if dtype is None:
        pytest.skip("a newer ml_dtypes has it")
    value = {"a": [np.ones((2, 3), dtype)], "large": np.ones(LARGE, dtype), "scalar": dtype(2)}
    came = through(value)
    assert came["a"][0].dtype == came["large"].dtype == dtype
    assert came["a"][0].tobytes() == value["a"][0].tobytes()
    assert came["large"].tobytes() == value["large"].tobytes()
    assert (type(came["scalar"]), float(came["scalar"])) == (dtype, 2)


# ---- sockets


def test_sockets(connect, over):
    """Every value over every transport, as the root and in a tree with others."""
    here, there = connect(over=over)
    tables = (PLAIN, ARRAYS, MASKED, SCALARS)
    for number, (name, value) in enumerate(kv for table in tables for kv in table.items()):
        here.send_value(value)
        framewire.send_value(here, {"n": number, "value": [value, (value,)]}, copy=False)
        expected = form(value)
        assert form(there.recv_value()) == expected, name
        came = framewire.recv_value(there, copy=True)
        assert came["n"] == number
        assert form(came["value"][0]) == form(came["value"][1][0]) == expected, name


def test_many_buffers(connect, over):
    here, there = connect(over=over)
    value = [np.full(2000, n) for n in range(300)] + [bytes([n]) * 9000 for n in range(200)]
    here.send_value(value)
    assert same(there.recv_value(), value)
    assert len(framewire.dumps(value)) == 501


@pytest.mark.parametrize("microseconds", [1, -1, 59_000_001, -3_600_000_001, 86_399_999_999])
def test_offsets_of_less_than_a_minute(microseconds):
    """CPython 3.10 does not read all that its isoformat() writes."""
    zone = datetime.timezone(datetime.timedelta(microseconds=microseconds))
    for sent in (datetime.datetime(2000, 1, 1, tzinfo=zone), datetime.time(1, 2, tzinfo=zone)):
        assert framewire.loads(framewire.dumps(sent)).isoformat() == sent.isoformat()
