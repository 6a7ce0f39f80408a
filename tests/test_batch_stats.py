"""Batches of both ends of a connection: what they count of what came and went."""

import random
import sys
import time

import numpy as np
import pytest
import zmq
from counted import stamped
from ticks import BATCHES, FEW, LARGE, Tick, batch, ticks

import framewire
from framewire import Codec

STAMPED = Codec(stamp=True)
MANY = 3000


@pytest.fixture
def line(connect):
    """A sender and a receiver with stamps, and both ends of what is between them."""
    middle_in, here = connect(zmq.PULL, zmq.PUSH, hwm=20_000)
    there, middle_out = connect(zmq.PULL, zmq.PUSH, hwm=20_000)
    here.codec = there.codec = STAMPED
    return here, there, middle_in, middle_out


def received(socket):
    total = socket.stats().total
    return total.received, total.gaps, total.duplicates, total.errors


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("out", [True, False], ids=["out", "list"])
def test_both_ends_count_what_is_on_the_wire(line, name, out):
    here, there, middle_in, middle_out = line
    topics = (None, b"t", b"", b"t", b"long" * 70)
    sizes = {topic: [0, 0] for topic in topics}  # messages, bytes
    frames = count = 0
    for topic in topics:
        for _ in range(here.send_many(batch(name), topic=topic)):
            message = middle_in.recv_raw()
            middle_out.send_raw(message)
            sizes[topic][0] += 1
            sizes[topic][1] += sum(map(len, message))
            frames += len(message)
            count += 1
    rows = BATCHES[name] if isinstance(BATCHES[name], np.ndarray) else ticks(0, 1)
    into = np.zeros((count, *rows.shape[1:]), rows.dtype) if out else None
    got = there.recv_many(count, out=into)
    assert len(got) + len(got.errors) == count
    for socket, names in ((here, ("sent", "sent_bytes")), (there, ("received", "received_bytes"))):
        stats = socket.stats()
        topics = {**stats.topics, b"long" * 70: stats.others}
        found = {
            topic: [getattr(counts, each) for each in names] for topic, counts in topics.items()
        }
        assert found == sizes
    assert here.stats().total.copied + here.stats().total.in_place == frames
    assert received(there) == (count, 0, 0, len(got.errors))
    assert there.stats().total.latency.count == count


@pytest.mark.in_place
def test_copied_and_in_place(wide):
    here, there = wide(codec=STAMPED)
    here.send_many(ticks(0, FEW), topic="t")
    total = here.stats().total
    assert (total.sent, total.copied, total.in_place) == (FEW, 2 * FEW, 0)
    here.send_many(LARGE, copy=False)
    total = here.stats().total
    assert (total.sent, total.copied, total.in_place) == (FEW + 4, 2 * FEW + 4, 4)
    there.recv_many(FEW + 4)


def test_rows_of_topics_that_change(wide):
    """Each counts for its own, also those that have no account."""
    here, there = wide(codec=STAMPED)
    order = random.Random(4)
    topics = [None, "", "a", "ab", "b", "x" * 256, "y" * 257, "z" * 300]
    expected = {}
    total = 0
    for _ in range(300):
        topic = order.choice(topics)
        count = order.choice([1, 1, 2, 5])
        here.send_many(ticks(total, count), topic=topic)
        total += count
        key = "others" if topic and len(topic) > 256 else topic
        expected[key] = expected.get(key, 0) + count
    out = np.zeros(total, Tick.dtype)
    there.recv_many(total, out=out)
    assert (out["number"] == np.arange(total)).all()
    for socket, name in ((here, "sent"), (there, "received")):
        stats = socket.stats()
        found = {t if t is None else t.decode(): getattr(c, name) for t, c in stats.topics.items()}
        assert found | {"others": getattr(stats.others, name)} == expected
    assert received(there) == (total, 0, 0, 0)


def test_more_topics_than_are_told_apart(wide):
    """Rows without a topic do not count as those of the topics that are too many."""
    here, there = wide(codec=STAMPED)
    for i in range(1030):
        here.send_value(0, topic=f"t{i}")
    here.send_many(ticks(0, FEW), topic="t1029")
    here.send_many(ticks(0, FEW))
    here.send_value(0, topic="t0")
    there.recv_many(1030)
    there.recv_many(None, out=np.zeros(2 * FEW, Tick.dtype))
    there.recv_value()
    stats = there.stats()
    assert (stats.topics[b"t0"].received, len(stats.topics)) == (2, 1024)
    assert None not in stats.topics  # it is one too many, too
    assert stats.others.received == 6 + 2 * FEW


# ---- what goes wrong in between


@pytest.mark.parametrize("out", [True, False], ids=["out", "list"])
@pytest.mark.parametrize("topic", [None, "t"])
def test_gaps_duplicates_and_errors(line, out, topic):
    here, there, middle_in, middle_out = line
    here.send_many(ticks(0, MANY), topic=topic)
    order = random.Random(8)
    gaps = duplicates = errors = count = 0
    kept = [True, *(order.random() < 0.9 for _ in range(MANY - 2)), True]
    expected = []
    for number, keep in enumerate(kept):
        frames = middle_in.recv_raw()
        if not keep:
            gaps += 1
            continue
        expected.append(number)
        middle_out.send_raw(frames)
        count += 1
        if order.random() < 0.05:
            middle_out.send_raw(frames)
            expected.append(number)
            duplicates += 1
            count += 1
        if order.random() < 0.05:
            middle_out.send_raw([*frames[:-1], bytes(frames[-1])[:-1]])  # cut off
            errors += 1
            count += 1
    assert min(gaps, duplicates, errors) > 50
    rows = there.recv_many(count, out=np.zeros(count, Tick.dtype) if out else None)
    found = rows.values["number"].tolist() if out else [tick.number for tick in rows]
    assert found == expected
    assert len(rows.errors) == errors
    assert received(there) == (count, gaps, duplicates, errors)


def test_several_senders(wide):
    """Rows of senders that take turns: each has its own numbers."""
    here, there = wide(codec=STAMPED)
    good = framewire.dumps(Tick(1, 2))[0]

    def record(sender, sequence):
        return good[:4] + b"\x41" + good[5:24] + stamped(sender, sequence)[16:40] + good[24:]

    order = random.Random(2)
    next_number = [0] * 70
    known = {}  # the last number of each, the one not heard from for longest first
    gaps = duplicates = 0
    for _ in range(MANY):
        sender = order.randrange(70)
        number = max(0, next_number[sender] + order.choice([0, 0, 0, 2, -1]))
        next_number[sender] = number + 1
        last = known.pop(sender, None)
        if last is not None:
            gaps += max(0, number - last - 1)
            duplicates += number <= last
        known[sender] = number if last is None else max(last, number)
        if len(known) > 64:
            del known[next(iter(known))]
        here.send_raw(record(sender, number))
    there.recv_many(None, out=np.zeros(MANY, Tick.dtype))
    assert received(there) == (MANY, gaps, duplicates, 0)
    assert min(gaps, duplicates) > 100


# ---- the newest, and how long it took


def test_latest_counts_what_it_drops(wide):
    here, there = wide(codec=STAMPED)
    here.send_many(ticks(0, FEW), topic="a")
    here.send_many(list(range(FEW)), topic="b")
    here.send_raw(b"foreign")
    here.send_value(Tick(7, 14), topic="a")
    assert there.recv_latest() == Tick(7, 14)
    assert received(there) == (2 * FEW + 2, 0, 0, 0)
    counts = {topic: c.received for topic, c in there.stats().topics.items()}
    assert counts == {b"a": FEW + 1, b"b": FEW, None: 1}
    here.send_many(ticks(0, 3), topic="a")
    assert there.recv_latest().number == 2
    here.send_raw(b"foreign")
    with pytest.raises(framewire.DecodeError):
        there.recv_latest()
    assert received(there) == (2 * FEW + 6, 0, 0, 1)


@pytest.mark.parametrize("out", [True, False], ids=["out", "list"])
def test_latency(wide, over, out):
    here, there = wide(over, codec=STAMPED)
    start = time.time_ns()
    here.send_many(ticks(0, FEW))
    time.sleep(0.02)
    there.recv_many(FEW, out=np.zeros(FEW, Tick.dtype) if out else None)
    took = time.time_ns() - start
    latency = there.stats().total.latency
    assert latency.count == FEW
    assert 0 < latency.min <= latency.mean <= latency.max <= took
    assert latency.max >= 15_000_000
    assert sum(latency.histogram.values()) == FEW


@pytest.mark.in_place
def test_rows_are_counted_without_python(wide):
    """Their memory is not that of objects; the transport is libzmq's own."""
    here, there = wide(codec=STAMPED)
    rows = ticks(0, MANY)
    out = np.zeros_like(rows)
    here.send_many(rows)
    there.recv_many(MANY, out=out)
    blocks = sys.getallocatedblocks()
    here.send_many(rows)
    there.recv_many(MANY, out=out)
    assert sys.getallocatedblocks() - blocks < 100
    assert received(there) == (2 * MANY, 0, 0, 0)
