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

import distributed
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


def test_what_is_no_client():
    before = families["dask"]
    for wrong in (5, "tcp://127.0.0.1:1", {}):
        for function in (dask.register, dask.unregister):
            with pytest.raises(TypeError, match="not " + type(wrong).__name__):
                function(wrong)
    assert families["dask"] is before


def test_a_client_that_was_closed_beside_its_workers():
    """Another removes its plugin, which switches it off in the workers."""
    before = families["dask"]
    options = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "protocol": "tcp"}
    with distributed.LocalCluster(n_workers=1, processes=False, **options) as cluster:
        with distributed.Client(cluster, set_as_default=False) as client:
            dask.register(client)
        dask.unregister(client)
        assert families["dask"] is not before  # the worker's
        with distributed.Client(cluster, set_as_default=False) as other:
            other.unregister_worker_plugin(f"framewire-{client.id}")
            assert families["dask"] is before
            dask.register(other)
        dask.unregister(other)
        assert families["dask"] is not before
    assert families["dask"] is before  # with the worker


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
