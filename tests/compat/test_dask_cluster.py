"""Arrays and registered types in a real cluster of dask's: processes, over TCP."""

import asyncio
import operator
import sys
from pathlib import Path

import dask_types
import numpy as np
import pytest
from sameness import same

pytest.importorskip("distributed", reason="distributed is not installed")

import distributed
from distributed.core import rpc
from distributed.protocol import Serialized
from distributed.protocol.serialize import families

from framewire.compat import dask

LARGE = np.arange(20_000.0)
FRAMEWIRE = "framewire.compat.dask"
DASK = "distributed.protocol.serialize"
VALUES = {
    "small": np.arange(3),
    "large": LARGE,
    "fortran": np.asfortranarray(LARGE.reshape(100, 200)),
    "broadcast": np.broadcast_to(LARGE, (3, 20_000)),
    "datetime": LARGE.astype("M8[ms]"),
    "structured": np.zeros(1000, [("a", "<f8"), ("b", "S3")]),
    "objects": np.array([None, "x"], object),
    "masked": np.ma.array(LARGE, mask=LARGE % 2 == 0),
    "more-than-a-shard": np.zeros((9 << 20, 1)),  # 72 MiB
    "nested": {"a": [LARGE, (np.arange(3), "text")]},
}


@pytest.fixture(scope="module")
def cluster():
    options = {"threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(n_workers=2, processes=True, **options) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    """A client without framewire, in a process and a cluster that have none switched on."""
    with distributed.Client(cluster) as client:
        client.run(sys.path.append, str(Path(__file__).parent))  # for dask_types
        yield client
        client.run(dask.unregister)
    dask.unregister()


@pytest.fixture
def registered(client):
    dask.register(client)
    yield client
    dask.unregister(client)


def family():
    """Whose functions a process has dask's family by."""
    return families["dask"][0].__module__, "framewire" in families


def make(name):
    return VALUES[name]


def workers(client):
    return list(client.run(int))


def on_the_wire(client, future):
    """The header and frames by which a worker gives a result."""

    distributed.wait(future)
    (address,) = client.who_has([future])[future.key]

    async def ask():
        async with rpc(address, deserialize=False) as worker:
            answer = await worker.get_data(keys=[future.key])
        return answer["data"][future.key]

    return client.sync(ask)


def is_framewires(sent):
    assert isinstance(sent, Serialized)
    return b"framewire" in sent.header["type-serialized"]


@pytest.mark.parametrize("name", VALUES)
def test_values_between_all_processes(registered, name):
    client, value = registered, VALUES[name]
    first, second = workers(client)
    (scattered,) = client.scatter([value], workers=[first], hash=False)
    moved = client.submit(operator.itemgetter(0), [scattered], workers=[second], pure=False)
    for future in (scattered, moved):
        came = future.result()
        if name == "objects":
            assert came.tolist() == value.tolist()
        elif name == "broadcast":
            assert came.strides == (0, 8)
            assert same(came, value)
        else:
            assert same(came, value)


def same_as_made(came, sent):
    return (
        type(came) is dask_types.Model
        and came.name == sent.name
        and same(came.weights, sent.weights)
    )


def test_registered_types_between_all_processes(registered):
    client, model = registered, dask_types.Model(LARGE, "theirs")
    first, second = workers(client)
    scattered = client.scatter(model, workers=[first], hash=False)
    moved = client.submit(operator.itemgetter(0), [scattered], workers=[second], pure=False)
    assert is_framewires(on_the_wire(client, moved))
    for future in (scattered, moved):
        assert same_as_made(future.result(), model)
        assert future.result().weights.flags.writeable


def test_results_are_framewires_only_after_register(client):
    for step, expected in ((lambda: None, False), (lambda: dask.register(client), True)):
        step()
        array = client.submit(make, "large", pure=False)
        assert is_framewires(on_the_wire(client, array)) is expected
        for name in ("masked", "fortran"):
            assert (
                is_framewires(on_the_wire(client, client.submit(make, name, pure=False)))
                is expected
            )
        assert same(array.result(), LARGE)
    dask.unregister(client)
    array = client.submit(make, "large", pure=False)
    assert not is_framewires(on_the_wire(client, array))
    assert same(array.result(), LARGE)


def test_register_and_unregister_in_all_processes(client):
    assert {family(), *client.run(family).values()} == {(DASK, False)}
    dask.register(client)
    dask.register(client)  # replaces the plugin
    assert {family(), *client.run(family).values()} == {(FRAMEWIRE, True)}
    dask.unregister(client)
    assert {family(), *client.run(family).values()} == {(DASK, False)}


def test_workers_that_come_later(cluster, registered):
    client = registered
    cluster.scale(3)
    client.wait_for_workers(3, timeout=60)
    assert [*client.run(family).values()] == [(FRAMEWIRE, True)] * 3
    gone = workers(client)[-1]
    client.retire_workers([gone])
    cluster.scale(2)
    assert family() == (FRAMEWIRE, True)


def test_a_client_alone(client):
    """Its workers read what it sends, and answer as dask does."""
    dask.register()
    first, second = workers(client)
    scattered = client.scatter(LARGE, workers=[first], hash=False)
    moved = client.submit(operator.itemgetter(0), [scattered], workers=[second], pure=False)
    assert not is_framewires(on_the_wire(client, moved))
    for future in (scattered, moved, client.submit(make, "masked", pure=False)):
        assert future.result().shape == LARGE.shape
    assert set(client.run(family).values()) == {(DASK, False)}


def test_a_worker_alone(client):
    """A client that did not register reads what it answers."""
    first, second = workers(client)
    client.run(dask.register, workers=[first])
    made = client.submit(make, "large", workers=[first], pure=False)
    assert is_framewires(on_the_wire(client, made))
    moved = client.submit(operator.itemgetter(0), [made], workers=[second], pure=False)
    for future in (made, moved):
        assert same(future.result(), LARGE)
    assert family() == (DASK, False)


@pytest.mark.parametrize(
    "serializers", [["dask"], ["dask", "pickle"], ["framewire"], ["framewire", "pickle"]]
)
def test_clients_that_name_serializers(registered, cluster, serializers):
    options = {"serializers": serializers, "deserializers": serializers}
    with distributed.Client(cluster, set_as_default=False, **options) as client:
        for name in ("large", "fortran", "masked"):
            (scattered,) = client.scatter([VALUES[name]], hash=False)
            for future in (client.submit(make, name, pure=False), scattered):
                assert same(future.result(), VALUES[name])
        if "pickle" not in serializers:
            with pytest.raises(TypeError, match="serialize"):
                client.submit(getattr, operator, "add").result()


def test_workers_answer_with_what_a_client_reads(registered, cluster):
    """So this one never unpickles a result."""
    with distributed.Client(cluster, set_as_default=False, deserializers=["framewire"]) as client:
        for name in ("large", "masked", "nested"):
            assert same(client.submit(make, name, pure=False).result(), VALUES[name])
        with pytest.raises(TypeError, match="framewire"):
            client.submit(make, "objects").result()


def test_an_asynchronous_client(cluster):
    async def use():
        async with distributed.Client(cluster.scheduler_address, asynchronous=True) as client:
            await dask.register(client)
            (scattered,) = await client.scatter([LARGE])
            came = await scattered
            registered = set((await client.run(family)).values())
            await dask.unregister(client)
            return came, registered, set((await client.run(family)).values())

    came, registered, after = asyncio.run(use())
    assert same(came, LARGE)
    assert registered == {(FRAMEWIRE, True)}
    assert after == {(DASK, False)}


def test_workers_in_the_process_of_the_client():
    """One that goes leaves the others, and the client, as they are."""
    with distributed.LocalCluster(
        n_workers=2,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    ) as cluster:
        with distributed.Client(cluster, set_as_default=False) as client:
            dask.register(client)
            cluster.scale(1)
            assert family() == (FRAMEWIRE, True)
            assert same(client.submit(make, "large").result(), LARGE)
            dask.unregister()
            assert family() == (FRAMEWIRE, True)  # the worker's
    assert family() == (DASK, False)


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


def test_workers_that_have_no_framewire():
    with distributed.LocalCluster(
        n_workers=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as cluster:
        with distributed.Client(cluster, set_as_default=False) as client:
            client.run(sys.path.append, str(Path(__file__).parent))
            client.run(go_without)
            try:
                with pytest.raises(Exception, match="No module named 'framewire'"):
                    dask.register(client)
                with pytest.raises(Exception, match="No module named 'framewire'"):
                    client.scatter(LARGE, hash=False)
            finally:
                dask.unregister()
