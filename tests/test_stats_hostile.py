"""What a socket counts of peers that make up topics, senders and numbers: bounded, and no crash."""

import tracemalloc

from counted import seen, stamped

from framewire import Codec

STAMPED = Codec(stamp=True)


def test_numbers_made_up_by_a_hostile_peer(pair):
    here, there = pair
    there.codec = STAMPED
    for sequence in (0, 2**64 - 1, 2**64 - 1, 0):
        here.send_raw(stamped(7, sequence, 2**64 - 1))
        there.recv_value()
    assert seen(there) == (4, 2**64 - 2, 2)
    for _ in range(2):
        here.send_raw([b"t", stamped(8, 0)])
        here.send_raw([b"t", stamped(8, 2**64 - 1)])
        here.send_raw([b"t", stamped(9, 0)])
        here.send_raw([b"t", stamped(9, 2**64 - 1)])
    for _ in range(8):
        there.recv_value()
    assert there.stats().topics[b"t"].gaps == 2**64 - 1  # it stays there
    there.stats().total.latency.percentile(99)


def test_hostile_topics_and_senders_take_bounded_memory(pair):
    """5000 topics, long names, 5000 senders: what is kept stays as it is."""
    here, there = pair
    there.codec = STAMPED

    def flood(names, count):
        for i in names:
            for j in range(count):
                here.send_raw([b"topic %d" % i, stamped(i, 2 * j)])
                there.recv_value()
            here.send_raw([b"long %d" % i + bytes(50_000), stamped(i, 0)])
            there.recv_value()
            here.send_raw([b"senders", stamped(i, 1)])
            there.recv_value()

    here.send_raw([b"senders", stamped(2**63, 0)])
    there.recv_value()
    tracemalloc.start()
    flood(range(1100), 1)
    full, _ = tracemalloc.get_traced_memory()
    flood(range(1100, 5000), 2)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert full < 10e6
    assert after - full < 100e3
    stats = there.stats()
    assert len(stats.topics) == 1024
    assert stats.topics[b"senders"].received == 5001
    assert stats.topics[b"topic 5"].received == 1
    long, crowded_out = 5000, (1100 - 1023) + 2 * 3900
    assert stats.others.received == stats.others.latency.count == long + crowded_out
    assert (stats.total.gaps, stats.total.duplicates) == (0, 0)


def test_the_sender_that_was_silent_for_longest_is_forgotten(pair):
    here, there = pair
    there.codec = STAMPED

    def come(sender, sequence):
        here.send_raw(stamped(sender, sequence))
        there.recv_value()

    for sender in range(64):
        come(sender, 0)
    come(0, 1)
    come(64, 0)  # 1 is forgotten
    come(0, 3)
    assert seen(there) == (67, 1, 0)
    come(1, 9)  # as if it were new; 2 is forgotten
    assert seen(there) == (68, 1, 0)
    come(3, 4)
    assert seen(there) == (69, 4, 0)
