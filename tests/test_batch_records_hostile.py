"""Records into rows when messages are bad: the good ones are there, and the errors say which."""

import random
import struct
from typing import Annotated

import numpy as np
import pytest
from record_frames import section
from sameness import same

import framewire
from framewire import Codec, DecodeError, Record, text, u32

STAMPED = Codec(stamp=True)
INLINE, VERSIONS, STAMP, META, TYPE = 1, 0x10, 0x40, 0x80, 0x100
MUTATED = 3000


class Reading(Record):
    number: u32
    name: Annotated[str, text(6)]
    of: np.dtype(">f8")


class Reading2(Reading):
    unit: Annotated[str, text(3)] = "K"


SIZE = Reading.itemsize
GOOD = np.zeros(6, Reading.dtype)
GOOD["number"] = range(6)
GOOD["name"] = b"n\xc3\xa4me"
GOOD["of"] = np.arange(6) / 4
BODY = GOOD[0].tobytes()
STAMP_BYTES = struct.pack("<3Q", 1, 0, 0)


def message(body=BODY, *, flags=0, payload=None, fingerprint=Reading.fingerprint, sections=b""):
    """A frame with a record, in which anything may be wrong."""
    payload = len(body) if payload is None else payload
    head = struct.pack("<2sBBHBBQQ", b"\xc1\x46", 1, 5, INLINE | flags, 0, 0, payload, fingerprint)
    return head + sections + body


ALONE = message(b"", flags=INLINE ^ INLINE, payload=SIZE)
ALONE = ALONE[:4] + b"\0" + ALONE[5:]  # without INLINE
OTHER = Reading2.fingerprint ^ 1
SCHEMA = Reading.schema.encode()

# Each a message, and the code of what is wrong with it; None: nothing is.
MESSAGES = {
    "good": ([message()], None),
    "with envelope": ([b"a", b"b", message()], None),
    "in a frame of its own": ([ALONE, BODY], None),
    "with a stamp": ([message(flags=STAMP, sections=STAMP_BYTES)], None),
    "with its schema": ([message(flags=TYPE, sections=section(SCHEMA))], None),
    "with meta": ([message(flags=META, sections=section(b"\x80"))], None),
    "newer": ([message(BODY + b"C\0\0", fingerprint=Reading2.fingerprint, flags=VERSIONS,
                       sections=section(struct.pack("<Q", Reading.fingerprint)))], None),
    "newer, unknown": ([message(fingerprint=OTHER, flags=VERSIONS, sections=section(
        struct.pack("<3Q", 1, 2, Reading.fingerprint)))], None),
    "bytes in no field": ([message(BODY + b"more")], None),  # a reader ignores them
    "not of a version": ([message(fingerprint=OTHER)], "mismatch"),
    "versions of others": ([message(fingerprint=OTHER, flags=VERSIONS, sections=section(
        struct.pack("<3Q", 1, 2, 3)))], "mismatch"),
    "no versions": ([message(flags=VERSIONS, sections=section(b""))], "section"),
    "half a version": ([message(flags=VERSIONS, sections=section(b"1234"))], "section"),
    "newer, but shorter": ([message(BODY[:-1], fingerprint=OTHER, flags=VERSIONS, sections=section(
        struct.pack("<Q", Reading.fingerprint)))], "truncated"),
    "shorter": ([message(BODY[:-1])], "truncated"),
    "empty": ([message(b"")], "truncated"),
    "longer than it says": ([message(BODY + b"x", payload=SIZE)], "trailing"),
    "shorter than it says": ([message(BODY[:-1], payload=SIZE)], "truncated"),
    "says too little": ([message(payload=SIZE - 1)], "trailing"),
    "says too much": ([message(payload=SIZE + 1)], "truncated"),
    "says 2**63": ([message(payload=1 << 63)], "payload"),
    "says 2**64 - 1": ([message(payload=(1 << 64) - 1)], "payload"),
    "inline, and a frame": ([message(), BODY], "frames"),
    "inline, and an empty frame": ([message(), b""], "frames"),
    "alone, shorter": ([ALONE, BODY[:-1]], "frames"),
    "alone, longer": ([ALONE, BODY + b"x"], "frames"),
    "alone, twice": ([ALONE, BODY, BODY], "frames"),
    "alone, missing": ([ALONE], "frames"),
    "alone, and inline": ([ALONE + BODY], "trailing"),
    "two heads": ([message(), message()], "frames"),
    "a stamp cut off": ([message(b"", flags=STAMP, sections=STAMP_BYTES[:-1])], "truncated"),
    "no stamp": ([message(flags=STAMP)], "truncated"),
    "only the stamp": ([message(b"", flags=STAMP, sections=STAMP_BYTES)], "truncated"),
    "schema of another": ([message(flags=TYPE, sections=section(b"{}"))], "schema"),
    "fortran": ([message(flags=2)], "flags"),
    "buffers": ([message(flags=0x20, sections=section(struct.pack("<Q", SIZE)))], "flags"),
    "a dimension": ([message()[:7] + b"\1" + message()[8:]], "ndim"),
    "a dtype": ([message()[:6] + b"\1" + message()[7:]], "dtype"),
    "serializer": ([message()[:3] + b"\x42" + message()[4:]], "serializer"),
    "version": ([message()[:2] + b"\2" + message()[3:]], "version"),
    "magic only": ([b"\xc1\x46"], "truncated"),
    "foreign": ([b"foreign", BODY], "foreign"),
    "one frame": ([BODY], "foreign"),
    "nothing": ([b""], "foreign"),
    "an array of it": (framewire.dumps(GOOD), "mismatch"),
    "an item of it": (framewire.dumps(GOOD[0, ...]), None),
    "text": (framewire.dumps("text"), "mismatch"),
    "a longer record": (framewire.dumps(Reading2(1, "a", 2.0)), None),
}  # fmt: skip


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("codec", [None, STAMPED], ids=["", "stamps"])
def test_among_good_ones(connect, over, name, codec):
    """Twice in a row, so that the head is known the second time, and between others."""
    here, there = connect(over=over)
    here.codec = there.codec = codec
    here.send_many(GOOD[:2])
    here.send_raw(MESSAGES[name][0])
    here.send_raw(MESSAGES[name][0])
    here.send_many(GOOD[2:4])
    here.send_raw(MESSAGES[name][0])
    here.send_value(Reading.unpack(GOOD[4].tobytes()))
    out = np.full(12, GOOD[5])
    batch = there.recv_many(8, out=out)
    bad = [(2, name), (3, name), (6, name)]
    code = MESSAGES[name][1]
    assert [(at, error.code) for at, error in batch.errors] == [(at, code) for at, _ in bad if code]
    assert all(isinstance(error, DecodeError) for _, error in batch.errors)
    good = [0, 1, 2, 3, 4] if code else [0, 1, None, None, 2, 3, None, 4]
    assert len(batch) == len(good)
    for row, number in zip(out, good, strict=False):
        if number is not None:
            assert same(np.asarray(row), np.asarray(GOOD[number]))
        elif name not in ("a longer record",):
            assert row.tobytes() == BODY
    assert same(out[len(good) :], np.full(12 - len(good), GOOD[5]))
    if codec is not None:
        total = there.stats().total
        assert (total.received, total.errors) == (8, len(batch.errors))


@pytest.mark.parametrize("name", MESSAGES)
def test_among_good_ones_in_a_list(connect, name):
    """The same, but that a list takes other values too."""
    here, there = connect()
    here.send_many(GOOD[:2])
    here.send_raw(MESSAGES[name][0])
    here.send_many(GOOD[2:4])
    batch = there.recv_many(5, type=Reading if MESSAGES[name][1] == "mismatch" else None)
    values = [value for value in batch if isinstance(value, Reading)]
    assert {value.number for value in values} >= {0, 1, 2, 3}
    assert len(batch) + len(batch.errors) == 5
    assert [at for at, _ in batch.errors] in ([], [2])


def test_rows_of_other_things(pair):
    """Records where arrays are received, and records of another dtype."""
    here, there = pair
    for out in (np.full((8, 3), 7.0), np.full(8, 7.0), np.full(8, 7, "i4,i4"), np.zeros(8, "V18")):
        before = out.copy()
        here.send_many(GOOD)
        here.send_array(before[0, ...])
        batch = there.recv_many(7, out=out)
        assert [(at, error.code) for at, error in batch.errors] == [
            (at, "mismatch") for at in range(6)
        ]
        assert len(batch) == 1
        assert same(out, before)


def test_bad_out(pair):
    here, there = pair
    here.send_many(GOOD)
    read_only = GOOD.copy()
    read_only.flags.writeable = False
    for error, out in (
        (ValueError, read_only),
        (TypeError, np.zeros(6, [("a", object)])),
        (TypeError, GOOD.tolist()),
        (TypeError, np.ma.zeros(6, Reading.dtype)),
        (ValueError, GOOD[0, ...].copy()),
    ):
        with pytest.raises(error):
            there.recv_many(6, out=out)
    with pytest.raises(ValueError, match="max_messages"):
        there.recv_many(7, out=GOOD.copy())
    with pytest.raises(TypeError, match="type"):
        there.recv_many(6, out=GOOD.copy(), type=Reading)
    apart = np.zeros(18, Reading.dtype)
    assert there.recv_many(None, out=apart[::3]).errors == []
    assert same(apart[::3].copy(), GOOD)
    assert not apart[1::3].tobytes().strip(b"\0")


@pytest.mark.parametrize("codec", [Codec(allow=["array"]), Codec(allow=["array"], stamp=True)])
def test_not_allowed(pair, codec):
    here, there = pair
    here.codec = Codec(stamp=codec.stamp)
    here.send_many(GOOD)
    here.send_many(GOOD, serializer="array")
    out = np.zeros(12, Reading.dtype)
    batch = there.recv_many(12, out=out, codec=codec)
    assert [(at, error.code) for at, error in batch.errors] == [(at, "refused") for at in range(6)]
    assert same(batch.values, GOOD)
    assert not out[6:].tobytes().strip(b"\0")
    here.send_many(GOOD)
    batch = there.recv_many(6, codec=codec)
    assert [error.code for _, error in batch.errors] == ["refused"] * 6


# ---- whatever the bytes are, rows and `loads` say the same


def as_row(frames):
    """The bytes of the row, or the code of the error."""
    try:
        return framewire.loads(frames, type=Reading).pack()
    except DecodeError as error:
        return error.code


def check(here, there, frames):
    """Receive into rows, every message between two good ones."""
    for each in frames:
        here.send_multipart([message()])
        here.send_multipart([each])
    out = np.zeros(2 * len(frames), Reading.dtype)
    batch = there.recv_many(None, 5000, out=out)
    assert len(batch) + len(batch.errors) == 2 * len(frames)
    errors = dict(batch.errors)
    rows = iter(batch.values)
    for at in range(2 * len(frames)):
        expected = BODY if at % 2 == 0 else as_row([frames[at // 2]])
        found = errors[at].code if at in errors else next(rows).tobytes()
        assert found == expected, (at, frames[at // 2])


def whole():
    """Heads with all sections, and none."""
    sections = STAMP_BYTES + section(b"\x80") + section(SCHEMA)
    versions = section(struct.pack("<2Q", Reading.fingerprint, 5))
    return [
        message(),
        message(flags=STAMP, sections=STAMP_BYTES),
        message(flags=STAMP | META | TYPE, sections=sections),
        message(flags=VERSIONS | STAMP, sections=versions + STAMP_BYTES),
        message(fingerprint=OTHER, flags=VERSIONS, sections=versions),
        framewire.dumps(Reading2(1, "a", 2.0))[0],
    ]


@pytest.mark.parametrize("codec", [None, STAMPED], ids=["", "stamps"])
def test_every_byte_changed(wide, codec):
    here, there = wide()
    there.codec = codec
    for good in whole():
        check(
            here, there, [good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :] for i in range(len(good))]
        )
        check(here, there, [good[:i] + bytes([good[i] ^ 128]) + good[i + 1 :] for i in range(2, 60)
                            if i < len(good)])  # fmt: skip


@pytest.mark.parametrize("codec", [None, STAMPED], ids=["", "stamps"])
def test_cut_at_every_byte(wide, over, codec):
    here, there = wide(over)
    there.codec = codec
    for good in whole():
        check(here, there, [good[:i] for i in range(len(good))])
        check(here, there, [good + b"\0" * i for i in range(1, 10)])


def test_changed_at_random(wide):
    order = random.Random(5)
    here, there = wide()
    there.codec = STAMPED
    bad = []
    for _ in range(MUTATED):
        frame = bytearray(order.choice(whole()))
        for _ in range(order.choice([1, 1, 2, 5])):
            at = order.randrange(len(frame))
            frame[at] = order.choice([0, 1, 255, order.randrange(256)])
        bad.append(bytes(frame[: order.choice([len(frame)] * 5 + [order.randrange(len(frame))])]))
    check(here, there, bad)
    for frame in bad:
        here.send_multipart([frame])
    batch = there.recv_many(MUTATED, 5000)
    assert len(batch) + len(batch.errors) == MUTATED
    assert there.stats().total.received == 3 * MUTATED
