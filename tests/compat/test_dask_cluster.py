"""Arrays and registered types in a real cluster of dask's: processes, over TCP."""

import asyncio
import collections
import operator
from fractions import Fraction

import dask_more_types
import dask_types
import numpy as np
import pytest
from sameness import same

pytest.importorskip("distributed", reason="distributed is not installed")

import distributed
from distributed.core import rpc
from distributed.protocol import Serialized
from distributed.protocol.serialize import families

import framewire
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


OPTIONS = {"threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(n_workers=2, processes=True, **OPTIONS) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    """A client without framewire, in a process and a cluster that have none switched on."""
    with distributed.Client(cluster) as client:
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
    return families["dask"][0].__module__


def kinds(model):
    ordered, one, other, masked = model.weights
    return [type(ordered).__name__, one is other, masked is np.ma.masked]


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


def kind(value):
    return type(value).__name__, sorted(vars(value)) if hasattr(value, "__dict__") else None


def test_types_that_are_the_clients_alone(registered):
    """And subclasses that the functions of a type do not know: as dask has them."""
    client = registered
    dispatches = [framewire.serialize._dispatch, framewire.deserialize._dispatch]
    framewire.serialize.register(Fraction, lambda value: (value.as_integer_ratio(), []))
    framewire.deserialize.register(Fraction, lambda header, frames: Fraction(*header))
    try:
        named = dask_types.Named(LARGE)
        named.name = "a name"
        for value in (Fraction(1, 3), named, dask_types.Sent(), dask_types.Reduces()):
            (sent,) = client.scatter([value], hash=False)
            there = client.submit(kind, sent, pure=False).result()
            assert there == kind(sent.result())
            assert there[0] == type(value).__name__
        (sent,) = client.scatter([named], hash=False)
        assert client.submit(operator.attrgetter("name"), sent).result() == "a name"
    finally:
        for dispatch in dispatches:
            dispatch._functions.pop(Fraction)
            dispatch._names.pop("fractions.Fraction")
            dispatch._found.clear()


def test_registered_types_of_several_modules():
    """Whose modules the workers import by themselves."""
    value = dask_more_types.Outer({"a": [dask_types.Model(LARGE)]})
    with distributed.LocalCluster(n_workers=2, **OPTIONS) as new, distributed.Client(new) as client:
        dask.register(client)
        try:
            first, second = client.run(int)  # nothing of this module, which imports them
            (sent,) = client.scatter([value], workers=[first], hash=False)
            moved = client.submit(operator.itemgetter(0), [sent], workers=[second], pure=False)
            for future in (sent, moved):
                assert is_framewires(on_the_wire(client, future))
                came = future.result()
                assert type(came) is dask_more_types.Outer
                assert same(came.inner["a"][0].weights, LARGE)
        finally:
            dask.unregister(client)


def test_what_objects_hold_keeps_its_type(registered):
    client = registered
    ordered, shared = collections.OrderedDict(a=1), [1]
    value = dask_types.Model([ordered, shared, shared, np.ma.masked])
    (sent,) = client.scatter([value], hash=False)
    assert client.submit(kinds, sent).result() == ["OrderedDict", True, True]
    came = sent.result().weights
    assert type(came[0]) is collections.OrderedDict
    assert came[1] is came[2]
    assert came[3] is np.ma.masked


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
    assert {family(), *client.run(family).values()} == {DASK}
    dask.register(client)
    dask.register(client)  # replaces the plugin
    assert {family(), *client.run(family).values()} == {FRAMEWIRE}
    dask.unregister(client)
    assert {family(), *client.run(family).values()} == {DASK}


def test_each_client_registers_for_itself(cluster, client):
    """The other's stay registered, here and in the workers; a second time is no error."""
    with distributed.Client(cluster, set_as_default=False) as other:
        dask.register(client)
        dask.register(other)
        for _ in range(2):
            dask.unregister(client)
            assert {family(), *client.run(family).values()} == {FRAMEWIRE}
        dask.unregister(other)
        dask.unregister(other)
        assert {family(), *client.run(family).values()} == {DASK}


def test_clients_of_two_clusters(cluster, client):
    with distributed.LocalCluster(n_workers=1, **OPTIONS) as another:
        names = {"serializers": ["framewire"], "deserializers": ["framewire"]}
        with distributed.Client(another, set_as_default=False, **names) as other:
            dask.register(client)
            dask.register(other)
            dask.unregister(client)
            assert family() == FRAMEWIRE
            assert set(client.run(family).values()) == {DASK}
            assert same(other.submit(np.arange, 3).result(), np.arange(3))
            dask.unregister(other)
    assert family() == DASK


def test_a_client_that_was_closed():
    with distributed.LocalCluster(n_workers=1, **OPTIONS) as new:
        with distributed.Client(new, set_as_default=False) as client:
            dask.register(client)
        dask.unregister(client)
    assert family() == DASK
    assert dask.unregister(client) == {}
    with pytest.raises(ValueError, match="closed"):
        dask.register(client)
    assert family() == DASK


def test_a_plugin_that_the_scheduler_has_no_more(client):
    dask.unregister(client)  # nor had
    dask.register(client)
    client.unregister_worker_plugin(f"framewire-{client.id}")
    for _ in range(2):
        assert dask.unregister(client) == {}
        assert {family(), *client.run(family).values()} == {DASK}
    dask.register(client)
    assert {family(), *client.run(family).values()} == {FRAMEWIRE}
    assert len(dask.unregister(client)) == 2


def test_what_is_under_way_at_unregister(cluster, client):
    """A client that names the family can read, and does not send."""
    names = {"serializers": ["framewire", "dask"], "deserializers": ["framewire", "dask"]}
    with distributed.Client(cluster, set_as_default=False, **names) as named:
        dask.register(named)
        (sent,) = named.scatter([LARGE], hash=False)
        made = named.submit(make, "large", pure=False)
        distributed.wait(made)
        dask.unregister(named)
        for future in (sent, made):
            assert same(future.result(), LARGE)


def test_workers_that_come_later(cluster, registered):
    client = registered
    cluster.scale(3)
    client.wait_for_workers(3, timeout=60)
    assert [*client.run(family).values()] == [FRAMEWIRE] * 3
    gone = workers(client)[-1]
    client.retire_workers([gone])
    cluster.scale(2)
    assert family() == FRAMEWIRE


def test_a_client_alone(client):
    """Its workers read what it sends, and answer as dask does."""
    dask.register()
    first, second = workers(client)
    scattered = client.scatter(LARGE, workers=[first], hash=False)
    moved = client.submit(operator.itemgetter(0), [scattered], workers=[second], pure=False)
    assert not is_framewires(on_the_wire(client, moved))
    for future in (scattered, moved, client.submit(make, "masked", pure=False)):
        assert future.result().shape == LARGE.shape
    assert set(client.run(family).values()) == {DASK}


def test_a_worker_alone(client):
    """A client that did not register reads what it answers."""
    first, second = workers(client)
    client.run(dask.register, workers=[first])
    made = client.submit(make, "large", workers=[first], pure=False)
    assert is_framewires(on_the_wire(client, made))
    moved = client.submit(operator.itemgetter(0), [made], workers=[second], pure=False)
    for future in (made, moved):
        assert same(future.result(), LARGE)
    assert family() == DASK


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
    assert registered == {FRAMEWIRE}
    assert after == {DASK}


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
            assert family() == FRAMEWIRE
            assert same(client.submit(make, "large").result(), LARGE)
            dask.unregister()
            assert family() == FRAMEWIRE
            dask.unregister(client)
            assert family() == DASK
            dask.register(client)
    assert family() == FRAMEWIRE  # the client's, if no worker's
    dask.unregister(client)
    assert family() == DASK
