"""Say what is in a recording: how many messages, from when to when, and whether it is whole.

With --check all of it is read and compared with its checksums; else only what the index leaves out.

The status is 1 if FILE is no recording, or, with --check, if anything is damaged. What a recorder
had not finished when it was killed is not damage.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import datetime, timezone
from typing import Any

from framewire.errors import DecodeError
from framewire.recording import Recording


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``framewire info``."""
    parser.add_argument("file", metavar="FILE", help="a recording")
    parser.add_argument("--check", action="store_true", help="read all of it")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print it.

    Returns
    -------
    int
        0, or 1 if it is no recording, or damaged.
    """
    try:
        with Recording(arguments.file, skip_errors=True) as recording:
            said = describe(arguments.file, recording, arguments.check)
    except OSError as error:
        return _failed(f"{arguments.file}: {error.strerror}")
    except DecodeError as error:
        return _failed(f"{arguments.file}: {error}")
    print(json.dumps(said) if arguments.json else _text(said))
    return 1 if said.get("damaged") else 0


def describe(path: str, recording: Recording, check: bool) -> dict[str, Any]:
    """What is printed, for machines: times are in s, sizes in bytes."""
    place = recording.place
    said: dict[str, Any] = {
        "file": path,
        "messages": place.number,
        "nbytes": os.path.getsize(path),
        "created": recording.created / 1e9,
        "seconds": place.elapsed / 1e9,
    }
    if check:
        said["readable"] = sum(1 for _ in recording)
        said["damaged"] = recording.skipped
    return said


def _text(said: dict[str, Any]) -> str:
    created = datetime.fromtimestamp(said["created"], timezone.utc)
    lines = [
        f"{said['messages']:,} messages, {said['nbytes'] / 1e6:,.1f} MB",
        f"began {created:%Y-%m-%d %H:%M:%S} UTC, the last message {said['seconds']:.3f} s later",
    ]
    if "damaged" in said:
        lines.append(f"{said['readable']:,} can be read, {said['damaged']:,} damaged places")
    return "\n".join(lines)


def _failed(why: str) -> int:
    print(f"framewire info: {why}", file=sys.stderr)
    return 1
