"""Compressed messages: every method, what it is for, and what a receiver lets itself in for."""

import contextlib
import importlib
import random
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import zmq
from sameness import same

import framewire
from framewire import SAFE, Codec, LimitError, Limits, Record, f64, u32

sys.path.append(str(Path(__file__).parents[1] / "examples"))
read = importlib.import_module("framewire_reader").read

LIBRARIES = {"zlib": "zlib", "zstd": "zstandard", "lz4": "lz4.block", "blosc2": "blosc2"}
IDS = {"zlib": 1, "zstd": 2, "lz4": 3, "blosc2": 4}


def is_there(library):
    """Some need a newer numpy than the oldest that framewire does."""
    try:
        return importlib.import_module(library) is not None
    except ImportError:
        return False


METHODS = [
    pytest.param(
        name, marks=pytest.mark.skipif(not is_there(library), reason=f"{library} is not there")
    )
    for name, library in LIBRARIES.items()
]
# blosc2 is refused by default: see test_blosc2_is_to_be_allowed
TAKES = Codec(allow=SAFE | {"blosc2"})
LEVELS = {"zlib": (-1, 0, 9), "zstd": (-5, 1, 22), "lz4": (1, 12), "blosc2": (0, 9)}
NOISE = random.Random(1).randbytes(20_000)
RAMP = np.arange(20_000.0)


class Note(Record):
    number: u32
    value: f64
    text: str


VALUES = {
    "small array": np.arange(3),
    "array": RAMP,
    "array of zeros": np.zeros((100, 100)),
    "fortran": np.asfortranarray(RAMP.reshape(100, 200)),
    "strided": RAMP[::2],
    "big-endian": RAMP.astype(">f4"),
    "described": np.arange(1000).astype("M8[s]"),
    "structured": np.zeros(500, [("a", "u1"), ("b", "<f8")]),
    "broadcast": np.broadcast_to(RAMP, (3, 20_000)),
    "nothing": np.zeros((0, 5)),
    "noise": np.frombuffer(NOISE, "u1"),
    "bytes": b"text " * 1000,
    "bytearray": bytearray(b"text " * 1000),
    "tree": {"a": [0] * 1000, "b": "text" * 100},
    "tree with buffers": {"x": RAMP, "small": np.arange(4), "noise": NOISE, "y": [b"y" * 9000]},
    "text": "x" * 10_000,
    "record": Note(1, 2.5, "x" * 1000),
    "long record": Note(1, 2.5, "x" * 20_000),
}


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


def smaller(value, method, **how):
    """The frames of a value, compressed and as it is: bytes in all."""
    frames = framewire.dumps(value, codec=Codec(compression=method), **how)
    return sum(map(len, frames)), sum(map(len, framewire.dumps(value, **how)))


# ---- what comes through


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_round_trip(connect, method, value):
    here, there = connect(over="tcp")
    here.codec, there.codec = Codec(compression=method), TAKES
    for how in ({}, {"packed": True}, {"topic": "t", "meta": [1]}, {"copy": False}):
        here.send_value(value, **how)
        message = there.recv_message()
        assert same(message.value, value)
        assert message.meta == how.get("meta")
        here.send_value(value, **how)
        got = there.recv_value(copy=True)
        assert same(got, value)
        if isinstance(got, np.ndarray):
            assert got.flags.writeable
            assert got.flags.aligned
    here.send_many([value] * 3)
    assert same(list(there.recv_many(3)), [value] * 3)


def test_arrays(connect, method):
    here, there = connect()
    here.codec, there.codec = Codec(compression=method), TAKES
    for array in (RAMP, RAMP.reshape(100, 200).T, np.zeros((50, 50), "M8[s]")):
        here.send_array(array, topic="t")
        assert same(there.recv_array(dtype=array.dtype, shape=array.shape), array)
        here.send_array(array)
        out = np.empty_like(array)
        there.recv_array(out=out)
        assert same(out, array)
    here.send_array(np.float64(1.5))
    assert there.recv_array() == 1.5
    rows = RAMP.reshape(100, 200)
    here.send_many(rows)
    out = np.empty_like(rows)
    assert len(there.recv_many(None, 5000, out=out)) == 100
    assert same(out, rows)
    records = np.zeros(100, [("number", "<u4"), ("text", "S60")])
    records["number"] = np.arange(100)
    here.send_many(records)
    out = np.empty_like(records)
    assert len(there.recv_many(None, 5000, out=out)) == 100
    assert (out == records).all()


def test_levels(method):
    sizes = []
    for level in LEVELS[method]:
        codec = Codec(compression=f"{method}:{level}")
        frames = framewire.dumps({"x": RAMP}, codec=codec)
        assert same(framewire.loads(frames, codec=TAKES), {"x": RAMP})
        sizes.append(sum(map(len, frames)))
    assert min(sizes) == sizes[-1] < sizes[-2]


def test_it_is_smaller(method):
    for name in ("array", "array of zeros", "bytes", "tree", "text", "record", "described"):
        small, large = smaller(VALUES[name], method)
        assert small < 0.8 * large, name


def test_what_does_not_shrink_is_sent_as_it_is(method):
    """A buffer by itself: those beside it are compressed. Below 256 bytes none is tried."""
    for value in (np.frombuffer(NOISE, "u1"), np.zeros(31), [0] * 200):
        small, large = smaller(value, method)
        assert small == large
    small, large = smaller([NOISE, b"y" * 9000], method)
    assert len(NOISE) < small < large - 8000


def test_blosc2_shuffles_by_itemsize():
    """Also arrays in a tree."""
    array = np.cumsum(np.random.default_rng(1).integers(0, 1000, 50_000))
    pytest.importorskip("blosc2", exc_type=ImportError)
    for wrap in (lambda a: a, lambda a: {"x": a}):
        shuffled, _ = smaller(wrap(array), "blosc2")
        plain, _ = smaller(wrap(array.view("V1")), "blosc2")
        assert shuffled < 0.9 * plain


def test_of_a_call(pair):
    here, there = pair
    here.send_value("x" * 1000, codec=Codec(compression="zlib"))
    assert len(there.recv(copy=False)) < 200
    here.codec = Codec(compression="zlib")
    here.send_value("x" * 1000, codec=Codec(compression="none"))
    assert len(there.recv(copy=False)) > 1000


def test_a_compressed_signed_pickle(pair):
    here, there = pair
    here.codec = there.codec = Codec("pickle", allow=["pickle"], compression="zlib", key=b"k" * 16)
    value = {"a": [0] * 1000, "b": {1, 2}}
    here.send_value(value)
    assert len(there.recv(copy=False)) < 250
    here.send_value(value)
    assert there.recv_value() == value


@pytest.mark.in_place
def test_what_is_not_compressed_stays_in_place(pair):
    """The tracker is of that; what was compressed is nobody's any more."""
    here, there = pair
    array = np.frombuffer(NOISE, "u1").copy()
    tracker = here.send_array(array, copy=False, track=True, codec=Codec(compression="zlib"))
    assert not tracker.done
    assert same(there.recv_array(), array)
    tracker.wait(10)
    tracker = here.send_array(RAMP, copy=False, track=True, codec=Codec(compression="zlib"))
    assert same(there.recv_array(), RAMP)
    tracker.wait(10)


def test_the_standalone_reader_reads_zlib():
    for name, value in VALUES.items():
        plain = read(framewire.dumps(value))
        said = read(framewire.dumps(value, codec=Codec(compression="zlib")))
        said.pop("compression")
        assert plain.pop("compression") is None
        if name in ("array", "described", "tree", "text"):  # else the table may say it otherwise
            assert said == plain


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("gzip", ValueError),
        ("", ValueError),
        ("zlib:", ValueError),
        ("zlib:10", ValueError),
        ("zlib:fast", ValueError),
        ("zstd:23", ValueError),
        ("lz4:0", ValueError),
        ("blosc2:-1", ValueError),
        ("none:1", ValueError),
        (5, TypeError),
        (["zlib"], TypeError),
    ],
)
def test_no_method(text, error):
    with pytest.raises(error):
        Codec(compression=text)


def test_a_library_that_is_missing():
    program = """
import sys
sys.modules.update(dict.fromkeys(["zstandard", "lz4", "lz4.block", "blosc2"]))
import framewire
for name, number in [("zstd", 2), ("lz4", 3), ("blosc2", 4)]:
    try:
        framewire.dumps(bytes(1000), codec=framewire.Codec(compression=name))
    except ImportError as error:
        print(error)
    frame = bytearray(framewire.dumps(bytes(1000), codec=framewire.Codec(compression="zlib"))[0])
    frame[frame.index(b"\\1" + bytes(7) + b"\\xe8\\3" + bytes(6))] = number
    try:
        framewire.loads(frame, codec=framewire.Codec(allow=["raw", "blosc2"]))
    except framewire.RefusedError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 6
    for i, name in enumerate(("zstd", "lz4", "blosc2")):
        for line in lines[2 * i : 2 * i + 2]:
            assert f"framewire[{name}]" in line


# ---- what a receiver takes


def bomb(size, claimed=None):
    """A message of a few bytes that says it is large, and is."""
    stream = zlib.compressobj(9)
    data = stream.compress(bytes(size)) + stream.flush()
    return message(data, size if claimed is None else claimed)


def message(data, raw, method=1, flags=0, sections=b""):
    """Raw bytes, compressed by a method."""
    words = [int(n).to_bytes(8, "little") for n in (len(data), 16, method, raw)]
    head = b"\xc1F\1\2" + (0x0201 | flags).to_bytes(2, "little") + b"\0\0" + words[0]
    return [head + sections + b"".join(words[1:]) + data]


def limited(frames, **limits):
    with pytest.raises(LimitError) as caught:
        framewire.loads(frames, codec=Codec(limits=Limits(**limits)))
    assert caught.value.code == "limit"
    return caught.value.limit


def test_limits():
    small = bomb(1000)
    assert framewire.loads(small) == bytes(1000)
    assert limited(small, decompressed=999) == "decompressed"
    assert framewire.loads(small, codec=Codec(limits=Limits(decompressed=1000))) == bytes(1000)
    assert framewire.loads(small, codec=Codec(limits=Limits(expansion=0))) == bytes(1000)
    large = bomb(5 << 20)
    assert limited(large, expansion=1000) == "expansion"
    assert len(framewire.loads(large, codec=Codec(limits=Limits(expansion=1100)))) == 5 << 20
    assert limited(bomb(1 << 10, 1 << 40)) == "decompressed"
    assert limited(bomb(1 << 10, 2**63 - 1), decompressed=2**63 - 1) == "expansion"


def test_what_a_sender_sends_a_receiver_takes(method):
    """By default: more than it takes is sent as it is."""
    zeros = np.zeros(10 << 20, "u1")
    small, large = smaller(zeros, method)
    frames = framewire.dumps(zeros, codec=Codec(compression=method))
    assert same(framewire.loads(frames, codec=TAKES), zeros)
    assert small == large or small > large / 1000
    wide = Codec(compression=method, allow=TAKES.allow, limits=Limits(expansion=10**9))
    frames = framewire.dumps(zeros, codec=wide)
    assert sum(map(len, frames)) < large / 100
    assert same(framewire.loads(frames, codec=wide), zeros)


def test_nothing_is_allocated_for_what_is_refused():
    """Neither what is said nor what would come out, by a limit, a shape or the stream itself."""
    large = 512 << 20
    array = bytearray(framewire.dumps(np.zeros(1000, "u1"), codec=Codec(compression="zlib"))[0])
    shape = bytearray(array)
    shape[16:24] = (1001).to_bytes(8, "little")
    raw = bytearray(array)
    raw[40:48] = (large).to_bytes(8, "little")
    described = framewire.dumps(np.zeros(1000, "S1"), codec=Codec(compression="zlib"))[0]
    at = described.index((1000).to_bytes(8, "little"), 24)
    described = described[:at] + large.to_bytes(8, "little") + described[at + 8 :]
    open_codec = Codec(limits=Limits(expansion=2**40))
    for frames, codec in [
        (bomb(64 << 20, 1000), open_codec),
        (bomb(1000, 1 << 40), open_codec),
        (bomb(64 << 20), None),
        ([shape], open_codec),
        ([raw], open_codec),
        ([described], open_codec),
    ]:
        tracemalloc.start()
        with pytest.raises(framewire.DecodeError):
            framewire.loads(frames, codec=codec)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1 << 20


def test_damaged(pair, method):
    """Each is consumed whole, documented errors come, and the next one is intact."""
    here, there = pair
    there.codec = TAKES
    plain = np.arange(300).reshape(30, 10)
    shuffle = random.Random(2)
    for value in (plain, {"a": [0] * 100, "x": RAMP[:2000]}, b"text" * 100):
        frames = [bytes(f) for f in framewire.dumps(value, codec=Codec(compression=method))]
        for _ in range(700):
            damaged = [bytearray(frame) for frame in frames]
            for _ in range(shuffle.choice((1, 1, 3))):
                frame = shuffle.choice(damaged)
                frame[shuffle.randrange(len(frame))] = shuffle.randrange(256)
            here.send_multipart(damaged)
            with contextlib.suppress(framewire.DecodeError):
                there.recv_value(copy=shuffle.choice((None, True)))
            here.send_value(1)
            assert there.recv_value() == 1


def test_a_stream_of_another_size(method):
    """A byte more or less, behind it or in it, is refused."""
    value = b"text" * 100
    codec = Codec(compression=method)
    frame = bytes(framewire.dumps(value, codec=codec)[0])
    head = 56  # with bytes as TYPE: 16, 8 + 8, 8 + 8 + 8
    data = frame[head:]
    section = (5).to_bytes(8, "little") + b"bytes" + bytes(3)
    assert message(data, 400, IDS[method], 0x0100, section) == [frame]
    for spoiled, size in [
        (data, 399),
        (data, 401),
        (data + b"\0", 400),
        (data[:-1], 400),
        (b"", 400),
        (data * 2, 800),
    ]:
        with pytest.raises(framewire.DecodeError) as caught:
            framewire.loads(message(spoiled, size, IDS[method]), codec=TAKES)
        assert caught.value.code == "compression"


def test_allow_is_asked_first(method):
    frames = framewire.dumps(["x" * 1000], serializer="pickle", codec=Codec(compression=method))
    with pytest.raises(framewire.RefusedError):
        framewire.loads(frames)
    codec = Codec(allow=TAKES.allow | {"pickle"})
    assert framewire.loads(frames, codec=codec) == ["x" * 1000]


def test_over_sockets_of_every_kind(ctx, method):
    with ctx.socket(zmq.ROUTER) as router, ctx.socket(zmq.DEALER) as dealer:
        router.codec = dealer.codec = Codec(compression=method, allow=TAKES.allow)
        router.rcvtimeo = dealer.rcvtimeo = 5000
        router.bind("tcp://127.0.0.1:*")
        dealer.connect(router.last_endpoint)
        dealer.send_value(VALUES["tree with buffers"])
        message = router.recv_message()
        assert same(message.value, VALUES["tree with buffers"])
        router.send_value(VALUES["tree"], envelope=message.envelope)
        assert dealer.recv_value() == VALUES["tree"]


def test_blosc2_is_to_be_allowed(pair):
    """Its library is not made for hostile chunks, whatever the serializer. Others need no word."""
    pytest.importorskip("blosc2", exc_type=ImportError)
    here, there = pair
    here.codec = Codec(compression="blosc2")
    rows = np.empty((1, 2000))
    for receive in (there.recv_value, there.recv_array, lambda: there.recv_many(1, out=rows)):
        here.send_array(RAMP[:2000])
        with pytest.raises(framewire.RefusedError, match="blosc2"):
            for _, error in getattr(receive(), "errors", ()):
                raise error
    here.send_array(RAMP[:2000])
    there.codec = TAKES
    assert same(there.recv_array(), RAMP[:2000])


@pytest.mark.parametrize("codec", [5, 6, 7])
def test_blosc2_loads_no_plugin(codec):
    """A chunk can name a codec or a filter of somebody's, whose library would be looked for."""
    pytest.importorskip("blosc2", exc_type=ImportError)
    frame = framewire.dumps(b"text" * 500, codec=Codec(compression="blosc2"))[0]
    at = len(frame) - int.from_bytes(frame[8:16], "little")
    for place, value in ((2, codec << 5 | 5), (22, 36), (16, 160), (21, 3)):
        spoiled = bytearray(frame)
        spoiled[at + place] = value
        with pytest.raises(framewire.DecodeError) as caught:
            framewire.loads(spoiled, codec=TAKES)
        assert caught.value.code == "compression"
