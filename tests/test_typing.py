"""What type checkers make of framewire, by mypy; each error that they should find is expected."""

import subprocess
import sys
from pathlib import Path

import pytest
from documents import DOCS, blocks_of

pytest.importorskip("mypy")


def test_strict(tmp_path):
    """The public API, and the programs of the quick start."""
    for block in blocks_of(DOCS / "quickstart.md"):
        if block.language == "python":
            (tmp_path / block.text.split()[1]).write_text(block.text, "utf-8")
    arguments = ["--strict", "--no-incremental", "--disable-error-code=type-arg"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *arguments, Path(__file__).parent / "typing", tmp_path],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "in 7 source files" in done.stdout
