"""Sending the messages of a recording again, each when it is due."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator

import zmq

import framewire
from framewire.recording import Recorded, Recording

__all__ = ["Replay"]

_LONG = 1.0  # seconds that nothing is taken before it is said who does not
_NAP = 0.05  # seconds between two looks at what else there is


class Replay:
    """A replay that is under way.

    Parameters
    ----------
    path, recording
        The file, for what is shown, and its messages.
    receiver
        Who is to receive, in words.
    socket
        What sends them; its SNDTIMEO says how long it takes at most to see that it is to end.
    begin, end
        From which time to which, in seconds since the recording was created.
    speed
        How many times as fast as they came; infinity for as fast as they can be sent.
    loop
        Begin again at the end.

    Attributes
    ----------
    messages, nbytes : int
        Sent so far, and the bytes of all their frames.
    position : float
        The time in the recording, in seconds since `begin`.
    waits : str
        For whom it waits; empty while it sends.
    late, latest : float
        How long after it was due the last message was sent, and the one that was latest, in
        seconds; 0 at infinite speed.
    """

    def __init__(
        self,
        path: str,
        recording: Recording,
        receiver: str,
        socket: framewire.Socket,
        begin: float = 0.0,
        end: float = math.inf,
        speed: float = 1.0,
        loop: bool = False,
    ) -> None:
        self.path = path
        self.waits = ""
        self._receiver = receiver
        self._recording = recording
        self._socket = socket
        self._speed = speed
        self._loop = loop
        self._start = recording.find(begin)
        self._stop = recording.find(end)
        self._begin = begin
        self.empty = self._start >= self._stop
        self.seconds = max(0.0, min(end, recording.seconds) - begin)
        self.messages = self.nbytes = 0
        self.position = self.late = self.latest = 0.0

    @property
    def skipped(self) -> int:
        """Damaged places in the recording."""
        return self._recording.skipped

    @property
    def refused(self) -> int:
        """Messages over a limit in the recording, which others may take."""
        return self._recording.refused

    def wait(self, seconds: float) -> Iterator[float]:
        """Wait until somebody receives, and yield the time meanwhile.

        Raises
        ------
        TimeoutError
            Nobody does after so many seconds.
        """
        event = zmq.POLLIN if self._socket.type == zmq.XPUB else zmq.POLLOUT
        end = time.monotonic() + seconds
        while not self._socket.poll(int(_NAP * 1000), event):
            now = time.monotonic()
            if now >= end:
                raise TimeoutError(f"nobody receives, after {seconds:g} s")
            self.waits = self._receiver
            yield now
        self.waits = ""

    def run(self) -> Iterator[float]:
        """Send all messages, and yield the time every now and then."""
        yielded = -math.inf
        for message, due in self._due():
            now = time.monotonic()
            while now < due or now - yielded > _NAP:
                # What is done at a yield takes some ms: not right before a message.
                if due - now > _NAP or now - yielded > _NAP:
                    self._drain()
                    yield now
                    yielded = time.monotonic()
                time.sleep(max(0, min(_NAP / 2, due - time.monotonic())))
                now = time.monotonic()
            self.late = 0.0 if math.isinf(self._speed) else now - due
            self.latest = max(self.late, self.latest)
            while True:
                try:
                    framewire.send_raw(self._socket, message.frames)
                    break
                except zmq.Again:
                    tried = time.monotonic()
                    if not self.messages or tried - now > _LONG:  # else it is merely slow
                        self.waits = self._receiver
                    yield tried
            self.waits = ""
            self.messages += 1
            self.nbytes += sum(map(len, message.frames))
            self.position = message.elapsed / 1e9 - self._begin

    def _due(self) -> Iterator[tuple[Recorded, float]]:
        """Each message and when it is to be sent, the first one at once."""
        while True:
            first = None
            for message in self._recording.read(self._start, self._stop):
                if first is None:
                    first, started = message.elapsed, time.monotonic()
                yield message, started + (message.elapsed - first) / 1e9 / self._speed
            if first is None or not self._loop:
                return

    def _drain(self) -> None:
        """Take what subscribers say, which would pile up."""
        with contextlib.suppress(zmq.Again):
            while self._socket.type == zmq.XPUB:
                self._socket.recv(zmq.DONTWAIT)
