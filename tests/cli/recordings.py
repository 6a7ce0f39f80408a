"""The commands record and replay as processes, and files for them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from framewire.recording import Recorder, Recording

PATIENCE = 60  # seconds


@contextmanager
def started(*arguments: Any, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A command that runs, and is not left running."""
    argv = [sys.executable, "-m", "framewire.cli", *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdout=pipe, stderr=pipe, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait until it has ended: its status, output and errors."""
    output, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, output, errors


def run(*arguments: Any, **options: Any) -> tuple[int, str, str]:
    """Run a command to its end."""
    with started(*arguments, **options) as process:
        return finish(process)


def summed(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What it says with ``--json``, when it ends well."""
    status, output, errors = finish(process)
    assert (status, errors) == (0, "")
    return dict(json.loads(output))


def frames_of(path: Any) -> list[list[bytes]]:
    """The messages of a recording."""
    with Recording(path) as recording:
        return [[bytes(frame) for frame in message.frames] for message in recording]


def make(path: Any, messages: Any) -> Any:
    """A recording of messages that came as fast as they could be written."""
    with Recorder(path) as recorder:
        for message in messages:
            recorder.write(message)
    return path
