"""What type checkers make of framewire, by mypy; each error that they should find is expected."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("mypy")
HERE = os.path.dirname(os.path.abspath(__file__))


def test_records(tmp_path):
    arguments = ["--strict", "--no-incremental", "--disable-error-code=type-arg"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *arguments, f"{HERE}/typing/records.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
