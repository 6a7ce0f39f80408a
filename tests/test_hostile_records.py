"""Bytes that are no records, and schemas that are none: a documented error, and nothing lost."""

import struct
import subprocess
import sys
import textwrap

import msgspec
import numpy as np
import pytest
from record_frames import frame, section, with_schema, with_versions

import framewire
from framewire import Codec, Record, array, f64, text, u8, u16, u32


class Inner(Record):
    a: u8
    b: u16


class All(Record):
    hostile: u32
    name: text(5)
    inner: Inner
    m: array(f64, 2)
    u: np.dtype("<U2")
    first: str
    second: bytes
    third: str = "x"


VALUE = All(1, "ab", Inner(1, 2), [3, 4], "uv", "first", b"second", "thïrd")


def read(record):
    """Everything that can be read from a record."""
    return (
        repr(record),
        record.pack(),
        record.to_dict(),
        bytes(memoryview(record)),
        record == record.replace(),
        [each.__get__(record) for each in type(record).fields],
    )


def outcome(frames, **settings):
    try:
        read(framewire.loads(frames, **settings))
    except framewire.DecodeError as error:
        return error.code
    return None


def test_cut_at_every_byte():
    packed = VALUE.pack()
    for size in range(len(packed)):
        with pytest.raises(framewire.DecodeError) as info:
            read(All.unpack(packed[:size]))
        assert info.value.code == ("truncated" if size < All.itemsize else "tail")
        assert outcome(frame(packed[:size], All.fingerprint)) == info.value.code
    (message,) = framewire.dumps(VALUE, codec=Codec(schema=1))
    for size in range(len(message)):
        assert outcome([message[:size]]) in ("foreign", "truncated")


def test_each_bit_flipped():
    seen = set()
    packed = VALUE.pack()
    for bit in range(8 * len(packed)):
        flipped = bytearray(packed)
        flipped[bit // 8] ^= 1 << bit % 8
        seen.add(outcome(frame(bytes(flipped), All.fingerprint)))
        seen.add(outcome(frame(bytes(flipped), All.fingerprint), copy=True))
    assert seen == {None, "tail", "payload"}
    seen = set()
    for schema in (0, 1):
        (message,) = framewire.dumps(VALUE, codec=Codec(schema=schema))
        for bit in range(8 * (len(message) - len(packed))):
            flipped = bytearray(message)
            flipped[bit // 8] ^= 1 << bit % 8
            seen.add(outcome([flipped], codec=Codec(allow=["record"])))
            seen.add(outcome([flipped], codec=Codec(allow=["record"]), type=All))
    assert seen >= {"schema", "mismatch", "flags", "truncated"}
    assert seen <= {
        *{None, "foreign", "version", "serializer", "flags", "dtype", "ndim", "truncated"},
        *{"section", "payload", "trailing", "refused", "schema", "mismatch", "frames", "tail"},
    }


SLOTS = [0, 1, 4, All.itemsize - 1, All.itemsize, All.itemsize + 1, 1 << 31, (1 << 32) - 1]
LENGTHS = [0, 1, 5, 1000, 1 << 31, (1 << 32) - 1, (1 << 32) - All.itemsize]


@pytest.mark.parametrize("slot", range(3))
def test_slots_out_of_range(slot):
    fields = [field for field in All.fields if field.form in ("str", "bytes")]
    for offset in SLOTS:
        for length in LENGTHS:
            packed = bytearray(VALUE.pack())
            before = struct.unpack_from("<II", packed, fields[slot].offset)
            struct.pack_into("<II", packed, fields[slot].offset, offset, length)
            code = outcome(frame(bytes(packed), All.fingerprint))
            if (offset, length) != before:
                assert code in ("tail", "payload", None)
            if offset < All.itemsize or offset + length > len(packed):
                assert code == "tail"


def test_tails_that_overlap_and_tails_with_room_between():
    cls = framewire.record(msgspec.defstruct("Two", [("tail_a", str), ("tail_b", bytes)]))
    fixed = cls.itemsize

    def packed(a, b, rest=b"abcdefgh"):
        return struct.pack("<IIII", *a, *b) + rest

    good = [
        ((fixed, 0), (fixed, 0), "", b""),
        ((fixed + 2, 2), (fixed + 4, 1), "cd", b"e"),
        ((fixed + 8, 0), (fixed + 8, 0), "", b""),
        ((fixed, 3), (fixed + 5, 3), "abc", b"fgh"),
    ]
    for first, second, a, b in good:
        assert cls.unpack(packed(first, second)).to_dict() == {"tail_a": a, "tail_b": b}
        assert cls.unpack(cls.unpack(packed(first, second)).pack()).tail_b == b
    bad = [
        ((fixed, 3), (fixed + 2, 1)),  # overlap
        ((fixed, 3), (fixed, 3)),
        ((fixed + 4, 2), (fixed, 2)),  # out of order
        ((fixed, 9), (fixed + 9, 0)),
        ((fixed, 8), (fixed + 9, 0)),
        ((fixed + 9, 0), (fixed + 9, 0)),  # behind the end, though empty
        ((0, 0), (0, 0)),
        ((fixed - 1, 1), (fixed, 0)),
    ]
    for first, second in bad:
        with pytest.raises(framewire.DecodeError) as info:
            cls.unpack(packed(first, second))
        assert info.value.code == "tail"


def test_wrong_fingerprints(pair):
    here, there = pair
    packed = VALUE.pack()
    for fingerprint in (0, 1, All.fingerprint ^ 1, Inner.fingerprint, (1 << 64) - 1):
        here.send_multipart(frame(packed, fingerprint))
        here.send_value(VALUE)
        with pytest.raises(framewire.SchemaError) as info:
            there.recv_value(type=All)
        assert info.value.code == "mismatch"
        assert there.recv_value() == VALUE
    # the schema decides, and it is not that of this fingerprint
    for text_ in (Inner.schema.encode(), b"", b"\xff"):
        for type_ in (None, All, Inner, dict):
            frames = with_schema(text_, packed, All.fingerprint)
            assert outcome(frames, type=type_) == "schema"


def test_memory_that_changes_while_it_is_read():
    buffer = bytearray(VALUE.pack())
    view = All.unpack(buffer)
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(5000):
        at = rng.integers(len(buffer))
        kept = buffer[at]
        buffer[at] = rng.integers(256)
        try:
            read(view)
            seen.add(None)
        except framewire.DecodeError as error:
            seen.add(error.code)
        buffer[at] = kept
    assert seen == {None, "tail", "payload"}
    assert view == VALUE


def schema(names=("a",), formats=("<u4",), offsets=(0,), itemsize=4, **more):
    form = {"names": names, "formats": formats, "offsets": offsets, "itemsize": itemsize}
    return msgspec.json.encode(form | more)


NESTED = {"names": ["a"], "formats": ["<u4"], "offsets": [0], "itemsize": 4}


def deep(levels):
    form = NESTED
    for _ in range(levels):
        form = NESTED | {"formats": [form]}
    return msgspec.json.encode(form)


BAD_SCHEMAS = {
    "empty": b"",
    "no JSON": b"{",
    "no UTF-8": b"\xff",
    "surrogate": b'{"names":["\\ud800"],"formats":["<u4"],"offsets":[0],"itemsize":4}',
    "list": b"[]",
    "null": b"null",
    "string": b'"<u4"',
    "number": b"5",
    "no keys": b"{}",
    "twice": schema(["a", "a"], ["<u4", "<u4"], [0, 0]),
    "no name": schema([""]),
    "a number as a name": schema([5]),
    "counts": schema(["a", "b"]),
    "object": schema(formats=["O"]),
    "unknown": schema(formats=["<q4"]),
    "outside": schema(offsets=[1]),
    "negative": schema(offsets=[-1]),
    "huge offset": schema(offsets=[1 << 80]),
    "huge itemsize": schema(itemsize=1 << 31),
    "larger": schema(itemsize=1 << 80),
    "float": schema(offsets=[0.0]),
    "bool": schema(offsets=[False]),
    "titles": schema(titles=["t"]),
    "aligned": schema(aligned=True),
    "more keys": schema(other=1),
    "tail inside": schema(formats=[NESTED | {"formats": ["str"], "itemsize": 8}], itemsize=8),
    "array of tails": schema(formats=[["bytes", [1]]], itemsize=8),
    "tail cut": schema(formats=["str"], itemsize=4),
    "array of arrays": schema(formats=[[["<u4", [1]], [1]]]),
    "huge array": schema(formats=[["<u4", [1 << 20, 1 << 20]]]),
    "many axes": schema(formats=[["<u4", [1] * 65]]),
    "spaces": b" " + schema(),
    "order": b'{"formats":["<u4"],"names":["a"],"offsets":[0],"itemsize":4}',
    "escaped": b'{"names":["\\u0061"],"formats":["<u4"],"offsets":[0],"itemsize":4}',
    "duplicates": schema()[:-1] + b',"itemsize":4}',
    "half": schema()[:-10],
    "brackets": b"[" * 60_000,
    "braces": b'{"names":' * 6_000,
}


@pytest.mark.parametrize("name", BAD_SCHEMAS)
@pytest.mark.parametrize("type_", [None, All, dict])
def test_schemas_that_are_none(pair, name, type_):
    here, there = pair
    here.send_multipart(with_schema(BAD_SCHEMAS[name], bytes(8)))
    here.send_value(VALUE)
    with pytest.raises(framewire.DecodeError) as info:
        there.recv_value(type=type_)
    wanted = {"schema", "limit"} if type_ is not All else {"schema", "mismatch"}
    assert info.value.code in wanted
    assert there.recv_value() == VALUE


def test_depths_and_lengths():
    assert outcome(with_schema(deep(10), bytes(4))) is None
    assert outcome(with_schema(deep(100), bytes(4))) == "limit"
    endless = b'{"names":["a"],"formats":[' * 2000
    assert outcome(with_schema(endless, bytes(4))) == "schema"
    long = schema(["a" * (1 << 16)])
    assert outcome(with_schema(long, bytes(4))) == "limit"


def test_versions_sections():
    packed = VALUE.pack()
    for content in (b"", bytes(7), bytes(9)):
        assert outcome(frame(packed, 1, flags=0x10, sections=section(content))) == "section"
    assert outcome(with_versions(packed, 1, *[2] * 10_000), type=All) == "mismatch"
    assert outcome(with_versions(packed, 1, *[2] * 10_000, All.fingerprint), type=All) is None


def test_numbers_of_buffers():
    packed = VALUE.pack()
    head = frame(packed, All.fingerprint)[0][: -len(packed)]
    apart = [head[:4] + b"\0\0" + head[6:], packed]
    assert framewire.loads(apart) == VALUE
    for frames in ([*apart, b""], apart[:1], [apart[0], packed[1:]], [apart[0], packed + b"x"]):
        assert outcome(frames) == "frames"


LIMITED = """
import resource, struct, sys
import msgspec
import framewire
from record_frames import with_schema

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

def names(n, count):
    return [f"hostile_{n}_{i}" for i in range(count)]

def take(n, names, formats, size):
    form = {"names": names, "formats": formats, "offsets": [0] * len(names), "itemsize": size}
    return framewire.loads(with_schema(msgspec.json.encode(form), bytes(size)))
"""


def run(program):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=__file__.rpartition("/")[0],
    )
    assert done.returncode == 0, done.stdout + done.stderr[-800:]


def test_thousands_of_schemas():
    """Learned classes are bounded in number and in size, and so is the memory that they take."""
    run("""
    for n in range(300):
        assert take(n, names(n, 3), ["<u4"] * 3, 4).to_dict()[f"hostile_{n}_1"] == 0
    before = peak()
    for n in range(300, 3000):
        take(n, names(n, 3), ["<u4"] * 3, 4)
    assert len(framewire.learned._learned) <= 256
    assert peak() - before < 30, (before, peak())
    """)


@pytest.mark.parametrize("kind", ["fields", "structures"])
def test_large_schemas(kind):
    form = '"<u1"[:0] or "|u1"'
    if kind == "structures":
        form = '{"names":[],"formats":[],"offsets":[],"itemsize":0}'
    run(f"""
    before = peak()
    for n in range(60):
        take(n, names(n, 900)[:600], [{form}] * 600, 4)
    assert peak() - before < 150, (before, peak())
    """)
