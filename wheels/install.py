"""A wheel in a virtual environment that has nothing else: imports, and the sdist's tests."""

import os
import tarfile
from pathlib import Path

from .commands import run

TRANSPORTS = ("libzmq", "pyzmq")


class Venv:
    """A new virtual environment; its working directory has no source of framewire in it."""

    def __init__(self, folder: Path, interpreter: str):
        run(interpreter, "-m", "venv", folder)
        self.folder = folder
        self.python = folder / "bin" / "python"
        run(self.python, "-m", "pip", "install", "--quiet", "--upgrade", "pip")

    def check_imports(self, wheel: Path) -> None:
        """With its dependencies alone it imports, on both transports, and names what it lacks."""
        run(self.python, "-m", "pip", "install", "--quiet", wheel)
        checks = Path(__file__).with_name("imports.py")
        for transport in TRANSPORTS:
            run(
                self.python, "-I", checks, transport, cwd=self.folder, FRAMEWIRE_TRANSPORT=transport
            )
        run(self.python.with_name("framewire"), "--help", cwd=self.folder)

    def run_tests(self, wheel: Path, sdist: Path, scratch: Path, workers: int) -> None:
        """The tests of the unpacked sdist, on both transports, of what is installed."""
        run(self.python, "-m", "pip", "install", "--quiet", f"{wheel}[test]")
        with tarfile.open(sdist) as archive:
            archive.extractall(scratch / "sdist", filter="data")
        (root,) = (scratch / "sdist").iterdir()
        path = f"{self.python.parent}:{os.environ['PATH']}"
        command = ["sh", "tests/both_transports", "-q", "-n", str(workers)]
        run(*command, cwd=root, PATH=path, FRAMEWIRE_WHEEL=str(wheel))  # for the quick start
