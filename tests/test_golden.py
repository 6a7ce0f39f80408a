"""The golden files, read by the standalone reader and by framewire, and written by framewire."""

import json
import re
import runpy
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zmq

import framewire

GOLDEN = Path(__file__).parent / "golden"
READER = Path(__file__).parents[1] / "examples" / "framewire_reader.py"
read = runpy.run_path(str(READER))["read"]

META = {"82a46761696e02a4756e6974a14b": {"gain": 2, "unit": "K"}, "c0": None}
CODES = "? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16 f80 c160 f128 c256".split()
LONG_DOUBLE = {63: {"f80": "g", "c160": "G"}, 112: {"f128": "g", "c256": "G"}}
LONG = LONG_DOUBLE.get(np.finfo("g").nmant, {}) if np.dtype("g").itemsize == 16 else {}


def load_frames(name):
    data = (GOLDEN / f"{name}.frames").read_bytes()
    frames, at = [], 4
    for _ in range(struct.unpack_from("<I", data)[0]):
        (size,) = struct.unpack_from("<I", data, at)
        frames.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    assert at == len(data)
    return frames


def load_golden():
    for block in (GOLDEN / "expect.txt").read_text("utf-8").strip().split("\n\n"):
        expect = dict(line.split(" ", 1) for line in block.splitlines())
        yield pytest.param(expect, load_frames(expect["name"]), id=expect["name"])


ALL = list(load_golden())
good = pytest.mark.parametrize(("expect", "frames"), [p for p in ALL if "error" not in p.values[0]])
bad = pytest.mark.parametrize(("expect", "frames"), [p for p in ALL if "error" in p.values[0]])


def error_of(expect):
    """Who reads a whole message says of one without a head that it is foreign."""
    return "foreign" if expect["error"] == "magic" else expect["error"]


def shape_of(expect):
    return tuple(map(int, expect["shape"].split()))


def dtype_of(form):
    """A numpy dtype from a description, without the help of framewire."""
    if isinstance(form, list):
        return np.dtype((dtype_of(form[0]), tuple(form[1])))
    if isinstance(form, dict):
        return np.dtype(form | {"formats": [dtype_of(each) for each in form["formats"]]})
    if form[0] in "bf":
        return np.dtype(getattr(pytest.importorskip("ml_dtypes"), form))
    if re.fullmatch("[fc][0-9]{2,3}", form[1:]) and form[1:] != "c16":
        return np.dtype(LONG[form[1:]]).newbyteorder(form[0])
    return np.dtype(form)


def array_of(expect, frames):
    """The array that a golden file was made from."""
    code, mask, shape = int(expect["dtype"], 0), int(expect["mask"], 0), shape_of(expect)
    if code:
        text = dtype_of("<>"[code >> 7] + CODES[(code & 127) - 1])
    else:
        text = expect["type"]
        text = dtype_of(json.loads(text) if text[0] == "{" else text)
    data = bytes.fromhex(expect["data"]) if "data" in expect else frames[-1]
    stored = [1 if mask >> i & 1 else n for i, n in enumerate(shape)]
    order = "F" if int(expect["flags"], 0) & 2 else "C"
    return np.broadcast_to(np.ndarray(stored, text, bytearray(data) or None, order=order), shape)


def same(a, b):
    """Equal in dtype, shape and every byte."""
    return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


def test_reproducible(tmp_path):
    subprocess.run([sys.executable, GOLDEN / "make.py", tmp_path], check=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {p.name: p.read_bytes() for p in GOLDEN.iterdir() if p.suffix in (".frames", ".txt")}
    assert made == kept


@good
def test_reader_good(expect, frames):
    message = read(frames)
    flags, mask = int(expect["flags"], 0), int(expect["mask"], 0)
    assert message["envelope"] == frames[: int(expect["envelope"])]
    assert message["shape"] == shape_of(expect)
    assert message["order"] == ("F" if flags & 2 else "C")
    assert message["broadcast"] == [i for i in range(64) if mask >> i & 1]
    assert message["meta"] == META[expect.get("meta", "c0")]
    assert message["payload"].nbytes == int(expect["payload"])
    if "data" in expect:
        assert message["payload"].hex() == expect["data"]
    if "type" in expect:
        assert message["dtype"] == (
            json.loads(expect["type"]) if expect["type"][0] == "{" else expect["type"]
        )


@bad
def test_reader_bad(expect, frames):
    with pytest.raises(ValueError, match=f"^{error_of(expect)}$"):
        read(frames)


@good
def test_reader_prefixes(expect, frames):
    at = int(expect["envelope"])
    for cut in range(len(frames[at])):
        code = "foreign" if cut < 2 else "truncated"
        with pytest.raises(ValueError, match=f"^{code}$"):
            read([*frames[:at], frames[at][:cut], *frames[at + 1 :]])


@good
def test_loads(expect, frames):
    try:
        expected = array_of(expect, frames)
    except (KeyError, ValueError):  # no such long double, or not so many dimensions, here
        with pytest.raises((framewire.RefusedError, framewire.LimitError)):
            framewire.loads(frames)
        return
    array = framewire.loads(frames)
    assert same(array, expected)
    assert array.flags.aligned
    assert not array.flags.writeable


@bad
def test_loads_bad(expect, frames):
    if expect["error"] == "metadata":  # loads gives no metadata, and does not look at it
        assert framewire.loads(frames).nbytes == 24
        return
    with pytest.raises(framewire.DecodeError) as info:
        framewire.loads(frames)
    assert info.value.code == error_of(expect)
    if "offset" in expect and expect["error"] != "magic":
        assert info.value.offset == int(expect["offset"])


@pytest.mark.parametrize(
    ("expect", "frames"), [p for p in ALL if p.values[0].get("error") == "metadata"]
)
def test_metadata_bad(expect, frames):
    with zmq.Context() as context, context.socket(zmq.PAIR) as a, context.socket(zmq.PAIR) as b:
        a.bind("inproc://golden")
        b.connect("inproc://golden")
        a.send_multipart(frames)
        message = framewire.recv_message(b)
        with pytest.raises(framewire.DecodeError) as info:
            _ = message.meta
    assert info.value.code == "metadata"


def is_written_here(expect, frames):
    """Does framewire write such a message, on a machine and a numpy such as these?"""
    inline = int(expect["flags"], 0) & 1
    try:
        array_of(expect, frames)
    except (KeyError, ValueError):
        return False
    return expect.get("meta") != "c0" and (inline or int(expect["payload"]) > 8192)


@pytest.mark.parametrize(
    ("expect", "frames"),
    [p for p in ALL if "error" not in p.values[0] and is_written_here(*p.values)],
)
def test_dumps(expect, frames):
    array = array_of(expect, frames)
    frames = frames[int(expect["envelope"]) :]
    made = framewire.dumps(array, meta=META[expect.get("meta", "c0")])
    assert [bytes(frame) for frame in made] == frames


def test_documented():
    """The example in the document is the golden file that it names."""
    text = (Path(__file__).parents[1] / "docs" / "wire-format.md").read_text("utf-8")
    (frame,) = load_frames("struct-meta")
    rows = re.findall(r"^ *(\d+)  ((?:[0-9a-f]{2} ?)+)", text, re.MULTILINE)
    assert len(rows) == 10
    for offset, row in rows:
        data = bytes.fromhex(row)
        assert frame[int(offset) : int(offset) + len(data)] == data
