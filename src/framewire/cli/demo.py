"""Stream this machine's own live telemetry between two processes.

A second process samples CPU times, memory, load and interrupts as fast as it goes and sends them
over tcp on loopback: as arrays with metadata, as blocks of samples in place, and as raw bytes. What
happens now and then it sends as JSON and as pickles, which are loaded with nothing allowed but
plain values. This process receives all of it and shows the rates of each stream, then a summary:
live in a terminal if rich is installed (pip install 'framewire[cli]'), else as plain lines once a
second. MB/s are those of arrays and raw bytes. Lost are the gaps in the sequence numbers, of arrays
those of their stamps; the milliseconds are how long messages were on their way, the median and what
99 % took at most. When this process cannot keep up, the sender waits, and no message is lost.

Ctrl-C ends the demo early, with the summary and exit status 0; SIGTERM and SIGHUP too, with 143 and
129. The status is 1 when the sender fails.
"""

from __future__ import annotations

import argparse
import threading
import time

import zmq

import framewire
from framewire.cli import arrival
from framewire.cli.display import Display, open_display
from framewire.cli.ending import duration, stop_signals
from framewire.cli.sender_process import SenderProcess
from framewire.cli.tally import Tally
from framewire.cli.tally_view import TallyView

_RECEIVE_TIMEOUT = 100  # ms


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``framewire demo``."""
    parser.add_argument(
        "--seconds",
        type=duration,
        default=5.0,
        metavar="N",
        help="how long to stream (default: %(default)g)",
    )
    parser.add_argument(
        "--json", action="store_true", help="show nothing, and print the sum as JSON in the end"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the demo.

    Returns
    -------
    int
        0.

    Raises
    ------
    CommandError
        The sending process failed.
    """
    with (
        stop_signals() as interrupted,
        framewire.Context() as context,
        context.socket(zmq.PULL) as socket,
    ):
        socket.rcvtimeo = _RECEIVE_TIMEOUT
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        with (
            SenderProcess(f"tcp://127.0.0.1:{port}") as sender,
            open_display(arguments.json) as display,
        ):
            receive(socket, sender, display, arguments.seconds, interrupted)
    return 0


def receive(
    socket: framewire.Socket,
    sender: SenderProcess,
    display: Display,
    seconds: float,
    interrupted: threading.Event,
) -> None:
    """Receive and show what the sender sends, until it has been stopped and all has arrived.

    Parameters
    ----------
    socket
        A PULL socket with a receive timeout.
    sender
        The process at its other end.
    display
        Where to show it.
    seconds
        How long to go on after the first message.
    interrupted
        Set when the user wants no more.

    Raises
    ------
    CommandError
        The sender ended by itself, or does not say anything.
    """
    tally = None
    while True:
        now = time.monotonic()
        if interrupted.is_set() or (tally is not None and now - tally.started >= seconds):
            sender.stop()
        if tally is not None:
            display.tick(TallyView(tally), now)
        try:
            message = arrival.receive(socket)
        except zmq.Again:
            sender.check()
            continue
        if tally is None:
            sender.started()
            tally = Tally(started=time.monotonic())
        if message is None:
            display.finish(TallyView(tally), time.monotonic())
            return
        tally.add(*message)
