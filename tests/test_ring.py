"""The last records in one array: every wrap-around, and readers in other threads."""

import random
import threading
import time
from typing import Annotated

import numpy as np
import pytest
import zmq
from interrupts import later
from sameness import same
from ticks import Tick, ticks

import framewire
from framewire import Codec, Record, Ring, f64, text, u8

MANY = 30_000

PADDED = np.dtype(
    {"names": ["a", "b"], "formats": [">u4", "<u2"], "offsets": [8, 2], "itemsize": 21}
)


class Named(Record):
    name: Annotated[str, text(6)]
    value: f64


class Named2(Named):
    kind: u8 = 7


def fill(ring, count):
    """Receive until so many records have come."""
    deadline = time.monotonic() + 20
    while ring.total < count:
        assert time.monotonic() < deadline
        ring.receive(timeout=1000)


def last(rows):
    return rows["number"].tolist()


# ---- what is kept


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("batch", [1, 2, 5, 30])
def test_every_offset(wide, size, batch):
    """After each batch, of any length, the last records are there, the oldest first."""
    here, there = wide()
    ring = Ring(there, Tick, size, batch=batch)
    order = random.Random(1)
    total = 0
    assert (len(ring), ring.total, ring.snapshot().size) == (0, 0, 0)
    for _ in range(100):
        count = order.choice([0, 1, 2, size - 1, size, size + 1, 3 * size + 1])
        here.send_many(ticks(total, count))
        total += count
        while ring.total < total:
            before = ring.total
            got = ring.receive(timeout=0)
            assert got.errors == []
            assert 0 < len(got) <= batch
            assert last(got.values) == list(range(before, ring.total))
        assert len(ring) == min(total, size)
        kept = list(range(total))[-size:]
        assert last(ring.snapshot()) == kept
        for n in range(size + 2):
            assert last(ring.snapshot(n)) == (kept[-n:] if n else [])
        assert ring.snapshot(-1).size == 0


@pytest.mark.parametrize("size", [5, 100])
def test_blocks_of_every_length(wide, over, size):
    here, there = wide(over)
    ring = Ring(there, Tick, size, blocks=True)
    total = 0
    for count in (0, 1, 2, 4, 5, 6, 12, 101, 300):
        here.send_array(ticks(total, count))
        total += count
        fill(ring, total)
        assert last(ring.snapshot()) == list(range(total))[-size:]


DTYPES = {
    "class": (Tick, Tick.dtype),
    "dtype": (Tick.dtype, Tick.dtype),
    "fields": ([("a", "<i2"), ("b", ">f8", (2,))], np.dtype([("a", "<i2"), ("b", ">f8", (2,))])),
    "padded": (PADDED, PADDED),
    "aligned": (np.dtype("u1,f8", align=True), np.dtype("u1,f8", align=True)),
    "nested": ([("n", PADDED), ("c", "S3")], np.dtype([("n", PADDED), ("c", "S3")])),
}


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("blocks", [False, True], ids=["records", "blocks"])
def test_records_and_dtypes(wide, over, name, blocks):
    """A snapshot has the dtype of the ring, byte for byte, wherever it begins."""
    record, dtype = DTYPES[name]
    here, there = wide(over)
    ring = Ring(there, record, 8, blocks=blocks)
    data = np.random.default_rng(3).integers(0, 2, 11 * dtype.itemsize, "u1").tobytes()
    rows = np.frombuffer(data, dtype)
    for row in rows:
        if blocks:
            here.send_array(row.reshape(1))
        else:
            here.send_many(row.reshape(1))
        fill(ring, ring.total + 1)
        snapshot = ring.snapshot()
        assert snapshot.dtype == dtype
        assert snapshot.dtype.itemsize == dtype.itemsize
        assert snapshot.dtype.isalignedstruct == dtype.isalignedstruct
        assert same(snapshot, rows[: ring.total][-8:].copy())


def test_a_snapshot_stays(pair):
    here, there = pair
    ring = Ring(there, Tick, 4)
    here.send_many(ticks(0, 6))
    fill(ring, 6)
    snapshots = [ring.snapshot(), ring.snapshot(1), ring.snapshot(4)]
    assert all(rows.flags.owndata and rows.flags.writeable for rows in snapshots)
    here.send_many(ticks(6, 4))
    fill(ring, 10)
    assert [last(rows) for rows in snapshots] == [[2, 3, 4, 5], [5], [2, 3, 4, 5]]


def test_versions(pair):
    here, there = pair
    ring = Ring(there, Named2, 4)
    here.send_many([Named("old", 1.0), Named2("new", 2.0, 3)])
    fill(ring, 2)
    assert ring.snapshot().tolist() == [(b"old", 1.0, 7), (b"new", 2.0, 3)]


def test_publisher_and_subscriber(connect):
    """With topics, stamps, and messages that are none of the ring's."""
    pub, sub = connect(zmq.PUB, zmq.SUB, "tcp", hwm=20_000)
    pub.codec = sub.codec = Codec(stamp=True)
    sub.subscribe("imu")
    ring = Ring(sub, Tick, 50)
    deadline = time.monotonic() + 10
    while ring.total == 0:  # until it has subscribed
        assert time.monotonic() < deadline
        pub.send_value(Tick(0, 0), topic="imu")
        ring.receive(timeout=10)
    begin = pub.stats().total.sent
    for first in range(0, 1000, 100):
        pub.send_many(ticks(first, 100), topic="imu")
        pub.send_many(ticks(first, 100), topic="other")
        pub.send_value("text", topic="imu")
    errors = 0
    while ring.total < 1000 or errors < 10:
        assert time.monotonic() < deadline
        errors += len(ring.receive(timeout=100).errors)
    assert last(ring.snapshot()) == list(range(950, 1000))
    counts = sub.stats().topics[b"imu"]
    assert (counts.gaps, counts.duplicates, counts.errors) == (0, 0, 10)
    assert counts.received <= begin + 1010


# ---- what is none of it


@pytest.mark.parametrize("size", [3, 1000])
def test_errors_say_which(pair, size):
    here, there = pair
    ring = Ring(there, Tick, size, batch=100)
    here.send_value("text")
    here.send_many(ticks(0, 2))
    here.send_raw(b"foreign")
    here.send_array(ticks(0, 3))
    here.send_many(ticks(2, 2))
    got = ring.receive()
    assert last(got.values) == [0, 1, 2, 3]
    codes = [(at, error.code) for at, error in got.errors]
    assert codes == [(0, "mismatch"), (3, "foreign"), (4, "mismatch")]
    assert last(ring.snapshot(3)) == [1, 2, 3]


def test_blocks_that_are_none(pair):
    """Other dtypes, dimensions and values; the places are those in the batch."""
    here, there = pair
    ring = Ring(there, Tick, 100, blocks=True)
    good = ticks(0, 4)
    bad = [
        good.astype([("number", "<u8"), ("twice", "<u4")]),
        good.astype([("number", ">u4"), ("twice", "<u4")]),
        good.reshape(2, 2),
        good[0, ...],
        good["number"],
        np.ma.masked_array(good, mask=[(True, False)] * 4),
        Tick(1, 2),
        {"a": good},
        None,
    ]
    errors = []
    for i, value in enumerate(bad):
        here.send_array(ticks(3 * i, 3))
        here.send_value(value)
        here.send_raw([b"foreign", b"message"])
        errors += [(3 * i + 1, "mismatch"), (3 * i + 2, "foreign")]
    got = ring.receive()
    while ring.total < 27:
        got = ring.receive()
    if framewire.transport == "libzmq":
        assert [(at, error.code) for at, error in got.errors] == errors
    assert all(type(block) is np.ndarray for block in got)
    assert last(ring.snapshot()) == list(range(27))


def test_a_batch_of_nothing_but_errors(wide):
    """That takes no longer than one of blocks."""
    here, there = wide()
    ring = Ring(there, Tick, 4096, blocks=True)
    here.send_many([b"none"] * 4096)
    start = time.monotonic()
    got = ring.receive()
    assert time.monotonic() - start < 2
    assert [at for at, _ in got.errors] == list(range(4096))
    assert (len(ring), ring.total) == (0, 0)


@pytest.mark.parametrize(
    ("error", "arguments", "options"),
    [
        (ValueError, (Tick, 0), {}),
        (ValueError, (Tick, -1), {}),
        (ValueError, (Tick, 5), {"batch": 0}),
        (TypeError, (Tick, 2.5), {}),
        (TypeError, (Record, 5), {}),
        (TypeError, ("no such dtype", 5), {}),
        *(
            (TypeError, (none, 5), {})
            for none in (dict, object, None, "f8", (np.float64, (2,)), [("a", "O")])
        ),
    ],
)
def test_bad_arguments(pair, error, arguments, options):
    with pytest.raises(error):
        Ring(pair[1], *arguments, **options)


def test_a_tail_has_no_place(pair):
    class Tailed(Record):
        number: u8
        note: str

    with pytest.raises(TypeError, match="note"):
        Ring(pair[1], Tailed, 5)


# ---- time


@pytest.mark.parametrize("timeout", [0, 30, None])
def test_time_is_over(pair, timeout):
    there = pair[1]
    there.rcvtimeo = 30
    ring = Ring(there, Tick, 5)
    start = time.monotonic()
    got = ring.receive(timeout)
    assert (len(got), got.errors) == (0, [])
    assert (0 if timeout == 0 else 0.025) <= time.monotonic() - start < 5


@pytest.mark.parametrize("timeout", [-1, 5000, None])
def test_waits_for_one(pair, timeout):
    """And for no more than that."""
    here, there = pair
    there.rcvtimeo = -1
    ring = Ring(there, Tick, 5)
    with later(lambda: here.send_value(Tick(1, 2))):
        assert last(ring.receive(timeout).values) == [1]


def test_a_socket_that_is_closed(ctx):
    socket = ctx.socket(zmq.PULL)
    ring = Ring(socket, Tick, 5)
    socket.close()
    with pytest.raises(zmq.ZMQError):
        ring.receive(0)
    assert ring.snapshot().size == 0


def test_a_signal_handler_that_raises(pair, monkeypatch):
    """What had been received by then is in the ring."""
    here, there = pair
    ring = Ring(there, Tick, 5)
    here.send_many(ticks(0, 3))

    def interrupted(*args, **kwargs):
        error = KeyboardInterrupt()
        error.batch = receive(*args, **kwargs)
        raise error

    receive = framewire.ring.recv_many
    monkeypatch.setattr("framewire.ring.recv_many", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        ring.receive()
    assert last(caught.value.batch.values) == last(ring.snapshot()) == [0, 1, 2]


# ---- threads


@pytest.mark.parametrize("blocks", [False, True], ids=["records", "blocks"])
@pytest.mark.parametrize("size", [1, 100, 5000])
def test_readers_see_whole_records_of_one_moment(wide, over, size, blocks):
    here, there = wide(over)
    ring = Ring(there, Tick, size, blocks=blocks)
    there.rcvtimeo = here.sndtimeo = 20_000
    done = threading.Event()
    failures = []
    looks = [0] * 3

    def look(which):
        newest = 0
        while not done.is_set() or looks[which] == 0:
            rows = ring.snapshot(None if which == 0 else random.randrange(size + 1))
            looks[which] += 1
            numbers = rows["number"].astype("i8")
            if (rows["twice"] != 2 * numbers).any() or (np.diff(numbers) != 1).any():
                failures.append(rows)
            if numbers.size:
                if numbers[-1] < newest:
                    failures.append((newest, numbers[-1]))
                newest = numbers[-1]

    def produce():
        step = 700
        for first in range(0, MANY, step):
            rows = ticks(first, min(step, MANY - first))
            here.send_array(rows) if blocks else here.send_many(rows)

    threads = [threading.Thread(target=look, args=(i,)) for i in range(3)]
    threads.append(threading.Thread(target=produce))
    for thread in threads:
        thread.start()
    try:
        fill(ring, MANY)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert min(looks) > 0
    assert last(ring.snapshot()) == list(range(MANY))[-size:]
