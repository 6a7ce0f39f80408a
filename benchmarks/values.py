"""Values: a dict with arrays in it, a dict of scalars, and one record by each serializer."""

from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from importlib.util import find_spec

import msgspec
import numpy as np

import framewire

from . import trees
from .one_thread import HWM, inproc, jobs, seconds
from .one_thread import exchange as exchange_array
from .pairs import awake, throughput
from .peer import timer
from .report import AtLeast, AtMost, Case, best
from .two_processes import HWM_LARGE

OTHERS = ["pickle", "msgspec"] + ["dask"] * (find_spec("distributed") is not None)
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
    took = best(
        {key: partial(encode_and_decode, key) for key in ("tree-fw", *_keys("tree"), "read")},
        rounds,
    )
    yield Case(f"{what}, encode + decode, read and compared", took, latency=True)
    alone = took.pop("read")
    yield Case(
        f"{what}, encode + decode, less the reading and comparing",
        {key: each - alone for key, each in took.items()},
        {f"tree-{name}": AtLeast(TARGETS[name]) for name in OTHERS},
        latency=True,
    )
    keys = ("value-fw", *_keys("value"))
    took = best(jobs(exchange_array, " ".join(keys), 8), rounds)
    yield Case(f"{what}, send + receive, inproc, read and compared", took, latency=True)
    yield Case(
        f"{what}, send + receive, inproc, less the reading and comparing",
        {key: each - alone for key, each in took.items()},
        {key: AtLeast(5) for key in keys[1:]},
        latency=True,
    )
    sizes = [array.nbytes for array in trees.ARRAYS.values()]
    pair = {
        key: partial(throughput, key, "ipc", sizes[0], 20_000 // scale, HWM_LARGE)
        for key in (*keys, "c-value")
    }
    for cores, state in ((nullcontext, "that may halt"), (awake, "kept awake")):
        with cores():
            took = best(pair, rounds)
        yield Case(
            f"{what}, between two processes, ipc, on cores {state}, read and compared",
            took,
            {key: AtLeast(1) for key in keys[1:]},
            size=sum(sizes),
        )


def _keys(prefix: str) -> list[str]:
    return [f"{prefix}-{name}" for name in OTHERS]


def run(rounds: int, scale: int) -> Iterator[Case]:
    yield from with_arrays(rounds, scale)
    yield Case(
        "dict of 6 scalars, encode + decode",
        best({key: partial(scalars, key) for key in ("framewire", "msgspec")}, rounds),
        {"msgspec": AtMost(1.5)},
        latency=True,
    )
    yield Case(
        "1 KB array, receive alone, inproc",
        best({key: partial(receive, key) for key in ("recv_value", "recv_array")}, rounds),
        {"recv_array": AtMost(1.3)},
        latency=True,
    )
