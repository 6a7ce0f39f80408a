"""Send what was recorded again, as it came or faster.

The messages of FILE are sent as they are, each after the time at which it came: stamps are those of
then, so receivers that look at them see old messages, and signed ones are refused where they were
taken before. Nothing is sent before somebody receives, and nothing is dropped: a receiver that does
not keep up slows the replay. What came from a sub socket goes to subscribers, topics and all, with
--type pub, and what a pull socket took to workers with --type push.

The status is 1 if FILE is no recording, or damaged: what is before the damage has been sent, and
--skip-errors goes on behind it. A file that was cut off is not damaged.
"""

from __future__ import annotations

import argparse
import math
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import framewire
from framewire.cli import ending, wire
from framewire.cli.display import Display, open_display
from framewire.cli.failure import CommandError
from framewire.cli.file_views import ReplayView, finish, unminded
from framewire.cli.replaying import Replay
from framewire.errors import DecodeError
from framewire.recording import Recording

_SILENCE = 1.0  # seconds that what was sent may take to arrive before it is said
_PATIENCE = 50  # ms that a send takes at most before it is seen that it is to end


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``framewire replay``."""
    parser.add_argument("file", metavar="FILE", help="a recording")
    wire.add_arguments(parser, wire.SENDING, bind=True, keys=False)
    parser.add_argument(
        "--speed",
        type=speed,
        default=1.0,
        metavar="X",
        help="how many times as fast as it came, such as 0.5, 10 or max (default: 1)",
    )
    parser.add_argument(
        "--from",
        dest="begin",
        type=moment,
        default=0.0,
        metavar="S",
        help="begin S seconds after the recording began",
    )
    parser.add_argument(
        "--to", dest="end", type=moment, default=math.inf, metavar="S", help="end there"
    )
    parser.add_argument("--loop", action="store_true", help="begin again at the end, until Ctrl-C")
    parser.add_argument(
        "--wait",
        type=moment,
        default=math.inf,
        metavar="S",
        help="fail if nobody receives after S seconds; 0 does not wait for a subscriber "
        "(default: wait)",
    )
    parser.add_argument("--skip-errors", action="store_true", help="go on behind what is damaged")
    parser.add_argument(
        "--json", action="store_true", help="show nothing, and print the sum as JSON in the end"
    )


def run(arguments: argparse.Namespace) -> int:
    """Replay.

    Returns
    -------
    int
        0.

    Raises
    ------
    CommandError
        It failed.
    """
    if arguments.type == "pub":  # the same for subscribers, but sees them and can wait for them
        arguments.type = "xpub"
    try:
        with (
            Recording(arguments.file, skip_errors=arguments.skip_errors) as recording,
            _delivering(arguments) as context,
            wire.open_socket(context, arguments) as socket,
        ):
            socket.sndtimeo = _PATIENCE
            if arguments.type == "xpub":
                socket.xpub_nodrop = True
            who = "a subscriber" if arguments.type == "xpub" else "a receiver"
            replay = Replay(
                arguments.file,
                recording,
                f"{who} at {arguments.address}",
                socket,
                arguments.begin,
                arguments.end,
                arguments.speed,
                arguments.loop,
            )
            if replay.empty:
                raise CommandError(_why_empty(arguments, recording))
            try:
                with open_display(arguments.json) as display:
                    if _show(replay, arguments.wait, display):
                        socket.linger = -1  # what is on its way arrives
            except (DecodeError, OSError):
                socket.linger = -1  # and so does what is before the damage, or an unprinted sum
                raise
    except BrokenPipeError:  # of what is shown
        raise
    except OSError as error:
        # Without a name it is no file's that could not be opened: of standard output, say.
        where = f"{error.filename}: " if error.filename else ""
        raise CommandError(f"{where}{error.strerror or error}") from error
    except DecodeError as error:
        raise CommandError(f"{arguments.file}: {error}") from error
    return 0


def _show(replay: Replay, patience: float, display: Display) -> bool:
    """Replay to the end, or to Ctrl-C; returns whether it came to the end."""
    view = ReplayView(replay)
    try:
        with ending.stop_signals() as interrupted:
            for steps in (replay.wait(patience) if patience > 0 else (), replay.run()):
                for now in steps:
                    with unminded():
                        display.tick(view, now)
                    if interrupted.is_set():
                        return False
        return True
    finally:
        finish(display, view)


def _why_empty(arguments: argparse.Namespace, recording: Recording) -> str:
    """Why there is nothing to replay."""
    if not len(recording):
        return f"{arguments.file}: no messages"
    span = f"from {arguments.begin:g} s" + (
        f" to {arguments.end:g} s" if arguments.end < math.inf else " on"
    )
    return f"{arguments.file}: no messages {span}; the last one came after {recording.seconds:g} s"


@contextmanager
def _delivering(arguments: argparse.Namespace) -> Iterator[framewire.Context]:
    """A context that waits in the end until what was sent has arrived, and says so."""
    context = framewire.Context()
    # A socket that connects has room only where somebody is, and else takes what nobody gets.
    context.immediate = arguments.type != "xpub"
    try:
        yield context
    finally:
        _terminate(context, arguments.address)


def _terminate(context: framewire.Context, address: str) -> None:
    """Terminate a context; how long that takes is up to its peers.

    Raises
    ------
    CommandError
        Ctrl-C came before.
    """
    termination = threading.Thread(target=context.term, daemon=True)
    termination.start()
    said_at = time.monotonic() + _SILENCE
    with ending.stop_signals() as interrupted:
        while termination.is_alive() and not interrupted.is_set():
            termination.join(_PATIENCE / 1000)
            if termination.is_alive() and time.monotonic() >= said_at:
                what = f"waiting until what was sent has arrived at {address}; Ctrl-C ends that"
                print(f"framewire replay: {what}", file=sys.stderr)
                said_at = math.inf
    if termination.is_alive():
        raise CommandError("what was on its way has perhaps not arrived")


def speed(text: str) -> float:
    """Return a factor, more than none; infinity for ``max``."""
    factor = math.inf if text == "max" else float(text)
    if not factor > 0:
        raise ValueError(text)
    return factor


def moment(text: str) -> float:
    """Return a time in seconds, perhaps none or forever."""
    seconds = float(text)
    if not seconds >= 0:
        raise ValueError(text)
    return seconds


moment.__name__ = "time in seconds"  # argparse: invalid time in seconds value: 'x'
