"""Programs that may start agents of osBrain: on the loopback only, and nothing of them stays."""

import contextlib
import os
import signal
import subprocess
import sys


def settings(folder):
    """osBrain's and Pyro's, for the environment, before osbrain is imported."""
    return {
        "XDG_RUNTIME_DIR": str(folder),  # of ipc sockets
        "OSBRAIN_DEFAULT_TRANSPORT": "tcp",  # a test's folder can be too long a name for ipc
        "PYRO_NS_BCHOST": "127.0.0.1",
        "PYRO_NS_BCPORT": "0",
    }


def kill_group(process):
    """Kill a process that leads a session, and all that it started: agents outlive it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run_program(arguments, folder):
    """A Python program's return code, output and errors; nothing of it is left."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=os.environ | settings(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=60)
    finally:
        kill_group(process)
    return process.returncode, output, errors
