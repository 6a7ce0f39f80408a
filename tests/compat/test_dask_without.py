"""Clusters some of whose processes have no framewire."""

import contextlib
import operator
import subprocess
import sys
from pathlib import Path

import dask_types
import numpy as np
import pytest
from sameness import same

pytest.importorskip("distributed", reason="distributed is not installed")

import distributed
from distributed.protocol.serialize import families

from framewire.compat import dask

LARGE = np.arange(20_000.0)
HERE = str(Path(__file__).parent)


class Without:
    """In `sys.meta_path`: a process that cannot import framewire."""

    @staticmethod
    def find_spec(name, path, target=None):
        if name.partition(".")[0] == "framewire":
            raise ModuleNotFoundError(f"No module named {name!r}")
        return None


def go_without():
    for name in [name for name in sys.modules if name.partition(".")[0] == "framewire"]:
        del sys.modules[name]
    sys.meta_path.insert(0, Without)


def family():
    return families["dask"][0].__module__


DASK = family()


def test_workers_that_have_no_framewire():
    """register says so, and leaves everything as it was."""
    with distributed.LocalCluster(
        n_workers=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as cluster:
        with distributed.Client(cluster, set_as_default=False) as client:
            (without,) = client.run(go_without)
            with pytest.raises(Exception, match="No module named 'framewire'"):
                dask.register(client)
            assert family() == DASK
            assert same(client.scatter(LARGE, hash=False).result(), LARGE)
            dask.unregister(client)
            cluster.scale(2)  # the new one could, and is not asked to
            client.wait_for_workers(2, timeout=60)
            assert set(client.run(family).values()) == {DASK}
            dask.register()
            try:
                with pytest.raises(Exception, match="No module named 'framewire'"):
                    client.scatter(LARGE, workers=[without], hash=False)
            finally:
                dask.unregister()


SCHEDULER = """
import asyncio, sys
class Without:
    def find_spec(name, path, target=None):
        if name.partition(".")[0] == "framewire":
            raise ModuleNotFoundError(f"No module named {name!r}")
sys.meta_path.insert(0, Without)
from distributed import Scheduler
async def run():
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        print(scheduler.address, flush=True)
        await scheduler.finished()
asyncio.run(run())
"""
WORKER = ["-m", "distributed.cli.dask_worker", "--no-nanny", "--no-dashboard", "--nthreads", "1"]
WORKER += ["--host", "127.0.0.1"]


@contextlib.contextmanager
def running(*arguments, **options):
    process = subprocess.Popen(
        [sys.executable, *arguments], stderr=subprocess.DEVNULL, text=True, **options
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def test_a_scheduler_that_has_no_framewire(tmp_path):
    """It passes on what it does not read, and the plugin too."""
    with contextlib.ExitStack() as stack:
        scheduler = stack.enter_context(running("-c", SCHEDULER, cwd=HERE, stdout=subprocess.PIPE))
        address = scheduler.stdout.readline().strip()
        for name in ("one", "another"):
            options = [address, "--name", name, "--local-directory", str(tmp_path)]
            stack.enter_context(running(*WORKER, *options, cwd=HERE))
        client = stack.enter_context(distributed.Client(address, set_as_default=False))
        client.wait_for_workers(2, timeout=60)
        assert "framewire" not in client.run_on_scheduler(eval, "list(__import__('sys').modules)")
        dask.register(client)
        stack.callback(dask.unregister, client)
        first, second = client.run(int)
        for value in (LARGE, np.ma.array([1, 2], mask=[0, 1]), dask_types.Model(LARGE)):
            for direct in (True, False):  # by way of the scheduler, or to a worker
                (sent,) = client.scatter([value], workers=[first], hash=False, direct=direct)
                moved = client.submit(operator.itemgetter(0), [sent], workers=[second], pure=False)
                for came in client.gather([sent, moved], direct=direct):
                    assert type(came) is type(value)
                    if type(value) is np.ndarray:
                        assert same(came, value)
