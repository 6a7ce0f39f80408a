"""What is in an sdist and in a wheel: no file too few, and none too many."""

import re
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from .commands import ROOT, output

if sys.version_info >= (3, 11):
    import tomllib
else:  # which `build` needs there too
    import tomli as tomllib

MOST = 1_500_000  # bytes of a wheel, and of an sdist
PACKAGE = PurePosixPath("src/framewire")
HEADERS = PurePosixPath("csrc/include/framewire")
PUBLIC = ("_c.pxd", "embed.pxd")  # for Cython; all other .pxd are for framewire's own modules
ABI = re.compile(r"\.(cpython-\d+-[\w-]+\.so|cp\d+-[\w-]+\.pyd)$")
DIST_INFO = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")


class Wrong(Exception):
    """What was built is not what was meant."""


def tracked() -> list[PurePosixPath]:
    """What git tracks."""
    return [PurePosixPath(name) for name in output("git", "ls-files", "-z").split("\0") if name]


def check_sdist(path: Path, sources: Iterable[PurePosixPath]) -> None:
    """An sdist has what git tracks, but for the folders that pyproject.toml excludes, as it is."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    excluded = settings["tool"]["scikit-build"]["sdist"]["exclude"]
    wanted = {str(name) for name in sources if name.parts[0] not in excluded}
    found = []
    with tarfile.open(path) as archive:
        for member in (each for each in archive if not each.isdir()):
            name = str(PurePosixPath(*PurePosixPath(member.name).parts[1:]))
            found.append(name)
            file = archive.extractfile(member) if member.isreg() else None
            if name in wanted and (file is None or file.read() != (ROOT / name).read_bytes()):
                raise Wrong(f"{path.name} has another {name}")
    compare(path, wanted | {"PKG-INFO"}, found)
    check_size(path, MOST)


def check_wheel(path: Path, sources: Iterable[PurePosixPath], most: int = MOST) -> None:
    """A wheel has the modules, types for each that is compiled, headers, and no other source."""
    with zipfile.ZipFile(path) as archive:
        found = [name for name in archive.namelist() if not name.endswith("/")]
    compare(path, wheel_contents(path.name, sources), map(without_abi, found))
    check_size(path, most)
    if sys.platform == "linux" and "manylinux" not in path.name:
        raise Wrong(f"{path.name} is for this machine only")


def check_size(path: Path, most: int) -> None:
    if path.stat().st_size >= most:
        raise Wrong(f"{path.name} has {path.stat().st_size:,} bytes, of at most {most:,}")


def wheel_contents(wheel: str, sources: Iterable[PurePosixPath]) -> set[str]:
    """The names of a wheel's files, from those in git, extension modules without their ABI."""
    wanted = {f"{'-'.join(wheel.split('-')[:2])}.dist-info/{name}" for name in DIST_INFO}
    for source in sources:
        if source.is_relative_to(HEADERS):
            wanted.add(f"framewire/include/framewire/{source.name}")
        elif source.is_relative_to(PACKAGE):
            name = source.relative_to(PACKAGE)
            if name.suffix == ".pyx":
                wanted |= {f"framewire/{name.stem}.so", f"framewire/{name.stem}.pyi"}
            elif name.suffix in (".py", ".pyi") or name.name in ("py.typed", *PUBLIC):
                wanted.add(f"framewire/{name}")
    return wanted


def without_abi(name: str) -> str:
    """`framewire/_pool.so` for `framewire/_pool.cpython-313-x86_64-linux-gnu.so`, say."""
    return ABI.sub(".so", name)


def compare(path: Path, wanted: set[str], found: Iterable[str]) -> None:
    listed = list(found)
    names = set(listed)
    wrong = [f"  twice {name}" for name in sorted(names) if listed.count(name) > 1]
    wrong += [f"  without {name}" for name in sorted(wanted - names)]
    wrong += [f"  has {name}" for name in sorted(names - wanted)]
    if wrong:
        raise Wrong("\n".join([f"{path.name}, compared with what git tracks:", *wrong]))
