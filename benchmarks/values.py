"""Values: a dict with arrays in it, a dict of scalars, and one record by each serializer."""

import pickle
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial

import msgspec
import numpy as np

import framewire

from . import trees
from .one_thread import HWM, inproc, jobs, seconds
from .one_thread import exchange as exchange_array
from .pairs import awake, throughput
from .peer import timer
from .report import AtLeast, AtMost, interleave, less, measured
from .results import Case
from .two_processes import HWM_LARGE

TARGETS = {"pickle": 8, "msgspec": 3, "dask": 15}


def encode_and_decode(key: str) -> float:
    """Seconds to frames and back, with all arrays read and compared."""
    if key == "read":
        return seconds("check(x)", {"check": trees.check, "x": trees.VALUE})
    codec = trees.CODECS[key]
    names = {"check": trees.check, "encode": codec.encode, "decode": codec.decode}
    return seconds("check(decode(encode(x)))", names | {"x": trees.VALUE})


def scalars(key: str) -> float:
    """Seconds to encode and decode a dict of six scalars."""
    if key == "msgspec":
        names = {"e": msgspec.msgpack.Encoder().encode, "d": msgspec.msgpack.Decoder().decode}
    elif key == "pickle":
        names = {"e": partial(pickle.dumps, protocol=5), "d": pickle.loads}
    else:
        names = {"e": framewire.dumps, "d": framewire.loads}
    return seconds("d(e(x))", names | {"x": trees.SCALARS})


def receive(key: str) -> float:
    """Seconds to receive a 1 KB array: batches that fit the queue, filled outside the timing."""
    batch = HWM // 2
    with inproc() as (a, b):
        values = {"framewire": framewire, "a": a, "b": b, "x": np.arange(128.0)}
        send = timer("framewire.send_array(a, x)", values)
        recv = timer(f"y = framewire.{key}(b)", values)
        took = []
        for _ in range(50):
            send.timeit(batch)
            took.append(recv.timeit(batch))
    return min(took) / batch


def with_arrays(rounds: int, scale: int) -> Iterator[Case]:
    what = "dict of 4 arrays of 64 KiB and 6 scalars"
    took = interleave(
        {key: partial(encode_and_decode, key) for key in ("tree-fw", *_keys("tree"), "read")},
        rounds,
    )
    yield measured(f"{what}, encode + decode, read and compared", took, shown="time")
    alone = min(took.pop("read"))
    yield measured(
        f"{what}, encode + decode, less the reading and comparing",
        less(took, alone),
        {f"tree-{name}": AtLeast(TARGETS[name]) for name in TARGETS},
        shown="time",
    )
    keys = ("value-fw", *_keys("value"))
    took = interleave(jobs(exchange_array, " ".join(keys), 8), rounds)
    yield measured(f"{what}, send + receive, inproc, read and compared", took, shown="time")
    yield measured(
        f"{what}, send + receive, inproc, less the reading and comparing",
        less(took, alone),
        {key: AtLeast(5) for key in keys[1:]},
        shown="time",
    )
    sizes = [array.nbytes for array in trees.ARRAYS.values()]
    pair = {
        key: partial(throughput, key, "ipc", sizes[0], 10_000 // scale, HWM_LARGE)
        for key in (*keys, "c-value")
    }
    for cores, state in ((nullcontext, "that may halt"), (awake, "kept awake")):
        with cores():
            took = interleave(pair, rounds)
        yield measured(
            f"{what}, between two processes, ipc, on cores {state}, read and compared",
            took,
            {key: AtLeast(1) for key in keys[1:]},
            size=sum(sizes),
            shown="payload",
        )


def _keys(prefix: str) -> list[str]:
    return [f"{prefix}-{name}" for name in TARGETS]


def run(rounds: int, scale: int) -> Iterator[Case]:
    yield from with_arrays(rounds, scale)
    yield measured(
        "dict of 6 scalars, encode + decode",
        interleave(
            {key: partial(scalars, key) for key in ("framewire", "msgspec", "pickle")}, rounds
        ),
        {"msgspec": AtMost(1.5)},
        shown="time",
    )
    yield measured(
        "1 KB array, receive alone, inproc",
        interleave({key: partial(receive, key) for key in ("recv_value", "recv_array")}, rounds),
        {"recv_array": AtMost(1.3)},
        shown="time",
    )
