"""Processes that differ: in their environment, in what they allow, in the libraries they have."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from test_golden import load_frames

import framewire


def run(program, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-c", "import sys, framewire\n" + textwrap.dedent(program), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_environment():
    program = """
    print(framewire.default_codec().serializer, framewire.dumps(5)[0][3])
    framewire.set_default_codec("msgpack")
    framewire.set_default_codec()
    print(framewire.default_codec().serializer)
    """
    assert run(program, FRAMEWIRE_SERIALIZER="json").split() == ["json", "3", "json"]
    assert run(program, FRAMEWIRE_SERIALIZER="").split() == ["auto", "4", "auto"]
    program = """
    try:
        framewire.dumps(5)
    except ValueError as error:
        print(error)
    """
    assert "no serializer 'nope'" in run(program, FRAMEWIRE_SERIALIZER="nope")


FUNCTIONS = """
codec = framewire.Codec(allow=framewire.SAFE | {"cloudpickle"})
frames = [bytes.fromhex(frame) for frame in sys.argv[1:]]
try:
    framewire.loads(frames)
except framewire.RefusedError as error:
    print("refused", error.code)
function, data = framewire.loads(frames, codec=codec)
print(function(20), data.sum(), data.flags.writeable)
"""


def test_a_function_for_another_process():
    """It runs there, where it is allowed and only there; its arrays come in place."""
    pytest.importorskip("cloudpickle")
    offset = 2
    value = [lambda x: 2 * x + offset, np.ones(2000)]
    frames = framewire.dumps(value, serializer="cloudpickle")
    assert len(frames) == 2
    out = run(FUNCTIONS, *(bytes(frame).hex() for frame in frames))
    assert out.split() == ["refused", "refused", "42", "2000.0", "False"]


BLOCKER = """
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name in sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
name, frames = sys.argv[2], [bytes.fromhex(frame) for frame in sys.argv[3:]]
try:
    framewire.dumps([1], serializer=name)
except ImportError as error:
    assert f"framewire[{name}]" in str(error), error
else:
    sys.exit("no ImportError")
assert framewire.loads(framewire.dumps([1], serializer=[name, "json"])) == [1]
try:
    framewire.loads(frames, codec=framewire.Codec(allow=[name]))
except framewire.RefusedError as error:
    assert f"framewire[{name}]" in str(error), error
else:
    sys.exit("no RefusedError")
assert framewire.loads(framewire.dumps({"a": [1]})) == {"a": [1]}
print("good")
"""


@pytest.mark.parametrize(
    ("name", "modules"),
    [
        ("cloudpickle", "cloudpickle"),
        ("dill", "dill"),
        ("arrow", "pyarrow"),
        ("protobuf", "google"),
    ],
)
def test_a_library_is_missing(name, modules):
    """On both sides: what to install is told, and all else works."""
    if name == "arrow":
        frames = framewire.dumps(pytest.importorskip("pyarrow").table({"a": [1]}))
    elif name == "protobuf":
        frames = load_frames("protobuf")
    else:
        pytest.importorskip(modules)
        frames = framewire.dumps([1], serializer=name)
    assert run(BLOCKER, modules, name, *(bytes(frame).hex() for frame in frames)) == "good"
