"""The quick start does what it says: its commands, in their order, with the files that it prints.

With FRAMEWIRE_WHEEL in the environment, the name of a wheel, in a new virtual environment, into
which the page's own command installs that and nothing else; otherwise by the Python of the tests.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from documents import DOCS, blocks_of
from loopback import kill_group

WHEEL = os.environ.get("FRAMEWIRE_WHEEL")
INSTALLING = r"python3 -m venv venv|\. venv/bin/activate|pip install \./framewire-\*\.whl"
ENDLESS = "python sender.py\n"
EXACT = (
    "framewire schema telemetry:Imu\n",
    "python batch_receiver.py\n",
)  # numbers may differ else


def open_terminal(commands, folder):
    """Start some of the page's commands in a shell of their own."""
    if WHEEL:
        executables = folder / "venv" / "bin"
        commands = commands.replace("install ./framewire-*.whl", f"install --quiet '{WHEEL}'")
    else:
        executables = Path(sys.executable).parent
        commands = re.sub(rf"^({INSTALLING})\n", "", commands, flags=re.MULTILINE)
    path = f"{executables}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        ["sh", "-ec", re.sub(r"(?m)^(?=.*\n\Z)", "exec ", commands)],
        cwd=folder,
        env=os.environ | {"PATH": path, "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in CI's jobs
    )


def output_of(terminal):
    """What its commands print, when they have ended well."""
    output, _ = terminal.communicate(timeout=100)
    assert terminal.returncode == 0, output
    return output


def test_quickstart(tmp_path):
    blocks = blocks_of(DOCS / "quickstart.md")
    waiting = {}  # for what comes later on the page
    try:
        for block, after in zip(blocks, [*blocks[1:], None], strict=True):
            if block.language == "python":
                name = re.match(r"# (\w+\.py)\n", block.text)[1]
                (tmp_path / name).write_text(block.text, "utf-8")
            elif block.language == "sh":
                terminal = waiting[block.text] = open_terminal(block.text, tmp_path)
                if after and after.language == "text":
                    check(block.text, output_of(terminal), after.text)
                elif "install" in block.text:
                    output_of(terminal)
        waiting[ENDLESS].send_signal(signal.SIGINT)
        assert re.fullmatch(r"sent [1-9]\d{3,}\n", output_of(waiting.pop(ENDLESS)))
        assert output_of(waiting.pop("python batch_sender.py\n")) == ""
    finally:
        for terminal in waiting.values():
            kill_group(terminal)


def check(commands, output, printed):
    """Is the output what the page shows?"""
    if not commands.endswith(EXACT):
        output, printed = (re.sub(r"\d+(\.\d+)?", "N", text) for text in (output, printed))
    assert output == printed
