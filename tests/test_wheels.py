"""What `python -m wheels` says of a wheel with too much in it, too little, or too large."""

import io
import sys
import tarfile
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


METADATA = "framewire-0.1.0.dist-info/METADATA"
NEEDED = """\
Requires-Dist: pyzmq>=24
Requires-Dist: numpy>=1.23
Requires-Dist: msgspec>=0.18; python_version >= "3.10"
Requires-Dist: rich; extra == "cli"
"""


@pytest.fixture(autouse=True)
def checkout(tmp_path, monkeypatch):
    """A folder with all files that are tracked, each with its name in it."""
    root = tmp_path / "checkout"
    for name in TRACKED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(Path(name).name)
    monkeypatch.setattr(contents, "ROOT", root)


def check(tmp_path, names, other=None, **limits):
    texts = {name: Path(name).name for name in names} | {METADATA: NEEDED}
    with zipfile.ZipFile(tmp_path / NAME, "w") as archive:
        for name in names:
            archive.writestr(name, (other or {}).get(name, texts[name]))
    contents.check_wheel(tmp_path / NAME, map(PurePosixPath, TRACKED), **limits)


def test_whole(tmp_path):
    check(tmp_path, WHEEL)


@pytest.mark.parametrize(
    "name",
    ["framewire/__init__.py", "framewire/_pool.pyi", "framewire/include/framewire/head.h"],
)
def test_another_text(tmp_path, name):
    with pytest.raises(contents.Wrong, match=f"has another {name}"):
        check(tmp_path, WHEEL, {name: "what is not tracked"})


@pytest.mark.parametrize(
    "more", ["Requires-Dist: rich\n", 'Requires-Dist: numpy-x; extra != "a"\n']
)
def test_more_dependencies(tmp_path, more):
    with pytest.raises(contents.Wrong, match="needs "):
        check(tmp_path, WHEEL, {METADATA: NEEDED + more})


def test_fewer_dependencies(tmp_path):
    with pytest.raises(contents.Wrong, match="needs pyzmq"):
        check(tmp_path, WHEEL, {METADATA: NEEDED.replace("Requires-Dist: numpy>=1.23\n", "")})


def test_a_module_for_another_python(tmp_path):
    module = "framewire/_pool.cpython-311-x86_64-linux-gnu.so"
    other = module.replace("311", "310")
    with pytest.raises(contents.Wrong, match=f"has {other}"):
        check(tmp_path, WHEEL - {module} | {other})


@pytest.mark.parametrize("name", sorted(WHEEL))
def test_without(tmp_path, name):
    with pytest.raises(contents.Wrong, match=f"without {contents.without_abi(name)}"):
        check(tmp_path, WHEEL - {name})


@pytest.mark.parametrize(
    "name",
    [
        "framewire.libs/libzmq-a1b2.so.5",
        "framewire/_pool.libzmq.so",
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


def test_another_binary_beside_a_module(tmp_path):
    with pytest.raises(contents.Wrong, match=r"twice framewire/_pool\.so"):
        check(tmp_path, WHEEL | {"framewire/_pool.cpython-310-x86_64-linux-gnu.so"})


def sdist(tmp_path, entries):
    path = tmp_path / "framewire-0.1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in {"PKG-INFO": b"", **entries}.items():
            member = tarfile.TarInfo(f"framewire-0.1.0/{name}")
            if data is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            member.size = len(data or b"")
            archive.addfile(member, io.BytesIO(data or b""))
    return path


def test_sdist(tmp_path, monkeypatch):
    monkeypatch.undo()
    names = ["LICENSE", "pyproject.toml"]
    right = {name: (contents.ROOT / name).read_bytes() for name in names}

    def check(entries):
        contents.check_sdist(sdist(tmp_path, entries), map(PurePosixPath, names))

    check(right)
    for wrong in (b"other", None):  # None: a symlink
        with pytest.raises(contents.Wrong, match="has another LICENSE"):
            check(right | {"LICENSE": wrong})
    with pytest.raises(contents.Wrong, match="has stray"):
        check(right | {"stray": b""})
    with pytest.raises(contents.Wrong, match="without LICENSE"):
        check({"pyproject.toml": right["pyproject.toml"]})


def test_large(tmp_path):
    with pytest.raises(contents.Wrong, match="of at most 1,000"):
        check(tmp_path, WHEEL, most=1000)
