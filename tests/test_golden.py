"""The golden files, read by the standalone reader and by framewire, and written by framewire."""

import datetime
import decimal
import importlib
import json
import re
import struct
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pytest
import zmq

import framewire

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

GOLDEN = Path(__file__).parent / "golden"
sys.path.append(str(Path(__file__).parents[1] / "examples"))
read = importlib.import_module("framewire_reader").read
reader_tree = importlib.import_module("framewire_tree")
sys.path.append(str(GOLDEN))
golden_records = importlib.import_module("records")

META = {"82a46761696e02a4756e6974a14b": {"gain": 2, "unit": "K"}, "c0": None}
CODES = "? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16 f80 c160 f128 c256".split()
LONG_DOUBLE = {63: {"f80": "g", "c160": "G"}, 112: {"f128": "g", "c256": "G"}}
LONG = LONG_DOUBLE.get(np.finfo("g").nmant, {}) if np.dtype("g").itemsize == 16 else {}


NAMES = {2: "raw", 3: "json", 4: "msgpack", 5: "record", 6: "pickle", 7: "cloudpickle"}
NAMES |= {8: "dill", 9: "protobuf", 10: "flatbuffers", 11: "capnp", 12: "arrow", 255: "user"}


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


def those(condition):
    """Parametrize a test with the messages whose block is so."""
    return pytest.mark.parametrize(
        ("expect", "frames"), [p for p in ALL if condition(p.values[0], p.values[1])]
    )


def is_array(expect):
    return "serializer" not in expect


good = those(lambda expect, _: "error" not in expect)
bad = those(lambda expect, _: "error" in expect)
good_arrays = those(lambda expect, _: "error" not in expect and is_array(expect))
good_values = those(lambda expect, _: "error" not in expect and not is_array(expect))
bad_arrays = those(lambda expect, _: "error" in expect and is_array(expect))


def error_of(expect):
    """Who reads a whole message says of one without a head that it is foreign."""
    return "foreign" if expect["error"] == "magic" else expect["error"]


def numbers_of(expect, key):
    return [int(number) for number in expect.get(key, "").split()]


def shape_of(expect):
    return tuple(map(int, expect["shape"].split()))


def dtype_of(form):
    """A numpy dtype from a description, without the help of framewire."""
    if isinstance(form, list):
        return np.dtype((dtype_of(form[0]), tuple(form[1])))
    if isinstance(form, dict):
        return np.dtype(form | {"formats": [dtype_of(each) for each in form["formats"]]})
    if form[0] in "bf":
        return np.dtype(getattr(ml_dtypes, form))
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
    data = frames[-1][-int(expect["payload"]) :]  # of a large array, which is not in expect.txt
    data = bytes.fromhex(expect["data"]) if "data" in expect else data
    stored = [1 if mask >> i & 1 else n for i, n in enumerate(shape)]
    order = "F" if int(expect["flags"], 0) & 2 else "C"
    return np.broadcast_to(np.ndarray(stored, text, bytearray(data) or None, order=order), shape)


def as_json(form):
    return json.dumps(form, separators=(",", ":"), sort_keys=True)


def form_of(value, special):
    """What expect.txt has for a value of a tree. `special` does arrays and objects."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is list:
        return [form_of(item, special) for item in value]
    if kind is dict:
        items = value.items()
        return {"map": [[form_of(key, special), form_of(item, special)] for key, item in items]}
    if kind is bytes:
        return {"bin": value.hex()}
    if kind in (bytearray, memoryview):
        return {"ext": 4 if kind is bytearray else 5, "hex": value.hex()}
    if kind in (tuple, set, frozenset):
        items = [form_of(item, special) for item in value]
        number = {tuple: 6, set: 7, frozenset: 8}[kind]
        return {"ext": number, "items": items if kind is tuple else sorted(items, key=as_json)}
    if kind in (datetime.datetime, datetime.date, datetime.time):
        number = {datetime.datetime: 11, datetime.date: 12, datetime.time: 13}[kind]
        return {"ext": number, "value": value.isoformat()}
    if kind is datetime.timedelta:
        return {"ext": 14, "value": [value.days, value.seconds, value.microseconds]}
    if kind in (uuid.UUID, decimal.Decimal):
        return {"ext": 15 if kind is uuid.UUID else 16, "value": str(value)}
    if kind is complex:
        return {"ext": 17, "value": [value.real, value.imag]}
    return special(value)


def reader_form(value):
    """form_of, of a value that the standalone reader gave."""
    if isinstance(value, reader_tree.Array):
        payload = {"ext": 1, "shape": list(value["shape"]), "hex": value["payload"].hex()}
        return {key: value[key] for key in ("dtype", "order", "broadcast", "scalar")} | payload
    kind, fields = {reader_tree.Masked: 2, reader_tree.Object: 18}[type(value)], value._asdict()
    return {"ext": kind} | {key: form_of(item, reader_form) for key, item in fields.items()}


def same(a, b):
    """Equal in dtype, shape and every byte."""
    return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


def test_reproducible(tmp_path):
    subprocess.run([sys.executable, GOLDEN / "make.py", tmp_path], check=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {p.name: p.read_bytes() for p in GOLDEN.iterdir() if p.suffix in (".frames", ".txt")}
    assert made == kept


@good_arrays
def test_reader_good(expect, frames):
    message = read(frames)
    flags, mask = int(expect["flags"], 0), int(expect["mask"], 0)
    assert message["serializer"] == "array"
    assert message["scalar"] == bool(flags & 8)
    assert message["envelope"] == frames[: int(expect["envelope"])]
    assert message["shape"] == shape_of(expect)
    assert message["order"] == ("F" if flags & 2 else "C")
    assert message["broadcast"] == [i for i in range(64) if mask >> i & 1]
    assert message["meta"] == META[expect.get("meta", "c0")]
    assert message["stamp"] == (tuple(numbers_of(expect, "stamp")) or None)
    assert message["payload"].nbytes == int(expect["payload"])
    if "data" in expect:
        assert message["payload"].hex() == expect["data"]
    if "type" in expect:
        assert message["dtype"] == (
            json.loads(expect["type"]) if expect["type"][0] == "{" else expect["type"]
        )


@good_values
def test_reader_good_values(expect, frames):
    message = read(frames)
    lengths = numbers_of(expect, "buffers")
    assert message["serializer"] == NAMES[int(expect["serializer"])]
    assert message["envelope"] == frames[: int(expect["envelope"])]
    assert message["type"] == expect.get("type")
    assert message["meta"] == META[expect.get("meta", "c0")]
    assert message["stamp"] == (tuple(numbers_of(expect, "stamp")) or None)
    assert [buffer.nbytes for buffer in message["buffers"]] == lengths
    assert sum(lengths) == int(expect["payload"])
    assert b"".join(message["buffers"]).hex() == expect["data"]
    if message["serializer"] == "record":
        assert [message["fingerprint"]] == numbers_of(expect, "fingerprint")
        assert message["versions"] == numbers_of(expect, "versions")
        seen = expect["fields"] if "type" in expect else None
    else:
        seen = expect.get("tree")
    assert ("value" in message) == (seen is not None)
    if seen is not None:
        assert as_json(form_of(message["value"], reader_form)) == seen


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


@good_arrays
def test_loads(expect, frames):
    try:
        expected = array_of(expect, frames)
    except (AttributeError, KeyError, ValueError):  # no such dtype, or not so many dimensions, here
        with pytest.raises((framewire.RefusedError, framewire.LimitError)):
            framewire.loads(frames)
        return
    array = framewire.loads(frames)
    assert same(array, expected)
    assert array.flags.aligned
    assert not array.flags.writeable


@bad_arrays
def test_loads_bad(expect, frames):
    if expect["error"] == "metadata":  # loads gives no metadata, and does not look at it
        assert framewire.loads(frames).nbytes == 24
        return
    with pytest.raises(framewire.DecodeError) as info:
        framewire.loads(frames)
    assert info.value.code == error_of(expect)
    if "offset" in expect and expect["error"] != "magic":
        assert info.value.offset == int(expect["offset"])


@those(lambda expect, _: expect.get("error") == "metadata")
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
    except (AttributeError, KeyError, ValueError):
        return False
    small = int(expect["payload"]) <= 8192
    if "stamp" in expect:  # which has a time
        return False
    return expect.get("meta") != "c0" and inline == small and not int(expect["flags"], 0) & 8


@those(lambda e, frames: "error" not in e and is_array(e) and is_written_here(e, frames))
def test_dumps(expect, frames):
    array = array_of(expect, frames)
    frames = frames[int(expect["envelope"]) :]
    made = framewire.dumps(array, meta=META[expect.get("meta", "c0")])
    assert [bytes(frame) for frame in made] == frames


class Thing:
    """An object of a registered class: what its functions were given."""

    def __init__(self, header, frames):
        self.header, self.frames = header, frames


def user_value(header, frames):
    return [header, frames]


@pytest.fixture
def registered():
    """The class and the serializer that the golden files name."""
    for name in ("geometry.Point", "geometry.Points", "a.B"):
        module, qualname = name.split(".")
        cls = type(qualname, (Thing,), {"__module__": module})
        framewire.deserialize.register(cls, cls)
    framewire.register_serializer("zipped", user_value, user_value)
    yield
    framewire.unregister_serializer("zipped")


def framewire_form(value):
    """form_of, of a value that framewire gave."""
    if isinstance(value, Thing):
        frames = [{"ext": 5, "hex": frame.hex()} for frame in value.frames]
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        header = form_of(value.header, framewire_form)
        return {"ext": 18, "name": name, "header": header, "frames": frames}
    if isinstance(value, np.ma.MaskedArray):
        default = np.ma.default_fill_value(value.dtype)
        fill = None if value.fill_value == default else value.fill_value
        parts = {"data": value.data, "mask": value.mask, "fill": fill}
        return {"ext": 2} | {key: form_of(part, framewire_form) for key, part in parts.items()}
    assert isinstance(value, (np.ndarray, np.generic))
    scalar = isinstance(value, np.generic)
    shape = value.shape
    axes = [i for i, n in enumerate(shape) if n > 1 and value.strides[i] == 0]
    stored = np.asarray(value)[tuple(slice(0, 1 if i in axes else None) for i in range(len(shape)))]
    order = "C" if stored.flags.c_contiguous else "F"
    return {"ext": 1, "dtype": dtype_form(value.dtype), "shape": list(shape), "order": order} | {
        "broadcast": axes,
        "scalar": scalar,
        "hex": stored.tobytes(order).hex(),
    }


def dtype_form(dtype):
    if dtype.names is None:
        return dtype.str
    fields = [dtype.fields[name] for name in dtype.names]
    return {"names": list(dtype.names), "formats": [field[0].str for field in fields]} | {
        "offsets": [field[1] for field in fields],
        "itemsize": dtype.itemsize,
    }


def as_views(frames):
    """Whatever buffers the frames of an object were, its functions get memoryviews."""
    return [{"ext": 5, "hex": frame.get("hex", frame.get("bin"))} for frame in frames]


def check_record(expect, frames, codec):
    """It has the fields. Where the schema is not in the message, it may be unknown."""
    try:
        value = framewire.loads(frames, codec=codec)
    except framewire.SchemaError:
        assert "type" not in expect
        return
    fields = {}
    for field in type(value).fields:
        item = value.to_dict()[field.name]
        text = field.form if isinstance(field.form, str) else ""
        if text[:2] in ("<U", "<M", "bf"):
            item = item.tobytes().ljust(field.size, b"\0")  # numpy takes zeros off
        elif isinstance(item, np.ndarray):
            item = [
                each if item.dtype.names is None else dict(zip(item.dtype.names, each, strict=True))
                for each in item.ravel().tolist()
            ]
        fields[field.name] = item.item() if isinstance(item, np.generic) else item
    assert json.loads(golden_records.as_json(fields)) == json.loads(expect["fields"])


@those(lambda e, _: "error" not in e and not is_array(e))
def test_loads_values(registered, expect, frames):
    name = NAMES[int(expect["serializer"])]
    codec = framewire.Codec(allow=[name, "user"])
    if name in ("raw", "json"):
        value = framewire.loads(frames, codec=codec)
        data = bytes.fromhex(expect["data"])
        assert value == (json.loads(data) if name == "json" else data)
        if name == "raw":
            assert type(value).__name__ == expect.get("type", "memoryview")
    elif name == "record":
        check_record(expect, frames, codec)
    elif "tree" in expect:
        form = form_of(framewire.loads(frames, codec=codec), framewire_form)
        form, expected = json.loads(as_json(form)), json.loads(expect["tree"])
        if name == "user":
            assert form.pop() == as_views(expected.pop())
        if type(expected) is dict and expected.get("ext") == 18:
            expected["frames"] = as_views(expected["frames"])
        assert form == expected


@those(lambda e, _: "error" in e and not is_array(e))
def test_loads_bad_values(registered, expect, frames):
    with pytest.raises(framewire.DecodeError) as info:
        value = framewire.loads(frames, codec=framewire.Codec(allow=[*NAMES.values()]))
        value.to_dict()  # a record's texts are looked at when they are asked for
    assert info.value.code == error_of(expect)


def test_documented():
    """The examples in the document are the golden files that they name."""
    text = (Path(__file__).parents[1] / "docs" / "wire-format.md").read_text("utf-8")
    examples = re.findall(r"^`tests/golden/([a-z-]+).frames`: .*?```\n(.*?)```", text, re.M | re.S)
    assert [name for name, _ in examples] == ["struct-meta", "tree-example", "record-example"]
    for name, example in examples:
        head = load_frames(name)[0]
        rows = re.findall(r"^ *(\d+)  ((?:[0-9a-f]{2} ?)+)", example, re.MULTILINE)
        assert len(rows) >= 10
        for offset, row in rows:
            assert head[int(offset) :].startswith(bytes.fromhex(row))
