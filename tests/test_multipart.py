"""send, recv, send_multipart, recv_multipart: what pyzmq does, framewire does.

Each test does the same on pyzmq's sockets and on framewire's, and compares results and wire.
"""

import array
import collections
import mmap

import numpy as np
import pytest
import zmq
from outcomes import closed_mmap, outcome, queued, released_memoryview

LARGE = 100_000  # more than zmq.COPY_THRESHOLD
FRAMES = [b"", b"short", b"q" * 40, b"l" * LARGE]


class Text(str):
    """str, and so no frame."""


class Data(bytes):
    """bytes, but not exactly."""


DATA = {
    "bytes": lambda: b"x",
    "empty": lambda: b"",
    "large": lambda: bytes(LARGE),
    "bytes subclass": lambda: Data(b"abc"),
    "bytearray": lambda: bytearray(b"abc"),
    "large bytearray": lambda: bytearray(LARGE),
    "memoryview": lambda: memoryview(b"abc"),
    "2-d memoryview": lambda: memoryview(b"abcdef").cast("B", (2, 3)),
    "strided memoryview": lambda: memoryview(b"abcdef")[::2],
    "large strided memoryview": lambda: memoryview(bytes(2 * LARGE))[::2],
    "released memoryview": released_memoryview,
    "array": lambda: array.array("i", [1, 2]),
    "mmap": lambda: mmap.mmap(-1, 100),
    "closed mmap": closed_mmap,
    "numpy": lambda: np.arange(5.0),
    "numpy text": lambda: np.array(["abc"]),
    "Fortran": lambda: np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "large Fortran": lambda: np.asfortranarray(np.arange(2.0 * LARGE).reshape(2, LARGE)),
    "numpy without elements": lambda: np.zeros((0, 3)),
    "numpy scalar": lambda: np.float64(3),
    "numpy 0-d": lambda: np.array(3.0),
    "numpy structure": lambda: np.zeros(1, "i4,f8")[0],
    "strided numpy": lambda: np.arange(6)[::2],
    "large strided numpy": lambda: np.arange(LARGE)[::2],
    "Frame": lambda: zmq.Frame(b"frame"),
    "tracked Frame": lambda: zmq.Frame(b"frame", track=True),
    "large Frame": lambda: zmq.Frame(bytes(LARGE), copy=False),
    "large tracked Frame": lambda: zmq.Frame(bytes(LARGE), track=True, copy=False),
    "empty Frame": lambda: zmq.Frame(),
    "str": lambda: "text",
    "str subclass": lambda: Text("text"),
    "numpy str": lambda: np.str_("text"),
    "int": lambda: 3,
    "None": lambda: None,
    "list": lambda: [b"x"],
    "object": object,
}
HOW = [
    {},
    {"copy": False},
    {"track": True},
    {"copy": False, "track": True},
    {"copy": None},
    {"copy": 2, "track": "yes"},
    {"copy": "x", "track": ""},
    {"flags": zmq.DONTWAIT},
    {"flags": True, "copy": False},
    {"routing_id": None, "group": None},
    {"flag": 0},
    {"routing_id": 5},
    {"group": "g"},
]


def fails_late(kind, how):
    """Would pyzmq have sent the frames before this one by then? See test_atomic.py."""
    untracked = kind in ("Frame", "large Frame", "empty Frame")
    return "strided" in kind or "released" in kind or (untracked and how.get("track"))


@pytest.mark.parametrize("threshold", [None, 0, 10])
@pytest.mark.parametrize("kind", DATA)
def test_sent_data(alike, kind, threshold):
    """Every kind of frame, good and bad, alone, first and last of a message."""
    make = DATA[kind]

    def act(here, there):
        if threshold is not None:
            here.copy_threshold = threshold
        seen = {}
        for how in HOW:
            in_place = not how.get("copy", True)
            if kind == "None" and threshold == 0 and in_place:
                continue  # by accident pyzmq sends an empty frame
            if kind == "strided numpy" and in_place:
                continue  # another exception: see below
            seen[f"send({how})"] = outcome(here.send, make(), **how), queued(there)
            for name, parts in {
                "[it]": [make()],
                "(it, b'a')": (make(), b"a"),
                "[b'a', it]": [b"a", make()],
            }.items():
                if len(parts) > 1 and fails_late(kind, how):
                    continue
                call = f"send_multipart({name}, {how})"
                seen[call] = outcome(here.send_multipart, parts, **how), queued(there)
        return seen

    alike(act)


class Sequence:
    """No more than what pyzmq uses of one."""

    def __init__(self, items):
        self.items = items

    def __getitem__(self, key):
        return self.items[key]


PARTS = {
    "list": lambda: [b"a", b"b"],
    "tuple": lambda: (b"a", bytearray(b"b"), memoryview(b"c")),
    "empty list": list,
    "empty tuple": tuple,
    "generator": lambda: (each for each in [b"a", b"b"]),
    "iterator": lambda: iter([b"a"]),
    "deque": lambda: collections.deque([b"a", b"b"]),
    "sequence": lambda: Sequence([b"a", b"b"]),
    "one in a sequence": lambda: Sequence([b"a"]),
    "empty sequence": lambda: Sequence([]),
    "namedtuple": lambda: collections.namedtuple("Two", "a b")(b"a", b"b"),
    "rows": lambda: np.arange(6).reshape(2, 3),
    "no rows": lambda: np.zeros((0, 3)),
    "numbers": lambda: np.arange(3),
    "bytes": lambda: b"ab",
    "no bytes": lambda: b"",
    "bytearray": lambda: bytearray(b"ab"),
    "memoryview": lambda: memoryview(b"ab"),
    "str": lambda: "ab",
    "empty str": lambda: "",
    "range": lambda: range(2),
    "dict": lambda: {b"a": b"b"},
    "dict by position": lambda: {0: b"a", -1: b"b"},
    "empty dict": dict,
    "set": lambda: {b"a", b"b"},
    "empty set": set,
    "Frame": lambda: zmq.Frame(b"ab"),
    "None": lambda: None,
    "int": lambda: 3,
    "str inside": lambda: [b"a", "b", b"c"],
    "None inside": lambda: [None, b"b"],
    "list inside": lambda: [b"a", [b"b"]],
    "Frames": lambda: [zmq.Frame(b"a"), b"b", zmq.Frame(b"c", track=True)],
    "tracked Frames": lambda: [zmq.Frame(b"a", track=True), zmq.Frame(b"c", track=True)],
    "many": lambda: [b"%d" % n * (n % 50) for n in range(200)],
    "large first": lambda: [bytes(LARGE), b"b"],
    "large last": lambda: [b"a", bytearray(LARGE)],
}


@pytest.mark.parametrize("kind", PARTS)
def test_message_parts(alike, kind):
    def act(here, there):
        seen = {}
        for how in [*HOW, {"anything": 1}]:
            if kind == "Frames" and how.get("track"):
                continue  # the second one is not tracked: see test_atomic.py
            seen[str(how)] = outcome(here.send_multipart, PARTS[kind](), **how), queued(there)
        seen["missing"] = outcome(here.send_multipart), outcome(here.send)
        return seen

    alike(act)


@pytest.mark.parametrize("flags", [None, "1", 1.5j, b"", 1 << 40])
def test_bad_flags(alike, flags):
    def act(here, there):
        return {
            "send": outcome(here.send, b"a", flags),
            "send in place": outcome(here.send, b"a", flags, False),
            "send_multipart": outcome(here.send_multipart, [b"a", b"b"], flags),
            "recv": outcome(there.recv, flags),
            "recv_multipart": outcome(there.recv_multipart, flags, False),
            "wire": queued(there),
        }

    alike(act)


def test_error_says_which_frame(alike):
    def act(here, there):
        texts = {}
        for bad in ("text", 5, None, ["x" * 100]):
            with pytest.raises(TypeError) as caught:
                here.send_multipart([b"a", bad, b"c"])
            texts[str(bad)] = str(caught.value).split(" does not support the buffer interface")[0]
        return texts

    assert alike(act)["text"] == "Frame 1 ('text')"


# ---- receiving


def receive_each(here, there, how):
    """Frame by frame and whole, with RCVMORE after each call."""
    seen = {}
    for sent, frames in enumerate([FRAMES, FRAMES[1:2], [b"", b""], [b"x"] * 20]):
        for _ in range(4):
            zmq.Socket.send_multipart(there, frames)
        for step, call in enumerate(["recv", "recv_multipart", "recv", "recv_multipart"]):
            result = outcome(getattr(here, call), **how)
            seen[sent, step, call] = result, here.getsockopt(zmq.RCVMORE)
        zmq.Socket.send(there, b"end")
        seen[sent, "left"] = list(iter(lambda: zmq.Socket.recv_multipart(here), [b"end"]))
    return seen


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"copy": False},
        {"track": True},
        {"copy": False, "track": True},
        {"copy": None},
        {"copy": 2},
        {"copy": "", "track": 1},
        {"more": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("over", ["inproc", "tcp"])
def test_received(alike, over, how):
    alike(lambda here, there: receive_each(here, there, how), over=over)


@pytest.mark.parametrize("copy", [True, False])
def test_received_without_waiting(alike, copy):
    """Over inproc everything has arrived when it was sent."""
    how = {"flags": zmq.DONTWAIT, "copy": copy}
    alike(lambda here, there: receive_each(here, there, how))


def test_positional_arguments(alike):
    def act(here, there):
        here.send(b"a", 0, False, True)
        here.send_multipart([b"a", b"b"], zmq.DONTWAIT, False, True)
        here.send(b"c", 0, True, False, None, None)
        return {
            "recv": outcome(there.recv, 0, False, True),
            "recv_multipart": outcome(there.recv_multipart, 0, False, True),
            "too many for recv": outcome(there.recv, 0, True, False, None),
            "recv with flags": outcome(there.recv, zmq.DONTWAIT),
            "too many for send": outcome(here.send, b"a", 0, True, False, None, None, None),
            "too many for send_multipart": outcome(
                here.send_multipart, [b"a"], 0, True, False, None
            ),
        }

    alike(act)


# ---- what differs on purpose


def test_pointers_are_not_sent(pair):
    """pyzmq sends the addresses of the objects in an array."""
    for objects in (np.array([None]), np.array([None] * LARGE)):
        for how in ({}, {"copy": False}):
            with pytest.raises(TypeError, match="pointers"):
                pair[0].send(objects, **how)
            with pytest.raises(TypeError, match="pointers"):
                pair[0].send_multipart([b"a", objects], **how)
    assert queued(pair[1]) == []


def test_strided_arrays_are_refused_with_one_exception(pair):
    """pyzmq's is a BufferError for small ones with ``copy=False``: it asks a memoryview of them."""
    for array_ in (np.arange(6)[::2], np.arange(LARGE)[::2]):
        for how in ({}, {"copy": False}, {"copy": False, "track": True}):
            with pytest.raises(ValueError, match="contiguous"):
                pair[0].send(array_, **how)
            with pytest.raises(ValueError, match="contiguous"):
                pair[0].send_multipart([b"a", array_], **how)
    assert queued(pair[1]) == []


def test_dates_are_sent(pair):
    """pyzmq does so only in ``send`` with ``copy=True``: elsewhere it makes a memoryview first."""
    dates = np.array(["2024-05-06"], "M8[s]")
    pair[0].send(dates, copy=False)
    pair[0].send_multipart([dates, b"a"])
    assert queued(pair[1]) == [[dates.tobytes()], [dates.tobytes(), b"a"]]
