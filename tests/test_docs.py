"""What the documents show, runs."""

import re
import subprocess
import sys
from operator import attrgetter

import pytest
from documents import DOCS, PAGES, ROOT, blocks_of
from loopback import run_program
from test_examples import is_installed
from test_golden import load_frames

README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
ALL = [README, CONTRIBUTING, *PAGES]
STEM = attrgetter("stem")  # of a page, for the name of a test

# ---- Python

EXAMPLES = [block.text for block in blocks_of(README) if block.language == "python"]
PRINTED = [
    "[3, 10, 4147200]",
    "[b'topic', b'data'] {'x': [1, 2.5, None]} {'point': (1, 2)}",
    "Imu(seq=7, t=1.5, temp=20.25)\n<Batch of 500, 0 errors>",
]


@pytest.mark.parametrize(("code", "printed"), [*zip(EXAMPLES, PRINTED, strict=True)])
def test_readme_examples(code, printed):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert printed in done.stdout


NEEDS = {
    "adding-a-serializer": "google.protobuf",
    "asyncio": "tornado",
    "dask": "distributed",
    "gevent": "gevent",
    "osbrain": "osbrain",
    "serializers": "google.protobuf blosc2",
}
FILES = {  # where they run
    "quickstart": "test_quickstart.py",
    "embedding": "embedding/",
    "tools": "cli/",
}


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem not in FILES], ids=STEM)
def test_page(tmp_path, page):
    """All of its code in one namespace, from top to bottom; a traceback has the page's lines."""
    missing = [name for name in NEEDS.get(page.stem, "").split() if not is_installed(name)]
    if missing:
        pytest.skip(f"{missing} are not installed")
    program = []
    for block in blocks_of(page):
        if block.language == "python":
            program += [""] * (block.line - len(program)) + block.text.splitlines()
    (tmp_path / f"{page.stem}_page.py").write_text("\n".join(program), "utf-8")
    code, _, errors = run_program([tmp_path / f"{page.stem}_page.py"], tmp_path)
    assert (code, errors) == (0, "")


LANGUAGES = {
    "python": "above",
    "sh": "below",
    "cython": "embedding/",
    "text": "screens: test_quickstart.py",
    "": "no code: grammars, drawings, bytes",
    "{toctree}": "for the site",
}


@pytest.mark.parametrize("page", ALL, ids=STEM)
def test_every_block_is_tested_or_no_code(page):
    for block in blocks_of(page):
        assert block.language in LANGUAGES, f"{page.name}:{block.line}: who runs {block.language}?"


# ---- commands

# Of each line of a shell's, who runs it: a file that has this text.
COMMANDS = {
    "python3 -m venv .venv && .venv/bin/pip install '.[demo]' && .venv/bin/framewire demo": (
        "tests/cli/test_demo.py",
        '"framewire.cli", "demo"',
    ),
    "python3 -m venv .venv && . .venv/bin/activate && tests/run": (".ci/run", "sh tests/run"),
    "pip install scikit-build-core cython cython-cmake numpy cmake ninja": (
        "tests/sanitized",
        "pip install --quiet scikit-build-core cython cython-cmake numpy ninja cmake",
    ),
    "pip install --no-build-isolation -Cbuild-dir=build/dev '.[lint]'": (
        "tests/sanitized",
        "--no-build-isolation",
    ),
    "cmake -S csrc -B build/csrc -DCMAKE_C_FLAGS=-fsanitize=address,undefined": (
        ".ci/nightly",
        "cmake -S csrc -B ",
    ),
    "cmake --build build/csrc && ctest --test-dir build/csrc": (".ci/nightly", "ctest --test-dir"),
    "python -m fuzz --minutes 60 --seed 1": (".ci/nightly", "python -m fuzz --minutes "),
    "csrc/fuzz/run 3600": (".ci/nightly", "csrc/fuzz/run "),
    "fuzz/run 3600": (".ci/nightly", " fuzz/run "),
    "pip install '.[docs]'": (".ci/run", "framewire[lint,docs]"),
    "sphinx-build -W docs build/site": (".ci/run", "sphinx-build -W "),
}


def commands_of(page):
    for block in blocks_of(page):
        if block.language == "sh":
            for line in block.text.splitlines():
                yield line.partition("  #")[0].rstrip()


@pytest.mark.parametrize("page", [page for page in ALL if page.stem not in FILES], ids=STEM)
def test_commands_are_those_that_are_run(page):
    for command in commands_of(page):
        assert command in COMMANDS, f"{page.name}: {command}: who runs that?"
        file, text = COMMANDS[command]
        runner = ROOT / file
        if runner.parts[-2] != ".ci" or runner.exists():  # which the sdist has not
            assert text in runner.read_text("utf-8"), command


def test_no_command_is_gone():
    found = {command for page in ALL for command in commands_of(page)}
    assert found >= COMMANDS.keys()


# ---- bytes, links


def test_bytes_are_those_of_the_golden_files():
    page = DOCS / "wire-format.md"
    lines = page.read_text("utf-8").splitlines()
    found = []
    for block in blocks_of(page):
        rows = re.findall(r"^ *(\d+)  ((?:[0-9a-f]{2} )*[0-9a-f]{2})(?:  |$)", block.text, re.M)
        if rows:
            above = "\n".join(lines[: block.line])
            name = re.findall(r"`tests/golden/([\w-]+)\.frames`", above)[-1]
            (head, *_) = load_frames(name)
            for offset, digits in rows:
                assert head.hex(" ")[3 * int(offset) :].startswith(digits), (name, offset)
            found.append(name)
    assert found == ["struct-meta", "tree-example", "record-example"]


def test_links():
    for page in ALL:
        for link in re.findall(r"\]\((?!http)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
