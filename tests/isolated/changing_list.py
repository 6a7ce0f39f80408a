"""A list of buffers that changes while it is sent: what it was when it was given is sent, or
nothing is. Never a message of no frames, and never in place what was to be copied."""

import numpy as np
import zmq

import framewire

SIZE = 100_000


def change():
    buffers[:] = new


class Sneaky(np.ndarray):
    """Changes the list when its dtype is looked at."""

    @property
    def dtype(self):
        change()
        return np.dtype("u1")


class Truth:
    """Changes the list when it is asked whether to copy."""

    def __bool__(self):
        change()
        return True


with zmq.Context() as context, context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
    pull.bind("inproc://changing")
    push.connect("inproc://changing")
    for copy in (None, Truth()):
        for each in ([], [b"other"], [bytes(SIZE)] * 3, [b"1"] * 1000, [None] * 3):
            new = each
            data = bytearray(b"y" * SIZE)
            last = np.zeros(10, "u1").view(Sneaky)
            given = [bytes(data), bytes(data), bytes(10)]
            buffers = [data, data, last]
            try:
                framewire.send_raw(push, buffers, copy=copy)
            except (TypeError, ValueError):
                continue
            data[:] = b"z" * SIZE
            pull.rcvtimeo = 5000
            received = framewire.recv_raw(pull)
            assert received == given, [bytes(frame[:3]) for frame in received]
    framewire.send_raw(push, [b"the", b"next"])
    assert framewire.recv_raw(pull) == [b"the", b"next"]
