"""Tell when libzmq is done with a message that was sent in place."""

import time
from collections.abc import Sequence
from typing import Any

import zmq

from ._buffers import Buffer, generation, release, wait_for_release

__all__ = ["MessageTracker"]

_NOTHING: set[Any] = set()
_SLICE = 0.1  # seconds between looks for signals


class MessageTracker(zmq.MessageTracker):
    """Done when libzmq has released every frame of the message (pyzmq's covers the last one only).

    A message that was copied is done at once. Usable wherever a `zmq.MessageTracker` is.
    """

    def __init__(self, buffers: Sequence[Buffer] = (), *towatch: zmq.Frame) -> None:
        self._buffers = buffers
        # what pyzmq's own tracker watches: nothing, unless the frames went through pyzmq
        self.events = _NOTHING
        self.peers = _NOTHING
        if towatch:
            super().__init__(*towatch)

    @property
    def done(self) -> bool:
        """Is libzmq done with every frame?"""
        release()
        return all(buffer.released for buffer in self._buffers) and super().done

    def wait(self, timeout: float = -1) -> None:
        """Sleep, without the GIL, until `done`.

        Parameters
        ----------
        timeout : float
            In seconds; negative, the default, or False: forever.

        Raises
        ------
        zmq.NotDone
            The time is over.
        """
        forever = timeout is False or timeout < 0
        deadline = time.monotonic() + timeout
        while True:
            seen = generation()
            release()
            if all(buffer.released for buffer in self._buffers):
                break
            left = _SLICE if forever else deadline - time.monotonic()
            if left <= 0:
                raise zmq.NotDone
            wait_for_release(seen, min(left, _SLICE))
        super().wait(-1 if forever else max(0.0, deadline - time.monotonic()))
