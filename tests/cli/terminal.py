"""Commands in a pseudo-terminal."""

import os
import signal
import threading
from collections.abc import Sequence

import numpy as np
import pytest

PATIENCE = 120.0  # seconds, after which a command is killed


def run(
    command: Sequence[str], when: bytes = b"", keys: bytes = b"", **environment: str
) -> tuple[int, str]:
    """Run a command in a terminal, and press `keys` when `when` has been shown.

    Returns its exit status, and all that it wrote.
    """
    fcntl, pty, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "termios"))
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "30", **environment}
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.execvpe(command[0], command, env)
        finally:
            os._exit(127)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, np.array([30, 120, 0, 0], np.uint16).tobytes())
    output = b""
    watchdog = threading.Timer(PATIENCE, os.kill, (pid, signal.SIGKILL))
    watchdog.start()
    try:
        while piece := os.read(terminal, 4096):
            output += piece
            if keys and when in output:
                os.write(terminal, keys)
                keys = b""
    except OSError:  # EIO: the other end is closed
        pass
    finally:
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
        watchdog.cancel()
    return os.waitstatus_to_exitcode(status), output.decode()
