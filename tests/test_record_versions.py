"""Fields that are appended: older readers of newer records, and the other way round."""

import itertools

import numpy as np
import pytest
from record_frames import frame, with_versions

import framewire
from framewire import Codec, Record, array, f64, u8, u16, u32


class V0(Record):
    seq: u32
    msg: str


class V1(Record):
    seq: u32
    msg: str
    level: u8 = 3


class V2(V1):
    note: str = "né"


class V3(V2):
    m: array(u16, 2) = (5, 6)


VERSIONS = [V0, V1, V2, V3]
NEWEST = V3(1, "text", 9, "note", [7, 8])
FIELDS = [2, 3, 4, 5]
DEFAULTS = {"level": 3, "note": "né", "m": [5, 6]}


def plain(record):
    values = record.to_dict()
    return values | {"m": values["m"].tolist()} if "m" in values else values


@pytest.mark.parametrize(("writer", "reader"), [*itertools.product(range(4), repeat=2)])
@pytest.mark.parametrize("asked", [False, True])
def test_versions(pair, writer, reader, asked):
    here, there = pair
    values = dict(itertools.islice(plain(NEWEST).items(), FIELDS[writer]))
    here.send_value(VERSIONS[writer](**values))
    if not asked:
        assert type(there.recv_value()) is VERSIONS[writer]
        return
    came = there.recv_value(type=VERSIONS[reader])
    assert type(came) is VERSIONS[reader]
    wanted = dict(itertools.islice((plain(NEWEST) | DEFAULTS | values).items(), FIELDS[reader]))
    assert plain(came) == wanted
    fresh = VERSIONS[reader](**wanted)
    assert came == fresh
    assert came.pack() == fresh.pack()
    assert came.replace(seq=5) == fresh.replace(seq=5)
    assert VERSIONS[reader].unpack(came.pack()) == came
    here.send_value(came)  # handed on, as of the reader's class
    assert there.recv_value() == came


def test_what_a_class_takes():
    older = [V2.fingerprint, V1.fingerprint, V0.fingerprint]
    assert list(V3._schema.older) == older
    assert V3._schema.versions == b"".join(each.to_bytes(8, "little") for each in older)


def test_a_reader_that_only_knows_the_older_one(pair, monkeypatch):
    """What the process has defined is asked for by what the writer names."""
    here, there = pair

    class Known(Record):
        only: u32

    class Newer(Known):
        more: str = "x"

    monkeypatch.delitem(framewire.records.DEFINED, Newer.fingerprint)
    monkeypatch.setattr(framewire.learned, "OLDER", {})
    here.send_value(Newer(5))
    came = there.recv_value()
    assert type(came) is Known
    assert came.only == 5
    assert bytes(memoryview(came)) == Newer(5).pack()[:4]


def test_a_reader_that_only_knows_the_newer_one(pair, monkeypatch):
    here, there = pair

    class Old(Record):
        nowhere: u32

    class New(Old):
        more: str = "x"

    monkeypatch.delitem(framewire.records.DEFINED, Old.fingerprint)
    here.send_value(Old(5), codec=Codec(schema=1))
    came = there.recv_value()
    assert type(came) is New
    assert came.to_dict() == {"nowhere": 5, "more": "x"}


def test_fields_without_defaults():
    class Base(Record):
        a: u8

    class Grown(Base):
        b: u8
        c: u8 = 1

    with pytest.raises(framewire.SchemaError, match="field 1 is none"):
        framewire.loads(framewire.dumps(Base(1)), type=Grown)
    with pytest.raises(framewire.SchemaError, match="field 1 is 'b'"):
        framewire.loads(framewire.dumps(Grown(1, 2)), type=Base)
    assert Grown._schema.older.keys() != {Base.fingerprint}


def test_versions_that_lie():
    """The fingerprints of a message are not proof of anything: its bytes are looked at."""
    for size in range(V0(1, "text").__class__.itemsize):
        for frames in (
            with_versions(bytes(size), 1, V0.fingerprint),
            frame(bytes(size), V0.fingerprint),
        ):
            with pytest.raises(framewire.DecodeError) as info:
                framewire.loads(frames, type=V0)
            assert info.value.code == "truncated"
    codes = set()
    for cls in VERSIONS:
        for payload in (bytes(100), b"\xff" * 100, NEWEST.pack(), V0(1, "é").pack()):
            for frames in (
                with_versions(payload, 1, *range(100), V0.fingerprint),
                with_versions(payload, V1.fingerprint, *[V3.fingerprint] * 9),
                frame(payload, V2.fingerprint),
            ):
                try:
                    plain(framewire.loads(frames, type=cls))
                except framewire.DecodeError as error:
                    codes.add(error.code)
    assert codes == {"tail", "truncated", "mismatch"}


def test_nothing_is_read_behind_an_older_record():
    """A newer class's field begins where the older record ends, or its tails are."""
    payload = V0(1, "abcdefgh").pack()
    came = framewire.loads(frame(payload, V0.fingerprint), type=V3)
    assert came.level == 3
    assert came.m.tolist() == [5, 6]
    assert came.msg == "abcdefgh"
    assert bytes(memoryview(came)) == payload


def test_defaults_are_the_same_objects_each_time():
    came = framewire.loads(framewire.dumps(V0(1, "")), type=V3)
    with pytest.raises(ValueError, match="read-only"):
        came.m[0] = 1
    assert V3.fields[4].default.tolist() == [5, 6]


def test_many_versions():
    names = [f"f{i}" for i in range(60)]
    body = {"__annotations__": dict.fromkeys(names, f64)} | dict.fromkeys(names[1:], 0.5)
    new = type(Record)("New", (Record,), body)
    for count in (1, 2, 30, 59):
        old = type(Record)("Old", (Record,), {"__annotations__": dict.fromkeys(names[:count], f64)})
        came = framewire.loads(framewire.dumps(old(*range(count))), type=new)
        assert list(came.to_dict().values()) == [*range(count), *[0.5] * (60 - count)]
    # a writer names eight; the others its readers cannot know
    for count, taken in ((59, True), (52, True), (51, False)):
        old = type(Record)("Old", (Record,), {"__annotations__": dict.fromkeys(names[:count], f64)})
        frames = framewire.dumps(new(*np.arange(60.0)))
        if taken:
            assert framewire.loads(frames, type=old).f9 == 9
        else:
            with pytest.raises(framewire.SchemaError):
                framewire.loads(frames, type=old)
