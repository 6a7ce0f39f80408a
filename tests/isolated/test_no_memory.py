"""Calls whose allocations fail: see no_memory.py. The library that fails them is made here."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import framewire

HERE = Path(__file__).parent
COMPILER = shutil.which("cc")

pytestmark = [
    pytest.mark.skipif(framewire.transport == "pyzmq", reason="pyzmq's own allocations"),
    pytest.mark.skipif(
        COMPILER is None or platform.libc_ver()[0] != "glibc",
        reason="needs a C compiler, and glibc's malloc",
    ),
    pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the sanitizer's malloc is its own"),
]


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    path = tmp_path_factory.mktemp("shim") / "failing_malloc.so"
    source = HERE / "failing_malloc.c"
    subprocess.run([COMPILER, "-O1", "-shared", "-fPIC", "-o", path, source, "-ldl"], check=True)
    return path


def run(shim, case, mode):
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", HERE / "no_memory.py", case, mode],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "LD_PRELOAD": str(shim), "PYTHONMALLOC": "malloc"},
    )
    assert (done.returncode, done.stderr) == (0, "")


CASES = [
    "array",
    "array, topic, meta",
    "in place",
    "strided",
    "pooled",
    "tree",
    "tracked",
    "record",
    "record, stamped",
    "tree, stamped",
    "raw",
    "many frames",
    "multipart",
    "frames",
    "pyobj",
    "json",
    "out",
    "rows",
    "values",
    "values, stamped",
]


@pytest.mark.parametrize("case", ["in place", "tracked", "many frames", "values, stamped"])
@pytest.mark.parametrize("mode", ["once", "on"])
def test_no_memory(shim, case, mode):
    run(shim, case, mode)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("mode", ["once", "on"])
def test_no_memory_for_any_call(shim, case, mode):
    run(shim, case, mode)
