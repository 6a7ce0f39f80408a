"""Messages of framewire.embed in place: read, forwarded, hostile."""

import errno
import struct
from random import Random

import numpy as np
import pytest
import zmq
from compiled import direct
from documents import ROOT

import framewire

pytestmark = direct

HEAD = framewire.dumps(np.arange(2.0))[0]
BESIDE = framewire.dumps(np.arange(3000.0))


@pytest.mark.parametrize("over", ["inproc", "ipc"])
def test_forwarded(calls, connect, over):
    here, there = connect(zmq.PUSH, zmq.PULL, over)
    sender, receiver = connect(zmq.PUSH, zmq.PULL, over)
    for envelope, topic in [([], []), ([b"a"], [b"a"]), ([b"a", b"b"], [b"b"])]:
        for frames in ([HEAD], BESIDE):
            here.send_multipart([*envelope, *frames])
            rc, again = calls.forward(there, sender)
            assert (rc, calls.errno_of(again)) == (0, errno.EINVAL)
            assert receiver.recv_multipart() == [*topic, *map(bytes, frames)]


def test_not_forwarded(calls, connect, quick, ctx):
    here, there = connect(zmq.PUSH, zmq.PULL)
    alone = quick(ctx.socket(zmq.PUSH))
    alone.bind("inproc://alone")
    here.send_multipart(BESIDE)
    rc, again = calls.forward(there, alone, zmq.DONTWAIT)
    assert calls.errno_of(rc) == calls.errno_of(again) == errno.EAGAIN


def test_frames_of_pyzmq_in_place(calls, connect):
    """Closing them calls pyzmq's free function, which waits for a thread that wants the GIL."""
    here, there = connect(zmq.PUSH, zmq.PULL)
    head, payload = map(bytes, BESIDE)
    for _ in range(500):
        here.send_multipart([head, payload], copy=False)
        assert calls.recv_array(there, calls.F64, 24_000)[0] == calls.OK


def test_in_flight_from_framewire(calls, connect):
    here, there = connect(zmq.PUSH, zmq.PULL)
    array = np.ones(3000)
    for _ in range(100):
        tracker = framewire.send_array(here, array, copy=False, track=True)
        assert calls.recv_message(there)[2] == array.tobytes()
        tracker.wait(5)


# What does not show in a head and its frames: recv_message leaves it to who reads the payload.
LATER = {"buffers", "description", "limit", "metadata", "schema", "tail", "tree"}


def golden():
    """The golden messages: their frames, and what is wrong with them or None."""
    for block in (ROOT / "tests/golden/expect.txt").read_text("utf-8").strip().split("\n\n"):
        expect = dict(line.split(" ", 1) for line in block.splitlines())
        data = (ROOT / f"tests/golden/{expect['name']}.frames").read_bytes()
        frames, at = [], 4
        while at < len(data):
            (size,) = struct.unpack_from("<I", data, at)
            frames.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        yield frames, expect.get("error")


def test_golden_messages(calls, connect):
    here, there = connect(zmq.PUSH, zmq.PULL)
    good = 0
    for frames, error in golden():
        here.send_multipart([*frames])
        rc, _, payload, _ = calls.recv_message(there)
        if error is None or error in LATER:
            assert rc in (calls.OK, calls.ERR_MISMATCH)  # the latter has several buffers
            good += rc == calls.OK
            assert rc == calls.ERR_MISMATCH or payload in b"".join(frames)
        elif rc not in (calls.OK, calls.ERR_MISMATCH):
            with pytest.raises(framewire.DecodeError) as raised:
                calls.check(rc)
            assert raised.value.code == error.replace("magic", "foreign")
    assert good > 100


def test_changed_at_random(calls, connect):
    here, there = connect(zmq.PUSH, zmq.PULL)
    random = Random(5)
    layout = calls.Layout(0x2A23C318E4651922, 20, [4, 12])
    messages = [frames for frames, _ in golden() if len(b"".join(frames)) < 10_000]
    for _ in range(10_000):
        frames = [bytearray(frame) for frame in random.choice(messages)]
        changed = random.choice(frames)
        for _ in range(min(random.randrange(4), len(changed))):
            changed[random.randrange(min(len(changed), 80))] = random.choice([0, 1, 127, 255])
        for receive in (
            lambda: calls.recv_message(there),
            lambda: calls.recv_array(there, calls.F64, 100),
            lambda: calls.recv_record(there, layout, 100),
        ):
            here.send_multipart(frames)
            assert receive()[0] > -200
            assert not there.poll(0)
