"""recv_into, which pyzmq has from 26.4 on: what it does there, framewire does with every pyzmq."""

import array

import numpy as np
import pytest
import zmq
from outcomes import outcome, queued

import framewire

compared = pytest.mark.skipif(
    not hasattr(zmq.Socket, "recv_into"), reason="pyzmq has it from 26.4 on"
)
INTO = {
    "bytearray": lambda: bytearray(b"-" * 10),
    "nothing": lambda: bytearray(),
    "memoryview": lambda: memoryview(bytearray(b"-" * 4)),
    "array": lambda: array.array("i", [1, 2, 3]),
    "numpy": lambda: np.zeros(3),
    "2-d numpy": lambda: np.zeros((2, 2), "u1"),
    "Fortran": lambda: np.zeros((2, 3), "u1", "F"),
    "strided": lambda: memoryview(bytearray(10))[::2],
    "strided numpy": lambda: np.zeros(10, "u1")[::2],
    "bytes": lambda: b"-" * 10,
    "read-only numpy": lambda: np.frombuffer(b"-" * 10, "u1"),
    "str": lambda: "text",
    "None": lambda: None,
    "list": lambda: [1, 2],
    "Frame": lambda: zmq.Frame(b"-" * 10),
}


@compared
@pytest.mark.parametrize("kind", INTO)
def test_recv_into(alike, kind):
    """Good and bad buffers; what is in them afterwards; what is left in the queue."""

    def act(here, there):
        seen = {}
        for how in [
            {},
            {"nbytes": 3},
            {"nbytes": 0, "flags": zmq.DONTWAIT},
            {"nbytes": 11},
            {"nbytes": -1},
            {"nbytes": None},
            {"nbytes": "1"},
            {"flags": None},
            {"count": 1},
        ]:
            for frames in ([b"abc"], [b"a", b""], [b"0123456789abcdef" * 10]):
                zmq.Socket.send_multipart(here, frames)
                target = INTO[kind]()
                result = outcome(there.recv_into, target, **how)
                content = np.asarray(target).tolist()
                more = there.get(zmq.RCVMORE)
                seen[f"{how} of {frames}"] = result, content, more, queued(there)
        return seen

    alike(act)


@compared
def test_recv_into_takes_the_buffer_by_position_only(alike):
    def act(here, there):
        here.send(b"abc")
        return {
            "by name": outcome(there.recv_into, buffer=bytearray(3)),
            "too many": outcome(there.recv_into, bytearray(3), 3),
            "too few": outcome(there.recv_into),
            "right": outcome(there.recv_into, bytearray(3), flags=zmq.DONTWAIT),
            "nothing left": outcome(there.recv_into, bytearray(3), flags=zmq.DONTWAIT),
        }

    alike(act)


def test_recv_into_works_with_every_pyzmq(pair):
    target = bytearray(b"-" * 5)
    pair[0].send_multipart([b"abc", b"0123456789"])
    assert (pair[1].recv_into(target), target) == (3, b"abc--")
    assert (framewire.recv_into(pair[1], target), target) == (10, b"01234")
