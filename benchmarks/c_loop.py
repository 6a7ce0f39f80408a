"""Compile loop.c and name the libzmq that it has to use: the one that pyzmq has loaded."""

import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import zmq  # noqa: F401  loads libzmq

SOURCE = Path(__file__).with_name("loop.c")


class Unavailable(Exception):
    """There is no C loop on this system; the text says why."""


@cache
def libzmq() -> str:
    """The path of the libzmq in this process.

    Raises
    ------
    Unavailable
        Not on Linux (macOS has no /proc/self/maps), or libzmq is linked into pyzmq's extension.
    """
    if not sys.platform.startswith("linux"):
        raise Unavailable("the C loop finds libzmq in /proc/self/maps, which only Linux has")
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = line.partition("/")[1] + line.partition("/")[2]
        if Path(path).name.startswith("libzmq"):
            return path
    raise Unavailable("pyzmq has no libzmq of its own in this process")


@cache
def program() -> str:
    """The path of the compiled loop, in a directory that lives as long as this process.

    Raises
    ------
    Unavailable
        There is no C compiler; or as `libzmq`.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise Unavailable("the C loop needs a C compiler")
    out = str(Path(_directory().name) / "loop")
    # the old kind of rpath is for libraries of libraries, too: old wheels' libzmq needs it
    rpath = f"-Wl,--disable-new-dtags,-rpath,{Path(libzmq()).parent}"
    subprocess.run(
        [compiler, "-std=c11", "-O2", "-o", out, str(SOURCE), "-ldl", rpath], check=True, timeout=60
    )
    return out


@cache
def _directory() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="framewire-loop-")


def available() -> str:
    """An empty string, or why there is no C loop here."""
    try:
        libzmq()
        program()
    except Unavailable as reason:
        return str(reason)
    return ""


def command(contender: str, role: str, size: int, count: int, hwm: int) -> list[str]:
    """A command line for a role of loop.c; the endpoint is still to be appended."""
    name = contender.removeprefix("c-")
    return [program(), libzmq(), name, role, str(size), str(count), str(hwm)]


def seconds(contender: str, role: str, size: int, count: int, hwm: int) -> float:
    """The seconds a message of a role that runs in one process."""
    argv = [*command(contender, role, size, count, hwm), "inproc"]
    return float(subprocess.run(argv, check=True, capture_output=True, timeout=120).stdout)
