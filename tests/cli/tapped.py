"""Taps in processes of their own, and the publishers that they listen to."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import terminal
import zmq
from interrupts import later

import framewire

COMMAND = (sys.executable, "-m", "framewire.cli", "tap")
PATIENCE = 30  # seconds


class Publisher:
    """A socket that a tap listens to, and knows when it does."""

    def __init__(self, context: framewire.Context, address: str) -> None:
        self.socket = context.socket(zmq.XPUB)
        self.socket.linger = 0
        self.socket.sndhwm = 0
        self.socket.xpub_verbose = True
        self.socket.rcvtimeo = 1000 * PATIENCE
        self.socket.bind(address)
        self.address = self.socket.last_endpoint.decode()

    def wait(self) -> None:
        """Wait for a subscription."""
        while self.socket.recv()[:1] != b"\x01":  # that one ended before
            pass

    def send(self, *messages: Sequence[Any]) -> None:
        """Send messages as they are, frame by frame."""
        for frames in messages:
            self.socket.send_multipart(frames)

    @contextmanager
    def in_background(self, messages: Sequence[Sequence[Any]]) -> Iterator[None]:
        """Send messages as soon as a tap listens, and go on only then."""

        def run() -> None:
            self.wait()
            self.send(*messages)

        with later(run, 0):
            yield


@contextmanager
def tapping(publisher: Publisher, *arguments: str, **how: Any) -> Iterator[subprocess.Popen[str]]:
    """Yield a tap that listens. It is not left running."""
    tap = subprocess.Popen(
        (*COMMAND, publisher.address, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **how,
    )
    with tap:
        try:
            publisher.wait()
            yield tap
        finally:
            tap.kill()


def in_terminal(
    publisher: Publisher, messages: Sequence[Sequence[Any]], *arguments: str, **how: Any
) -> tuple[int, str]:
    """The status and output of a tap in a terminal that has had these messages."""
    command = (*COMMAND, publisher.address, *arguments, "--count", str(len(messages)))
    with publisher.in_background(messages):
        return terminal.run(command, **how)


def seen(
    publisher: Publisher, messages: Sequence[Sequence[Any]], *arguments: str, **how: Any
) -> tuple[int, str, str]:
    """The status, output and errors of a tap that has had these messages."""
    with tapping(publisher, *arguments, "--count", str(len(messages)), **how) as tap:
        publisher.send(*messages)
        output, errors = tap.communicate(timeout=PATIENCE)
        return tap.returncode, output, errors


def said(publisher: Publisher, messages: Sequence[Sequence[Any]], *arguments: str) -> Any:
    """What a tap says in JSON of these messages: of each, and of all."""
    status, output, errors = seen(publisher, messages, "--json", *arguments)
    assert (status, errors) == (0, "")
    *each, summary = map(json.loads, output.splitlines())
    assert [line["event"] for line in each] == ["message"] * len(messages)
    assert summary["event"] == "summary"
    return each, summary


def frames_of(
    context: framewire.Context, *sends: Callable[[framewire.Socket], Any], **how: Any
) -> list[list[bytes]]:
    """The frames of what a socket sends: of one message for each call."""
    with context.socket(zmq.PAIR, **how) as here, context.socket(zmq.PAIR) as there:
        here.bind("inproc://frames")
        there.connect("inproc://frames")
        return [(send(here), there.recv_multipart())[1] for send in sends]
