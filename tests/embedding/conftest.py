"""The modules and the program that these tests call, each compiled once."""

import fcntl
import shutil
from pathlib import Path

import pytest
from compiled import EXAMPLE, HERE, build_extension, compiler, copy_from, libzmq, make
from documents import ROOT

import framewire


@pytest.fixture(scope="session")
def built(tmp_path_factory, worker_id):
    """Make something once, for all processes of pytest; returns its folder."""

    def build(name, make_in):
        base = tmp_path_factory.getbasetemp()
        folder = (base if worker_id == "master" else base.parent) / f"embed-{name}"
        with open(f"{folder}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                making = folder.with_name(f"{folder.name}.making")
                shutil.rmtree(making, ignore_errors=True)
                making.mkdir()
                make_in(making)
                making.rename(folder)
        return folder

    return build


@pytest.fixture(scope="session")
def calls(built):
    return build_extension(built, "calls", copy_from(HERE, "calls"))


@pytest.fixture(scope="session")
def relay(built):
    return build_extension(built, "relay", copy_from(EXAMPLE, "relay"))


@pytest.fixture(scope="session")
def producer(built):
    """The compiled C producer."""

    def make_in(folder):
        # in the system's own order: its zmq.h, if there is one, else the tests'
        include = ["-I", framewire.get_include(), "-idirafter", str(HERE)]
        sources = [str(EXAMPLE / "producer.c"), *map(str, (ROOT / "csrc/src").glob("*.c"))]
        # the old kind of rpath is for libraries of libraries, too: old wheels' libzmq needs it
        rpath = f"-Wl,--disable-new-dtags,-rpath,{Path(libzmq()).parent}"
        library = [libzmq(), rpath, "-pthread"]
        warnings = ["-Wall", "-Wextra", "-Werror"]
        make(
            folder,
            *[compiler(), "-std=c11", "-O1", *warnings, *include, "-o", "producer"],
            *[*sources, *library],
        )

    return built("producer", make_in) / "producer"
