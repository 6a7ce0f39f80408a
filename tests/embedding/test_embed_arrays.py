"""Arrays of framewire.embed: to and from Python, and what it says of wrong ones."""

import errno

import numpy as np
import pytest
import zmq
from compiled import direct

import framewire

pytestmark = direct


SIZES = [0, 1, 1024, 1025, 100_000]  # of arrays of 8 bytes: up to 8 KiB in the head's frame


@pytest.mark.parametrize("n", SIZES)
def test_arrays_arrive_in_python(calls, connect, over, n):
    here, there = connect(over=over)
    sent = np.arange(n, dtype="f8")
    assert calls.send_array(here, calls.F64, [n], sent.tobytes()) == calls.OK
    received = framewire.recv_array(there)
    np.testing.assert_array_equal(received, sent)
    assert received.dtype == sent.dtype


@pytest.mark.parametrize("n", SIZES)
def test_arrays_come_from_python(calls, connect, over, n):
    here, there = connect(over=over)
    sent = np.arange(n, dtype="f8")
    framewire.send_array(here, sent)
    assert calls.recv_array(there, calls.F64, 8 * n) == (0, (n,), sent.tobytes(), (0, 0, 0))


@pytest.mark.parametrize("shape", [(), (2, 3), (1,) * 64, (5, 0, 2)], ids=len)
def test_shapes(calls, pair, shape):
    here, there = pair
    data = np.arange(np.prod(shape, dtype=int), dtype="f4").tobytes()
    assert calls.send_array(here, calls.F32, shape, data) == calls.OK
    assert calls.recv_array(there, calls.F32, 100) == (0, shape, data, (0, 0, 0))


def test_frames_are_those_of_send_array(calls, connect):
    here, there = connect(zmq.PUSH, zmq.PULL)
    for n in (1024, 1025):
        sent = np.arange(n, dtype=">f8")
        calls.send_array(here, calls.F64 | calls.BIG, [n], sent.tobytes(), calls.Extras(b"t"))
        framewire.send_array(here, sent, topic=b"t")
        assert framewire.recv_multipart(there) == framewire.recv_multipart(there)


@pytest.mark.parametrize("n", [3, 3000])
def test_topic_stamp_and_packed(calls, connect, n):
    pub, sub = connect(zmq.XPUB, zmq.SUB)
    sub.subscribe(b"imu")
    assert pub.recv() == b"\x01imu"
    data = np.arange(n, dtype="f8").tobytes()
    for packed in (False, True):
        extras = calls.Extras(b"imu", (7, 8, 9), packed)
        for _ in range(3):
            assert calls.send_array(pub, calls.F64, [n], data, extras) == calls.OK
        assert calls.recv_array(sub, calls.F64, 8 * n) == (0, (n,), data, (7, 8, 9))
        assert calls.recv_message(sub) == (0, 1, data, b"imu")
        frames = framewire.recv_multipart(sub)
        assert len(frames) == (2 if packed or n == 3 else 3)
        assert framewire.loads(frames[1:]).tobytes() == data


def test_router(calls, connect):
    router, dealer = connect(zmq.ROUTER, zmq.DEALER, routing_id=b"\xc1\x46peer")
    framewire.send_array(dealer, np.arange(3.0))
    data = np.arange(3.0).tobytes()
    assert calls.recv_message(router) == (0, 1, data, b"\xc1\x46peer")
    extras = calls.Extras(b"\xc1\x46peer")
    assert calls.send_array(router, calls.F64, [3], data, extras) == calls.OK
    assert framewire.recv_array(dealer).tobytes() == data


def test_wrong_arrays_are_not_sent(calls, connect):
    here, there = connect()
    wrong = [
        (calls.send_array(here, 0, [1], b""), calls.ERR_DTYPE),
        (calls.send_array(here, 99, [1], b""), calls.ERR_DTYPE),
        (calls.send_array(here, -1, [1], b""), calls.ERR_DTYPE),
        (calls.send_array(here, calls.F64, [1] * 65, b""), calls.ERR_NDIM),
        (calls.send_array(here, calls.F64, [], b"", ndim=-1), calls.ERR_NDIM),
        (calls.send_array(here, calls.F64, [2**61], b""), calls.ERR_SHAPE),
        (calls.send_array(here, calls.F64, [2**62, 2**62], b""), calls.ERR_SHAPE),
        (calls.send_array(here, calls.F64, [2**63, 0], b""), calls.ERR_SHAPE),
        (calls.errno_of(calls.send_array(here, calls.F64, [0], b"", None, 2)), errno.EINVAL),
        (
            calls.errno_of(calls.send_array(here, calls.F64, [0], b"", calls.Extras(b"\xc1\x46"))),
            errno.EINVAL,
        ),
        # more memory than there is
        (
            calls.errno_of(
                calls.send_array(here, calls.F64, [2**59], b"", calls.Extras(b"a", None, True))
            ),
            errno.ENOMEM,
        ),
    ]
    for found, expected in wrong:
        assert found == expected
    with pytest.raises(zmq.Again):
        there.recv(zmq.DONTWAIT)
    assert calls.send_array(here, calls.F64, [1], bytes(8)) == calls.OK
    assert framewire.recv_array(there).shape == (1,)


# What recv_array of up to two float64 says of messages, each sent by framewire or by hand.
HEAD = framewire.dumps(np.arange(2.0))[0]
BESIDE = framewire.dumps(np.arange(3000.0))
WRONG = {
    "another dtype": ("ERR_MISMATCH", lambda s: framewire.send_array(s, np.arange(2, dtype="f4"))),
    "big-endian": ("ERR_MISMATCH", lambda s: framewire.send_array(s, np.arange(2, dtype=">f8"))),
    "described": ("ERR_MISMATCH", lambda s: framewire.send_array(s, np.zeros(2, "M8[s]"))),
    "Fortran": ("ERR_MISMATCH", lambda s: framewire.send_array(s, np.ones((1, 2, 2), order="F"))),
    "broadcast": (
        "ERR_MISMATCH",
        lambda s: framewire.send_array(s, np.broadcast_to(np.ones(1), (9, 1))),
    ),
    "json": ("ERR_MISMATCH", lambda s: framewire.send_value(s, [1], serializer="json")),
    "several buffers": (
        "ERR_MISMATCH",
        lambda s: framewire.send_value(s, {"a": np.ones(3000), "b": np.ones(3000)}),
    ),
    "too large": ("ERR_SPACE", lambda s: framewire.send_array(s, np.arange(3.0))),
    "too large, of two frames": ("ERR_SPACE", lambda s: framewire.send_array(s, np.ones(3000))),
    "the recipe": (
        "ERR_FOREIGN",
        lambda s: s.send_multipart([b'{"dtype":"<f8","shape":[2]}', bytes(16)]),
    ),
    "one frame": ("ERR_FOREIGN", lambda s: s.send(b"hello")),
    "no bytes": ("ERR_FOREIGN", lambda s: s.send(b"")),
    "many frames": ("ERR_FOREIGN", lambda s: s.send_multipart([b"%d" % i for i in range(50)])),
    "a frame too many": ("ERR_FRAMES", lambda s: s.send_multipart([HEAD, b"more"])),
    "ten too many": ("ERR_FRAMES", lambda s: s.send_multipart([*BESIDE, *[b"more"] * 10])),
    "a frame too few": ("ERR_FRAMES", lambda s: s.send(BESIDE[0])),
    "a short frame": ("ERR_FRAMES", lambda s: s.send_multipart([BESIDE[0], BESIDE[1][:-1]])),
    "a long frame": ("ERR_FRAMES", lambda s: s.send_multipart([BESIDE[0], bytes(24_001)])),
    "a topic": ("ERR_FRAMES", lambda s: s.send_multipart([b"t", *BESIDE, b""])),
    "trailing": ("ERR_TRAILING", lambda s: s.send(bytes(HEAD) + b"!")),
    "payload": ("ERR_PAYLOAD", lambda s: s.send(bytes(HEAD[:8]) + b"\x0f" + bytes(HEAD[9:]))),
}


@pytest.mark.parametrize("over", ["inproc", "ipc"])
@pytest.mark.parametrize("name", WRONG)
def test_wrong_arrays_are_received_whole(calls, connect, over, name):
    here, there = connect(over=over)
    expected, send = WRONG[name]
    send(here)
    framewire.send_array(here, np.arange(2.0))
    rc, _, data, _ = calls.recv_array(there, calls.F64, 16)
    assert (rc, data) == (getattr(calls, expected), None)
    with pytest.raises(framewire.DecodeError) as raised:
        calls.check(rc)
    assert raised.value.code == expected[4:].lower()
    assert isinstance(raised.value, framewire.SchemaError) == (expected == "ERR_MISMATCH")
    assert calls.recv_array(there, calls.F64, 16)[:3] == (0, (2,), np.arange(2.0).tobytes())


def test_arrays_cut_at_every_byte(calls, pair):
    here, there = pair
    for n in range(len(HEAD)):
        here.send(bytes(HEAD[:n]))
        expected = calls.ERR_FOREIGN if n < 2 else calls.ERR_TRUNCATED
        assert calls.recv_array(there, calls.F64, 16)[0] == expected


def test_shape_that_was_too_large(calls, pair):
    here, there = pair
    framewire.send_array(here, np.ones((7, 1000)))
    assert calls.recv_array(there, calls.F64, 55_999)[:2] == (calls.ERR_SPACE, (7, 1000))
