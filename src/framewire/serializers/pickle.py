"""pickle: any Python object. Protocol 5, with large buffers out of band.

An array, or anything else that pickles its memory as a `pickle.PickleBuffer`, is sent in place if
it is over 8 KiB. It is received as a read-only view of the message; smaller ones are copies.

Unpickling runs what the sender chose: a receiver takes it only if its codec's `allow` names it.
"""

import pickle
from collections.abc import Callable, Sequence
from typing import Any

from .registry import register

SMALL = 8192  # bytes: frames up to this size are not sent in place


def dump_out_of_band(dump: Callable[..., bytes], value: Any) -> tuple[None, list[Any]]:
    """The pickle of a value, then its large buffers. `dump` is `pickle.dumps`, or alike."""
    buffers: list[memoryview] = []

    def in_band(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()  # one-dimensional; pickle has seen to it that it is contiguous
        if raw.nbytes > SMALL:
            buffers.append(raw)
        return raw.nbytes <= SMALL

    pickled = dump(value, protocol=5, buffer_callback=in_band)
    return None, [pickled, *buffers]


def load_out_of_band(
    load: Callable[..., Any], header: str | None, frames: Sequence[memoryview]
) -> Any:
    """The inverse. `load` is `pickle.loads`, or alike."""
    if header or not frames:
        raise ValueError("a pickle has no header, and at least one frame")
    return load(frames[0], buffers=frames[1:])


def dumps(value: Any) -> tuple[None, list[Any]]:
    """Pickle a value."""
    return dump_out_of_band(pickle.dumps, value)


def loads(header: str | None, frames: Sequence[memoryview]) -> Any:
    """Unpickle a value. Its large buffers are the frames themselves, read-only."""
    return load_out_of_band(pickle.loads, header, frames)


register("pickle", dumps, loads, unsafe=True)
