"""The sdist by `build`, of it wheels by pip, repaired by auditwheel."""

import shutil
import sys
from pathlib import Path

from .commands import output, run
from .install import Venv


def pythons() -> list[str]:
    """Every CPython that CI finds."""
    return output("bash", "-c", "source .ci/lib.sh; all_pythons").split()


def sdist(folder: Path) -> Path:
    run(sys.executable, "-m", "build", "--sdist", "--outdir", folder)
    return newest(folder, "*.tar.gz")


def wheel(venv: Venv, sdist: Path, scratch: Path, folder: Path) -> Path:
    """Build the wheel of an sdist, for the interpreter of a virtual environment.

    auditwheel names it for the oldest glibc that has the symbols in it, and would add libraries
    that it needs and manylinux does not promise; that it adds none is a matter of `contents`.
    """
    run(venv.python, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", scratch / "built", sdist)
    built = newest(scratch / "built", "*.whl")
    repaired = scratch / "repaired"
    # as CI would for a release: a hundredth smaller than by default
    run(sys.executable, "-m", "auditwheel", "repair", "-z", "9", "-w", repaired, built)
    found = newest(repaired, "*.whl")
    return Path(shutil.move(found, folder / found.name))  # perhaps to another disk


def newest(folder: Path, pattern: str) -> Path:
    return max(folder.glob(pattern), key=lambda path: path.stat().st_mtime)
