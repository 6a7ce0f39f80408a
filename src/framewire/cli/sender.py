"""The demo's sending process: ``python -m framewire.cli.sender ENDPOINT``.

It samples the machine as fast as it goes and pushes what it reads, until its standard input ends:
that is how its parent stops it, and what happens by itself when the parent dies.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import zmq

import framewire
from framewire.cli.telemetry import Reading, Sample, open_source

HISTORY_LENGTH = 256
"""The number of CPU samples in a message of the stream ``history``."""

END = b"end"
"""The only frame of the last message."""

# How long a send blocks, in ms, before it looks whether anybody is still there.
_SEND_TIMEOUT = 500
_LINGER = 1000


class TelemetrySender:
    """Sends samples on a PUSH socket, each reading on a stream with sequence numbers of its own.

    Arrays carry their stream as topic, and as metadata ``seq``, ``time`` (ns since the epoch),
    ``unit`` and ``fields``. The text goes as raw frames ``[b"text", seq, text]``: these have no
    head that could carry metadata. Sends block while the receiver's queue is full.

    Parameters
    ----------
    socket
        A connected socket with a send timeout.
    stopped
        Set when the receiver wants no more.
    """

    def __init__(self, socket: framewire.Socket, stopped: threading.Event) -> None:
        self._socket = socket
        self._stopped = stopped
        self._sent: Counter[str] = Counter()
        self._history: list[npt.NDArray[Any]] = []

    def send(self, sample: Sample) -> None:
        """Send all that a sample holds, and the history when it has come together."""
        now = time.time_ns()
        for reading in sample.readings:
            self._send_array(reading, now)
        # The number in decimal digits: a binary one would some day begin like a head.
        self._deliver(self._socket.send_raw, [b"text", b"%d" % self._sent["text"], sample.text])
        self._sent["text"] += 1
        self._send_history(sample.readings[0], now)

    def end(self) -> None:
        """Tell the receiver that nothing follows."""
        self._deliver(self._socket.send_raw, END)

    def _send_history(self, cpu: Reading, now: int) -> None:
        if self._history and self._history[0].shape != cpu.values.shape:
            self._history.clear()  # a core was plugged in or out
        self._history.append(cpu.values)
        if len(self._history) == HISTORY_LENGTH:
            # Large enough for a frame of its own. Nobody writes to this fresh array any more, so
            # it travels in place.
            block = np.stack(self._history)
            self._send_array(Reading("history", block, cpu.unit, cpu.fields), now, copy=False)
            self._history.clear()

    def _send_array(self, reading: Reading, now: int, copy: bool | None = None) -> None:
        name = reading.stream
        meta = {
            "seq": self._sent[name],
            "time": now,
            "unit": reading.unit,
            "fields": reading.fields,
        }
        self._deliver(self._socket.send_array, reading.values, copy=copy, topic=name, meta=meta)
        self._sent[name] += 1

    def _deliver(self, send: Any, *args: Any, **kwargs: Any) -> None:
        """Send, however long the receiver makes us wait, but not past the end of the demo."""
        while True:
            try:
                send(*args, **kwargs)
                return
            except zmq.Again:
                if self._stopped.is_set():
                    raise


def watch_input() -> threading.Event:
    """Return an event that is set when the standard input ends."""
    ended = threading.Event()

    def wait() -> None:
        # Not sys.stdin: its lock, held here, would hang the interpreter's exit.
        while os.read(0, 4096):
            pass
        ended.set()

    threading.Thread(target=wait, name="watch_input", daemon=True).start()
    return ended


def send_telemetry(endpoint: str) -> None:
    """Send telemetry to `endpoint` until the standard input ends.

    Raises
    ------
    ImportError
        A package that sampling needs is missing.
    """
    stopped = watch_input()
    source = open_source()
    with framewire.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.sndtimeo = _SEND_TIMEOUT
        socket.linger = _LINGER
        socket.connect(endpoint)
        sender = TelemetrySender(socket, stopped)
        try:
            while not stopped.is_set():
                sender.send(source.sample())
            sender.end()
        except zmq.Again:
            pass  # the receiver is gone


if __name__ == "__main__":
    try:
        send_telemetry(sys.argv[1])
    except ImportError as error:
        sys.exit(str(error))
