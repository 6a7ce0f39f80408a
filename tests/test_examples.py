"""Every example runs, ends by itself and prints what it should."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"

# A regular expression for all that each prints.
OUTPUT = {
    "own_socket.py": r"(\d+) bytes of JSON travel as (\d+)\n"
    r"came back the same: True\n"
    r"refused: not the whole of a text of at most 100 bytes\n",
}
ELSEWHERE = {"framewire_reader.py", "framewire_tree.py"}  # test_reader.py, test_golden.py


def run(name: str) -> "re.Match[str]":
    done = subprocess.run(
        [sys.executable, FOLDER / name], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = re.fullmatch(OUTPUT[name], done.stdout)
    assert found, done.stdout
    return found


def test_none_is_forgotten():
    assert {path.name for path in FOLDER.glob("*.py")} == OUTPUT.keys() | ELSEWHERE


@pytest.mark.parametrize("name", OUTPUT)
def test_runs(name):
    run(name)


def test_own_socket_compresses():
    whole, compressed = map(int, run("own_socket.py").groups())
    assert compressed < whole / 10
