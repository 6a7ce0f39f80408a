"""What the documents show, runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from loopback import run_program
from test_examples import is_installed

ROOT = Path(__file__).parents[1]


EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
PRINTED = [
    "[3, 10, 4147200]",
    "[b'topic', b'data'] {'x': [1, 2.5, None]} {'point': (1, 2)}",
    "Imu(seq=7, t=1.5, temp=20.25)\n<Batch of 500, 0 errors>",
    "42",
]


@pytest.mark.parametrize(("code", "printed"), [*zip(EXAMPLES, PRINTED, strict=True)])
def test_readme_examples(code, printed):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert printed in done.stdout


PAGES = [("serializers", "google.protobuf blosc2"), ("telemetry", "")]
PAGES += [("osbrain", "osbrain"), ("pyzmq-recipes", ""), ("dask", "distributed")]
PAGES += [("recording", ""), ("security", ""), ("asyncio", "tornado"), ("gevent", "gevent")]


@pytest.mark.parametrize(("page", "needs"), PAGES)
def test_page(tmp_path, page, needs):
    """All of its code in one namespace, from top to bottom; a traceback has the page's lines."""
    missing = [library for library in needs.split() if not is_installed(library)]
    if missing:
        pytest.skip(f"{missing} are not installed")
    lines = (ROOT / "docs" / f"{page}.md").read_text("utf-8").splitlines()
    fences = [i for i, line in enumerate(lines) if line.startswith("```")]
    program = [""] * len(lines)
    for begin, end in zip(fences[::2], fences[1::2], strict=True):
        if lines[begin] == "```python":
            program[begin + 1 : end] = lines[begin + 1 : end]
    (tmp_path / f"{page}_page.py").write_text("\n".join(program), "utf-8")
    code, _, errors = run_program([tmp_path / f"{page}_page.py"], tmp_path)
    assert (code, errors) == (0, "")


def test_links():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\((?!http)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
