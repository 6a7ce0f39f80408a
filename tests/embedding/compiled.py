"""What compiles modules and programs against the installed package."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from documents import ROOT

import framewire

EXAMPLE = ROOT / "examples" / "embed"
HERE = Path(__file__).parent

direct = pytest.mark.skipif(
    framewire.transport == "pyzmq", reason="framewire.embed is for the direct transport"
)


def compiler():
    found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if found is None:
        pytest.skip("there is no C compiler")
    return found


def libzmq():
    """The path of the libzmq that pyzmq has loaded."""
    if not sys.platform.startswith("linux"):
        pytest.skip("libzmq is found in /proc/self/maps, which only Linux has")
    found = re.search(r"/.*/libzmq[^/\n]*$", Path("/proc/self/maps").read_text(), re.MULTILINE)
    if found is None:
        pytest.skip("pyzmq has no libzmq of its own")
    return found.group()


def make(folder, *command):
    """Run a command that compiles something, in a folder that has none of framewire's sources."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environment, "CFLAGS": "-O1"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def build_extension(built, name, write_in):
    """The module `name` that a setup.py builds, in a folder into which its sources are written."""

    def make_in(folder):
        compiler()
        write_in(folder)
        make(folder, sys.executable, "setup.py", "-q", "build_ext", "--inplace")

    pytest.importorskip("Cython")
    pytest.importorskip("setuptools")
    folder = built(name, make_in)
    path = folder / (name + sysconfig.get_config_var("EXT_SUFFIX"))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def copy_from(folder, name):
    """What writes a module and its setup.py."""

    def write_in(into):
        for file in (f"{name}.pyx", "setup.py"):
            shutil.copy(folder / file, into)

    return write_in
