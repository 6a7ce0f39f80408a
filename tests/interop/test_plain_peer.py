"""A plain pyzmq peer in another process notices nothing: every call, both ways, tcp and ipc."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zmq

import framewire

PEER = Path(__file__).parent / "plain_peer.py"
LARGE = bytes(range(256)) * 1000
VALUE = {"a": [1, 2.5, None, True], "ü": "日本語\x7f", "n": {"e": 1e16, "big": 1 << 70}}


class Peer:
    """Tells the other process what to do. Its PAIR socket is connected to `socket`."""

    def __init__(self, control, socket):
        self.control, self.socket = control, socket

    def tell(self, *what):
        self.control.send(json.dumps(what).encode())

    def answer(self):
        return json.loads(self.control.recv())

    def ask(self, *what):
        self.tell(*what)
        return self.answer()


@pytest.fixture(scope="module", params=["tcp", "ipc"])
def peer(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("peer")
    with framewire.Context() as context, zmq.Context() as plain:
        with context.socket(zmq.PAIR) as socket, plain.socket(zmq.REQ) as control:
            for each in (socket, control):
                each.linger = 0
                each.rcvtimeo = each.sndtimeo = 10_000
            control.bind(f"ipc://{folder}/control")
            socket.bind("tcp://127.0.0.1:*" if request.param == "tcp" else f"ipc://{folder}/s")
            arguments = [control.last_endpoint, socket.last_endpoint]
            process = subprocess.Popen(
                [sys.executable, PEER, *(each.decode() for each in arguments)],
                stderr=subprocess.PIPE,
            )
            try:
                yield Peer(control, socket)
                control.send(b'["stop"]')
                assert process.wait(10) == 0
                assert process.stderr.read() == b""
            finally:
                process.kill()
                process.wait()
                process.stderr.close()


def hexed(frames):
    return [bytes(frame).hex() for frame in frames]


SENDS = {
    "send": (lambda s: s.send(b"x"), [b"x"]),
    "send empty": (lambda s: s.send(b""), [b""]),
    "send large": (lambda s: s.send(LARGE), [LARGE]),
    "send in place": (lambda s: s.send(LARGE, copy=False, track=True), [LARGE]),
    "send array": (lambda s: s.send(np.arange(3, dtype="i2")), [b"\0\0\1\0\2\0"]),
    "send Frame": (lambda s: s.send(zmq.Frame(LARGE)), [LARGE]),
    "by hand": (lambda s: [s.send(b"a", zmq.SNDMORE), s.send(b"b")], [b"a", b"b"]),
    "send_multipart": (lambda s: s.send_multipart([b"a", b"", LARGE]), [b"a", b"", LARGE]),
    "send_multipart in place": (
        lambda s: s.send_multipart([LARGE, bytearray(LARGE), b"c"], copy=False),
        [LARGE, LARGE, b"c"],
    ),
    "many frames": (
        lambda s: s.send_multipart([b"%d" % n for n in range(100)]),
        [b"%d" % n for n in range(100)],
    ),
    "send_string": (lambda s: s.send_string("größe"), ["größe".encode()]),
    "send_string utf-16": (
        lambda s: s.send_string("größe", encoding="utf-16-le"),
        ["größe".encode("utf-16-le")],
    ),
    "send_json": (lambda s: s.send_json(VALUE), [json.dumps(VALUE).encode()]),
    "send_json short": (lambda s: s.send_json({"a": [1, "b"]}), [b'{"a": [1, "b"]}']),
    "send_json options": (lambda s: s.send_json([1, 2], indent=1), [b"[\n 1,\n 2\n]"]),
    "send_pyobj": (lambda s: s.send_pyobj(VALUE), [pickle.dumps(VALUE)]),
    "send_pyobj 2": (lambda s: s.send_pyobj(VALUE, protocol=2), [pickle.dumps(VALUE, 2)]),
    "send_serialized": (lambda s: s.send_serialized([b"a", LARGE], list), [b"a", LARGE]),
}


def test_the_peer_is_plain(peer):
    """It has not imported framewire, nor what framewire is made of."""
    assert [name for name in peer.ask("modules") if "framewire" in name or "msgspec" in name] == []


@pytest.mark.parametrize("name", SENDS)
def test_what_is_sent(peer, name):
    """Byte for byte, by each of the peer's ways to receive, and back again."""
    send, expected = SENDS[name]
    send(peer.socket)
    assert peer.ask("recv_multipart") == hexed(expected)
    send(peer.socket)
    frames = peer.ask("recv_multipart", 0, False)
    assert [frame[1] for frame in frames] == hexed(expected)
    assert [frame[2] for frame in frames] == [True] * (len(expected) - 1) + [False]
    assert {frame[3] for frame in frames} == {"PAIR"}
    send(peer.socket)
    assert peer.ask("recv_serialized") == hexed(expected)
    send(peer.socket)
    for frame in expected:
        assert peer.ask("recv") == frame.hex()
    send(peer.socket)
    peer.tell("echo")
    assert peer.socket.recv_multipart() == expected
    peer.answer()


def test_values_that_are_sent(peer):
    """The peer reads them by the call of the same name."""
    peer.socket.send_json(VALUE)
    assert peer.ask("recv_json") == repr(VALUE)
    peer.socket.send_string("größe")
    assert peer.ask("recv_string") == repr("größe")
    peer.socket.send_string("größe", encoding="latin-1")
    assert peer.ask("recv_string", 0, "latin-1") == repr("größe")
    peer.socket.send_pyobj({1: (2, b"3")})
    assert peer.ask("recv_pyobj") == repr({1: (2, b"3")})
    if hasattr(zmq.Socket, "recv_into"):
        peer.socket.send(b"0123456789abcdef")
        assert peer.ask("recv_into") == ["16", b"0123456789".hex()]


def each_way(peer, *what):
    """Let the peer send the same for each of our ways to receive frames."""
    found = []
    for receive in (
        peer.socket.recv_multipart,
        lambda: [bytes(frame) for frame in peer.socket.recv_multipart(copy=False)],
        lambda: peer.socket.recv_serialized(list),
        lambda: one_by_one(peer.socket),
        lambda: framewire.recv_multipart(peer.socket),
    ):
        peer.ask(*what)
        found.append(receive())
    assert found == [found[0]] * len(found)
    return found[0]


def one_by_one(socket):
    frames = [socket.recv()]
    while socket.getsockopt(zmq.RCVMORE):
        target = bytearray(300_000)
        size = socket.recv_into(target)
        frames.append(bytes(target[:size]))
    return frames


@pytest.mark.parametrize(
    "frames",
    [[b"x"], [b""], [b"", b""], [b"a", LARGE, b"c"], [LARGE], [b"%d" % n for n in range(99)]],
)
def test_what_is_received(peer, frames):
    assert each_way(peer, "send_multipart", hexed(frames)) == frames
    assert each_way(peer, "send_serialized", hexed(frames)) == frames
    assert each_way(peer, "send", frames[0].hex()) == frames[:1]


def test_values_that_are_received(peer):
    socket = peer.socket
    for value in (VALUE, [], None, "\ud800", float("inf"), -0.0, {"1": [[]]}, 10**25):
        peer.ask("send_json", value)
        found = socket.recv_json()
        assert (type(found), repr(found)) == (type(value), repr(value))
        peer.ask("send_pyobj", value)
        assert repr(socket.recv_pyobj(globals=())) == repr(value)
    peer.ask("send_string", "größe")
    assert socket.recv_string() == "größe"
    peer.ask("send_string", "größe", 0, True, "utf-16")
    assert socket.recv_string(encoding="utf-16") == "größe"
    for receive in (socket.recv_json, lambda: socket.recv_pyobj(globals=set())):
        peer.ask("send", b"\xff".hex())
        with pytest.raises((ValueError, pickle.UnpicklingError)):
            receive()
    peer.ask("send", b"next".hex())
    assert socket.recv() == b"next"


def test_a_frame_of_the_peer(peer):
    peer.ask("send_multipart", hexed([b"a" * 50, LARGE]))
    frames = peer.socket.recv_multipart(copy=False)
    assert [type(frame) for frame in frames] == [zmq.Frame] * 2
    assert [frame["Socket-Type"] for frame in frames] == ["PAIR"] * 2
    assert [frame.more for frame in frames] == [True, False]
    memoryview(frames[1])[:3] = b"own"
    peer.socket.send_multipart(frames, copy=False)
    assert peer.ask("recv_multipart") == hexed([b"a" * 50, b"own" + LARGE[3:]])


def test_what_fails_is_not_noticed(peer):
    """The peer gets whole messages only."""
    for bad in (5, "text", memoryview(b"abcd")[::2]):
        with pytest.raises((TypeError, BufferError)):
            peer.socket.send_multipart([b"a", bad])
        peer.socket.send_multipart([b"whole", b"message"])
        assert peer.ask("recv_multipart") == hexed([b"whole", b"message"])
