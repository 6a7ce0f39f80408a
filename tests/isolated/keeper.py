"""A receiver that keeps one small array of each thousand: memory is proportional to what it keeps.

Arguments: an endpoint to connect to, how many arrays will come, and how they are received. libzmq
receives small frames into buffers of 8 KiB that they share; a view of one would keep all of it.
"""

import sys

import numpy as np
import psutil
import zmq

import framewire

EVERY = 1000
endpoint, count, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = framewire.Context()
pull = context.socket(zmq.PULL)
pull.rcvtimeo = 60_000
pull.connect(endpoint)
kept, number = [], 0


def receive():
    """The next arrays."""
    if how == "array":
        return [pull.recv_array()]
    if how == "value":
        return [pull.recv_value()]
    if how == "copy":
        return [pull.recv_array(copy=True)]
    if how == "raw":
        return [pull.recv_raw()[-1]]
    return pull.recv_many(500, -1)


def resident():
    return psutil.Process().memory_info().rss


first = count // 10  # arrays that warm it up
before = None
while number < count:
    for each in receive():
        if number % EVERY == 0:
            kept.append(each)
        if number == first:
            before = resident()
        number += 1
grown = resident() - before
for i, each in enumerate(kept):
    if how != "raw":
        assert np.array_equal(each, np.full(12, i * EVERY)), i
# 96 bytes, and the objects around them; a shared buffer is 8 KiB
allowed = 1000 * len(kept) + (1 << 20)
assert grown < allowed, f"{grown} bytes for {len(kept)} arrays"
context.destroy(linger=0)
