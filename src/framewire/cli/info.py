"""Say what is in a recording: how many messages, from when to when, and whether it is whole.

With --check all of it is read and compared with its checksums; else only what the index leaves out.

The status is 1 if FILE is no recording, or empty, or, with --check, if anything cannot be read.
What a recorder had not finished when it was killed is not damage: how many bytes that are is said.
"""

from __future__ import annotations

import argparse
import json
import os
from datetime import datetime, timezone
from typing import Any

from framewire.cli.failure import CommandError
from framewire.cli.text import short_size
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
        0, or 1 if it is no recording, or empty, or not all can be read.
    """
    try:
        with Recording(arguments.file, skip_errors=True) as recording:
            said = describe(arguments.file, recording, arguments.check)
    except OSError as error:
        raise CommandError(f"{arguments.file}: {error.strerror}") from error
    except DecodeError as error:
        raise CommandError(f"{arguments.file}: {error}") from error
    print(json.dumps(said) if arguments.json else _text(said))
    whole = said["created"] is not None and not said.get("damaged") and not said.get("refused")
    return 0 if whole else 1


def describe(path: str, recording: Recording, check: bool) -> dict[str, Any]:
    """What is printed, for machines: times are in s, sizes in bytes."""
    size = os.path.getsize(path)  # before: it may be recorded to
    place = recording.place
    said: dict[str, Any] = {
        "file": path,
        "messages": place.number,
        "size": size,
        "unfinished": max(0, size - place.offset) if recording.created else size,
        "created": recording.created / 1e9 if recording.created else None,
        "seconds": place.elapsed / 1e9,
    }
    if check:
        said["readable"] = said["nbytes"] = 0
        for message in recording:
            said["readable"] += 1
            said["nbytes"] += sum(map(len, message.frames))
        said["damaged"] = recording.skipped
        said["refused"] = recording.refused
    return said


def _text(said: dict[str, Any]) -> str:
    if said["created"] is None:
        return (
            f"no messages: {_bytes(said['size'])}, and a header has 48" if said["size"] else "empty"
        )
    created = datetime.fromtimestamp(said["created"], timezone.utc)
    began = f"began {created:%Y-%m-%d %H:%M:%S} UTC"
    if said["messages"]:
        began += f", the last message {said['seconds']:.3f} s later"
    lines = [f"{said['messages']:,} messages, a file of {short_size(said['size'])}", began]
    if said["unfinished"]:
        unfinished = f"no whole message in the last {_bytes(said['unfinished'])}"
        lines.append(f"{unfinished}: cut off, or still being written")
    if "damaged" in said:
        read = f"{said['readable']:,} can be read, {short_size(said['nbytes'])}"
        lines.append(f"{read}, {said['damaged']:,} damaged places")
        if said["refused"]:
            lines[-1] += f", {said['refused']:,} with more frames or bytes than readers take"
    return "\n".join(lines)


def _bytes(count: int) -> str:
    return f"{count:,} byte{'s' * (count != 1)}"
