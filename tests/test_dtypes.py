"""Every dtype that can travel, through real sockets; those that cannot are refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import framewire

CODED = [order + char for char in "?bBhHiIlLqQefdgFDG" for order in "<>"]
UNITS = "Y M W D h m s ms us ns ps fs as".split()
DESCRIBED = [
    *(f"{order}{kind}8[{unit}]" for unit in UNITS for kind in "mM" for order in "<>"),
    *("m8", "M8", ">m8", "m8[25us]", ">M8[7D]", "M8[2147483647ns]"),
    *("S1", "S10", "S5000", "U1", "<U5", ">U5", "V1", "V8", "V4097"),
]
EXTENSIONS = (
    "bfloat16 float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz "
    "float8_e5m2 float8_e5m2fnuz float8_e8m0fnu"
).split()
POINT = np.dtype([("x", "<f4"), ("y", ">f8")])
STRUCTURES = {
    "plain": [("seq", "<u4"), ("t", "<f8"), ("ok", "?")],
    "one": [("a", "<i2")],
    "nested": [("p", POINT), ("q", [("inner", POINT), ("n", "<i8")]), ("s", "S3")],
    "sub-array": [("m", "<f4", (3, 2)), ("v", "<i2", 5), ("one", "<u1", (1,))],
    "sub-array of structures": [("path", POINT, (2, 2)), ("n", "<u8")],
    "overlapping": {
        "names": ["whole", "low", "high"],
        "formats": ["<u4", "<u2", "<u2"],
        "offsets": [0, 0, 2],
    },
    "holes": {"names": ["a", "b"], "formats": ["<i4", "<f8"], "offsets": [3, 17], "itemsize": 40},
    "backwards": {"names": ["a", "b"], "formats": ["<i4", "<f8"], "offsets": [8, 0]},
    "titles": [(("the title", "a"), "<i4"), ("b", "<f8"), (("ünï", "c"), "S2")],
    "times": [("at", "<M8[ns]"), ("took", ">m8[25us]")],
    "text": [("name", "<U7"), ("wide", ">U2"), ("raw", "V6"), ("none", "S0")],
    "floats": [("half", "<f2"), ("long", "g"), ("both", "G"), ("c", ">c8")],
    "hard names": [
        ('a"b\\c', "<i4"),
        ("☃\0:", "<i4"),
        (" ", "<i4"),
        ("f0,f1", "<i4"),
        ("\n", "u1"),
    ],
    "no fields": {"names": [], "formats": [], "offsets": [], "itemsize": 6},
    "many": [(f"field{i}", "<i2") for i in range(500)],
}
LAYOUTS = ["0-d", "1-d", "fortran", "strided", "large", "empty"]


def fill(array, rng):
    """Random bits, where any bits will do."""
    kind = array.dtype.kind
    if array.dtype.names is not None:
        for name in array.dtype.names:
            fill(array[name], rng)
    elif kind == "b":
        array[...] = rng.integers(0, 2, array.shape)
    elif kind == "U":
        array[...] = rng.choice(["", "a", "ünï", "☃😀"], array.shape)
    elif array.dtype.char in "gG":
        array[...] = rng.standard_normal(array.shape)
    elif array.dtype.itemsize:
        bits = rng.bytes(array.size * array.dtype.itemsize)
        array[...] = np.frombuffer(bits, array.dtype).reshape(array.shape)


def sample(dtype, layout):
    rng = np.random.default_rng(1)
    large = 8192 // max(dtype.itemsize, 1) + 5
    shape = {
        "0-d": (),
        "1-d": (3,),
        "fortran": (4, 3),
        "strided": (2 * large, 2),
        "large": (large,),
        "empty": (2, 0, 3),
    }[layout]
    array = np.zeros(shape, dtype, order="F" if layout == "fortran" else "C")
    fill(array, rng)
    return array[::-2, 1] if layout == "strided" else array


@pytest.fixture
def check(connect, assert_same):
    """Send arrays over tcp, in place and copied, and compare."""
    here, there = connect(over="tcp")

    def check(array):
        for copy in (None, False):
            here.send_array(array, copy=copy)
            got = there.recv_array()
            assert not got.flags.writeable
            assert_same(got, array)
        if array.dtype.itemsize == 0:  # zeros_like makes items of one byte
            return
        here.send_array(array)
        out = np.zeros_like(array)
        assert there.recv_array(out=out, dtype=array.dtype, shape=array.shape) is out
        assert_same(out, array)

    return check


@pytest.mark.parametrize("dtype", CODED)
def test_dtype_with_a_code(check, dtype):
    for layout in LAYOUTS:
        check(sample(np.dtype(dtype), layout))


@pytest.mark.parametrize("dtype", DESCRIBED)
def test_described_dtype(check, dtype):
    for layout in LAYOUTS:
        check(sample(np.dtype(dtype), layout))


@pytest.mark.parametrize("name", EXTENSIONS)
def test_extension_dtype(check, name):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    if not hasattr(ml_dtypes, name):
        pytest.skip(f"this ml_dtypes has no {name}")
    for layout in LAYOUTS:
        check(sample(np.dtype(getattr(ml_dtypes, name)), layout))


@pytest.mark.parametrize("name", STRUCTURES)
def test_structure(check, name):
    for layout in LAYOUTS:
        check(sample(np.dtype(STRUCTURES[name]), layout))


def test_structure_with_an_extension_dtype(check):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    dtype = np.dtype([("w", ml_dtypes.bfloat16, (2,)), ("n", "<u4")])
    check(sample(dtype, "large"))


def test_aligned_structure_stays_aligned(pair):
    dtype = np.dtype([("a", "u1"), ("b", "<f8"), ("c", [("d", "u1"), ("e", "<i4")])], align=True)
    pair[0].send_array(np.ones(3, dtype))
    got = pair[1].recv_array()
    assert got.dtype.isalignedstruct
    assert got.dtype == dtype
    assert got["b"].flags.aligned


def test_titles_are_field_keys_too(pair):
    pair[0].send_array(np.ones(3, STRUCTURES["titles"]))
    got = pair[1].recv_array()
    assert got["the title"].tolist() == got["a"].tolist() == [1, 1, 1]
    assert got.dtype.fields["c"][2] == "ünï"


@pytest.mark.parametrize("dtype", ["S0", "U0", "V0"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,), (2, 0)])
def test_items_of_no_bytes(check, dtype, shape):
    array = np.zeros(shape, [("none", dtype), ("some", "<i4")])["none"]
    assert array.dtype.itemsize == 0
    check(array)


def test_structure_of_no_bytes(check):
    check(np.zeros(3, np.dtype([])))


def test_empty_field_name_is_kept_or_refused(pair, assert_same):
    dtype = np.dtype([("a", "<i4"), ("b", "<i4")])
    dtype.names = ("", "b")
    array = np.ones(3, dtype)
    try:
        pair[0].send_array(array)
    except (TypeError, ValueError):
        pair[0].send_array(np.arange(3))
        assert pair[1].recv_array().tolist() == [0, 1, 2]
    else:
        assert_same(pair[1].recv_array(), array)


@pytest.mark.parametrize("depth", [1, 8, 15, 16, 17, 40])
def test_nesting_that_is_sent_can_be_received(pair, assert_same, depth):
    dtype = np.dtype("<i4")
    for _ in range(depth):
        dtype = np.dtype([("in", dtype)])
    array = np.ones(3, dtype)
    try:
        pair[0].send_array(array)
    except (TypeError, ValueError):
        assert depth > 15
    else:
        assert_same(pair[1].recv_array(), array)


def test_description_that_is_sent_can_be_received(pair):
    array = np.ones(1, [("x" * 99 + str(i), "u1") for i in range(12_000)])  # over 1 MiB of text
    try:
        pair[0].send_array(array)
    except (TypeError, ValueError):
        return
    assert pair[1].recv_array().dtype == array.dtype


@pytest.mark.parametrize("char", "?bBhHiIlLefdgFDGSU")
def test_native_dtype_stays_native(pair, char):
    array = np.zeros(3, char)
    pair[0].send_array(array)
    got = pair[1].recv_array()
    assert got.dtype.byteorder == array.dtype.byteorder
    assert got.dtype.isbuiltin == array.dtype.isbuiltin
    assert memoryview(got).format == memoryview(array).format
    assert repr(got) == repr(array)


def test_native_fields_stay_native(pair):
    array = np.zeros(3, [("a", "i4"), ("g", "g"), ("G", "G"), ("m", "m8[s]"), ("u", "U3")])
    pair[0].send_array(array)
    got = pair[1].recv_array()
    for name in array.dtype.names:
        assert got[name].dtype.byteorder == "="
    assert repr(got) == repr(array)


def test_metadata_of_a_dtype_stays_here(pair):
    pair[0].send_array(np.ones(3, np.dtype("<i4", metadata={"unit": "V"})))
    assert pair[1].recv_array().dtype.metadata is None


@pytest.mark.parametrize(
    "scalar",
    [
        np.float64(1.5),
        np.uint8(7),
        np.bool_(True),
        np.complex64(1 - 2j),
        np.longdouble(1.25),
        np.datetime64("2026-01-02T03:04:05.678", "ms"),
        np.timedelta64(5, "s"),
        np.str_("ünï"),
        np.bytes_(b"abc"),
        np.void(b"12345"),
        np.ones(1, STRUCTURES["nested"])[0],
    ],
    ids=lambda each: type(each).__name__,
)
def test_numpy_scalar_is_a_0d_array(pair, assert_same, scalar):
    pair[0].send_array(scalar)
    got = pair[1].recv_array()
    assert got.shape == ()
    assert_same(got, scalar)


def unsendable():
    yield "object", np.array([1, None], dtype=object)
    yield "large object", np.full(5000, None)
    yield "empty object", np.empty(0, object)
    yield "object field", np.zeros(2, [("a", "<i4"), ("b", [("c", object, 2)])])
    yield "masked", np.ma.masked_array([1, 2, 3], mask=[0, 1, 0])
    yield "masked scalar", np.ma.masked
    yield "title", np.zeros(2, {"names": ["a"], "formats": ["<i4"], "titles": [("t", 1)]})
    if hasattr(getattr(np, "dtypes", None), "StringDType"):
        yield "StringDType", np.array(["a", "b" * 100], np.dtypes.StringDType())
        yield "empty StringDType", np.array([], np.dtypes.StringDType())
    yield from (
        (type(each).__name__, each)
        for each in ([1, 2], (1,), 1, 1.5, None, "text", b"bytes", memoryview(b"a"), bytearray(9))
    )


@pytest.mark.parametrize("bad", [pytest.param(bad, id=name) for name, bad in unsendable()])
def test_what_is_no_plain_array_is_refused(pair, bad):
    with pytest.raises(TypeError):
        pair[0].send_array(bad)
    with pytest.raises(TypeError):
        pair[0].send_array(bad, topic="topic")
    if not isinstance(bad, np.ma.MaskedArray):  # which is two arrays
        with pytest.raises(TypeError):
            framewire.dumps(bad, serializer="array")
    pair[0].send_array(np.arange(3))
    assert pair[1].recv_raw()[0][:2] == b"\xc1\x46"


def test_extension_dtype_without_a_name_is_refused(pair):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    with pytest.raises(TypeError, match="int4"):
        pair[0].send_array(np.zeros(3, ml_dtypes.int4))
    with pytest.raises(TypeError, match="int4"):
        pair[0].send_array(np.zeros(3, [("w", ml_dtypes.int4)]))


def test_the_same_dtype_under_two_names(pair):
    for char in "lq":  # C's long and long long are both 64 bits here
        pair[0].send_array(np.arange(3, dtype=char))
        assert (
            pair[1].recv_array(dtype="int64" if np.dtype(char).itemsize == 8 else char).sum() == 3
        )


def dtypes():
    plain = st.one_of(
        hnp.scalar_dtypes(), hnp.byte_string_dtypes(min_len=1), hnp.unicode_string_dtypes(min_len=1)
    )
    return st.one_of(plain, hnp.array_dtypes(plain, max_size=4, allow_subarrays=True))


@st.composite
def arrays(draw):
    shapes = hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=6)
    array = draw(hnp.arrays(draw(dtypes()), draw(shapes), fill=st.nothing()))
    array = draw(st.sampled_from([array, array.T, np.asfortranarray(array)]))
    if array.ndim and draw(st.booleans()):
        step = st.sampled_from([-3, -2, -1, 1, 2])
        array = array[tuple(slice(None, None, draw(step)) for _ in array.shape)]
    if draw(st.booleans()):
        into = tuple(draw(st.integers(0, 3)) if n == 1 else n for n in array.shape)
        array = np.broadcast_to(array, (*draw(st.sampled_from([(), (1,), (2, 3), (0,)])), *into))
    return array


@settings(max_examples=300, deadline=None)
@given(array=arrays(), copy=st.sampled_from([None, False, True]))
def test_any_array_comes_back(module_pair, assert_same, array, copy):
    here, there = module_pair
    here.send_array(array, copy=copy)
    assert_same(there.recv_array(), array)
    assert_same(framewire.loads(framewire.dumps(array, copy=copy), copy=copy), array)
