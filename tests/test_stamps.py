"""Stamps: who sent a message, which of his it is, and when."""

import time

import numpy as np
import pytest
import zmq

import framewire
from framewire import Codec, Stamp

STAMPED = Codec(stamp=True)
BIG = np.arange(5000.0)
VALUES = {
    "array": np.arange(3),
    "large": BIG,
    "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "broadcast": np.broadcast_to(np.arange(3), (4, 3)),
    "structure": np.zeros(2, "u1,f8"),
    "scalar": np.float32(1.5),
    "tree": {"a": [1, BIG, np.arange(3)], "b": b"x" * 10_000},
    "bytes": b"abc",
    "large-bytes": b"abc" * 10_000,
    "none": None,
}


@pytest.fixture(autouse=True)
def restored():
    yield
    framewire.set_default_codec()


def stamps(socket, count):
    return [socket.recv_message().stamp for _ in range(count)]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", VALUES)
def test_every_message_with_a_head(connect, over, name, packed):
    here, there = connect(over=over)
    here.codec = STAMPED
    before = time.time_ns()
    for _ in range(2):
        here.send_value(VALUES[name], meta={"m": 1}, packed=packed)
    after = time.time_ns()
    first, second = there.recv_message(), there.recv_message()
    assert isinstance(first.stamp, Stamp)
    assert first.stamp.sender == second.stamp.sender
    assert (first.stamp.sequence, second.stamp.sequence) == (0, 1)
    assert before <= first.stamp.time <= second.stamp.time <= after
    assert first.meta == {"m": 1}
    np.testing.assert_equal(first.value, VALUES[name])
    here.send_value(VALUES[name], packed=packed)
    np.testing.assert_equal(there.recv_value(), VALUES[name])


def test_arrays(pair):
    here, there = pair
    here.send_array(BIG, codec=STAMPED)
    here.send_array(BIG)
    here.send_array(BIG, codec=STAMPED, packed=True)
    here.send_array(BIG, codec=STAMPED)
    assert [stamp and stamp.sequence for stamp in stamps(there, 3)] == [0, None, 1]
    np.testing.assert_array_equal(there.recv_array(), BIG)


def test_what_has_no_stamp(pair):
    here, there = pair
    here.send_value(1)
    here.codec = STAMPED
    here.send_raw(b"raw")
    here.send_string("text")
    here.send_json([1])
    assert stamps(there, 4) == [None] * 4
    framewire.set_default_codec(STAMPED)  # without a socket there is nobody to count
    assert framewire.dumps([1]) == framewire.dumps([1], codec=Codec(stamp=False))


def test_a_message_that_was_begun_before_has_none(pair):
    """Its topic is not known, so neither is which of that topic it is."""
    here, there = pair
    here.codec = there.codec = STAMPED
    for topic in (b"a", b"b", b"b"):
        here.send(topic, zmq.SNDMORE)
        here.send_value(0)
        here.send_value(0, topic=topic)
    found = [there.recv_message() for _ in range(6)]
    assert [message.topic for message in found] == [b"a", b"a", b"b", b"b", b"b", b"b"]
    numbers = [message.stamp and message.stamp.sequence for message in found]
    assert numbers == [None, 0, None, 0, None, 1]
    assert (here.stats().total.sent, there.stats().total.gaps) == (6, 0)


def test_numbers_count_each_topic(pair):
    here, there = pair
    here.codec = STAMPED
    topics = ["a", "b", "a", None, "", b"a", None, "", "x" * 1000, "x" * 1000, "b"]
    for topic in topics:
        here.send_value(0, topic=topic)
    assert [stamp.sequence for stamp in stamps(there, len(topics))] == [
        0, 0, 1, 0, 0, 2, 1, 1, 0, 1, 1,
    ]  # fmt: skip


def test_each_socket_is_a_sender(ctx, quick):
    pull = quick(ctx.socket(zmq.PULL))
    pull.bind("inproc://senders")
    senders = set()
    for _ in range(3):
        with quick(ctx.socket(zmq.PUSH, codec=STAMPED)) as push:
            push.connect("inproc://senders")
            push.send_value(0)
            shadow = framewire.Socket.shadow(push.underlying)
            framewire.send_value(shadow, 0, codec=STAMPED)
            for stamp in stamps(pull, 2):
                assert stamp.sequence == 0
                senders.add(stamp.sender)
    assert len(senders) == 6


def test_plain_sockets(context, quick):
    here, there = quick(context.socket(zmq.PAIR)), quick(context.socket(zmq.PAIR))
    here.bind("inproc://plain")
    there.connect("inproc://plain")
    framewire.set_default_codec(STAMPED)
    for sequence in range(3):
        framewire.send_array(here, np.arange(3))
        assert framewire.recv_message(there).stamp.sequence == sequence
    assert framewire.stats(there).total.received == 3


def test_levels(ctx, quick):
    ctx.codec = STAMPED
    here = quick(ctx.socket(zmq.PAIR))
    there = quick(ctx.socket(zmq.PAIR, codec=Codec(stamp=False)))
    here.bind("inproc://levels")
    there.connect("inproc://levels")
    here.send_value(0)
    here.send_value(0, codec=Codec(stamp=False))
    here.send_value(0, codec="json")
    there.send_value(0)
    assert [stamp is not None for stamp in stamps(there, 3)] == [True, False, True]
    assert stamps(here, 1) == [None]


# ---- numbers that are used up


def test_refused_sends_leave_no_gap(ctx, quick):
    push = quick(ctx.socket(zmq.PUSH, codec=STAMPED))
    push.sndtimeo = 20
    pull = quick(ctx.socket(zmq.PULL))
    for flags in (zmq.DONTWAIT, 0):
        for value in ("small", "x" * 20_000, BIG):  # of one frame, packed, of two
            with pytest.raises(zmq.Again):
                push.send_value(value, flags)
    with pytest.raises(zmq.Again):
        push.send_array(BIG, zmq.DONTWAIT)
    assert push.stats().total.sent == 0
    pull.bind("inproc://refused")
    push.connect("inproc://refused")
    for _ in range(3):
        push.send_value(BIG)
    assert [stamp.sequence for stamp in stamps(pull, 3)] == [0, 1, 2]


def test_values_that_cannot_be_sent_leave_no_gap(pair):
    here, there = pair
    here.codec = STAMPED
    with pytest.raises(TypeError):
        here.send_value([object()])
    with pytest.raises(TypeError):
        here.send_array(np.array([None]))
    here.send_value(1j, serializer=["json", "pickle", "msgpack"])
    here.send_value({1}, serializer=["json", "msgpack"])
    assert [stamp.sequence for stamp in stamps(there, 2)] == [0, 1]


def test_a_full_queue(connect):
    """Whatever is refused in between, the numbers that arrive have no holes."""
    here, there = connect(zmq.PULL, zmq.PUSH, "tcp")
    there.codec = STAMPED
    sent = refused = 0
    while refused < 20:
        try:
            there.send_value(b"x" * 100_000, zmq.DONTWAIT, copy=True)
            sent += 1
        except zmq.Again:
            refused += 1
            if refused % 5 == 0:
                assert here.recv_message().stamp.sequence == refused // 5 - 1
    assert [stamp.sequence for stamp in stamps(here, sent - 4)] == list(range(4, sent))


# ---- routed sockets


def test_router_counts_for_each_peer(ctx, quick):
    """Each peer sees numbers without holes, of messages with a topic of their own as well."""
    router = quick(ctx.socket(zmq.ROUTER, codec=STAMPED))
    router.bind("inproc://router")
    dealers = []
    for name in (b"one", b"two"):
        dealer = quick(ctx.socket(zmq.DEALER, codec=STAMPED))
        dealer.routing_id = name
        dealer.connect("inproc://router")
        dealers.append(dealer)
        dealer.send_value("hello", topic="t")
        dealer.send_value("hello")
    for _ in range(4):
        router.recv_value()
    for i in range(6):
        router.send_value(i, topic=[b"one", b"two"][i % 2])
        router.send_value(i, envelope=[[b"one", b"two"][i % 2]], topic="t")
    for dealer in dealers:
        for _ in range(6):
            dealer.recv_value()
        stats = dealer.stats()
        assert (stats.total.received, stats.total.gaps, stats.total.duplicates) == (6, 0, 0)
        assert {topic: counts.received for topic, counts in stats.topics.items()} == {
            None: 3,
            b"t": 3,
        }
    stats = router.stats()
    assert (stats.total.received, stats.total.gaps, stats.total.duplicates) == (4, 0, 0)
    assert {t: (c.received, c.sent) for t, c in stats.topics.items()} == {
        None: (2, 6),
        b"t": (2, 6),
    }


def test_requests_and_replies(connect):
    router, req = connect(zmq.ROUTER, zmq.REQ, "tcp")
    router.codec = req.codec = STAMPED
    for i in range(3):
        req.send_value(i)
        message = router.recv_message()
        assert (message.value, message.stamp.sequence) == (i, i)
        router.send_value(i, envelope=message.envelope)
        assert req.recv_message().stamp.sequence == i
    assert req.stats().total.gaps == req.stats().total.duplicates == 0


def test_more_peers_than_are_kept(ctx, quick):
    """The sender begins anew, as another one: no false gaps, and its memory is bounded."""
    router = quick(ctx.socket(zmq.ROUTER, codec=STAMPED))
    router.bind("inproc://many")
    dealer = quick(ctx.socket(zmq.DEALER, codec=STAMPED))
    dealer.routing_id = b"dealer"
    dealer.connect("inproc://many")
    dealer.send_value("hello")
    router.recv_value()
    for i in range(3000):
        router.send_value(i, topic=b"nobody %d" % i)  # ROUTER drops it
        if i in (0, 1500, 2900):
            router.send_value(i, envelope=[b"dealer"])
            router.send_value(i, envelope=[b"dealer"])
    seen = stamps(dealer, 6)
    assert [stamp.sequence for stamp in seen] == [0, 1] * 3
    assert len({stamp.sender for stamp in seen}) == 3
    total = dealer.stats().total
    assert (total.received, total.gaps, total.duplicates) == (6, 0, 0)
