"""The socket that a command opens at an ADDRESS: its arguments, and what is made of them."""

from __future__ import annotations

import argparse
import os
import re
import socket
import stat
from collections.abc import Sequence
from pathlib import Path

import zmq

import framewire
from framewire.cli.failure import CommandError

RECEIVING = ("sub", "pull", "pair")
SENDING = ("pub", "push", "pair")
"""Types of sockets, for `add_arguments`."""

QUEUE = 10_000  # messages
_LONGEST_QUEUE = 2**31 - 1
_LAST_PORT = 2**16 - 1
_LAST_KEY = 2**64 - 1
_LARGEST = framewire.Limits().size  # bytes of a frame; who sends more is disconnected


class WireError(CommandError):
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
    parser.set_defaults(wrong_usage=wrong_usage)
    parser.add_argument(
        "address",
        type=_address,
        metavar="ADDRESS",
        help="such as tcp://127.0.0.1:5555 or ipc:///tmp/socket",
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
        type=_queue,
        default=QUEUE,
        metavar="N",
        help="messages that may wait in the socket (default: %(default)s)",
    )
    if keys:
        wire.add_argument(
            "--key",
            type=_key,
            action="append",
            default=[],
            metavar="[NUMBER=]FILE",
            help="a key of signed messages, the bytes of a file, and its number (default: 0)",
        )


def wrong_usage(arguments: argparse.Namespace) -> str:
    """What does not go together in the arguments of `add_arguments`; empty if all does."""
    if getattr(arguments, "topic", None) and arguments.type != "sub":
        return f"--topic is for sub: a {arguments.type} socket gets all that is sent"
    return ""


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
        There can be none: the address or a key.
    """
    address = arguments.address
    topics = getattr(arguments, "topic", None)
    if address.startswith("inproc:"):
        raise WireError(f"{address}: inproc is inside of one process, and cannot be seen from here")
    if arguments.bind and address.startswith("ipc://"):
        _refuse_taken(address)
    keys = getattr(arguments, "key", None)
    codec = framewire.Codec(key=_read_keys(keys)) if keys else None
    kind = getattr(zmq, arguments.type.upper())
    try:
        opened = context.socket(kind, codec=codec)
    except zmq.ZMQError as error:  # no more files
        raise WireError(f"{address}: {error.strerror}") from error
    try:
        opened.linger = 0
        opened.maxmsgsize = _LARGEST
        opened.hwm = arguments.queue
        for topic in topics or ([""] if arguments.type == "sub" else []):
            opened.subscribe(os.fsencode(topic))  # the bytes that the shell gave
        (opened.bind if arguments.bind else opened.connect)(address)
    except (zmq.ZMQError, OSError, TypeError, ValueError) as error:
        opened.close()
        why = error.strerror if isinstance(error, zmq.ZMQError) else str(error)
        raise WireError(f"{address}: {why}") from error
    return opened


def _refuse_taken(address: str) -> None:
    """Refuse an ipc path that is of somebody else: libzmq would delete what is there, and bind.

    A socket that nobody listens on any more is what a process left that was killed.
    """
    path = address.removeprefix("ipc://")
    if path[:1] in ("", "*", "@"):  # no file, or a new one
        return
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise WireError(f"{address}: {path} is there, and is no socket")
        with socket.socket(socket.AF_UNIX) as probe:
            probe.setblocking(False)  # a listener may be too busy to accept
            probe.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        return
    except BlockingIOError:
        pass
    except OSError as error:
        raise WireError(f"{address}: {error.strerror or error}") from error
    raise WireError(f"{address}: Address already in use")


def _address(text: str) -> str:
    """An address, of which libzmq would take a port modulo 65,536."""
    port = re.fullmatch(r"tcp://.*:(\d+)", text, re.ASCII)
    if port is not None and int(port[1]) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text}: the largest port is {_LAST_PORT}")
    return text


def _queue(text: str) -> int:
    """A number of messages, which 0 would make endless."""
    number = int(text)
    if not 1 <= number <= _LONGEST_QUEUE:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to {_LONGEST_QUEUE}")
    return number


_queue.__name__ = "number"  # argparse: invalid number value: 'x'


def _key(text: str) -> tuple[int, str]:
    """The number and the file of ``[NUMBER=]FILE``."""
    number, equals, name = text.partition("=")
    if not equals or not number.isdecimal():
        return 0, text
    if len(number) > len(str(_LAST_KEY)) or int(number) > _LAST_KEY:
        raise argparse.ArgumentTypeError(f"{text}: the largest number is {_LAST_KEY}")
    return int(number), name


def _read_keys(pairs: Sequence[tuple[int, str]]) -> dict[int, bytes]:
    """The keys in files."""
    keys: dict[int, bytes] = {}
    for number, name in pairs:
        if number in keys:
            raise WireError(f"--key {name}: two keys have the number {number}")
        try:
            keys[number] = Path(name).read_bytes()
        except OSError as error:
            raise WireError(f"--key {name}: {error.strerror}") from error
    try:
        framewire.Codec(key=keys)
    except ValueError as error:
        raise WireError(f"--key: {error}") from error
    return keys
