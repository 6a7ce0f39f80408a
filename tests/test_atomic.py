"""A message that fails half-way leaves nothing queued, and the next one arrives intact.

pyzmq checks only some frames beforehand and sends the rest one by one: there,
``send_multipart([b"h", memoryview(b"abcdef")[::2]])`` raises with ``b"h"`` queued, and
``send(b"next")`` completes it to ``[b"h", b"next"]``.
"""

import pickle
import sys

import numpy as np
import pytest
import zmq
from outcomes import closed_mmap, queued, released_memoryview

import framewire

LARGE = 100_000
NEXT = [b"the", b"next", b"x" * LARGE]


BAD = {
    "strided memoryview": lambda: memoryview(b"abcdef")[::2],
    "strided numpy": lambda: np.arange(6)[::2],
    "large strided numpy": lambda: np.zeros((LARGE, 2), "u1")[:, :1],
    "closed mmap": closed_mmap,
    "released memoryview": released_memoryview,
    "pointers": lambda: np.array([None]),
    "untracked Frame": lambda: zmq.Frame(b"frame"),
    "str": lambda: "text",
    "int": lambda: 5,
    "None": lambda: None,
    "list": lambda: [b"a"],
}
GOOD = [b"g", bytearray(LARGE), zmq.Frame(b"frame", track=True), memoryview(b"m" * LARGE)]


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("over", ["inproc", "tcp"])
def test_bad_frame_at_every_position(connect, over, kind):
    here, there = connect(over=over)
    for size in range(1, 5):
        for position in range(size):
            parts = GOOD[:size]
            parts[position] = BAD[kind]()
            for how in ({"track": True}, {"copy": False, "track": True}):
                for call in (
                    lambda parts=parts, how=how: here.send_multipart(parts, **how),
                    lambda parts=parts, how=how: here.send_serialized(parts, tuple, **how),
                    lambda parts=parts, how=how: framewire.send_multipart(here, parts, **how),
                ):
                    with pytest.raises((TypeError, ValueError, BufferError)):
                        call()
    here.send_multipart(NEXT)
    assert there.recv_multipart() == NEXT
    assert not there.poll(0)


@pytest.mark.parametrize("kind", BAD)
def test_a_message_that_was_begun_goes_on(pair, kind):
    """What SNDMORE has sent before stays sent; of the call that fails, nothing is."""
    here, there = pair
    here.send(b"begun", zmq.SNDMORE)
    with pytest.raises((TypeError, ValueError, BufferError)):
        here.send_multipart([b"a", BAD[kind](), b"c"], track=True)
    with pytest.raises((TypeError, ValueError, BufferError)):
        here.send(BAD[kind](), track=True)
    here.send(b"rest")
    assert queued(there) == [[b"begun", b"rest"]]


def test_a_request_can_still_be_made(connect):
    """A REQ whose message failed has not asked: no EFSM."""
    rep, req = connect(zmq.REP, zmq.REQ)
    for bad in BAD.values():
        with pytest.raises((TypeError, ValueError, BufferError)):
            req.send_multipart([b"a", bad()], track=True)
    req.send_multipart(NEXT)
    assert rep.recv_multipart() == NEXT
    with pytest.raises(TypeError):
        rep.send_multipart([b"a", "text"])
    rep.send(b"answer")
    assert req.recv() == b"answer"


def raising(error):
    def function(*_):
        raise error

    return function


class Unpicklable:
    __reduce__ = raising(ZeroDivisionError())


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("send_serialized", (1, raising(KeyError())), KeyError),
        ("send_serialized", (1, raising(KeyboardInterrupt())), KeyboardInterrupt),
        ("send_serialized", ([b"a", "text"], list), TypeError),
        ("send_string", ("\ud800",), UnicodeEncodeError),
        ("send_string", (b"text",), TypeError),
        ("send_pyobj", (Unpicklable(),), ZeroDivisionError),
        ("send_pyobj", (lambda: None,), Exception),
        ("send_json", ({"a": b"bytes"},), TypeError),
        ("send_json", ([1, {(1, 2): 3}],), TypeError),
    ],
)
def test_what_cannot_be_serialized(pair, name, arguments, error):
    here, there = pair
    for flags in (0, zmq.DONTWAIT, zmq.SNDMORE):
        with pytest.raises(error):
            getattr(here, name)(*arguments, flags=flags)
    here.send_multipart(NEXT)
    assert queued(there) == [NEXT]


def test_a_refused_message_leaves_nothing(ctx, quick):
    """Nobody is there, then somebody is: only what was accepted comes."""
    push, pull = quick(ctx.socket(zmq.PUSH)), quick(ctx.socket(zmq.PULL))
    push.bind("inproc://refused")
    data = bytearray(LARGE)
    for how in ({}, {"copy": False}, {"copy": False, "track": True}):
        for call in (push.send_multipart, lambda parts, *a, **k: push.send(parts[1], *a, **k)):
            with pytest.raises(zmq.Again):
                call([b"first", data, b"last"], zmq.DONTWAIT, **how)
    framewire.release()
    data.append(1)  # nobody holds it
    pull.connect("inproc://refused")
    push.send_multipart(NEXT)
    assert queued(pull) == [NEXT]


def test_full_queue(ctx, connect, over):
    """Refused or whole: never a part, never two glued together."""
    for option in (zmq.SNDHWM, zmq.RCVHWM):
        ctx.setsockopt(option, 2)
    for option in (zmq.SNDBUF, zmq.RCVBUF):
        ctx.setsockopt(option, 4096)
    push, pull = connect(zmq.PUSH, zmq.PULL, over)
    accepted, got, refused = [], [], 0
    for number in range(1000):
        parts = [b"%d" % number] * (1 + number % 5)
        parts[1:2] = [bytearray(b"%d" % number * 3000)]
        try:
            push.send_multipart(parts, zmq.DONTWAIT, copy=bool(number % 2))
            accepted.append(parts)
        except zmq.Again:
            refused += 1
            got += queued(pull)
    while len(got) < len(accepted):
        got.append(pull.recv_multipart())
    assert refused
    assert got == accepted
    assert not pull.poll(0)


# ---- a list that changes while it is sent


class Changing:
    """Clears a list when it is shown, or asked for its memory (Python 3.12)."""

    def __init__(self, parts):
        self.parts = parts

    def change(self):
        self.parts.clear()
        self.parts.extend([b"other"] * 100)

    def __repr__(self):
        self.change()
        return "x" * 100

    if sys.version_info >= (3, 12):

        def __buffer__(self, flags):
            self.change()
            return memoryview(b"here")


def test_a_list_that_changes_when_a_frame_is_looked_at(pair):
    here, there = pair
    for copy in (True, False):
        parts = [b"a", b"b"]
        parts += [Changing(parts), b"c"]
        if sys.version_info >= (3, 12):
            here.send_multipart(parts, copy=copy)
            assert queued(there) == [[b"a", b"b", b"here", b"c"]]
        else:
            with pytest.raises(TypeError, match="Frame 2"):
                here.send_multipart(parts, copy=copy)
            assert queued(there) == []
        assert parts == [b"other"] * 100


def test_a_list_that_changes_as_it_is_read(pair):
    class Once(list):
        def __iter__(self):
            yield b"a"
            self.clear()
            yield b"b"

    for kind in (Once, lambda items: Once(items[:1])):
        pair[0].send_multipart(kind([b"x", b"y", b"z"]))
        assert queued(pair[1]) == [[b"a", b"b"]]


@pytest.mark.in_place
def test_a_list_that_changes_when_something_is_let_go(pair):
    """A call first lets go of what libzmq has let go of: that can run Python."""
    here, there = pair

    class Owner(np.ndarray):
        def __del__(self):
            if self.base is not None and self.size == LARGE:
                parts.clear()

    parts = [b"a", b"b" * 100, bytearray(b"c")]
    here.send(np.zeros(LARGE, "u1").view(Owner), copy=False)
    frame = there.recv(copy=False)
    del frame
    here.send_multipart(parts)
    assert queued(there) == [[b"a", b"b" * 100, b"c"]]
    assert parts == []


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("recv_string", b"\xff"),
        ("recv_json", b"\xff"),
        ("recv_json", b"{"),
        ("recv_json", b""),
        ("recv_pyobj", b""),
        ("recv_pyobj", b"not a pickle"),
    ],
)
def test_what_cannot_be_read_is_gone(pair, name, bad):
    """One frame is taken, as by pyzmq; the others are there."""
    here, there = pair
    here.send_multipart([bad, b"second"])
    here.send(b"next")
    with pytest.raises((ValueError, EOFError, pickle.UnpicklingError)):
        getattr(there, name)()
    assert there.getsockopt(zmq.RCVMORE)
    assert there.recv() == b"second"
    assert there.recv() == b"next"
