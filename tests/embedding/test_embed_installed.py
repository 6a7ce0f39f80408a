"""What an extension that embeds framewire finds in the installed package."""

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from documents import ROOT

import framewire


def test_the_wheel_has_the_headers_and_the_public_pxds():
    installed = {str(path) for path in importlib.metadata.files("framewire")}
    headers = {path.name for path in (ROOT / "csrc/include/framewire").glob("*.h")}
    found = {path for path in installed if path.endswith((".c", ".h", ".pxd", ".pyx"))}
    assert found == {f"framewire/include/framewire/{name}" for name in headers} | {
        "framewire/_c.pxd",
        "framewire/embed.pxd",
    }
    assert {path.name for path in Path(framewire.get_include(), "framewire").iterdir()} == headers


def test_what_the_public_pxd_cimports_is_there():
    folder = Path(framewire.__file__).parent
    text = (folder / "embed.pxd").read_text() + (folder / "_c.pxd").read_text()
    for name in re.findall(r"^from \.(\w+) cimport", text, re.MULTILINE):
        assert (folder / f"{name}.pxd").exists()


def test_is_not_imported_with_framewire():
    code = "import framewire, sys; print('framewire.embed' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n"


def test_needs_the_direct_transport():
    environment = {**os.environ, "FRAMEWIRE_TRANSPORT": "pyzmq"}
    done = subprocess.run(
        [sys.executable, "-c", "import framewire.embed"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert re.search(r"ImportError: framewire\.embed .* FRAMEWIRE_TRANSPORT=pyzmq", done.stderr)


@pytest.mark.skipif(framewire.transport != "pyzmq", reason="only pyzmq's transport refuses")
def test_modules_that_need_it_say_so(request):
    with pytest.raises(ImportError, match=r"framewire\.embed calls libzmq itself"):
        request.getfixturevalue("calls")
