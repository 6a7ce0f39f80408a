"""Show what is on a wire: topics, serializers, shapes, rates, sizes, gaps and latency.

A row for each topic and kind of message: how many came, at which rate; how large they are; from
stamps (Codec(stamp=True)), how many are missing and how long 50 % and 99 % of the last were on
their way, which is right if both ends have the same clock. Errors are messages that are not what
they claim to be, by the names of docs/wire-format.md. Messages of others are shown too, as far as
their bytes prove what they are: the array recipe of pyzmq's documentation, JSON, pickles, text.
Nothing is ever unpickled, and without --plot no payload is decoded.

A tap subscribes to everything, and disturbs nobody: like any subscriber, it has a queue of its own,
and loses messages where it is too slow, which it then counts as gaps. With --type pull it takes
messages AWAY from those whom they are for.

It ends after --count or --seconds, with Ctrl-C, SIGTERM or SIGHUP, with a summary. The exit status
is 0; 1 if there is no such address, class or key, or if it ended by itself and nothing had come, or
no message with the FIELD; 2 for wrong usage; 143 after SIGTERM, 129 after SIGHUP.

  framewire tap tcp://127.0.0.1:5555
  framewire tap ipc:///tmp/telemetry --topic imu --plot temp
  framewire tap tcp://127.0.0.1:5555 --hex
  framewire tap tcp://*:5555 --bind --json --seconds 10 | jq .topic
"""

from __future__ import annotations

import argparse
import math
import sys
import threading
import time

import zmq

import framewire
from framewire.cli import ending, wire
from framewire.cli.failure import CommandError
from framewire.cli.fields import Field
from framewire.cli.schema import NoClass, find_class
from framewire.cli.tap_output import Output, open_output
from framewire.cli.traffic import Traffic

_PAUSE = 100  # ms that a tap waits for a message before it looks at the clock
_BATCH = 100  # messages between two looks


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``framewire tap``."""
    wire.add_arguments(parser)
    ending.add_arguments(parser)
    parser.add_argument(
        "--record",
        action="append",
        default=[],
        metavar="MODULE:CLASS",
        help="a class of records, imported, for the names of its fields",
    )
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument(
        "--json",
        action="store_true",
        help="a line of JSON for each message, and one that sums up in the end",
    )
    shown.add_argument(
        "--hex",
        action="store_true",
        help="annotate each byte of one message, or of --count",
    )
    shown.add_argument(
        "--plot",
        type=Field,
        metavar="FIELD",
        help="draw numbers of the messages, print them if there is no terminal: temp, a.b[2], "
        "[3], meta.gain, or . for a number or an array itself",
    )


def run(arguments: argparse.Namespace) -> int:
    """Listen and show.

    Returns
    -------
    int
        0.

    Raises
    ------
    CommandError
        There is no such address or class, or nothing came.
    """
    if hasattr(sys.stdout, "reconfigure"):  # whatever the encoding, a topic stops nothing
        # A terminal's columns have the widths that they were given.
        sys.stdout.reconfigure(errors="replace" if sys.stdout.isatty() else "backslashreplace")
    try:
        for name in arguments.record:
            find_class(name)
    except NoClass as error:
        raise CommandError(f"--record {name}: {error}") from error
    output = open_output(arguments)
    with (
        ending.stop_signals() as interrupted,
        framewire.Context() as context,
        wire.open_socket(context, arguments) as socket,
    ):
        traffic = Traffic(socket, subscribed=arguments.type == "sub")
        output.begin(traffic)
        with output:
            _listen(socket, traffic, output, arguments, interrupted)
            problem = output.finish(time.monotonic())
    if problem and not interrupted.is_set():
        raise CommandError(problem)
    if problem and arguments.hex:  # all others have said it
        print(f"framewire tap: {problem}", file=sys.stderr)
    return 0


def _listen(
    socket: framewire.Socket,
    traffic: Traffic,
    output: Output,
    arguments: argparse.Namespace,
    interrupted: threading.Event,
) -> None:
    """Receive until it is to end."""
    most = arguments.count or (1 if arguments.hex else 0)
    end = math.inf if arguments.seconds is None else traffic.started + arguments.seconds
    while not interrupted.is_set() and (now := time.monotonic()) < end:
        output.tick(now)
        for _ in range(_BATCH):
            try:
                frames = socket.recv_raw(zmq.DONTWAIT)
            except zmq.Again:
                sys.stdout.flush()
                socket.poll(_PAUSE)
                break
            output.add(frames, traffic.add(frames))
            if traffic.messages == most:
                return
