"""Batches of every kind that `send_many` takes, and records whose fields belong together."""

import numpy as np

from framewire import Record, u32

FEW = 20


class Tick(Record):
    number: u32
    twice: u32


def ticks(first, count):
    rows = np.zeros(count, Tick.dtype)
    rows["number"] = np.arange(first, first + count)
    rows["twice"] = 2 * rows["number"]
    return rows


ARRAYS = np.arange(FEW * 3.0).reshape(FEW, 3)
LARGE = np.arange(4 * 2000.0).reshape(4, 2000)
BATCHES = {
    "records": ticks(0, FEW),
    "records as values": [Tick(i, 2 * i) for i in range(FEW)],
    "rows": ARRAYS,
    "arrays": list(ARRAYS),
    "large rows": LARGE,
    "values": [1, "two", {"three": 3}, b"x" * 20_000, [LARGE[0], None]],
    "iterator": range(FEW),
}


def batch(name):
    return iter(BATCHES[name]) if name == "iterator" else BATCHES[name]
