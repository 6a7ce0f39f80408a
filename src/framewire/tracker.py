"""Tell when libzmq is done with a message that was sent in place."""

import math
import time
from collections.abc import Sequence
from typing import Any

import zmq

from ._buffers import Buffer, generation, release, wait_for_release

__all__ = ["MessageTracker"]


class MessageTracker(zmq.MessageTracker):
    """Done when libzmq has released every frame of the message (pyzmq's covers the last one only).

    A message that was copied is done at once. Usable wherever a `zmq.MessageTracker` is.
    """

    # what pyzmq's own tracker watches: nothing
    events: set[Any] = set()  # noqa: RUF012
    peers: set[Any] = set()  # noqa: RUF012

    def __init__(self, buffers: Sequence[Buffer] = ()) -> None:
        self._buffers = buffers

    @property
    def done(self) -> bool:
        """Is libzmq done with every frame?"""
        release()
        return all(buffer.released for buffer in self._buffers)

    def wait(self, timeout: float = -1) -> None:
        """Sleep, without the GIL, until `done`.

        Parameters
        ----------
        timeout : float
            In seconds; negative, the default, or False: forever.

        Raises
        ------
        zmq.NotDone
            The time is over, or the interpreter ends and framewire's exit handler has run.
        """
        forever = timeout is False or timeout < 0
        deadline = math.inf if forever else time.monotonic() + float(timeout)
        while True:
            seen = generation()
            release()
            if all(buffer.released for buffer in self._buffers):
                return
            if not wait_for_release(seen, deadline):
                raise zmq.NotDone
