"""register and unregister, in a process, and those that did not."""

import pickle
import subprocess
import sys
from pathlib import Path

import dask_more_types
import dask_types
import pytest
from sameness import same

pytest.importorskip("distributed", reason="distributed is not installed")

from dask_ways import LARGE, MASKED
from distributed.protocol import deserialize, serialize
from distributed.protocol.serialize import families

from framewire.compat import dask


def test_unregister_restores():
    before = families["dask"]
    dask.register()
    dask.register()
    assert families["dask"] != before
    sent = [serialize(value) for value in (LARGE, dask_types.Model(3))]
    named = [serialize(value, serializers=["framewire"]) for value in (LARGE, {"a": 1})]
    dask.unregister()
    dask.unregister()
    assert families["dask"] is before
    assert "strides" in serialize(LARGE)[0]["sub-header"]
    assert "head" not in serialize(LARGE)[0]["sub-header"]
    assert serialize(LARGE, serializers=["framewire", "dask"])[0]["serializer"] == "dask"
    for header, frames in sent + named:  # what was sent before
        deserialize(header, frames)
    assert same(deserialize(*named[0], deserializers=["framewire"]), LARGE)


READER = """
import pickle, sys
class Without:
    def find_spec(name, path, target=None):
        if name.partition(".")[0] == "framewire":
            raise ModuleNotFoundError(f"No module named {name!r}")
if "without" in sys.argv:
    sys.meta_path.insert(0, Without)
if "registered" in sys.argv:
    from framewire.compat import dask
    dask.register()
if "imported" in sys.argv:
    import dask_types
from distributed.protocol import deserialize
for value in pickle.load(sys.stdin.buffer):
    try:
        print(type(deserialize(*value)).__name__)
    except Exception as error:
        print(repr(error))
"""


def read(made, *how):
    """The types that another process reads, or its errors."""
    made = [(header, [bytes(frame) for frame in frames]) for header, frames in made]
    done = subprocess.run(
        [sys.executable, "-c", READER, *how],
        input=pickle.dumps(made),
        capture_output=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parent,
    )
    lines = done.stdout.decode().splitlines()
    assert len(lines) == len(made), done.stderr.decode()
    return lines


def test_processes_that_did_not_register(registered):
    model = dask_types.Model(LARGE)
    values = [LARGE, MASKED["mask"], model, dask_more_types.Outer(model), [model]]
    made = [serialize(value) for value in values]
    assert read(made) == ["ndarray", "MaskedArray", "Model", "Outer", "list"]
    assert all("No module named 'framewire'" in line for line in read(made, "without"))


def test_the_family_framewire_imports_nothing(registered):
    """What a peer names is not run: the reader has the module, or refuses."""
    made = [serialize(dask_types.Model(3), serializers=["framewire"])]
    assert "RefusedError" in read(made, "registered")[0]
    assert read(made, "registered", "imported") == ["Model"]
