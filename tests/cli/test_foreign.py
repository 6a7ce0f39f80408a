"""Messages without a head: named by what proves it, whatever the bytes."""

import pickle
import zlib

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framewire.cli.foreign import LONGEST, content_of, recognise


@pytest.mark.parametrize(
    ("frame", "content"),
    [
        (b"", "empty"),
        (b'{"a": [1, null]}', "JSON"),
        (b'"text"', "JSON"),
        (b"[1] ", "JSON"),
        (b"5", "text"),
        (b"null", "text"),
        (b'{"a": 1', "text"),
        (b'{"a": \xff}', "bytes"),
        (b"[" * 100_000, "text"),
        ("größe\n\t".encode(), "text"),
        (b"a\0", "bytes"),
        (b"x", "text"),
        (b"x^2 + y^2", "text"),
        (zlib.compress(b"x"), "zlib"),
        (zlib.compress(bytes(10_000_000)), "zlib"),
        (zlib.compress(pickle.dumps(1, 5)), "zlib: pickle 5"),
        (zlib.compress(b""), "bytes"),
        (pickle.dumps([1], 2), "pickle 2"),
        (pickle.dumps([1], 5), "pickle 5"),
        (pickle.dumps([1], 5)[:-1], "bytes"),
        (pickle.dumps([1], 0), "text"),
        (pickle.dumps(bytes(2 * LONGEST), 5), "pickle 5"),
        (b"\x80\x09.", "bytes"),
        (msgpack.packb({"a": 1}), "msgpack?"),
        (msgpack.packb([1, b"x"] * 20), "msgpack?"),
        (msgpack.packb({"a": 1}) + b"\0", "bytes"),
        (b"\x91" * 100_000, "bytes"),
        (b"\xdd\xff\xff\xff\xff\0", "bytes"),
        (np.ones(3).tobytes(), "bytes"),
        (b"a" * (LONGEST + 1), "bytes"),
    ],
)
def test_contents(frame, content):
    assert content_of(frame) == content


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=8), st.booleans())
def test_anything(frames, subscribed):
    found = recognise([memoryview(frame) for frame in frames], subscribed)
    assert found.serializer in ("foreign", "recipe", "osBrain")
    assert found.type.isprintable()


HEADERS = [
    (b'{"dtype": "float32", "shape": [2]}', ("recipe", "float32", (2,), None)),
    (b'{"dtype": "float32", "shape": [3]}', ("recipe", "float32", (3,), "payload")),
    (b'{"dtype": "float32", "shape": [-2]}', ("recipe", "", None, "shape")),
    (b'{"dtype": "object", "shape": [1]}', ("recipe", "", None, "description")),
    (b'{"dtype": "int8", "shape": [' + b"1," * 64 + b"8]}", ("recipe", "", None, "ndim")),
    (b'{"dtype": "int8", "shape": [9999999999999999999, 9]}', ("recipe", "int8", None, "payload")),
    (b'{"shape": [2]}', ("foreign", "2 frames: JSON + bytes", None, None)),
    (b'{"dtype": "int8", "shape": 8}', ("recipe", "int8", (8,), None)),
    (b'{"dtype": "int8", "shape": "8"}', ("foreign", "2 frames: JSON + bytes", None, None)),
]


@pytest.mark.parametrize(("header", "expected"), HEADERS)
def test_recipes(header, expected):
    found = recognise([memoryview(header), memoryview(np.ones(1).tobytes())], subscribed=False)
    serializer, kind, shape, code = expected
    assert (found.serializer, found.type) == (serializer, kind)
    assert (found.error and found.error.code) == code
    if shape is not None:
        assert found.shape == shape
