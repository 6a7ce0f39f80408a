"""The contenders: each is a way to send a value and a way to receive it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import zmq

import framewire

from . import recipe

HEAD_SIZE = 24  # bytes: the head of a 1-D array


@dataclass(frozen=True)
class Contender:
    """Two statements, timed as they stand: a wrapper function would add a tenth to the fast ones.

    `send` sends `x` on the socket `a`; `recv` binds `y` to what arrives on the socket `b`. `pack`
    makes `x` of the array to be carried, outside the timing.
    """

    title: str
    send: str
    recv: str
    pack: Callable[[Any], Any] = lambda array: array


def framed(array: Any) -> list[bytes]:
    """A head's worth of bytes and the payload, as two frames."""
    return [bytes(HEAD_SIZE), array.tobytes()]


def joined(array: Any) -> bytes:
    """A head's worth of bytes and the payload, as one frame."""
    return b"".join(framed(array))


FW_RECV = "y = framewire.recv_array(b)"
FW_RECV_RAW = "y = framewire.recv_raw(b)"
RAW_RECV_INPLACE = "y = b.recv(copy=False)"

CONTENDERS = {
    "fw": Contender("framewire send_array/recv_array", "framewire.send_array(a, x)", FW_RECV),
    "fw-inplace": Contender(
        "framewire send_array(copy=False)", "framewire.send_array(a, x, copy=False)", FW_RECV
    ),
    "fw-tracked": Contender(
        "framewire send_array(copy=False, track=True)",
        "t = framewire.send_array(a, x, copy=False, track=True)",
        FW_RECV,
    ),
    # Memory: a new array each time, which only its own frame keeps alive.
    "fw-fresh": Contender(
        "framewire send_array(copy=False), new arrays",
        "framewire.send_array(a, x.copy(), copy=False)",
        FW_RECV,
    ),
    "fw-buffer": Contender(
        "framewire send_raw(copy=False)", "framewire.send_raw(a, x, copy=False)", FW_RECV_RAW
    ),
    "fw-buffer-tracked": Contender(
        "framewire send_raw(copy=False, track=True)",
        "t = framewire.send_raw(a, x, copy=False, track=True)",
        FW_RECV_RAW,
    ),
    "fw-frames": Contender(
        "framewire send_raw/recv_raw", "framewire.send_raw(a, x)", FW_RECV_RAW, framed
    ),
    "fw-one-frame": Contender(
        "one frame, copied", "framewire.send_raw(a, x, copy=True)", FW_RECV_RAW, joined
    ),
    "fw-two-frames": Contender(
        "two frames, copied", "framewire.send_raw(a, x, copy=True)", FW_RECV_RAW, framed
    ),
    "fw-two-inplace": Contender(
        "two frames, in place",
        "framewire.send_raw(a, x[0], SNDMORE); framewire.send_raw(a, x[1], copy=False)",
        FW_RECV_RAW,
        framed,
    ),
    "raw": Contender(
        "pyzmq send/recv, same bytes", "a.send(x)", "y = b.recv()", np.ndarray.tobytes
    ),
    "raw-inplace": Contender(
        "pyzmq send/recv(copy=False)", "a.send(x, copy=False)", RAW_RECV_INPLACE
    ),
    "raw-tracked": Contender(
        "pyzmq send(copy=False, track=True)",
        "t = a.send(x, copy=False, track=True)",
        RAW_RECV_INPLACE,
    ),
    "raw-frames": Contender(
        "pyzmq send_multipart/recv_multipart",
        "a.send_multipart(x)",
        "y = b.recv_multipart()",
        framed,
    ),
    "recipe": Contender("pyzmq's recipe", "recipe.send_array(a, x)", "y = recipe.recv_array(b)"),
    "recipe-inplace": Contender(
        "pyzmq's recipe, copy=False",
        "recipe.send_array(a, x, copy=False)",
        "y = recipe.recv_array(b, copy=False)",
    ),
}

# The contenders of loop.c, by the same rule; and the two kinds of sockets of drop_in.py.
OTHER_TITLES = {
    "c-bare": "C, send and receive alone",
    "c-array": "C, the same work",
    "c-inplace": "C, head and payload in place",
    "c-buffer": "C, one buffer in place",
    "c-frames": "C, two frames",
    "framewire": "framewire's socket",
    "pyzmq": "pyzmq's socket",
}


def title(key: str) -> str:
    """What a contender is called in the tables."""
    return OTHER_TITLES[key] if key in OTHER_TITLES else CONTENDERS[key].title


def names(a: Any, b: Any, contender: Contender, size: int) -> dict[str, Any]:
    """The names that a contender's statements use, for a payload of `size` bytes."""
    kind = np.float64 if size % 8 == 0 else np.uint8
    array = np.arange(size // np.dtype(kind).itemsize).astype(kind)
    value = contender.pack(array)
    return {
        "framewire": framewire,
        "recipe": recipe,
        "SNDMORE": zmq.SNDMORE,
        "a": a,
        "b": b,
        "x": value,
        "y": value,
    }
