"""The standalone reader beyond the golden files: msgpack, and that it stays small."""

import ast
import importlib
import io
import json
import struct
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

EXAMPLES = Path(__file__).parents[1] / "examples"
FILES = {"framewire_reader", "framewire_sealed", "framewire_tree", "framewire_types"}
sys.path.append(str(EXAMPLES))
reader = importlib.import_module("framewire_reader")
types = importlib.import_module("framewire_types")


def unpack(data):
    stream = io.BytesIO(data)
    value = reader.unpack(stream)
    assert stream.read() == b""
    return value


@pytest.mark.parametrize("name", sorted(FILES))
def test_small_and_alone(name):
    source = (EXAMPLES / f"{name}.py").read_text("utf-8")
    assert len(source.splitlines()) < 160
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).split(".")[0])
    assert names
    assert names <= sys.stdlib_module_names | FILES


leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
)
trees = st.recursive(leaves, lambda t: st.lists(t) | st.dictionaries(st.text(), t))


@given(trees)
def test_msgpack(value):
    assert unpack(msgspec.msgpack.encode(value)) == value


@pytest.mark.parametrize("size", [15, 16, 31, 32, 255, 256, 65535, 65536])
def test_msgpack_sizes(size):
    for value in ("x" * size, b"x" * size, [None] * size, dict.fromkeys(range(size))):
        assert unpack(msgspec.msgpack.encode(value)) == value


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 8, 16, 255, 256, 65536])
@pytest.mark.parametrize("code", [-1, 5])  # -1: a timestamp
def test_msgpack_extensions(code, size):
    data = msgspec.msgpack.encode(msgspec.msgpack.Ext(code, bytes(size)))
    assert unpack(data) == (code, bytes(size))


def test_msgpack_f32():
    assert unpack(b"\xca" + struct.pack(">f", 0.5)) == 0.5


def test_buffers_of_any_kind():
    head = struct.pack("<2sBBHBBQQ", b"\xc1F", 1, 1, 0, 8, 1, 12, 3)
    payload = struct.pack("<3I", 1, 2, 3)
    message = reader.read([bytearray(head), memoryview(payload).cast("I")])
    assert message["dtype"] == "<u4"
    assert message["payload"].obj is payload


def test_router():
    """A routing id that looks like a head is none: the caller takes it off."""
    head = struct.pack("<2sBBHBBQ", b"\xc1F", 1, 1, 1, 6, 0, 1) + b"x"
    with pytest.raises(ValueError, match="truncated"):
        reader.read([b"\xc1F", head])
    assert reader.read([b"\xc1F", head][1:])["payload"] == b"x"


def test_a_serializer_without_a_tree():
    head = struct.pack("<2sBBHBBQ3Q", b"\xc1F", 1, 6, 0x21, 0, 0, 5, 16, 3, 2)
    message = reader.read([b"topic", head + b"abc", b"de"])
    assert message.pop("signature") is message.pop("compression") is None
    assert message == {
        "serializer": "pickle",
        "type": None,
        "envelope": [b"topic"],
        "meta": None,
        "stamp": None,
        "buffers": [b"abc", b"de"],
    }


def read_tree(tree, *buffers):
    lengths = struct.pack(
        f"<{2 + len(buffers)}Q", 8 + 8 * len(buffers), len(tree), *map(len, buffers)
    )
    size = len(tree) + sum(map(len, buffers))
    head = struct.pack("<2sBBHBBQ", b"\xc1F", 1, 4, 0x21, 0, 0, size)
    return reader.read([head + lengths + tree, *buffers])["value"]


@given(trees)
def test_tree_of_plain_values(value):
    assert read_tree(msgspec.msgpack.encode(value)) == value


@given(trees.map(msgspec.msgpack.encode), st.data())
def test_tree_damaged(tree, data):
    tree = bytearray(tree)
    at = data.draw(st.integers(0, len(tree) - 1))
    tree[at:] = data.draw(st.binary(max_size=20)) + tree[at + 1 :]
    outcome = ""
    try:
        read_tree(bytes(tree), b"another")
    except ValueError as error:
        outcome = str(error)
    assert outcome in ("", "tree", "limit")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (11, "2026-01-02T03:04:05", "2026-01-02 03:04:05"),
        (11, "2026-01-02T03:04:05.000006+02:00", "2026-01-02T03:04:05.000006+02:80"),
        (12, "2026-01-02", "20260102"),
        (13, "03:04:05.500000", "03:04:05,5"),
        (16, "NaN", "NAN"),
        (16, "1E+5", "1e5"),
    ],
)
def test_tree_has_one_text_for_a_value(kind, good, bad):
    """As the document says; Python reads more."""
    value, other = (
        msgspec.msgpack.encode(msgspec.msgpack.Ext(kind, t.encode())) for t in (good, bad)
    )
    assert str(read_tree(value)).replace(" ", "T") == good
    with pytest.raises(ValueError, match=r"^tree$"):
        read_tree(other)


def test_tree_takes_in_order():
    tree = msgspec.msgpack.encode([msgspec.msgpack.Ext(3, bytes([kind])) for kind in (1, 0, 2)])
    value = read_tree(tree, b"one", b"two", b"three")
    assert value == [bytearray(b"one"), b"two", b"three"]
    assert [type(each) for each in value] == [bytearray, bytes, memoryview]


def record_frame(schema, record):
    text = json.dumps(schema, separators=(",", ":"), ensure_ascii=False).encode()
    head = struct.pack("<2sBBHBBQ", b"\xc1F", 1, 5, 0x101, 0, 0, len(record))
    section = struct.pack("<Q", len(text)) + text + bytes(-len(text) % 8)
    return head + struct.pack("<Q", types.fingerprint_of(text)) + section + record


def schema_of(form, size):
    return {"names": ["a"], "formats": [form], "offsets": [0], "itemsize": size}


def test_fingerprint():
    """The hash's authors say so."""
    assert types.fingerprint_of(b"") == 0xCBF29CE484222325
    assert types.fingerprint_of(b"foobar") == 0x85944171F73967E8


@pytest.mark.parametrize(
    ("form", "record", "value"),
    [
        (["|S0", [2**31 - 1]], b"", []),  # no memory for what has no bytes
        ([schema_of(["|u1", [2]], 2), [2]], b"\1\2\3\4", [{"a": [1, 2]}, {"a": [3, 4]}]),
        (["<u2", []], b"\1\0", [1]),
        ("<f80", bytes(16), bytes(16)),
    ],
)
def test_fields(form, record, value):
    message = reader.read([record_frame(schema_of(form, len(record)), record)])
    assert message["value"] == {"a": value}


RECORD = struct.pack("<4I", 16, 3, 19, 2) + "aé".encode() + b"bc"
TAILS = {"names": ["a", "b"], "formats": ["str", "bytes"], "offsets": [0, 8], "itemsize": 16}


def test_record_cut():
    assert reader.read([record_frame(TAILS, RECORD)])["value"] == {"a": "aé", "b": b"bc"}
    for cut in range(len(RECORD)):
        with pytest.raises(ValueError, match="^truncated$" if cut < 16 else "^tail$"):
            reader.read([record_frame(TAILS, RECORD[:cut])])


@given(st.data())
def test_record_damaged(data):
    frame = bytearray(record_frame(TAILS, RECORD))
    at = data.draw(st.integers(24, len(frame) - 1))
    frame[at] = data.draw(st.integers(0, 255))
    outcome = ""
    try:
        reader.read([bytes(frame)])
    except ValueError as error:
        outcome = str(error)
    assert outcome in ("", "truncated", "trailing", "section", "schema", "tail", "payload")
