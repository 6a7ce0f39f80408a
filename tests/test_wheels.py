"""What `python -m wheels` says of a wheel with too much in it, too little, or too large."""

import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest

sys.path.append(str(Path(__file__).parents[1]))

from wheels import contents

NAME = "framewire-0.1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
TRACKED = [
    "csrc/include/framewire/head.h",
    "csrc/src/head.c",
    "src/framewire/__init__.py",
    "src/framewire/stray.c",
    "src/framewire/py.typed",
    "src/framewire/_pool.pyx",
    "src/framewire/_pool.pyi",
    "src/framewire/_pool.pxd",
    "src/framewire/embed.pxd",
    "tests/test_pool.py",
]
WHEEL = {
    *(f"framewire-0.1.0.dist-info/{name}" for name in contents.DIST_INFO),
    "framewire/__init__.py",
    "framewire/_pool.cpython-311-x86_64-linux-gnu.so",
    "framewire/_pool.pyi",
    "framewire/embed.pxd",
    "framewire/include/framewire/head.h",
    "framewire/py.typed",
}


def check(tmp_path, names, **limits):
    with zipfile.ZipFile(tmp_path / NAME, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    contents.check_wheel(tmp_path / NAME, map(PurePosixPath, TRACKED), **limits)


def test_whole(tmp_path):
    check(tmp_path, WHEEL)


@pytest.mark.parametrize("name", sorted(WHEEL))
def test_without(tmp_path, name):
    with pytest.raises(contents.Wrong, match=f"without {contents.without_abi(name)}"):
        check(tmp_path, WHEEL - {name})


@pytest.mark.parametrize(
    "name",
    [
        "framewire.libs/libzmq-a1b2.so.5",
        "framewire/_pool.pxd",
        "framewire/_pool.pyx",
        "framewire/head.c",
        "framewire/stray.c",
        "tests/test_pool.py",
    ],
)
def test_with(tmp_path, name):
    with pytest.raises(contents.Wrong, match="has "):
        check(tmp_path, WHEEL | {name})


def test_large(tmp_path):
    with pytest.raises(contents.Wrong, match="of at most 1,000"):
        check(tmp_path, WHEEL, most=1000)
