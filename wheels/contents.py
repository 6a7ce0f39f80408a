"""What is in an sdist and in a wheel: no file too few, and none too many."""

import re
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from email.parser import BytesParser
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
ABI = re.compile(r"\.(cpython-|cp)(?P<tag>\d+)-[\w-]+\.(so|pyd)$")
DEPENDENCIES = {"msgspec", "numpy", "pyzmq"}
DIST_INFO = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")


class Wrong(Exception):
    """What was built is not what was meant."""


def tracked() -> list[PurePosixPath]:
    """What git tracks."""
    return [PurePosixPath(name) for name in output("git", "ls-files", "-z").split("\0") if name]


def dirty() -> bool:
    """Is there anything in the files that git tracks that it does not have?"""
    return bool(output("git", "status", "--porcelain", "--untracked-files=no"))


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
    wanted = wheel_contents(path.name, sources)
    with zipfile.ZipFile(path) as archive:
        found = [name for name in archive.namelist() if not name.endswith("/")]
        compare(path, set(wanted), map(without_abi, found))
        for name, source in wanted.items():
            if source and lines(archive.read(name)) != lines((ROOT / source).read_bytes()):
                raise Wrong(f"{path.name} has another {name}")
        check_metadata(path, archive)
    tag = path.name.split("-")[2].removeprefix("cp")
    if other := [name for name in found if (abi := ABI.search(name)) and abi["tag"] != tag]:
        raise Wrong(f"{path.name} has {other[0]}")
    check_size(path, most)
    if sys.platform == "linux" and "manylinux" not in path.name:
        raise Wrong(f"{path.name} is for this machine only")


def check_metadata(path: Path, archive: zipfile.ZipFile) -> None:
    """A wheel asks for three libraries, and for others by extras alone."""
    metadata = BytesParser().parsebytes(archive.read(f"{dist_info(path.name)}/METADATA"))
    needed = [each for each in metadata.get_all("Requires-Dist", []) if "extra ==" not in each]
    if {re.split(r"[^\w-]", each)[0] for each in needed} != DEPENDENCIES:
        raise Wrong(f"{path.name} needs {', '.join(needed)}")


def check_size(path: Path, most: int) -> None:
    if path.stat().st_size >= most:
        raise Wrong(f"{path.name} has {path.stat().st_size:,} bytes, of at most {most:,}")


def dist_info(wheel: str) -> str:
    return f"{'-'.join(wheel.split('-')[:2])}.dist-info"


def wheel_contents(wheel: str, sources: Iterable[PurePosixPath]) -> dict[str, PurePosixPath | None]:
    """The names of a wheel's files, modules without their ABI, and what they are copies of.

    Each module that is compiled has a file with its types, also if git had none.
    """
    copies = {}
    made = {f"{dist_info(wheel)}/{name}" for name in DIST_INFO}
    for source in sources:
        if source.is_relative_to(HEADERS):
            copies[f"framewire/include/framewire/{source.name}"] = source
        elif source.is_relative_to(PACKAGE):
            name = source.relative_to(PACKAGE)
            if name.suffix == ".pyx":
                made |= {f"framewire/{name.stem}.so", f"framewire/{name.stem}.pyi"}
            elif name.suffix in (".py", ".pyi") or name.name in ("py.typed", *PUBLIC):
                copies[f"framewire/{name}"] = source
    return dict.fromkeys(made) | copies


def lines(data: bytes) -> list[bytes]:
    """A text without the ends of its lines, which git has otherwise on Windows."""
    return data.splitlines()


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
