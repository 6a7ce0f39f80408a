"""``framewire schema``: what it prints is the class's layout, and C that a compiler takes."""

import json
import shutil
import subprocess
import sys

import pytest

DEFINITIONS = """
import numpy as np
from typing import Annotated
from framewire import Record, array, blob, f32, f64, pad, record, text, u8, u32

class Pose(Record):
    x: f32
    y: f32

class ImuSample(Record):
    seq: u32
    kind: u8
    _1: pad(3)
    t: f64
    name: text(5)
    raw: blob(3)
    matrix: Annotated[np.ndarray, array(f32, (2, 3))]
    pose: Pose
    half: np.float16
    when: Annotated[np.datetime64, np.dtype("M8[us]")]
    wide: Annotated[str, np.dtype("<U2")]
    big: Annotated[int, np.dtype(">u4")]
    double: np.int16
    msg: str
    more: bytes

Quoted = record(np.dtype([('say "é"', "u1")]), name="Quoted")
Overlapping = record(
    np.dtype({"names": ["a", "b"], "formats": ["<u4", "<u2"], "offsets": [0, 2], "itemsize": 9}),
    name="Overlapping",
)

Clashing = record(np.dtype([("a b", "u1"), ("a-b", "u1"), ("padding_4", "u1"), ("??/", "u2")]),
                  name="Clashing")

class Bare(Record):
    pass

class NoRecord:
    pass
"""


@pytest.fixture
def schema(tmp_path):
    (tmp_path / "definitions.py").write_text(DEFINITIONS)

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "framewire.cli", "schema", *arguments],
            capture_output=True, text=True, cwd=tmp_path, timeout=60,
        )  # fmt: skip

    return run


def test_text(schema):
    done = schema("definitions:ImuSample")
    assert (done.returncode, done.stderr) == (0, "")
    assert "ImuSample: 96 bytes, fingerprint 0x" in done.stdout
    row = next(line for line in done.stdout.splitlines() if line.endswith("  name"))
    assert row.split() == ["16", "5", "|S5", "name"]
    assert "numpy dtype: none" in done.stdout
    assert "numpy dtype: [('x', '<f4'), ('y', '<f4')]" in schema("definitions:Pose").stdout


MEMBERS = {
    "ImuSample": "seq kind t name raw matrix pose half when wide big double_"
    " msg_offset more_offset",
    "Quoted": "say____",
    "Overlapping": "a",
    "Pose": "x y",
    "Clashing": "a_b a_b_ padding_4_",
}


@pytest.mark.parametrize("name", MEMBERS)
def test_c_struct_has_the_layout(schema, tmp_path, name):
    """Compiled, its members are where the fields are, and the text is the schema."""
    compiler = shutil.which("cc") or pytest.skip("no C compiler")
    said = json.loads(schema(f"definitions:{name}", "--json").stdout)
    kind = {"ImuSample": "imu_sample"}.get(name, name.lower())
    members = MEMBERS[name].split()
    prints = "".join(f'printf("%zu ", offsetof({kind}_t, {member}));' for member in members)
    source = tmp_path / "layout.c"
    source.write_text(
        "#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n"
        f"{said['c']}\n"
        f'int main(void) {{ {prints} printf("%zu\\n%llx\\n%s", sizeof({kind}_t), '
        f"(unsigned long long){kind.upper()}_FINGERPRINT, {kind.upper()}_SCHEMA); return 0; }}\n"
    )
    program = tmp_path / "layout"
    subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", source, "-o", program], check=True)
    sizes, fingerprint, text = subprocess.check_output([program]).decode().split("\n")
    assert text == said["schema"]
    assert int(fingerprint, 16) == int(said["fingerprint"], 16)
    offsets = [field["offset"] for field in said["fields"]][: len(members)]
    assert [int(size) for size in sizes.split()] == [*offsets, said["itemsize"]]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("definitions", "is not MODULE:CLASS"),
        ("definitions:Gone", "Gone"),
        ("definitions:NoRecord", "is no class of records"),
        ("definitions:Bare", "is no class of records with fields"),
        ("json:dumps", "json:dumps is no class"),
        ("nowhere_at_all:Imu", "nowhere_at_all"),
    ],
)
def test_no_such_class(schema, name, message):
    done = schema(name)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stdout == ""
