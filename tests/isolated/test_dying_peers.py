"""Peers are killed and started again while messages of several frames are sent to them, or by them.

No receiver sees part of a message, two glued together, or one again. A message may be lost, whole.
"""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import zmq
from numbered import SENDS, number_of

import framewire

HERE = Path(__file__).parent
LIVES = 1_000_000_000  # numbers for each sender's life


def start(script, *arguments):
    return subprocess.Popen([sys.executable, HERE / script, *map(str, arguments)])


def end(process):
    process.kill()
    process.wait()


def send_for(seconds, send, socket, flags, peers, restart, counts):
    """Send all the time, and kill one peer after the other once messages came through.

    Returns how many messages were accepted, and how many peers were killed.
    """
    number = accepted = killed = 0
    start = pause = time.monotonic()
    seen = 0
    while killed < 3 or time.monotonic() < start + seconds:
        assert time.monotonic() < start + seconds + 60, "nothing comes through"
        number += 1
        try:
            send(socket, number, flags)
            accepted += 1
        except zmq.Again:
            pass
        if time.monotonic() > pause + 0.1:
            pause = time.monotonic()
            size = counts.stat().st_size
            if size > seen + 20:
                seen = size
                killed += 1
                peer = killed % len(peers)
                end(peers[peer])
                peers[peer] = restart()
    return accepted, killed


def trial(over, send, flags, seconds, tmp_path):
    reports, counts = tmp_path / "reports", tmp_path / "counts"
    counts.touch()
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.linger = 0
        socket.sndhwm = 2
        socket.sndbuf = 4096
        socket.sndtimeo = 10_000
        if over == "ipc":
            endpoint = f"ipc://{tmp_path}/dying"
            socket.bind(endpoint)
        else:
            endpoint = f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}"

        def restart():
            return start("puller.py", endpoint, reports, counts, "zmq")

        peers = [restart() for _ in range(3)]
        try:
            accepted, killed = send_for(seconds, send, socket, flags, peers, restart, counts)
        finally:
            for peer in peers:
                end(peer)
    assert not reports.exists(), reports.read_text()[:2000]
    assert killed >= 3
    assert 60 < counts.stat().st_size <= accepted


@pytest.mark.parametrize("flags", [0, zmq.DONTWAIT], ids=["blocking", "DONTWAIT"])
@pytest.mark.parametrize("send", SENDS.values(), ids=SENDS)
@pytest.mark.parametrize("over", ["ipc", "tcp"])
def test_dying_peers(over, send, flags, tmp_path):
    trial(over, send, flags, 1, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("flags", [0, zmq.DONTWAIT], ids=["blocking", "DONTWAIT"])
@pytest.mark.parametrize("send", SENDS.values(), ids=SENDS)
@pytest.mark.parametrize("over", ["ipc", "tcp"])
def test_dying_peers_for_long(over, send, flags, tmp_path):
    trial(over, send, flags, 60, tmp_path)


# ---- senders that die


def receive_for(seconds, socket, senders, restart):
    """Receive all the time, and kill one sender after the other once messages of it came."""
    seen, killed = {}, 0
    begin = time.monotonic()
    while killed < 6 or time.monotonic() < begin + seconds:
        frames = framewire.recv_raw(socket)
        number = number_of(frames)
        assert number is not None, [bytes(frame[:24]) for frame in frames]
        life = number // LIVES
        last = seen.get(life, number - 1)
        assert number == last + 1, "lost, doubled or out of order, in one connection"
        seen[life] = number
        for i, (sender, theirs) in enumerate(senders):
            if life == theirs and number % LIVES > 20:
                end(sender)
                senders[i] = restart()
                killed += 1
    return seen


def dying_senders(over, how, seconds, tmp_path):
    started = 0
    with zmq.Context() as context, context.socket(zmq.PULL) as socket:
        socket.linger = 0  # else libzmq may not end the context of who received from the killed
        socket.rcvhwm = 2
        socket.rcvbuf = 4096
        socket.rcvtimeo = 60_000
        socket.bind(f"ipc://{tmp_path}/dying" if over == "ipc" else "tcp://127.0.0.1:*")
        endpoint = socket.last_endpoint.decode()

        def restart():
            nonlocal started
            started += 1
            return start("pusher.py", endpoint, started * LIVES, how), started

        senders = [restart() for _ in range(3)]
        try:
            seen = receive_for(seconds, socket, senders, restart)
        finally:
            for sender, _ in senders:
                end(sender)
    assert len(seen) >= 6


@pytest.mark.parametrize("how", SENDS)
@pytest.mark.parametrize("over", ["ipc", "tcp"])
def test_dying_senders(over, how, tmp_path):
    dying_senders(over, how, 1, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", SENDS)
@pytest.mark.parametrize("over", ["ipc", "tcp"])
def test_dying_senders_for_long(over, how, tmp_path):
    dying_senders(over, how, 60, tmp_path)


# ---- a queue at its high-water mark


def full_queue(over, count, tmp_path):
    """With DONTWAIT each message is taken whole, or refused; what was taken comes, in order."""
    reports, counts = tmp_path / "reports", tmp_path / "counts"
    counts.touch()
    refused = 0
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.sndhwm = 2
        socket.sndtimeo = 60_000
        socket.bind(f"ipc://{tmp_path}/full" if over == "ipc" else "tcp://127.0.0.1:*")
        peer = start("puller.py", socket.last_endpoint.decode(), reports, counts, "framewire")
        try:
            for number in range(count):
                while True:
                    try:
                        SENDS["list" if number % 3 else "by hand"](socket, number, zmq.DONTWAIT)
                        break
                    except zmq.Again:
                        refused += 1
                        socket.poll(1000, zmq.POLLOUT)
            socket.send(b"stop")
            assert peer.wait(60) == 0
        finally:
            end(peer)
    assert not reports.exists(), reports.read_text()[:2000]
    assert refused > count / 100
    assert counts.stat().st_size == count, "lost or doubled"


@pytest.mark.parametrize("over", ["ipc", "tcp"])
def test_full_queue(over, tmp_path):
    full_queue(over, 10_000, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_million_messages_to_a_full_queue(tmp_path):
    full_queue("ipc", 1_000_000, tmp_path)
