"""Record what is on a wire to a file, as it comes.

Every message is appended to FILE with the time at which it came, and with nothing decoded,
unpickled or changed; framewire replay sends them again, framewire.recording reads them. What has
been written stays whatever happens: a recording that was killed, or whose disk is full, can be
read up to its last whole message. FILE.index makes finding a time quick; without it, all is read.

A sub socket changes nothing for others; it gets what is sent after it has connected. A pull socket
takes its share of the messages like any other worker. Where a stream is faster than they can be
written, a PUSH waits, and what a PUB sends is lost. What is missing is counted if messages have
stamps; with --type pull, messages that other workers took count as missing.

At --seconds, Ctrl-C, SIGTERM or SIGHUP, what waits in its queue is recorded before it ends. What a
PUSH sends after that, and with --count what is behind the last message (at most N more, and what is
on the way), has gone to a worker that is no more: end the sender first. Messages with more frames
or bytes than readers take are counted as refused. If what it shows cannot be written, it records on
without.

The status is 1 if nothing can be recorded: FILE is there already and --append is not given, the
disk is full, the address is wrong; and if it ended by itself and nothing had come.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import zmq

import framewire
from framewire._calls import parse_head
from framewire.cli import ending, wire
from framewire.cli.display import open_display
from framewire.cli.failure import CommandError
from framewire.cli.file_views import RecordView, finish, unminded
from framewire.errors import DecodeError, LimitError
from framewire.recording import Recorder, Recording

_AT_ONCE = 256  # messages between two looks at the clock
_QUEUE = 1000  # messages, all in memory where the disk is slower than the stream
_PATIENCE = 100  # ms that one look at the wire takes at most


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``framewire record``."""
    wire.add_arguments(parser, keys=False)
    parser.set_defaults(queue=_QUEUE)
    parser.add_argument("file", metavar="FILE", help="where to; by custom its name ends in .fwr")
    ending.add_arguments(parser)
    parser.add_argument(
        "--append", action="store_true", help="go on with FILE, behind its last whole message"
    )
    parser.add_argument(
        "--sync",
        type=ending.duration,
        metavar="S",
        help="write to the disk itself every S seconds: what a power cut can lose (default: as "
        "the system does, which may be half a minute)",
    )
    parser.add_argument(
        "--json", action="store_true", help="show nothing, and print the sum as JSON in the end"
    )


class FileError(CommandError):
    """The file cannot be recorded to; the text says why, in a line."""


def run(arguments: argparse.Namespace) -> int:
    """Record.

    Returns
    -------
    int
        0.

    Raises
    ------
    CommandError
        Nothing could be recorded, or no more.
    """
    created = not os.path.lexists(arguments.file)
    if arguments.count and arguments.type != "sub":
        # What waits behind the last message is taken from others.
        arguments.queue = min(arguments.queue, arguments.count)
    try:
        with (
            ending.stop_signals() as interrupted,
            # Before the socket, which begins to take messages at once.
            _open(arguments) as recorder,
            framewire.Context() as context,
            wire.open_socket(context, arguments) as socket,
        ):
            _record(socket, recorder, arguments, interrupted)
    except wire.WireError:
        if created:
            os.unlink(arguments.file)
            os.unlink(f"{arguments.file}.index")
        raise
    return 0


def _record(
    socket: framewire.Socket,
    recorder: Recorder,
    arguments: argparse.Namespace,
    interrupted: threading.Event,
) -> None:
    """Record, and show it, until the end."""
    # With it a socket counts what its messages say of themselves.
    socket.codec = framewire.Codec(stamp=True)
    view = RecordView(socket, recorder)
    with open_display(arguments.json) as display:
        try:
            with _explained(arguments.file):
                for now in _recorded(socket, recorder, arguments, view):
                    with unminded():
                        display.tick(view, now)
                    if interrupted.is_set():
                        break
                left = _last(arguments, view) - recorder.messages
                _take(socket, recorder, view, min(left, arguments.queue))
                recorder.close()
            if not interrupted.is_set() and recorder.messages == view.first:
                raise CommandError("nothing came")
        except FileError:
            with suppress(OSError, DecodeError), Recording(arguments.file) as recording:
                view.lost = recorder.messages - len(recording)
                messages, nbytes = recorder.flushed
                nbytes += sum(sum(map(len, each.frames)) for each in recording.read(messages))
                view.lost_bytes = recorder.nbytes - nbytes
            raise
        finally:
            finish(display, view)


def _last(arguments: argparse.Namespace, view: RecordView) -> int:
    """How many messages the file has in the end, at most."""
    return view.first + arguments.count if arguments.count else sys.maxsize


def _recorded(
    socket: framewire.Socket, recorder: Recorder, arguments: argparse.Namespace, view: RecordView
) -> Iterator[float]:
    """Record until the end, and yield the time, that of `time.monotonic`, every now and then.

    Whenever nothing is waiting, all that came is handed to the system.
    """
    last = _last(arguments, view)
    end = time.monotonic() + (arguments.seconds or math.inf)
    while recorder.messages < last and (now := time.monotonic()) < end:
        yield now
        if not _take(socket, recorder, view, min(last - recorder.messages, _AT_ONCE)):
            recorder.flush()
            socket.poll(int(max(1, min(_PATIENCE, (end - now) * 1000))))


def _take(socket: framewire.Socket, recorder: Recorder, view: RecordView, most: int) -> bool:
    """Record so many of the messages that wait; returns whether there were as many."""
    codec = socket.codec
    for _ in range(most):
        try:
            frames = framewire.recv_raw(socket, zmq.DONTWAIT)
        except zmq.Again:
            return False
        try:
            recorder.write(frames)
        except LimitError:
            view.refused += 1
        try:
            parse_head(frames, socket, codec)
        except DecodeError:  # which is counted; and suppress() would take longer than this
            pass
    return True


@contextmanager
def _open(arguments: argparse.Namespace) -> Iterator[Recorder]:
    with _explained(arguments.file):
        recorder = Recorder(arguments.file, append=arguments.append, sync=arguments.sync)
    try:
        yield recorder
    finally:
        with _explained(arguments.file):
            recorder.close()


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Errors of the file, as a `FileError`: those of what is shown are others."""
    try:
        yield
    except FileExistsError as error:
        hint = " (--append goes on with it)" if error.filename == path else ""
        raise FileError(f"{error.filename}: {error.strerror}{hint}") from error
    except BlockingIOError as error:
        raise FileError(f"{path}: something else records to it") from error
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error}") from error
    except DecodeError as error:
        raise FileError(f"{path}: {error}") from error
