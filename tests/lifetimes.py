"""What tests of lifetimes use: memory that can be watched as it dies, and patience."""

import gc
import sys
import time

import numpy as np

import framewire


def eventually(condition):
    """Run bytecode, and nothing else, until the condition holds."""
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    return condition()


def check_refcounts(things, work, times):
    """Work changes no reference count of the things; what it makes once, the first time does."""

    def counts():
        framewire.release()
        gc.collect()
        return [sys.getrefcount(thing) for thing in things]

    work()
    before = counts()
    for _ in range(times):
        work()
    assert eventually(lambda: counts() == before), (counts(), before)


class Watched(bytearray):
    """Memory that can be watched as it dies."""


def view_of(watched):
    return np.frombuffer(watched, "u1")
