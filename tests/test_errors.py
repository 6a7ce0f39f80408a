"""Messages that are not what they claim to be: a DecodeError each, and the next one is intact."""

import contextlib
import gc
import json
import pickle
import struct
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from record_frames import section

import framewire
from framewire import DecodeError

INLINE, FORTRAN, SCALAR, BROADCAST, META, TYPE = 1, 2, 8, 0x10, 0x80, 0x100

GOOD = {
    "inline": framewire.dumps(np.arange(6.0).reshape(2, 3)),
    "0-d": framewire.dumps(np.float32(1)),
    "empty": framewire.dumps(np.zeros((0, 3))),
    "fortran": framewire.dumps(np.asfortranarray(np.arange(6.0).reshape(2, 3))),
    "large": framewire.dumps(np.arange(5000)),
    "broadcast": framewire.dumps(np.broadcast_to(np.arange(3), (4, 3))),
    "meta": framewire.dumps(np.arange(3), meta={"a": [1, 2]}),
    "described": framewire.dumps(np.ones(3, [("a", "<i4"), ("b", "S3")])),
    "all": framewire.dumps(
        np.broadcast_to(np.ones((2000, 1), "U3"), (2000, 3)), meta=["some", "metadata"]
    ),
}
GOOD_PARAMS = [pytest.param(frames, id=name) for name, frames in GOOD.items()]


def head(*, dtype=12, flags=INLINE, shape=(2,), payload=16, sections=b"", **fixed):
    """A head, right or wrong."""
    version, serializer = fixed.get("version", 1), fixed.get("serializer", 1)
    start = b"\xc1\x46" + bytes([version, serializer]) + struct.pack("<H", flags)
    ndim = fixed.get("ndim", len(shape))
    return (
        start
        + bytes([dtype, ndim])
        + struct.pack("<Q", payload)
        + b"".join(struct.pack("<Q", n) for n in shape)
        + sections
    )


def described(text, shape=(2,), payload=0):
    text = text if isinstance(text, bytes) else text.encode()
    return head(
        dtype=0, flags=INLINE | TYPE, shape=shape, payload=payload, sections=section(text)
    ) + bytes(payload)


def structure(names=("a",), formats=("<i4",), offsets=(0,), itemsize=4, **more):
    form = {"names": names, "formats": formats, "offsets": offsets, "itemsize": itemsize}
    return json.dumps({**form, **more})


@pytest.fixture
def refuse(pair):
    """Send a bad message between two good ones; return the error that the bad one is."""
    here, there = pair

    def refuse(frames):
        here.send_array(np.arange(3))
        here.send_multipart(frames)
        here.send_multipart(frames)
        here.send_array(np.arange(4))
        assert there.recv_array().tolist() == [0, 1, 2]
        with pytest.raises(DecodeError) as caught:
            there.recv_array()
        with pytest.raises(DecodeError):
            _ = there.recv_message().value
        assert there.recv_array().tolist() == [0, 1, 2, 3]
        with pytest.raises(DecodeError) as loaded:
            framewire.loads_array(frames)
        assert str(loaded.value) == str(caught.value)
        assert isinstance(caught.value.code, str)
        return caught.value

    return refuse


def wrong():
    data = bytes(16)
    yield "version 0", [head(version=0) + data], "version", 2
    yield "version 2", [head(version=2) + data], "version", 2
    yield "serializer 0", [head(serializer=0) + data], "serializer", 3
    yield "serializer 13", [head(serializer=13) + data], "serializer", 3
    yield "serializer 254", [head(serializer=254) + data], "serializer", 3
    yield "type section with a code", [head(flags=257, sections=section(b"|S8")) + data], "flags", 4
    yield "no type section", [head(dtype=0) + data], "flags", 4
    for dtype in (19, 64, 127, 0x80, 0x81, 0x82, 0x86, 255):
        code = "flags" if dtype == 0x80 else "dtype"
        yield f"dtype {dtype}", [head(dtype=dtype) + data], None if dtype == 0x80 else code, None
    yield "65 dims", [head(ndim=65, shape=(1,) * 65, payload=8) + data[8:]], "ndim", 7
    yield "255 dims", [head(ndim=255, shape=(2,)) + data], "ndim", 7
    yield "shape too large", [head(shape=(2**61,), payload=2**64 - 8)], "shape", 16
    yield "shape wraps to 0", [head(shape=(2**32, 2**32), payload=0)], "shape", 16
    yield "shape wraps to 16", [head(shape=(2**61 + 2,)) + data], "shape", 16
    yield "shape beside 0", [head(shape=(0, 2**63), payload=0)], "shape", 16
    yield "payload too small", [head(payload=8) + data], "payload", 8
    yield "payload too large", [head(payload=24) + bytes(24)], "payload", 8
    yield "payload huge", [head(payload=2**64 - 1) + data], "payload", 8
    yield "payload short", [head() + data[:-1]], "truncated", None
    yield "payload long", [head() + data + b"\0"], "trailing", 40
    yield "inline and a frame", [head() + data, b""], "frames", None
    yield "own frame, none", [head(flags=0)], "frames", None
    yield "own frame, two", [head(flags=0), data, b""], "frames", None
    yield "own frame, short", [head(flags=0), data[:-1]], "frames", None
    yield "own frame, long", [head(flags=0), data + b"\0"], "frames", None
    yield "own frame and inline", [head(flags=0) + data, data], "trailing", 24
    for mask in (0, 2, 2**63):
        sections = struct.pack("<Q", mask)
        frames = [head(flags=17, sections=sections) + data]
        yield f"broadcast mask {mask}", frames, "section", 24
    one = head(flags=17, shape=(1,), payload=8, sections=struct.pack("<Q", 1)) + data[8:]
    yield "broadcast axis of 1", [one], "section", 24
    far = head(flags=17, shape=(2**40, 2**40), payload=8, sections=struct.pack("<Q", 3)) + data[8:]
    yield "broadcast too far", [far], "shape", 16
    for length in (2**64 - 1, 2**64 - 8, 2**63, 100):
        frames = [head(flags=129, sections=struct.pack("<Q", length)) + data]
        yield f"section of {length}", frames, "truncated", 24
    padding = section(b"\xc0")[:-1] + b"\1"
    yield "padding", [head(flags=129, sections=padding) + data], "section", None
    yield "magic only", [b"\xc1\x46"], "truncated", 2
    yield "foreign", [b"hello"], "foreign", None
    yield "empty", [b""], "foreign", None


@pytest.mark.parametrize(
    ("frames", "code", "offset"),
    [pytest.param(frames, code, offset, id=name) for name, frames, code, offset in wrong()],
)
def test_error_codes(refuse, frames, code, offset):
    error = refuse(frames)
    assert code in (None, error.code)
    assert offset in (None, error.offset)
    assert refuse([b"topic", b"\xff", *frames]).code == error.code


def test_the_builder_of_this_file_is_right():
    assert framewire.loads(head() + bytes(16)).tolist() == [0, 0]
    assert framewire.loads(described(structure(), payload=8)).tolist() == [(0,), (0,)]


@pytest.mark.parametrize("frames", GOOD_PARAMS)
def test_cut_at_every_byte(pair, frames):
    first, *rest = frames
    for n in range(len(first)):
        pair[0].send_multipart([first[:n], *rest])
        with pytest.raises(DecodeError) as caught:
            pair[1].recv_array()
        assert n > 1 or caught.value.code == "foreign"
        pair[0].send_multipart(frames)
        assert pair[1].recv_array().dtype == framewire.loads(frames).dtype


@pytest.mark.parametrize("bit", range(16))
@pytest.mark.parametrize("frames", GOOD_PARAMS)
def test_every_flag_flipped(refuse, frames, bit):
    changed = bytearray(frames[0])
    changed[4 + bit // 8] ^= 1 << bit % 8
    scalar = 1 << bit == SCALAR and changed[7] == 0
    if 1 << bit == FORTRAN or scalar:  # the other order is as good
        assert framewire.loads([changed, *frames[1:]]).size == framewire.loads(frames).size
    else:
        refuse([bytes(changed), *frames[1:]])


@pytest.mark.parametrize("frames", GOOD_PARAMS)
def test_frames_too_many_or_too_few(refuse, frames):
    for more in (b"", b"\xc1\x46", b"x" * 10_000, frames[0]):
        assert refuse([*frames, bytes(more)]).code == "frames"
    if len(frames) == 2:
        assert refuse(frames[:1]).code == "frames"
        assert refuse([frames[0], bytes(frames[1])[:-1]]).code == "frames"


NO_TYPES = (
    "O |O |O8 <O object =f8 f8 @f8 float64 i4,O <f8,<f8 (2,)<f8 2<f8 |S-1 |S+1 <T16 <f3 "
    "|S99999999999 <U9999999999 <U2147483647 |V9999999999 <M8[s <M8[zz] <M8[0s] <M8[-1s] <M8[s/3] "
    '<M8[99999999999s] <m8[generic] { {} [] null 3 StringDType "<i4"'
).split()


def hostile_descriptions():
    yield from NO_TYPES
    yield from ("", " ", "\0", "<U5 ", "<f8\0", "|S10\n", "|S\u0661", '{"a": "<i4"}')
    yield from ("{" * 50_000, "[" * 50_000, b"\xff\xfe", b"<U5\xff", b'{"names":["\xff"]}', b"{\0}")
    yield from (b"\xc1\x46", b"\xef\xbb\xbf<U5")
    yield '{"names":["a"],"formats":["<i4"],"offsets":[0],"itemsize":4'
    yield '{"names":["a"],"names":["b"],"formats":["|O"],"offsets":[0],"itemsize":8}'
    for missing in ("names", "formats", "offsets", "itemsize"):
        form = json.loads(structure())
        del form[missing]
        yield json.dumps(form)
    for bad in ("|O", "O", "object", "i4,i4", "<i4 ", "", None, 3, 1.5, True, [], {}, ["<i4"]):
        yield structure(formats=[bad])
    for bad in (2, [-1], [2.0], ["2"], [True], None, {}):
        yield structure(formats=[["<i4", bad]], itemsize=64)
    yield structure(formats=[["|O", [1]]], itemsize=64)
    for bad in (["<i4", [2**31, 2**31]], ["<i4", [2**62]], ["<i4", [2**64]], ["<i4", [1] * 65]):
        yield structure(formats=[bad], itemsize=64)
    for bad in (-1, 1, 2**31, 2**63, 2**64, 10**100, 0.5, "0", None, True, [0]):
        yield structure(offsets=[bad])
    for bad in (-1, 0, 3, 2**31, 2**63, 2**64, 10**100, 4.0, "4", None, False):
        yield structure(itemsize=bad)
    for bad in ("a", [], ["a", "b"], [None], [3], [["a"]], {"a": 1}, None, 3):
        yield structure(names=bad)
    yield structure(names=["a", "a"], formats=["<i4"] * 2, offsets=[0, 4], itemsize=8)
    yield structure(titles=["a"])
    yield structure(titles=[3])
    yield structure(titles=3)
    yield structure(titles=["x", "y"])
    yield structure(["a", "b"], ["<i4"] * 2, [0, 4], 8, titles=["b", None])
    yield structure(["a", "b"], ["<i4"] * 2, [0, 4], 8, titles=["t", "t"])
    yield structure(names=["a"], offsets=[1], itemsize=5, aligned=True)
    yield structure(more=1)
    yield structure(metadata={"a": 1})
    yield structure(aligned="yes", offsets=[1], itemsize=3)
    deep = '"<i4"'
    for _ in range(40):
        deep = f'{{"names":["a"],"formats":[{deep}],"offsets":[0],"itemsize":4}}'
    yield deep
    deep = '"<i4"'
    for _ in range(40):
        deep = f"[{deep},[1]]"
    yield structure(formats=[json.loads(deep)])
    yield structure(names=["x" * (1 << 21)])
    many = [f"f{i}" for i in range(40_000)]
    yield structure(many, ["<i4"] * 40_000, [2**20] * 40_000, 8)
    yield structure(formats=["<f8"], offsets=[0], itemsize=4)


@pytest.mark.parametrize("text", list(hostile_descriptions()), ids=lambda text: repr(text)[:60])
def test_hostile_description(text):
    for shape, payload in (((2,), 0), ((2,), 8), ((0,), 0), ((), 4), ((2**40,), 0)):
        with pytest.raises(DecodeError):
            framewire.loads(described(text, shape, payload))


@pytest.mark.parametrize("text", ["|O", '{"a":1}', structure(formats=["|O"], itemsize=8), b"\xff"])
def test_hostile_description_through_a_socket(refuse, text):
    assert refuse([described(text, payload=16)]).code == "description"


@pytest.mark.parametrize(
    "data",
    [
        b"\xc1",
        b"\xd9\x05ab",
        b"\xc0\xc0",
        b"\xa2\xff\xfe",
        b"\x91" * 50_000,
        b"\xdf" + b"\xff" * 8,
        b"",
    ],
)
def test_metadata_that_is_none(pair, data):
    frames = [head(flags=129, sections=section(data)) + bytes(16)]
    pair[0].send_multipart(frames)
    pair[0].send_multipart(frames)
    assert pair[1].recv_array().tolist() == [0, 0]  # which does not look at it
    with pytest.raises(DecodeError) as caught:
        _ = pair[1].recv_message().meta
    assert caught.value.code == "metadata"


def test_a_broadcast_array_is_not_written_out_without_limit(pair):
    """64 bytes on the wire ask for 2 to the 50 bytes here."""
    frame = head(flags=17, shape=(2**50,), dtype=6, payload=1, sections=struct.pack("<Q", 1)) + b"x"
    for copy in (None, True):
        with contextlib.suppress(framewire.LimitError):
            assert framewire.loads(frame, copy=copy).shape == (2**50,)
            assert copy is None
    with pytest.raises(framewire.SchemaError):
        framewire.loads_array(frame, out=np.zeros(3, np.uint8))


def test_exceptions_are_value_errors_and_travel_between_processes():
    for cls in (DecodeError, framewire.RefusedError, framewire.LimitError, framewire.SchemaError):
        assert issubclass(cls, ValueError)
        assert issubclass(cls, DecodeError)
        again = pickle.loads(pickle.dumps(cls("text", "code", 5)))
        assert (type(again), str(again), again.code, again.offset) == (cls, "text", "code", 5)
    assert cls("text", "code").offset is None


def test_failures_leave_nothing_behind(pair):
    """1000 receives of each kind of bad message: no reference, no memory."""
    messages = [*[frames for _, frames, _, _ in wrong()][::3], [described("|O")]]
    messages += [[head(flags=0), bytes(10_000)], [b"x" * 9000, b"y" * 9000, *GOOD["large"], b""]]
    out = np.zeros(3)
    blocks = 0
    before = sys.getrefcount(out), sys.getrefcount(out.dtype)
    for turn in range(1100):
        if turn == 100:
            gc.collect()
            blocks = sys.getallocatedblocks()
        for frames in messages:
            pair[0].send_multipart(frames)
            with contextlib.suppress(DecodeError):
                pair[1].recv_array(out=out)
                raise AssertionError
    gc.collect()
    assert (sys.getrefcount(out), sys.getrefcount(out.dtype)) == before
    assert sys.getallocatedblocks() - blocks < 500


# ---- properties


def only_decode_errors(frames):
    with contextlib.suppress(DecodeError):
        got = framewire.loads_array(frames)
        assert type(got) is np.ndarray
        assert not got.dtype.hasobject
        assert got.flags.aligned or got.dtype.alignment == 0  # numpy 1: nothing is aligned to 0
        if got.nbytes < 1 << 20:
            assert len(got.tobytes()) == got.nbytes


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=4))
@example([])
@example([b"", b""])
def test_arbitrary_bytes(frames):
    only_decode_errors(frames)
    if frames:
        only_decode_errors([b"\xc1\x46\x01\x01" + frames[0], *frames[1:]])


@settings(max_examples=1000, deadline=None)
@given(data=st.data())
def test_mutated_messages(data):
    frames = data.draw(st.sampled_from(list(GOOD.values())))
    changed = bytearray(frames[0])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(2, len(changed) - 1))
        how = data.draw(st.sampled_from(["set", "flip", "insert", "delete", "u64"]))
        if how == "set":
            changed[at] = data.draw(st.integers(0, 255))
        elif how == "flip":
            changed[at] ^= 1 << data.draw(st.integers(0, 7))
        elif how == "insert":
            changed[at:at] = data.draw(st.binary(max_size=9))
        elif how == "delete":
            del changed[at : at + data.draw(st.integers(1, 8))]
        else:
            word = st.one_of(
                st.integers(0, 9), st.integers(2**64 - 9, 2**64 - 1), st.integers(0, 2**64 - 1)
            )
            changed[at & ~7 : (at & ~7) + 8] = struct.pack("<Q", data.draw(word))
        changed.extend(bytes(max(0, 3 - len(changed))))
    only_decode_errors([bytes(changed), *frames[1:]])


names = st.sampled_from(["a", "b", "", "f0", "ü"])
forms = st.recursive(
    st.one_of(
        st.sampled_from(
            ["<i4", "|b1", ">f8", "|S0", "<U3", "|V2", "bfloat16", "<f80", "|O", "<M8[s]"]
        ),
        st.integers(-2, 40),
        st.none(),
        st.text(max_size=3),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, st.lists(st.integers(-1, 4), max_size=3)),
        st.fixed_dictionaries(
            {
                "names": st.lists(names, max_size=3),
                "formats": st.lists(inner, max_size=3),
                "offsets": st.lists(st.integers(-1, 40), max_size=3),
                "itemsize": st.integers(-1, 80),
            },
            optional={
                "titles": st.lists(st.one_of(names, st.none()), max_size=3),
                "aligned": st.one_of(st.booleans(), inner),
            },
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=500, deadline=None)
@given(form=forms, payload=st.integers(0, 80))
def test_arbitrary_descriptions(form, payload):
    only_decode_errors([described(json.dumps(form), (1,), payload)])
    only_decode_errors([described(json.dumps(form), (0,), 0)])
