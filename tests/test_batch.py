"""Many messages in one call: what goes in comes out, in order, as it would one by one."""

import itertools
import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest
import zmq

import framewire
from framewire import Batch, Codec, DecodeError

MANY = 3000  # more than are taken at a time
FEW = 20
VALUES = [
    None,
    7,
    "text",
    b"bytes",
    {"a": [1, 2.5], "b": {"c": None}},
    (1, "two"),
    [b"x" * 20_000, "beside"],
]


def arrays(count, size=128):
    return np.arange(count * size, dtype="f8").reshape(count, size)


# ---- send_many


@pytest.mark.parametrize("kind", [list, tuple, iter], ids=["list", "tuple", "iterator"])
def test_values_arrive_in_order(wide, kind):
    here, there = wide()
    values = VALUES * (MANY // len(VALUES))
    assert here.send_many(kind(values)) == len(values)
    for value in values:
        assert there.recv_value() == value
    with pytest.raises(zmq.Again):
        there.recv_value(zmq.DONTWAIT)


@pytest.mark.parametrize("count", [0, 1, 2, 1023, 1024, 1025, 2048, MANY])
@pytest.mark.parametrize("rows", [True, False], ids=["rows", "list"])
def test_counts(wide, count, rows):
    here, there = wide()
    data = arrays(count, 3)
    assert here.send_many(data if rows else list(data)) == count
    batch = there.recv_many(count + 1, 0)
    assert len(batch) == count
    assert batch.errors == []
    assert all((got == sent).all() for got, sent in zip(batch, data, strict=True))


ROWS = {
    "plain": lambda: arrays(FEW),
    "one dimension": lambda: np.arange(FEW, dtype="i2"),
    "three dimensions": lambda: arrays(FEW).reshape(FEW, 8, 16),
    "big-endian": lambda: arrays(FEW).astype(">f4"),
    "every second row": lambda: arrays(2 * FEW)[::2],
    "backwards": lambda: arrays(FEW)[::-1],
    "rows that are not contiguous": lambda: arrays(FEW)[:, ::2],
    "rows in Fortran order": lambda: arrays(FEW).reshape(FEW, 8, 16).transpose(0, 2, 1),
    "all the same row": lambda: np.broadcast_to(np.arange(5.0), (FEW, 5)),
    "rows that repeat one item": lambda: np.broadcast_to(np.arange(FEW)[:, None], (FEW, 100)),
    "no items": lambda: np.zeros((FEW, 0, 3)),
    "structures": lambda: np.arange(FEW * 2).astype("i4").view("i2,u2").reshape(FEW, 2),
    "times": lambda: np.arange(FEW).astype("M8[ms]").reshape(FEW // 2, 2),
    "text": lambda: np.array(["a", "bc"] * FEW).reshape(FEW, 2),
    "up to the threshold": lambda: np.arange(FEW * 1024.0).reshape(FEW, 1024),
    "larger rows": lambda: np.arange(FEW * 5000.0).reshape(FEW, 5000),
    "memmap's kind": lambda: arrays(FEW).view(np.matrix),
}


@pytest.mark.parametrize("make", ROWS.values(), ids=ROWS)
def test_rows(wide, over, make, assert_same):
    """Each row is a message with an array, as `send_array` would send it."""
    here, there = wide(over)
    data = make()
    assert here.send_many(data) == len(data)
    for row in np.asarray(data):
        assert_same(there.recv_array(), row)


def test_rows_are_the_same_on_the_wire(pair):
    here, there = pair
    data = arrays(3)
    here.send_many(data, meta={"a": 1})
    many = [there.recv_multipart() for _ in data]
    for row in data:
        here.send_array(row, meta={"a": 1})
    assert many == [there.recv_multipart() for _ in data]


@pytest.mark.parametrize("rows", [True, False], ids=["rows", "list"])
@pytest.mark.parametrize("topic", ["t", b"", b"long" * 20])
def test_topic_and_meta(pair, rows, topic):
    here, there = pair
    data = arrays(FEW)
    here.send_many(data if rows else list(data), topic=topic, meta=[1, 2])
    for row in data:
        message = there.recv_message()
        assert message.topic == (topic.encode() if isinstance(topic, str) else topic)
        assert message.meta == [1, 2]
        assert (message.value == row).all()


def test_packed(pair):
    here, there = pair
    data = np.arange(30_000.0).reshape(3, 10_000)
    here.send_many(data, packed=True)
    here.send_many(list(data), packed=True)
    for row in [*data, *data]:
        frames = there.recv_raw()
        assert len(frames) == 1
        assert (framewire.loads(frames) == row).all()


def test_serializer(pair):
    here, there = pair
    codec = Codec(allow=["pickle", "json"])
    here.send_many([{1, 2}, {3}], serializer="pickle")
    assert there.recv_many(2, codec=codec).values == [{1, 2}, {3}]
    here.send_many(arrays(2), serializer="pickle")  # rows too
    assert [there.recv_message().serializer for _ in range(2)] == ["pickle"] * 2
    here.codec = "json"
    here.send_many([[1], [2]])
    assert there.recv_many(2, codec=codec).values == [[1], [2]]


def test_masked_rows_keep_their_masks(pair):
    here, there = pair
    data = np.ma.masked_less(arrays(3, 4), 5)
    here.send_many(data)
    for row in data:
        got = there.recv_value()
        assert (got.mask == row.mask).all()
        assert (got.filled(0) == row.filled(0)).all()


def test_router(connect):
    """The topic is the routing id."""
    router, dealer = connect(zmq.ROUTER, zmq.DEALER, "tcp", routing_id=b"peer")
    data = arrays(FEW)
    dealer.send_many(data)
    out = np.empty_like(data)
    assert len(router.recv_many(None, out=out)) == FEW
    assert (out == data).all()
    assert router.send_many(data, topic=b"peer") == FEW
    assert router.send_many(list(data), topic=b"peer") == FEW
    batch = dealer.recv_many(2 * FEW)
    assert (np.array(batch.values) == [*data, *data]).all()


def test_routing_id_that_looks_like_a_head(connect):
    router, dealer = connect(zmq.ROUTER, zmq.DEALER, "tcp", routing_id=b"\xc1\x46" + bytes(22))
    data = arrays(FEW)
    dealer.send_many(data)
    out = np.empty_like(data)
    batch = router.recv_many(None, out=out)
    assert batch.errors == []
    assert (out == data).all()
    dealer.send_many(data)
    assert (np.array(router.recv_many(FEW).values) == data).all()


# ---- recv_many


def test_every_kind_of_value(wide, over):
    here, there = wide(over)
    values = [*VALUES, np.arange(4.0), np.float32(2), np.arange(5000.0), np.arange(4.0)]
    here.send_many(values * FEW)
    batch = there.recv_many(len(values) * FEW)
    assert type(batch) is Batch
    assert batch.errors == []
    for got, sent in zip(batch, itertools.cycle(values), strict=False):
        assert type(got) is type(sent)
        assert np.array_equal(got, sent) if isinstance(sent, np.ndarray) else got == sent


def test_batch_is_its_values():
    batch = Batch([1, 2, 3], [(0, DecodeError("no", "foreign"))])
    assert (len(batch), list(batch), batch[0], batch[1:]) == (3, [1, 2, 3], 1, [2, 3])
    assert repr(batch) == "<Batch of 3, 1 errors>"


def test_arrays_that_change(wide, over, assert_same):
    """Heads that are known, and others between them."""
    here, there = wide(over)
    kinds = [
        np.arange(6.0),
        np.arange(6.0),
        np.arange(6),
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(5000.0),
        np.arange(5000.0),
        np.broadcast_to(np.arange(3), (4, 3)),
        np.broadcast_to(np.arange(3), (4, 3)),
        np.zeros(3, [("a", "i1"), ("b", "f8")]),
        np.zeros(3, [("a", "i1"), ("b", "f8")]),
        np.zeros(0),
        np.zeros(0),
        np.array(5),
        np.array(5),
    ]
    for topic in (None, "t"):
        here.send_many(kinds * 3, topic=topic)
        batch = there.recv_many(len(kinds) * 3)
        for got, sent in zip(batch, kinds * 3, strict=True):
            assert_same(got, sent)


def test_type(pair):
    @dataclass
    class Point:
        x: int
        y: int

    here, there = pair
    here.send_many([{"x": 1, "y": 2}, {"x": "one"}, {"x": 3, "y": 4}])
    batch = there.recv_many(3, type=Point)
    assert batch.values == [Point(1, 2), Point(3, 4)]
    ((position, error),) = batch.errors
    assert (position, error.code) == (1, "mismatch")
    assert isinstance(error, framewire.SchemaError)


@pytest.mark.parametrize("size", [128, 5000])
def test_copy(pair, size):
    here, there = pair
    data = arrays(4, size)
    here.send_many(data)
    assert not any(array.flags.writeable for array in there.recv_many(4))
    here.send_many(data)
    got = there.recv_many(4, copy=True).values
    for array in got:
        assert array.flags.writeable
        array[:] = 0
    assert (data == arrays(4, size)).all()


def test_plain_sockets(link):
    push, pull = link()
    assert framewire.send_many(push, [1, 2, 3]) == 3
    assert framewire.recv_many(pull, 3).values == [1, 2, 3]


# ---- out


@pytest.mark.parametrize("make", ROWS.values(), ids=ROWS)
def test_out(wide, over, make):
    here, there = wide(over)
    data = np.asarray(make())
    here.send_many(data)
    out = np.empty(data.shape, data.dtype)
    batch = there.recv_many(None, out=out)
    assert batch.errors == []
    assert len(batch) == len(data)
    assert batch.values.base is out
    assert (out == data).all()


@pytest.mark.parametrize("topic", [None, b"", "topic"])
@pytest.mark.parametrize("size", [3, 128, 5000])
def test_out_larger_than_what_came(wide, over, topic, size):
    here, there = wide(over)
    data = arrays(FEW, size)
    out = np.full((FEW + 5, size), -1.0)
    here.send_many(data, topic=topic)
    batch = there.recv_many(None, 100, out=out)
    assert (batch.values == data).all()
    assert (out[FEW:] == -1).all()
    here.send_many(data, topic=topic)
    assert (there.recv_many(3, out=out).values == data[:3]).all()
    assert (there.recv_many(None, out=out[::2]).values == data[3:16]).all()


def test_out_rows_apart(wide):
    """Any distance between the rows, also a negative one."""
    here, there = wide()
    data = arrays(FEW)
    for out in (np.zeros((FEW, 200))[:, 10:138], np.zeros((FEW, 128))[::-1]):
        here.send_many(data)
        there.recv_many(None, out=out)
        assert (out == data).all()


def test_out_unaligned(wide):
    here, there = wide()
    out = np.zeros(FEW * 1024 + 1, "u1")[1:].view("f8").reshape(FEW, 128)
    here.send_many(arrays(FEW))
    there.recv_many(None, out=out)
    assert (out == arrays(FEW)).all()


def test_out_of_more_than_a_run(wide):
    here, there = wide()
    data = arrays(MANY)
    threading.Thread(target=here.send_many, args=(data,)).start()
    out = np.zeros_like(data)
    assert len(there.recv_many(MANY, out=out)) == MANY
    assert (out == data).all()


def test_out_takes_recipe_messages(pair):
    here, there = pair
    data = arrays(4)
    for row in data:
        here.send_json({"dtype": str(row.dtype), "shape": row.shape}, zmq.SNDMORE)
        here.send(row)
    out = np.zeros_like(data)
    assert there.recv_many(None, out=out).errors == []
    assert (out == data).all()


# ---- recv_latest


def test_latest(wide, over):
    here, there = wide(over)
    here.send_many([*range(FEW), {"newest": True}])
    deadline = time.monotonic() + 5
    got = there.recv_latest()
    while got != {"newest": True}:  # over a network they come when they come
        assert time.monotonic() < deadline
        got = there.recv_latest()
    with pytest.raises(zmq.Again):
        there.recv_latest(zmq.DONTWAIT)


def test_latest_waits(connect):
    here, there = connect()
    threading.Timer(0.1, here.send_value, ["late"]).start()
    assert there.recv_latest() == "late"
    there.rcvtimeo = 1
    with pytest.raises(zmq.Again):
        there.recv_latest()


def test_latest_is_bounded(ctx, quick):
    """By RCVHWM: at most as many are dropped, and the next one is returned."""
    here, there = quick(ctx.socket(zmq.PUSH)), quick(ctx.socket(zmq.PULL))
    there.rcvhwm, here.sndhwm = 10, 100
    there.bind("inproc://bounded")
    here.connect("inproc://bounded")
    here.send_many(range(100))
    assert there.recv_latest() == 10
    assert there.recv_latest() == 21


def test_latest_of_several_frames(wide):
    here, there = wide()
    data = arrays(5, 5000)
    here.send_many(data, topic="t")
    got = there.recv_latest()
    assert (got == data[-1]).all()
    here.send_value([1, 2])
    here.send_value({"a": 1})
    assert there.recv_latest(type=dict[str, int]) == {"a": 1}
