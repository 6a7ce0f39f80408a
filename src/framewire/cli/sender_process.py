"""The receiving side's hold on the sending process of the demo."""

from __future__ import annotations

import math
import subprocess
import sys
import time

from framewire.cli.failure import CommandError

# In seconds.
_START_LIMIT = 30.0
_FINISH_LIMIT = 5.0


class SenderProcess:
    """The sending process, started at once, and gone when the ``with`` block is left.

    Parameters
    ----------
    endpoint
        The ZeroMQ endpoint that it connects to.

    Attributes
    ----------
    stopping
        It has been asked to finish.
    """

    module = "framewire.cli.sender"

    def __init__(self, endpoint: str) -> None:
        # A session of its own, so that Ctrl-C reaches this process only. The end of its standard
        # input stops the sender, and comes by itself when this process is killed.
        self._process = subprocess.Popen(
            [sys.executable, "-m", self.module, endpoint],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._silent_until = time.monotonic() + _START_LIMIT
        self.stopping = False

    def __enter__(self) -> SenderProcess:
        return self

    def __exit__(self, *exc_info: object) -> None:
        with self._process:  # closes its pipes and waits for it
            self.stop()
            try:
                self._process.wait(_FINISH_LIMIT)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def started(self) -> None:
        """Take note that a first message came."""
        self._silent_until = math.inf

    def stop(self) -> None:
        """Ask the sender to finish. What it has sent already still arrives, then `END`."""
        if not self.stopping:
            self.stopping = True
            self._silent_until = time.monotonic() + _FINISH_LIMIT
            if self._process.stdin is not None:
                self._process.stdin.close()

    def check(self) -> None:
        """Return if more messages can be expected although none comes now.

        Raises
        ------
        CommandError
            The sender ended, or has been silent for too long.
        """
        status = self._process.poll()
        if status is not None:
            errors = self._process.stderr.read() if self._process.stderr is not None else ""
            raise CommandError(f"the sender ended with status {status}\n{errors}".rstrip())
        if time.monotonic() > self._silent_until:
            raise CommandError("the sender does not " + ("finish" if self.stopping else "start"))
