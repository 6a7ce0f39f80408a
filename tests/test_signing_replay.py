"""A signed message is taken once: the windows, and that they are bounded."""

import numpy as np
import zmq
from signatures import SIGNED, refused

from framewire.signing import MOST_WINDOWS, WINDOW, Windows


def test_a_message_is_taken_once(signed):
    here, there = signed()
    here.send_value("pay", topic="t")
    frames = there.recv_multipart()
    for _ in range(2):
        here.send_multipart(frames)
    assert there.recv_value() == "pay"
    refused(there.recv_value, code="replay")
    here.send_multipart(frames[1:])  # on no topic
    refused(there.recv_value)
    here.send_value("pay", topic="t")
    assert there.recv_value() == "pay"
    assert there.stats().topics[b"t"].received == 2


def test_out_of_order_and_too_old(signed):
    here, there = signed()
    messages = []
    for i in range(WINDOW + 2):
        here.send_value(i)
        messages.append(there.recv_multipart())
    for i in (5, 3, 4, WINDOW + 1, 2):
        here.send_multipart(messages[i])
        assert there.recv_value() == i
    for i in (5, 3, 4, WINDOW + 1, 2, 1, 0):  # 0 and 1 never came: they are too old
        here.send_multipart(messages[i])
        refused(there.recv_value, code="replay")


def test_topics_and_senders_have_windows_of_their_own(ctx, signed, quick):
    here, there = signed(zmq.PUSH, zmq.PULL)
    other = quick(ctx.socket(zmq.PUSH, codec=SIGNED))
    other.bind("inproc://other")
    for topic in (None, "a", "b"):
        here.send_value(topic, topic=topic)
        assert there.recv_value() == topic
    there.connect("inproc://other")
    other.send_value("x")
    here.send_value("y")
    assert {there.recv_value(), there.recv_value()} == {"x", "y"}


def test_forgeries_leave_no_trace(signed):
    """Neither in the window nor in what is counted of topics."""
    here, there = signed()
    here.send_value("right", topic="t")
    frames = there.recv_multipart()
    for _ in range(3):
        forged = bytearray(frames[1])
        forged[-1] ^= 1
        here.send_multipart([frames[0], forged])
        refused(there.recv_value)
    here.send_multipart([b"another topic", frames[1]])
    refused(there.recv_value)
    here.send_multipart(frames)
    assert there.recv_value() == "right"
    assert set(there.stats().topics) == {b"t"}
    assert there.stats().topics[b"t"].errors == 0


def replayed(windows, *message):
    return refused(windows.note, *message, code="replay")


def test_windows_are_bounded():
    """One that goes takes with it what could have been in it."""
    windows = Windows()
    for epoch in range(MOST_WINDOWS):
        windows.note(0, 1, epoch, 5, 1000 + epoch)
    windows.note(0, 1, 0, 6, 500)  # of the first epoch: it is not the oldest any more
    windows.note(0, 1, MOST_WINDOWS, 0, 1000 + MOST_WINDOWS)
    assert len(windows._windows) == MOST_WINDOWS
    replayed(windows, 0, 1, 1, 5, 1001)  # that of epoch 1 was forgotten
    replayed(windows, 0, 1, 0, 6, 500)
    replayed(windows, 0, 9, 9, 0, 900)  # it may have been
    windows.note(0, 1, 2, 6, 900)
    windows.note(0, 1, 1, 7, 2_000_000)  # it goes on, and what it had is not taken again
    for number in (4, 5, 6, 7):
        replayed(windows, 0, 1, 1, number, 3_000_000)
    windows.note(0, 1, 1, 8, 2_000_001)
    assert len(windows._windows) == MOST_WINDOWS


def test_windows_against_a_set():
    """Of numbers in any order: each is taken once, and those within the window always."""
    numbers = np.random.default_rng(1).integers(0, 3000, 20_000).tolist()
    windows, seen = Windows(), set()
    for n in numbers:
        taken = n not in seen and (not seen or n > max(seen) - WINDOW)
        if taken:
            windows.note(0, 0, 0, n, 0)
            seen.add(n)
        else:
            replayed(windows, 0, 0, 0, n, 0)


def test_numbers_that_are_far_apart():
    windows = Windows()
    for n in (0, 2**64 - 1, 2**64 - 2):
        windows.note(0, 0, 0, n, 0)
        replayed(windows, 0, 0, 0, n, 0)
    replayed(windows, 0, 0, 0, 1, 0)
