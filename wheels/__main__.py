"""Build the sdist and a wheel for each CPython, check what is in them, test what they install.

In a git checkout, on Linux: the sdist; of it a wheel for each interpreter, repaired by
auditwheel; what each has in it; imports and the command line in a new virtual environment that has
nothing but the wheel and its dependencies; the sdist's tests there. Exits with 1 where any of it
fails, after it has tried the rest. Needs ``pip install '.[wheels]'``.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath
from tarfile import TarError
from zipfile import BadZipFile

from . import build, contents, install
from .commands import ROOT

FAILURES = (contents.Wrong, OSError, subprocess.CalledProcessError, TarError, BadZipFile)


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m wheels",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--python",
        action="append",
        metavar="PATH",
        help="an interpreter to build for, once for each; without it, each CPython on the machine",
    )
    parser.add_argument(
        "--check",
        nargs="+",
        type=Path,
        metavar="WHEEL",
        help="nothing but what is in these, which were built elsewhere",
    )
    parser.add_argument("--sdist", action="store_true", help="the sdist alone, and what is in it")
    parser.add_argument("--no-tests", action="store_true", help="imports only, not the test-suite")
    parser.add_argument("--workers", type=int, default=3, help="processes of pytest (3)")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for what is built")
    return parser.parse_args(arguments)


def make_wheel(
    python: str,
    sdist: Path,
    sources: list[PurePosixPath],
    scratch: Path,
    options: argparse.Namespace,
) -> str:
    """What there is to say of the wheel for an interpreter; raises if anything is wrong."""
    venv = install.Venv(scratch / "venv", python)
    wheel = build.wheel(venv, sdist, scratch, options.out)
    contents.check_wheel(wheel, sources)
    venv.check_imports(wheel)
    if not options.no_tests:
        venv.run_tests(wheel, sdist, scratch, options.workers)
    said = "imports only" if options.no_tests else "imports and tests, both transports"
    return f"{wheel.stat().st_size:>9,} bytes  {wheel.name}  {said}"


def main() -> int:
    options = parsed()
    options.out = options.out.resolve()
    report, failed = [], False
    try:
        sources = contents.tracked()
        for wheel in options.check or ():
            contents.check_wheel(wheel, sources)
        if options.check:
            return 0
        sdist = build.sdist(options.out)
        contents.check_sdist(sdist, sources)
        dirty = "  with what is not committed" if contents.dirty() else ""
        report.append(f"{sdist.stat().st_size:>9,} bytes  {sdist.name}{dirty}")
        pythons = [] if options.sdist else options.python or build.pythons()
    except FAILURES as error:
        print(error, file=sys.stderr)
        return 1
    for python in pythons:
        with tempfile.TemporaryDirectory(prefix="wheels-") as scratch:
            try:
                report.append(make_wheel(python, sdist, sources, Path(scratch), options))
            except FAILURES as error:
                report.append(f"FAILED for {python}: {error}")
                failed = True
    print("\n" + "\n".join(report))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
