"""The standalone reader beyond the golden files: msgpack, and that it stays small."""

import ast
import importlib
import io
import struct
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

EXAMPLES = Path(__file__).parents[1] / "examples"
FILES = {"framewire_reader", "framewire_tree"}
sys.path.append(str(EXAMPLES))
reader = importlib.import_module("framewire_reader")


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
    assert message == {
        "serializer": "pickle",
        "type": None,
        "envelope": [b"topic"],
        "meta": None,
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


def test_tree_takes_in_order():
    tree = msgspec.msgpack.encode([msgspec.msgpack.Ext(3, bytes([kind])) for kind in (1, 0, 2)])
    value = read_tree(tree, b"one", b"two", b"three")
    assert value == [bytearray(b"one"), b"two", b"three"]
    assert [type(each) for each in value] == [bytearray, bytes, memoryview]
