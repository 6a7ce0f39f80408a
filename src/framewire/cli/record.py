"""Record what is on a wire to a file, as it comes.

Every message is appended to FILE with the time at which it came, and with nothing decoded,
unpickled or changed; framewire replay sends them again, framewire.recording reads them. What has
been written stays whatever happens: a recording that was killed, or whose disk is full, can be
read up to its last whole message. FILE.index makes finding a time quick; without it, all is read.

A sub socket changes nothing for others; it gets what is sent after it has connected. A pull socket
takes its share of the messages like any other worker. Where a stream is faster than they can be
written, a PUSH waits, and what a PUB sends is lost. What is missing is counted if messages have
stamps; with --type pull that has what other workers took.

The status is 1 if nothing can be recorded: FILE is there already and --append is not given, the
disk is full, the address is wrong.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Iterator

import zmq

import framewire
from framewire._calls import parse_head
from framewire.cli import ending, wire
from framewire.cli.display import open_display
from framewire.cli.file_views import JsonSum, RecordView
from framewire.errors import DecodeError
from framewire.recording import Recorder

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


def run(arguments: argparse.Namespace) -> int:
    """Record.

    Returns
    -------
    int
        0, or 1 if nothing could be recorded, or no more.
    """
    created = not os.path.lexists(arguments.file)
    try:
        with (
            ending.stop_signals() as interrupted,
            # Before the socket, which begins to take messages at once.
            Recorder(arguments.file, append=arguments.append, sync=arguments.sync) as recorder,
            framewire.Context() as context,
            wire.open_socket(context, arguments) as socket,
        ):
            # With it a socket counts what its messages say of themselves.
            socket.codec = framewire.Codec(stamp=True)
            view = RecordView(socket, recorder)
            with JsonSum() if arguments.json else open_display() as display:
                for now in _recorded(socket, recorder, arguments):
                    display.tick(view, now)
                    if interrupted.is_set():
                        break
                recorder.close()
                display.finish(view, time.monotonic())
    except BrokenPipeError:  # of what is shown
        raise
    except FileExistsError as error:
        hint = " (--append goes on with it)" if error.filename == arguments.file else ""
        return _failed(f"{error.filename}: {error.strerror}{hint}")
    except BlockingIOError:
        return _failed(f"{arguments.file}: something else records to it")
    except OSError as error:
        return _failed(f"{arguments.file}: {error.strerror}")
    except DecodeError as error:
        return _failed(f"{arguments.file}: {error}")
    except wire.WireError as error:
        if created:
            os.unlink(recorder.path)
            os.unlink(recorder.index_path)
        return _failed(str(error))
    return 0


def _recorded(
    socket: framewire.Socket, recorder: Recorder, arguments: argparse.Namespace
) -> Iterator[float]:
    """Record until the end, and yield the time, that of `time.monotonic`, every now and then.

    Whenever nothing is waiting, all that came is handed to the system.
    """
    codec = socket.codec
    left = arguments.count or sys.maxsize
    end = time.monotonic() + (arguments.seconds or math.inf)
    while left > 0 and (now := time.monotonic()) < end:
        yield now
        for _ in range(min(left, _AT_ONCE)):
            try:
                frames = framewire.recv_raw(socket, zmq.DONTWAIT)
            except zmq.Again:
                recorder.flush()
                socket.poll(int(max(1, min(_PATIENCE, (end - now) * 1000))))
                break
            recorder.write(frames)
            left -= 1
            try:
                parse_head(frames, socket, codec)
            except DecodeError:  # which is counted; and suppress() would take longer than this
                pass


def _failed(why: str) -> int:
    print(f"framewire record: {why}", file=sys.stderr)
    return 1
