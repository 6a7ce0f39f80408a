"""Numbers of the stamps of batches: none is left out, and none is there twice."""

import random
import time

import numpy as np
import pytest
import zmq
from counted import seen
from ticks import ARRAYS, BATCHES, FEW, Tick, batch, ticks

from framewire import Codec

STAMPED = Codec(stamp=True)


def numbers(socket, count):
    """The numbers of messages, by topic; they all are of one sender."""
    found = {}
    senders = set()
    for _ in range(count):
        message = socket.recv_message()
        found.setdefault(message.topic, []).append(message.stamp.sequence)
        senders.add(message.stamp.sender)
    assert len(senders) <= 1
    return found


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("topic", [None, "", "t", b"long" * 80])
def test_every_message_has_the_next_number(wide, over, name, topic):
    here, there = wide(over, codec=STAMPED)
    before = time.time_ns()
    here.send_value(0, topic=topic)
    count = here.send_many(batch(name), topic=topic, meta={"m": 1})
    here.send_array(ARRAYS, topic=topic)
    after = time.time_ns()
    messages = [there.recv_message() for _ in range(count + 2)]
    assert [message.stamp.sequence for message in messages] == list(range(count + 2))
    assert {message.stamp.sender for message in messages} == {messages[0].stamp.sender}
    times = [before, *(message.stamp.time for message in messages), after]
    assert times == sorted(times)
    assert all(message.meta == {"m": 1} for message in messages[1:-1])


def test_topics_and_ways_mixed(wide):
    here, there = wide(codec=STAMPED)
    order = random.Random(3)
    topics = [None, "", "a", "b" * 300, b"c"]
    sent = dict.fromkeys([None, b"", b"a", b"b" * 300, b"c"], 0)
    for _ in range(60):
        topic = order.choice(topics)
        key = topic.encode() if isinstance(topic, str) else topic
        name = order.choice(list(BATCHES))
        sent[key] += here.send_many(batch(name), topic=topic)
        if order.random() < 0.5:
            here.send_value(order.random(), topic=topic)
            sent[key] += 1
    total = sum(sent.values())
    assert here.stats().total.sent == total
    assert numbers(there, total) == {topic: list(range(n)) for topic, n in sent.items()}


@pytest.mark.parametrize("timeout", [None, 0, 20], ids=["DONTWAIT", "0 ms", "20 ms"])
@pytest.mark.parametrize("rows", [True, False], ids=["rows", "values"])
@pytest.mark.parametrize("topic", [None, "t"])
def test_when_there_was_no_room(connect, rows, timeout, topic):
    """What was not sent has used no number up."""
    here, there = connect(hwm=5)
    here.codec = there.codec = STAMPED
    here.sndtimeo = -1 if timeout is None else timeout
    data = ticks(0, 100) if rows else list(range(100))
    sent, counts, found = 0, [], []
    while sent < 100:
        counts.append(
            here.send_many(data[sent:], zmq.DONTWAIT if timeout is None else 0, topic=topic)
        )
        sent += counts[-1]
        assert here.stats().total.sent == sent
        messages = [there.recv_message() for _ in range(counts[-1])]
        found += [message.stamp.sequence for message in messages]
    assert len(counts) > 5
    assert found == list(range(100))


@pytest.mark.parametrize("before", [0, 5, 1024, 1500])
def test_a_value_that_cannot_be_sent(wide, before):
    """Its chunk is not sent, and has used no number up."""
    here, there = wide(codec=STAMPED)
    with pytest.raises(TypeError) as caught:
        here.send_many([*range(before), object()])
    sent = caught.value.sent
    assert here.stats().total.sent == sent
    here.send_many(ticks(0, FEW))
    assert numbers(there, sent + FEW) == {None: list(range(sent + FEW))}


def test_an_iterator_that_uses_the_socket(wide):
    """Messages have their numbers in the order in which they were sent."""
    here, there = wide(codec=STAMPED)

    def values():
        for i in range(1500):
            if i % 400 == 3:
                here.send_value("within")
                here.send_many(ticks(0, 2))
            yield [i, b"x" * 9000] if i % 7 == 0 else i

    assert here.send_many(values(), meta=1) == 1500
    total = 1500 + 4 * 3
    assert numbers(there, total) == {None: list(range(total))}
    assert seen(there) == (total, 0, 0)


@pytest.mark.parametrize("name", BATCHES)
def test_only_the_first_of_a_message_begun_before_has_none(wide, name):
    here, there = wide(codec=STAMPED)
    here.send(b"begun", zmq.SNDMORE)
    count = here.send_many(batch(name), topic="t")
    here.send_value(0, topic="t")
    messages = [there.recv_message() for _ in range(count + 1)]
    assert [message.topic for message in messages] == [b"t"] * (count + 1)
    assert messages[0].envelope == [b"begun", b"t"]
    assert [message.stamp and message.stamp.sequence for message in messages] == [
        None,
        *range(count),
    ]
    assert here.stats().total.sent == count + 1


def test_router_counts_each_peer(connect):
    router, dealer = connect(zmq.ROUTER, zmq.DEALER, "tcp", routing_id=b"one")
    other = router.context.socket(zmq.DEALER)
    other.linger, other.rcvtimeo, other.routing_id = 0, 5000, b"two"
    other.connect(router.last_endpoint)
    for socket in (router, dealer, other):
        socket.codec = STAMPED
    rows = ticks(0, FEW)
    dealer.send_many(rows)
    other.send_many(rows)
    out = np.zeros(2 * FEW, Tick.dtype)
    assert router.recv_many(None, out=out).errors == []
    assert seen(router) == (2 * FEW, 0, 0)
    for _ in range(2):
        assert router.send_many(rows, topic=b"one") == FEW
        assert router.send_many(list(range(FEW)), topic=b"two") == FEW
    assert numbers(dealer, 2 * FEW) == {None: list(range(2 * FEW))}
    assert numbers(other, 2 * FEW) == {None: list(range(2 * FEW))}
