"""What tests of lifetimes use: memory that can be watched as it dies, and patience."""

import time

import numpy as np


def eventually(condition):
    """Run bytecode, and nothing else, until the condition holds."""
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    return condition()


class Watched(bytearray):
    """Memory that can be watched as it dies."""


def view_of(watched):
    return np.frombuffer(watched, "u1")
