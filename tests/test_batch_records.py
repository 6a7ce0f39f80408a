"""Rows of structured arrays as records: each a message of its own, and back into rows."""

import enum
from typing import Annotated

import numpy as np
import pytest
import zmq
from sameness import same

from framewire import Codec, Record, array, blob, f32, pad, text, u8, u32
from framewire.records import class_of_dtype, records_of

MANY = 3000  # more than are taken at a time
FEW = 20


class Color(enum.IntEnum):
    RED = 1
    BLUE = 2


class Point(Record):
    x: f32
    y: np.dtype(">f8")


class Pose(Record):
    seq: u32
    name: Annotated[str, text(6)]
    at: Point
    color: Annotated[Color, u8]
    _1: pad(3)
    raw: Annotated[bytes, blob(4)]


class Pose2(Pose):
    """Each later one has a few fields more."""

    gain: f32 = 1.5
    label: Annotated[str, text(5)] = "né"
    first: Point = Point(1, 2)


class Pose3(Pose2):
    when: np.dtype("<M8[us]") = np.datetime64("2026-01-01", "us")
    flag: bool = True
    pair: Annotated[np.ndarray, array(np.dtype(">i2"), (2,))] = (3, -4)


DTYPES = {
    "numbers": [("seq", "<u4"), ("t", "<f8"), ("temp", "<f4")],
    "big-endian": [("a", ">u4"), ("b", ">f8"), ("c", ">c8")],
    "a byte": [("a", "u1")],
    "bool": [("a", "?"), ("b", "?", (3,))],
    "text": [("a", "S7"), ("b", "V5"), ("c", "S1")],
    "times": [("a", "<M8[ns]"), ("b", ">m8[3s]"), ("c", "M8")],
    "nested": [("a", [("x", "i2"), ("y", [("z", "f8")])]), ("b", "i1")],
    "sub-arrays": [("a", "f4", (2, 3)), ("b", [("x", "i2"), ("y", ">f8")], (2,)), ("c", "f8", 0)],
    "half": [("a", "f2"), ("b", "c16")],
    "aligned": np.dtype([("a", "u1"), ("b", "f8"), ("c", "u1")], align=True),
    "padded": np.dtype(
        {"names": ["a", "b"], "formats": ["<u4", "<u2"], "offsets": [8, 2], "itemsize": 21}
    ),
    "overlapping": np.dtype({"names": ["a", "b"], "formats": ["<u4", "<u2"], "offsets": [0, 1]}),
    "titles": [(("the title", "a"), "<i4")],
    "names": [("a b", "i4"), ("_x", "i4"), ("pack", "f4"), ("schema", "i2"), ('é"\\\n', "i2")],
    "no bytes": [("a", "S0")],
    "no fields": [],
    "poses": Pose3.dtype,
    "up to the threshold": [("x", "<f8", 1024)],
    "larger rows": [("x", "<f8", 1025), ("n", "u1")],
}


def rows_of(dtype, count=FEW):
    """Rows whose bytes are all different, and in which every bool is one."""
    dtype = np.dtype(dtype)
    data = np.random.default_rng(7).integers(0, 2, count * dtype.itemsize, "u1").tobytes()
    return np.frombuffer(data, dtype).copy() if dtype.itemsize else np.zeros(count, dtype)


@pytest.fixture(params=DTYPES)
def rows(request):
    return rows_of(DTYPES[request.param])


# ---- there and back


def test_into_rows(wide, over, rows):
    here, there = wide(over)
    assert here.send_many(rows) == FEW
    out = np.zeros(FEW + 1, rows.dtype)
    batch = there.recv_many(FEW, out=out)
    assert batch.errors == []
    assert batch.values.base is out
    assert same(batch.values, rows)
    assert same(out[FEW:], np.zeros(1, rows.dtype))


def test_into_a_list(wide, over, rows):
    here, there = wide(over)
    here.codec = Codec(schema=1)  # nobody has defined a class for most of them
    here.send_many(rows)
    batch = there.recv_many(FEW)
    assert batch.errors == []
    assert all(isinstance(record, Record) for record in batch)
    assert [record.pack() for record in batch] == [row.tobytes() for row in rows]


def test_one_by_one(wide, over, rows):
    """What `send_many` sends is what `send_value` sends of each row as a record."""
    here, there = wide(over)
    cls = class_of_dtype(rows.dtype)
    here.send_many(rows)
    messages = [there.recv_multipart() for _ in rows]
    for row in rows:
        here.send_value(cls.unpack(row.tobytes()))
    assert [there.recv_multipart() for _ in rows] == messages
    for row in rows:
        here.send_value(cls.unpack(row.tobytes()))
    out = np.zeros_like(rows)
    assert there.recv_many(None, out=out).errors == []
    assert same(out, rows)
    here.send_many(rows)
    assert [there.recv_value(type=cls).pack() for _ in rows] == [row.tobytes() for row in rows]


def test_more_than_a_run(wide, over):
    here, there = wide(over)
    rows = rows_of(DTYPES["numbers"], MANY)
    here.send_many(rows)
    out = np.zeros_like(rows)
    assert len(there.recv_many(None, out=out)) == MANY
    assert same(out, rows)
    here.send_many(rows)
    assert len(there.recv_many(MANY, type=class_of_dtype(rows.dtype))) == MANY


SHAPES = {
    "every second": lambda rows: rows[::2],
    "backwards": lambda rows: rows[::-1],
    "all the same": lambda rows: np.broadcast_to(rows[:1], FEW),
    "some fields": lambda rows: rows[["t", "seq"]],
    "unaligned": lambda rows: np.frombuffer(b"x" + rows.tobytes(), "u1")[1:].view(rows.dtype),
    "recarray": lambda rows: rows.view(np.recarray),
    "none": lambda rows: rows[:0],
}


@pytest.mark.parametrize("change", SHAPES.values(), ids=SHAPES)
def test_rows_apart(wide, change):
    here, there = wide()
    rows = change(rows_of(DTYPES["numbers"]))
    assert here.send_many(rows) == len(rows)
    out = np.zeros(len(rows) * 3, rows.dtype)[::-3]
    batch = there.recv_many(None, 0, out=out)
    assert batch.errors == []
    assert same(np.asarray(out), np.ascontiguousarray(rows).view(np.ndarray).astype(rows.dtype))


@pytest.mark.parametrize("topic", [None, "", "t", b"long" * 80])
def test_topic_and_meta(pair, topic):
    here, there = pair
    rows = rows_of(Pose.dtype)
    here.send_many(rows, topic=topic, meta={"m": [1, 2]})
    for row in rows:
        message = there.recv_message()
        assert message.topic == (topic.encode() if isinstance(topic, str) else topic)
        assert (message.serializer, message.meta) == ("record", {"m": [1, 2]})
        assert message.value == Pose.unpack(row.tobytes())
    here.send_many(rows, topic=topic, meta={"m": [1, 2]})
    out = np.zeros_like(rows)
    assert len(there.recv_many(None, out=out)) == FEW
    assert same(out, rows)


@pytest.mark.parametrize("routing_id", [b"peer", b"\xc1\x46" + bytes(30)])
def test_router(connect, routing_id):
    router, dealer = connect(zmq.ROUTER, zmq.DEALER, "tcp", routing_id=routing_id)
    rows = rows_of(DTYPES["numbers"])
    out = np.zeros_like(rows)
    dealer.send_many(rows)
    assert router.recv_many(None, out=out).errors == []
    assert same(out, rows)
    assert router.send_many(rows[::-1], topic=routing_id) == FEW
    dealer.recv_many(None, out=out)
    assert same(out, np.ascontiguousarray(rows[::-1]))


@pytest.mark.parametrize("packed", [False, True])
def test_rows_above_the_threshold(pair, packed):
    here, there = pair
    rows = rows_of(DTYPES["larger rows"])
    here.send_many(rows, packed=packed)
    assert len(there.recv_raw()) == (1 if packed else 2)
    out = np.zeros_like(rows)
    assert len(there.recv_many(FEW - 1, out=out)) == FEW - 1
    assert same(out[:-1], rows[1:])


def test_a_message_begun_before(pair):
    here, there = pair
    rows = rows_of(DTYPES["numbers"])
    here.send_raw(b"begun", zmq.SNDMORE)
    assert here.send_many(rows, topic="t") == FEW
    assert there.recv_message().envelope == [b"begun", b"t"]
    assert there.recv_message().envelope == [b"t"]


# ---- serializers and classes


def test_arrays_and_records_of_the_same_dtype(pair):
    """Rows take both; `serializer` says which is sent."""
    here, there = pair
    rows = rows_of(DTYPES["numbers"])
    here.send_many(rows, serializer="array")
    here.send_many(rows, serializer="record")
    here.send_array(rows[0, ...])
    here.send_many(rows.reshape(4, 5))  # arrays of five
    assert [there.recv_message().serializer for _ in range(2)] == ["array"] * 2
    out = np.zeros(2 * FEW - 1, rows.dtype)
    batch = there.recv_many(None, out=out)
    assert batch.errors == []
    assert same(out, np.concatenate([rows[2:], rows, rows[:1]]))
    out = np.zeros((4, 5), rows.dtype)
    assert there.recv_many(None, out=out).errors == []
    assert same(out, rows.reshape(4, 5))


def test_the_class_that_was_defined(pair):
    here, there = pair
    rows = rows_of(Pose.dtype)
    rows["color"][:2] = 2, 77
    here.send_many(rows)
    got = there.recv_many(FEW).values
    assert {type(record) for record in got} == {Pose}
    assert (got[0].color, got[1].color) == (Color.BLUE, 77)
    assert got[0].at == Point(rows["at"]["x"][0], rows["at"]["y"][0])


CHAIN = [Pose, Pose2, Pose3]


@pytest.mark.parametrize("theirs", CHAIN)
@pytest.mark.parametrize("ours", CHAIN)
def test_versions(wide, over, theirs, ours):
    """Fields that the sender does not have get their defaults; those not known are left out."""
    here, there = wide(over)
    rows = rows_of(theirs.dtype)
    rows["name"] = "é".encode(), *[b"abc\0de"] * (FEW - 1)
    rows["color"] = 77  # no color
    here.send_many(rows)
    out = np.zeros(FEW, ours.dtype)
    batch = there.recv_many(None, 10_000, out=out)
    assert batch.errors == []
    expected = np.zeros(FEW, ours.dtype)
    expected[:] = np.frombuffer(ours(0, "", Point(0, 0), 1, b"").pack(), ours.dtype)
    for name in set(ours.dtype.names) & set(theirs.dtype.names):
        expected[name] = rows[name]
    assert same(out, expected)
    here.send_many(rows)
    got = there.recv_many(FEW, type=ours).values
    assert same(np.frombuffer(b"".join(one.pack() for one in got), ours.dtype), expected)


def test_versions_mixed(wide):
    here, there = wide()
    for _ in range(3):
        for theirs in CHAIN:
            here.send_many(rows_of(theirs.dtype, 5))
    out = np.zeros(45, Pose2.dtype)
    assert there.recv_many(None, out=out).errors == []
    expected = [out["seq"][5 * i : 5 * i + 5].tolist() for i in range(9)]
    assert expected == [rows_of(theirs.dtype, 5)["seq"].tolist() for theirs in CHAIN] * 3
    assert (out["gain"].reshape(3, 3, 5)[:, 0] == 1.5).all()


def test_a_longer_dtype_without_defaults(pair):
    """A class that nobody defined has none, so it takes no other version."""
    here, there = pair
    old, new = np.dtype([("only", "<u2")]), np.dtype([("only", "<u2"), ("more", "<u2")])
    for theirs, ours in ((old, new), (new, old)):
        here.send_many(rows_of(theirs))
        out = np.zeros(FEW, ours)
        batch = there.recv_many(None, out=out)
        assert [error.code for _, error in batch.errors] == ["mismatch"] * FEW
        assert not out.tobytes().strip(b"\0")


# ---- the schema in messages


def with_schema(socket, count):
    """Which of the messages that are there bring their schema."""
    found = []
    while len(found) < count:
        frames = socket.recv_raw()
        found.append(bool(int.from_bytes(frames[-1][4:6], "little") & 0x100))
    return found


def every_third(count):
    return [i % 3 == 0 for i in range(count)]


def test_schema_in_the_first_and_every_nth(pair):
    here, there = pair
    here.codec = Codec(schema=3)
    rows = rows_of([("sent", "<u2"), ("nth", "i1")])
    here.send_many(rows[:10])
    here.send_value(class_of_dtype(rows.dtype).unpack(rows[10].tobytes()))
    here.send_many(rows[11:])
    assert with_schema(there, FEW) == every_third(FEW)
    here.send_many(rows, topic="t")
    assert with_schema(there, FEW) == every_third(FEW)
    assert here.send_many(rows, codec=Codec(schema=0)) == FEW
    assert with_schema(there, FEW) == [False] * FEW


@pytest.mark.parametrize("timeout", [None, 0, 30])
def test_schema_when_there_was_no_room(connect, timeout):
    """What was not sent has not brought it, whatever stands between records of a kind."""
    here, there = connect(hwm=5)
    here.codec = Codec(schema=3)
    one = rows_of([("a", "<u2"), ("cut", "i1")], 40)
    two = rows_of([("b", "<u2"), ("short", "i1")], 40)
    here.sndtimeo = -1 if timeout is None else timeout
    flags = zmq.DONTWAIT if timeout is None else 0
    columns = records_of(one), range(40), records_of(two)
    values = [value for row in zip(*columns, strict=True) for value in row]
    counts, found = [], []
    while len(found) < len(values):
        counts.append(here.send_many(values[len(found) :], flags))
        found += with_schema(there, counts[-1])
    assert len(counts) > 5
    assert found[::3] == every_third(40)
    assert found[2::3] == every_third(40)
    assert not any(found[1::3])


def test_schema_of_a_chunk_that_cannot_be_sent(pair):
    here, there = pair
    here.codec = Codec(schema=1000)
    records = list(records_of(rows_of([("x", "i1"), ("failed", "u1")])))
    for bad in ([*records, object()], [records[0], 5, {object()}]):
        with pytest.raises(TypeError):
            here.send_many(bad)
    here.send_many(records)
    assert with_schema(there, FEW) == [True, *[False] * (FEW - 1)]


@pytest.mark.parametrize("name", ["schema", "dtype", "fields", "itemsize", "fingerprint", "pack"])
def test_names_that_classes_have(pair, name):
    """A class cannot be defined with one; an array's rows, or a peer's records, can have it."""
    with pytest.raises(TypeError, match="cannot have this name"):
        type("Bad", (Record,), {"__annotations__": {name: u32}})
    here, there = pair
    here.codec = Codec(schema=1)
    here.send_many(rows_of([(name, "<i2")]))
    assert {tuple(record.to_dict()) for record in there.recv_many(FEW)} == {(name,)}
