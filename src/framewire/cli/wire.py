"""The socket that a command opens at an ADDRESS: its arguments, and what is made of them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import zmq

import framewire
from framewire.cli.ending import natural

RECEIVING = ("sub", "pull", "pair")
SENDING = ("pub", "push", "pair")
"""Types of sockets, for `add_arguments`."""

QUEUE = 10_000  # messages
_LARGEST = framewire.Limits().size  # bytes of a frame; who sends more is disconnected


class WireError(Exception):
    """No socket could be opened; the text says why, in a line."""


def add_arguments(
    parser: argparse.ArgumentParser,
    types: Sequence[str] = RECEIVING,
    bind: bool = False,
    keys: bool = True,
) -> None:
    """Declare the arguments that `open_socket` reads.

    Parameters
    ----------
    parser
    types
        The types of sockets that can be chosen, the default first.
    bind
        Whether to bind if the user does not say.
    keys
        Whether there can be keys.
    """
    parser.add_argument(
        "address", metavar="ADDRESS", help="such as tcp://127.0.0.1:5555 or ipc:///tmp/socket"
    )
    wire = parser.add_argument_group("wire")
    wire.add_argument(
        "--type",
        choices=types,
        default=types[0],
        help="the type of the socket that is opened (default: %(default)s)",
    )
    wire.add_argument(
        "--bind",
        action=argparse.BooleanOptionalAction,
        default=bind,
        help=f"bind, or connect (default: {'bind' if bind else 'connect'})",
    )
    if "sub" in types:
        wire.add_argument(
            "--topic",
            action="append",
            metavar="PREFIX",
            help="subscribe to what begins with this, several times perhaps (default: to all)",
        )
    wire.add_argument(
        "--queue",
        type=natural,
        default=QUEUE,
        metavar="N",
        help="messages that may wait in the socket (default: %(default)s)",
    )
    if keys:
        wire.add_argument(
            "--key",
            action="append",
            default=[],
            metavar="[NUMBER=]FILE",
            help="a key of signed messages, the bytes of a file, and its number (default: 0)",
        )


def open_socket(context: framewire.Context, arguments: argparse.Namespace) -> framewire.Socket:
    """Open the socket that the arguments say, bound or connected.

    Its codec has the keys, if there are any. It does not linger.

    Parameters
    ----------
    context
    arguments
        With the arguments of `add_arguments`.

    Raises
    ------
    WireError
        There can be none: the address, a topic or a key.
    """
    address = arguments.address
    topics = getattr(arguments, "topic", None)
    if address.startswith("inproc:"):
        raise WireError(f"{address}: inproc is inside of one process, and cannot be seen from here")
    if topics and arguments.type != "sub":
        raise WireError(f"--topic is for sub: a {arguments.type} socket gets all that is sent")
    keys = getattr(arguments, "key", None)
    codec = framewire.Codec(key=_read_keys(keys)) if keys else None
    kind = getattr(zmq, arguments.type.upper())
    socket = context.socket(kind, codec=codec)
    try:
        socket.linger = 0
        socket.maxmsgsize = _LARGEST
        socket.hwm = arguments.queue
        for topic in topics or ([""] if arguments.type == "sub" else []):
            socket.subscribe(os.fsencode(topic))  # the bytes that the shell gave
        (socket.bind if arguments.bind else socket.connect)(address)
    except (zmq.ZMQError, OSError, TypeError, ValueError) as error:
        socket.close()
        why = error.strerror if isinstance(error, zmq.ZMQError) else str(error)
        raise WireError(f"{address}: {why}") from error
    return socket


def _read_keys(texts: Sequence[str]) -> dict[int, bytes]:
    """The keys of ``[NUMBER=]FILE``."""
    keys = {}
    for text in texts:
        number, equals, name = text.partition("=")
        if not equals or not number.isdecimal():
            number, name = "0", text
        if int(number) in keys:
            raise WireError(f"--key {text}: two keys have the number {int(number)}")
        try:
            keys[int(number)] = Path(name).read_bytes()
        except OSError as error:
            raise WireError(f"--key {text}: {error.strerror}") from error
    try:
        framewire.Codec(key=keys)
    except ValueError as error:
        raise WireError(f"--key: {error}") from error
    return keys
