"""What a socket counts: messages, gaps, duplicates, errors, latencies, for each topic."""

import dataclasses
import pickle
import threading
import time

import numpy as np
import pytest
import zmq
from counted import seen, stamped

import framewire
from framewire import Codec, Counts, Latency, Stats

STAMPED = Codec(stamp=True)
BIG = np.arange(5000.0)


@pytest.fixture
def link(connect):
    """A sender and a receiver, both with stamps, and what lets the messages through in between."""

    def forward(count=1, times=1):
        for _ in range(count):
            frames = middle_in.recv_raw()
            for _ in range(times):
                middle_out.send_raw(frames)

    middle_in, here = connect(zmq.PULL, zmq.PUSH)
    there, middle_out = connect(zmq.PULL, zmq.PUSH)
    here.codec = there.codec = STAMPED
    return here, there, forward, middle_in.recv_raw


# ---- messages and bytes


def test_nothing_yet(pair):
    pair[0].codec = STAMPED
    assert pair[0].stats() == Stats(total=Counts(), topics={}, others=Counts())
    assert Counts().latency.percentile(50) == 0


def test_off(pair):
    here, there = pair
    with pytest.raises(ValueError, match="stamp=False"):
        here.stats()
    with pytest.raises(ValueError, match="stamp=False"):
        framewire.stats(there)
    here.send_value(1)
    here.codec = STAMPED
    here.send_value(1)
    here.codec = Codec(stamp=False)
    here.send_value(1)
    here.codec = STAMPED
    assert here.stats().total.sent == 1


def test_messages_and_bytes(connect, over):
    here, there = connect(over=over)
    here.codec = there.codec = STAMPED
    sizes = {}
    for topic in (None, "t", "", "t"):
        for value in (5, b"x" * 20_000, [BIG, BIG]):
            here.send_value(value, topic=topic)
            message = there.recv_message()
            key = message.topic
            sizes[key] = sizes.get(key, 0) + sum(map(len, [*message.envelope, *message.frames]))
    for socket, names in ((here, ("sent", "sent_bytes")), (there, ("received", "received_bytes"))):
        stats = socket.stats()
        found = {
            topic: [getattr(counts, name) for name in names]
            for topic, counts in stats.topics.items()
        }
        assert found == {None: [3, sizes[None]], b"t": [6, sizes[b"t"]], b"": [3, sizes[b""]]}
        assert [getattr(stats.total, name) for name in names] == [12, sum(sizes.values())]
        assert stats.others == Counts()
    assert here.stats().total.received == there.stats().total.sent == 0


@pytest.mark.in_place
def test_copied_and_in_place(pair):
    here, there = pair
    here.codec = STAMPED
    here.send_array(np.arange(3), topic="t")  # topic and head
    here.send_array(BIG)  # head and a copy
    assert (here.stats().total.copied, here.stats().total.in_place) == (4, 0)
    here.send_array(BIG, copy=False)
    here.send_value(b"x" * 20_000)
    here.send_value([BIG, b"x" * 20_000], copy=False)
    assert (here.stats().total.copied, here.stats().total.in_place) == (7, 4)
    there.close()


def test_through_pyzmq_all_is_copied(pair):
    if framewire.transport != "pyzmq":
        pytest.skip("of pyzmq's transport")
    pair[0].codec = STAMPED
    pair[0].send_array(BIG, copy=False)
    assert (pair[0].stats().total.copied, pair[0].stats().total.in_place) == (2, 0)


def test_every_way_to_receive(pair):
    here, there = pair
    here.codec = there.codec = STAMPED
    out = np.empty_like(BIG)
    for _ in range(4):
        here.send_array(BIG)
    there.recv_array()
    there.recv_array(out=out)
    there.recv_value()
    there.recv_message()
    with pytest.raises(zmq.Again):
        there.recv_value(zmq.DONTWAIT)
    total = there.stats().total
    assert (total.received, total.gaps, total.errors, total.latency.count) == (4, 0, 0, 4)


def test_without_stamps_only_messages_are_counted(pair):
    here, there = pair
    there.codec = STAMPED
    here.send_value(1)
    there.recv_value()
    assert there.stats().total == Counts(received=1, received_bytes=len(framewire.dumps(1)[0]))


# ---- gaps


@pytest.mark.parametrize("dropped", [0, 1, 7, 300])
def test_a_gap_is_as_large_as_what_was_dropped(link, dropped):
    here, there, forward, drop = link
    for i in range(dropped + 2):
        here.send_array(np.arange(i % 5))
        if 1 <= i <= dropped:
            drop()
        else:
            forward()
            there.recv_array()
    assert seen(there) == (2, dropped, 0)
    assert here.stats().total.sent == dropped + 2


def test_gaps_of_each_topic(link):
    here, there, forward, drop = link
    for i in range(60):
        here.send_value(i, topic=f"t{i % 3}")
        if i % 3 == 1 or 10 < i < 20:
            drop()
        else:
            forward()
            there.recv_value()
    topics = there.stats().topics
    assert set(topics) == {b"t0", b"t2"}
    assert (topics[b"t0"].received, topics[b"t0"].gaps) == (17, 3)
    assert (topics[b"t2"].received, topics[b"t2"].gaps) == (17, 3)
    assert there.stats().total.gaps == 6


def test_what_comes_twice_or_late(link):
    here, there, forward, drop = link
    for _ in range(5):
        here.send_value(0)
    forward()
    late = drop()
    forward(times=3)
    there.recv_value(), there.recv_value()
    assert seen(there) == (2, 1, 0)
    there.recv_value(), there.recv_value()
    assert seen(there) == (4, 1, 2)
    here.send_raw(late)
    forward(3)
    for _ in range(3):
        there.recv_value()
    assert seen(there) == (7, 1, 3), "what was missing stays counted, and no more is"


def test_a_late_joiner_and_a_restarted_sender_miss_nothing(ctx, quick):
    pull = quick(ctx.socket(zmq.PULL, codec=STAMPED))
    pull.bind("inproc://restarts")
    for _ in range(3):
        with quick(ctx.socket(zmq.PUSH, codec=STAMPED)) as push:
            push.connect("inproc://restarts")
            for value in range(4):
                push.send_value(value)
            pull.recv_raw()  # not counted
            for value in (1, 2, 3):
                assert pull.recv_value() == value
    assert seen(pull) == (9, 0, 0)


def test_many_senders_interleaved(ctx, quick):
    pull = quick(ctx.socket(zmq.PULL, codec=STAMPED))
    pull.bind("inproc://interleaved")
    senders = [quick(ctx.socket(zmq.PUSH, codec=STAMPED)) for _ in range(20)]
    for push in senders:
        push.connect("inproc://interleaved")
    order = np.random.default_rng(5)
    missing = 0
    for i in range(2000):
        order.choice(senders).send_array(np.arange(3), topic="t")
        if i > 500 and order.random() < 0.1:
            pull.recv_raw()
            missing += 1
        else:
            pull.recv_array()
    for push in senders:
        push.send_array(np.arange(3), topic="t")
        pull.recv_array()
    assert seen(pull) == (2020 - missing, missing, 0)


def test_publisher_and_subscribers(ctx, quick):
    publisher = quick(ctx.socket(zmq.XPUB, codec=STAMPED))  # to see subscriptions
    port = publisher.bind_to_random_port("tcp://127.0.0.1")
    subscribers = []
    for topic in ("a", "ab", ""):
        publisher.send_value(0, topic="a")  # before it joins
        subscriber = quick(ctx.socket(zmq.SUB, codec=STAMPED))
        subscriber.subscribe(topic)
        subscriber.connect(f"tcp://127.0.0.1:{port}")
        publisher.recv()
        subscribers.append(subscriber)
    for i in range(30):
        publisher.send_value(i, topic=("a", "ab", "c")[i % 3])
    publisher.send_value("end", topic="ab")
    expected = ({b"a": 12, b"ab": 11}, {b"ab": 11}, {b"a": 10, b"ab": 11, b"c": 10})
    for subscriber, counts in zip(subscribers, expected, strict=True):
        while subscriber.recv_value() != "end":
            pass
        stats = subscriber.stats()
        assert {topic: each.received for topic, each in stats.topics.items()} == counts
        assert (stats.total.gaps, stats.total.duplicates) == (0, 0)


# ---- errors


def test_errors(pair):
    here, there = pair
    there.codec = Codec(stamp=True, allow=["array", "raw"])
    good = stamped(1, 0)
    bad = {
        "foreign": [b"no head", b"at all"],
        "malformed": [good[:20]],
        "refused": framewire.dumps([1]),
        "frames": [good, b"more"],
    }
    for receive in (there.recv_value, there.recv_array):
        for frames in bad.values():
            here.send_raw(frames)
            with pytest.raises(framewire.DecodeError):
                receive()
    assert there.stats().topics[None].errors == 8
    here.send_raw([b"t", good])
    with pytest.raises(framewire.SchemaError):
        there.recv_array()
    here.send_raw([b"t", good[:20]])
    with pytest.raises(framewire.DecodeError):
        there.recv_message()
    here.send_raw(bad["foreign"])
    assert there.recv_message().serializer is None
    here.send_array(BIG)
    assert there.recv_array().shape == BIG.shape
    stats = there.stats()
    assert (stats.topics[b"t"].received, stats.topics[b"t"].errors) == (2, 2)
    assert (stats.total.received, stats.total.errors, stats.total.gaps) == (12, 10, 0)


def test_a_message_that_could_not_be_read_is_no_gap(link):
    here, there, forward, _ = link
    for value in (1, len, 2):
        here.send_value(value, serializer=["msgpack", "pickle"])
        forward()
    assert there.recv_value() == 1
    with pytest.raises(framewire.RefusedError):
        there.recv_value()
    assert there.recv_value() == 2
    assert seen(there) == (3, 0, 0)
    assert there.stats().total.errors == 1


# ---- latency


def test_latency_of_a_known_delay(connect, over):
    here, there = connect(over=over)
    here.codec = there.codec = STAMPED
    for topic, delay in (("slow", 0.1), ("fast", 0.0)):
        for _ in range(3):
            before = time.time_ns()
            here.send_value(0, topic=topic)
            time.sleep(delay)
            there.recv_value()
            longest = time.time_ns() - before
            latency = there.stats().topics[topic.encode()].latency
            assert delay * 1e9 * 0.99 <= latency.max
            assert latency.min <= longest
    slow, fast = (there.stats().topics[topic].latency for topic in (b"slow", b"fast"))
    total = there.stats().total.latency
    assert (slow.count, fast.count, total.count) == (3, 3, 6)
    assert total.min == min(slow.min, fast.min)
    assert total.max == max(slow.max, fast.max)
    assert total.mean == pytest.approx((slow.mean + fast.mean) / 2)
    assert slow.min <= slow.percentile(0) <= slow.percentile(50) <= slow.percentile(100) <= slow.max


def test_a_clock_that_is_ahead(pair):
    here, there = pair
    there.codec = STAMPED
    here.send_raw(stamped(1, 0, time.time_ns() + 10**12))
    there.recv_value()
    latency = there.stats().total.latency
    assert (latency.count, latency.min, latency.max, latency.mean) == (1, 0, 0, 0)


def test_percentiles_are_right_to_a_sixteenth(pair):
    here, there = pair
    there.codec = STAMPED
    order = np.random.default_rng(5)
    delays = np.exp(order.uniform(np.log(1e9), np.log(1e18), 500)).astype("i8")
    for i, delay in enumerate(delays):
        here.send_raw(stamped(1, i, time.time_ns() - int(delay)))
        there.recv_value()
    latency = there.stats().total.latency
    assert sum(latency.histogram.values()) == latency.count == 500
    for p in (0, 1, 10, 50, 90, 99, 99.9, 100):
        exact = np.percentile(delays, p, method="inverted_cdf")
        assert latency.percentile(p) == pytest.approx(exact, rel=0.0626 + 0.01)
    assert latency.mean == pytest.approx(delays.mean(), rel=0.01)


def test_percentile_of_small_numbers():
    latency = Latency(4, 3, 17, 9.5, {3: 2, 15: 1, 16: 1})
    assert [latency.percentile(p) for p in (0, 50, 51, 75, 100)] == [3, 3, 15, 15, 17]
    for p in (-1, 101, float("nan")):
        with pytest.raises(ValueError, match="percentile"):
            latency.percentile(p)


# ---- snapshots


def test_a_snapshot_is_plain_and_stays(link):
    here, there, forward, _ = link
    here.send_value(1, topic="t")
    forward()
    there.recv_value()
    stats = there.stats()
    assert pickle.loads(pickle.dumps(stats)) == stats
    before = dataclasses.asdict(stats)
    here.send_value(1, topic="t")
    forward()
    there.recv_value()
    assert dataclasses.asdict(stats) == before
    assert there.stats().total.received == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        stats.total.received = 5


def test_a_shadow_counts_for_itself(pair):
    here, there = pair
    there.codec = STAMPED
    here.send_value(1)
    here.send_value(1)
    there.recv_value()
    shadow = framewire.Socket.shadow(there.underlying)
    shadow.codec = STAMPED
    shadow.recv_value()
    assert shadow.stats().total.received == there.stats().total.received == 1


def test_threads_that_each_own_a_socket(ctx, quick):
    pull = quick(ctx.socket(zmq.PULL, codec=STAMPED))
    pull.bind("inproc://threads")

    def work():
        with quick(ctx.socket(zmq.PUSH, codec=STAMPED)) as push:
            push.linger = -1
            push.connect("inproc://threads")
            for i in range(500):
                push.send_array(np.arange(i % 7), topic=f"t{i % 3}")
            counted.append(push.stats().total.sent)

    counted = []
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(2000):
        pull.recv_array()
    for thread in threads:
        thread.join()
    assert counted == [500] * 4
    assert seen(pull) == (2000, 0, 0)
    assert sum(counts.received for counts in pull.stats().topics.values()) == 2000
