"""Any schema and any values: a round trip, and the bytes that struct and numpy give."""

import math
import struct

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from record_frames import frame

import framewire
from framewire import (
    Codec,
    Record,
    array,
    blob,
    f32,
    f64,
    i8,
    i16,
    i32,
    i64,
    text,
    u8,
    u16,
    u32,
    u64,
)
from framewire.records import DEFINED

RecordMeta = type(Record)


def integers(bits, signed):
    if signed:
        return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)
    return st.integers(0, (1 << bits) - 1)


TEXTS = st.text(max_size=20)
# kind: the annotation, its letter of struct, and its values
SCALARS = {
    "u8": (u8, "B", integers(8, False)),
    "u16": (u16, "H", integers(16, False)),
    "u32": (u32, "I", integers(32, False)),
    "u64": (u64, "Q", integers(64, False)),
    "i8": (i8, "b", integers(8, True)),
    "i16": (i16, "h", integers(16, True)),
    "i32": (i32, "i", integers(32, True)),
    "i64": (i64, "q", integers(64, True)),
    "f32": (f32, "f", st.floats(width=32)),
    "f64": (f64, "d", st.floats()),
    "bool": (bool, "?", st.booleans()),
    "blob": (blob(5), "5s", st.binary(min_size=5, max_size=5)),
}
OTHERS = {
    "text": (text(12), st.text(max_size=3).filter(lambda each: not each.endswith("\0"))),
    "array": (array(f64, (2, 2)), st.lists(st.floats(), min_size=4, max_size=4)),
    "str": (str, TEXTS),
    "bytes": (bytes, st.binary(max_size=20)),
}


def same(a, b):
    if isinstance(a, float):
        return struct.pack("<d", a) == struct.pack("<d", b) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, np.ndarray):
        return a.tobytes() == np.asarray(b, a.dtype).tobytes()
    return type(a) is type(b) and a == b


def define(kinds, annotations):
    body = {f"f{i}": annotations[kind] for i, kind in enumerate(kinds)}
    cls = RecordMeta("Any", (Record,), {"__annotations__": body, "__module__": __name__})
    del DEFINED[cls.fingerprint]
    return cls


@given(st.data(), st.lists(st.sampled_from(sorted(SCALARS)), min_size=1, max_size=40))
@settings(max_examples=300, deadline=None)
def test_the_bytes_of_struct_and_numpy(data, kinds):
    cls = define(kinds, {kind: each[0] for kind, each in SCALARS.items()})
    values = [data.draw(SCALARS[kind][2]) for kind in kinds]
    letters = "".join(SCALARS[kind][1] for kind in kinds)
    packed = struct.pack("<" + letters, *values)
    record = cls(*values)
    assert record.pack() == packed
    assert framewire.record("<" + letters, list(cls.dtype.names)).schema == cls.schema
    element = np.frombuffer(packed, cls.dtype)[0]
    for i, (kind, value, unpacked) in enumerate(
        zip(kinds, values, cls.unpack(packed).to_dict().values(), strict=True)
    ):
        assert same(unpacked, value)
        if kind != "blob":
            assert same(element[f"f{i}"].item(), value)


KINDS = {kind: each[::2] for kind, each in SCALARS.items()} | OTHERS


@given(st.data(), st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=40), st.booleans())
@settings(max_examples=300, deadline=None)
def test_round_trips(data, kinds, learned):
    cls = define(kinds, {kind: each[0] for kind, each in KINDS.items()})
    values = []
    for kind in kinds:
        value = data.draw(KINDS[kind][1])
        values.append(np.reshape(value, (2, 2)) if kind == "array" else value)
    record = cls(*values)
    frames = framewire.dumps(record, codec=Codec(schema=1))
    came = framewire.loads(frames, type=None if learned else cls)
    assert (type(came) is cls) != learned
    offset = data.draw(st.integers(0, 9))
    inside = cls.unpack_from(b"." * offset + record.pack() + b"...", offset)
    for each in (record, came, inside, came.replace(), cls.unpack(bytearray(record.pack()))):
        assert each.pack() == record.pack()
        for kind, unpacked, value in zip(kinds, each.to_dict().values(), values, strict=True):
            if learned and each is not record and kind == "text" and isinstance(unpacked, bytes):
                unpacked = unpacked.decode()
            assert same(unpacked, value)


class Tails(Record):
    any_n: u16
    a: str
    b: bytes
    c: str = ""


@given(st.binary(max_size=80))
@settings(max_examples=1000, deadline=None)
def test_any_bytes(payload):
    for frames in (frame(payload, Tails.fingerprint), frame(payload, Tails._schema.versions[0])):
        try:
            came = framewire.loads(frames, type=Tails)
            assert came == Tails.unpack(came.pack())
        except framewire.DecodeError as error:
            assert error.code in ("truncated", "tail", "payload", "mismatch")  # noqa: PT017


def inside(kinds):
    """Dtypes of these: sub-arrays and structures."""
    return st.one_of(
        st.tuples(kinds, st.integers(0, 3)),
        st.lists(kinds, max_size=4).map(lambda each: [(f"n{i}", d) for i, d in enumerate(each)]),
    )


plain = st.sampled_from("u1 <u2 >u4 <i8 >f4 <f8 S3 V2 <U2 ? <c8 >M8[s] <m8[ns]".split())
dtypes = st.one_of(plain, inside(plain), inside(inside(plain)), inside(inside(inside(plain))))


@given(st.lists(dtypes, min_size=1, max_size=5), st.booleans(), st.data())
@settings(max_examples=300, deadline=None)
def test_any_dtype(kinds, align, data):
    dtype = np.dtype([(f"f{i}", kind) for i, kind in enumerate(kinds)], align=align)
    cls = framewire.record(dtype)
    DEFINED.pop(cls.fingerprint)
    assert cls.itemsize == dtype.itemsize
    raw = data.draw(st.binary(min_size=dtype.itemsize, max_size=dtype.itemsize))
    raw = bytes(byte if i % 4 == 0 else 0 for i, byte in enumerate(raw))
    try:
        values = cls.unpack(raw).to_dict()
    except framewire.DecodeError as error:
        assert error.code == "payload"  # noqa: PT017
        return
    element = np.frombuffer(raw, dtype)[0] if dtype.itemsize else np.zeros((), dtype)[()]
    assert list(values) == list(dtype.names)
    for name, value in values.items():
        if not isinstance(value, (dict, bytes)):
            np.testing.assert_array_equal(value, element[name])
