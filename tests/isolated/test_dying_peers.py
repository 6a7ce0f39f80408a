"""Receivers are killed and started again while messages of several frames are sent to them.

No receiver sees part of a message, or two glued together. A message may be lost, whole.
"""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zmq

import framewire

PULLER = Path(__file__).parent / "puller.py"


def labels(number):
    count = 2 + number % 5
    return [b"%d:%d:%d:" % (number, index, count) for index in range(count)]


def send_list(socket, number, flags):
    """One call; frames short and long, copied and in place."""
    frames = labels(number)
    frames[number % len(frames)] = frames[number % len(frames)].ljust(20_000)
    framewire.send_raw(socket, frames, flags)


def send_by_hand(socket, number, flags):
    """Two frames with SNDMORE, then an array: a topic, its head, its payload."""
    label = [b"%d:%d:5:" % (number, index) for index in range(5)]
    framewire.send_raw(socket, label[0], flags | zmq.SNDMORE)
    # the message is begun, and must be finished even if a peer was lost
    lost = None
    try:
        framewire.send_raw(socket, label[1].ljust(number % 2 * 20_000), flags | zmq.SNDMORE)
    except zmq.Again as error:
        lost = error
    array = np.frombuffer(label[4].ljust(20_000), "u1")
    framewire.send_array(socket, array, flags, topic=label[2], meta=label[3])
    if lost:
        raise lost


SENDS = {"list": send_list, "by hand": send_by_hand}


def start(endpoint, reports, counts):
    return subprocess.Popen([sys.executable, PULLER, endpoint, reports, counts])


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
                peers[peer].kill()
                peers[peer].wait()
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
            return start(endpoint, reports, counts)

        peers = [restart() for _ in range(3)]
        try:
            accepted, killed = send_for(seconds, send, socket, flags, peers, restart, counts)
        finally:
            for peer in peers:
                peer.kill()
                peer.wait()
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
