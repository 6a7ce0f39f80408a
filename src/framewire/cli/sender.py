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
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import zmq

import framewire
from framewire.cli.events import Watch
from framewire.cli.telemetry import Reading, Sample, open_source

HISTORY_LENGTH = 256
"""The number of CPU samples in a message of the stream ``history``, and of samples to a digest."""

TEXT = b"text"
"""First frame of a message of raw frames: ``seq`` and ``time`` in decimal digits, then text."""

EVENTS = b"events"
"""First frame of an event: JSON follows."""

DIGEST = b"digest"
"""First frame of a digest: a pickle of plain values follows."""

END = b"end"
"""The only frame of the last message."""

# How long a send blocks, in ms, before it looks whether anybody is still there.
_SEND_TIMEOUT = 500
# How long a slow receiver may take for what is queued when it wants no more, in ms.
_FINISH_TIMEOUT = 5000


class TelemetrySender:
    """Sends samples on a PUSH socket, on streams with sequence numbers of their own.

    The first frame of each message is the name of its stream. For arrays it is their topic; they
    have stamps, and carry as metadata ``unit`` and ``fields``. Text goes as raw frames, which have
    no head that could carry a stamp. Events and digests, which come now and then, are dicts with
    ``seq`` and ``time`` (ns since the epoch) among their items. Sends block while the receiver's
    queue is full.

    Parameters
    ----------
    socket
        A connected socket with a send timeout, whose codec has stamps.
    stopped
        Set when the receiver wants no more.
    """

    def __init__(self, socket: framewire.Socket, stopped: threading.Event) -> None:
        self._socket = socket
        self._stopped = stopped
        self._sent: Counter[bytes] = Counter()
        self._history: list[npt.NDArray[Any]] = []
        self._watch = Watch()

    def send(self, sample: Sample) -> None:
        """Send what a sample holds, what is new in it, and, in time, history and digest."""
        for reading in sample.readings:
            self._send_array(reading)
        # The numbers in decimal digits: a binary one would some day begin like a head.
        text = [TEXT, b"%d %d" % (self._sent[TEXT], time.time_ns()), sample.text]
        self._deliver(self._socket.send_raw, text)
        self._sent[TEXT] += 1
        for event in self._watch.changes(sample):
            self._send_value(EVENTS, self._socket.send_json, event)
        self._collect(sample)

    def end(self) -> None:
        """Tell the receiver that nothing follows."""
        self._deliver(self._socket.send_raw, END)

    def _collect(self, sample: Sample) -> None:
        cpu = sample.readings[0]
        if self._history and self._history[0].shape != cpu.values.shape:
            self._history.clear()  # a core was plugged in or out
        self._history.append(cpu.values)
        if len(self._history) < HISTORY_LENGTH:
            return
        digest = {"samples": len(self._history), "moved": self._watch.moved(sample)}
        self._send_value(DIGEST, self._socket.send_pyobj, digest)
        # Large enough for a frame of its own. Nobody writes to this fresh array any more, so it
        # travels in place.
        block = np.stack(self._history)
        self._send_array(Reading("history", block, cpu.unit, cpu.fields), copy=False)
        self._history.clear()

    def _send_array(self, reading: Reading, copy: bool | None = None) -> None:
        meta = {"unit": reading.unit, "fields": reading.fields}
        self._deliver(
            self._socket.send_array, reading.values, copy=copy, topic=reading.stream, meta=meta
        )

    def _send_value(
        self, name: bytes, send: Callable[[Any], object], value: dict[str, Any]
    ) -> None:
        """Send a name and a value as one message."""
        value = {"seq": self._sent[name], "time": time.time_ns(), **value}
        self._deliver(self._socket.send, name, zmq.SNDMORE)
        send(value)  # does not wait: there is room for the rest of a message that was begun
        self._sent[name] += 1

    def _deliver(self, send: Any, *args: Any, **kwargs: Any) -> None:
        """Send, however long the receiver makes us wait, but not far past the end of the demo."""
        waited = 0
        while True:
            try:
                send(*args, **kwargs)
                return
            except zmq.Again:
                if self._stopped.is_set():
                    waited += _SEND_TIMEOUT
                    if waited > _FINISH_TIMEOUT:
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
    with (
        framewire.Context() as context,
        context.socket(zmq.PUSH, codec=framewire.Codec(stamp=True)) as socket,
    ):
        socket.sndtimeo = _SEND_TIMEOUT
        socket.linger = _FINISH_TIMEOUT
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
