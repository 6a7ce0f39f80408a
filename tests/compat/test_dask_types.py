"""Registered types through dask's serialize, and what else is in its messages."""

import collections
import datetime
import decimal
import enum
import uuid
from fractions import Fraction
from pathlib import Path

import dask_more_types
import dask_types
import numpy as np
import pytest
from sameness import same

import framewire

pytest.importorskip("distributed", reason="distributed is not installed")

from dask_ways import ARRAYS, LARGE, MASKED, WAYS, described, directly, travel
from distributed.protocol import deserialize, serialize
from distributed.protocol.serialize import dask_deserialize, dask_serialize


def test_random_states(registered):
    for made in (np.random.default_rng(5), np.random.RandomState(5)):
        came = travel(made)
        assert type(came) is type(made)
        assert came.normal(size=3).tolist() == made.normal(size=3).tolist()


@pytest.mark.parametrize("value", [np.float64(2.5), np.int8(3), np.datetime64("2026-05-17"), True])
def test_scalars(registered, value):
    assert same(travel(value), value)


def test_collections(registered):
    value = {"a": [LARGE, (np.arange(3), "text")], "b": {"c": np.ma.array([1, 2], mask=[0, 1])}}
    for way in WAYS:
        assert same(way(value), value)
    header, frames = serialize([LARGE, LARGE])
    assert [sub["sub-header"]["writeable"] for sub in header["sub-headers"]] == [True, True]
    assert len(frames) == 2


class Table(np.ndarray):
    pass


def test_registered_types(registered):
    for value in (
        dask_types.Model(LARGE),
        [dask_types.Model(LARGE)],
        {"model": dask_types.Model(LARGE)},
    ):
        header, frames = serialize(value)
        assert header.get("serializer", "dask") == "dask"
        assert [memoryview(frame).nbytes for frame in frames][-1] == LARGE.nbytes
        for way in WAYS:
            came = way(value)
            while not isinstance(came, dask_types.Model):
                came = next(iter(came.values() if isinstance(came, dict) else came))
            assert came.name == "a model"
            assert same(came.weights, LARGE)
            assert came.weights.flags.writeable  # as dask's are


def test_a_registered_type_that_framewire_cannot_carry_is_pickled(registered):
    header, _ = serialize(dask_types.Model(range))
    assert header["serializer"] == "pickle"
    assert travel(dask_types.Model(range)).weights is range


def test_subclasses_of_arrays(forget, registered):
    table = np.arange(6.0).reshape(2, 3).view(Table)
    assert type(travel(table)) is np.ndarray  # dask's own
    framewire.register_generic(Table)
    came = travel(table)
    assert type(came) is Table
    assert same(came, table)


def test_types_that_dask_knows_hold_arrays(registered):
    from distributed.protocol import register_generic

    class Holder:
        def __init__(self):
            self.array = LARGE

    register_generic(Holder)
    try:
        header, frames = serialize(Holder())
        assert "head" in header["sub-header"]["complex"]["array"]["header"]["sub-header"]
        assert same(deserialize(header, frames).array, LARGE)
    finally:
        for dispatch in (dask_serialize, dask_deserialize):
            del dispatch._lookup[Holder]


# ---- what objects of registered types hold


class Kind(enum.IntEnum):
    ONE = 1


class Text(str):
    pass


Pair = collections.namedtuple("Pair", "a b")
MINUTE = datetime.timedelta(minutes=1)
NOON = datetime.datetime(2026, 5, 17, 12)

EXACT = {
    "plain": {
        "a": [1, 2.5, None, True, "x", b"y"],
        (1, 2): {3, 4},
        5: frozenset([6]),
        "big": 1 << 80,
    },
    "bytearray": bytearray(b"z"),
    "dates": [NOON, NOON.date(), NOON.time(), MINUTE, NOON.astimezone(datetime.timezone(MINUTE))],
    "numbers": [decimal.Decimal("1.50"), 1 + 2j, uuid.UUID(int=5)],
    "scalars": [np.float64(2), np.int8(3), np.bool_(True), np.datetime64("2026"), np.str_("a")],
    "array": LARGE.copy(),
    "fortran": np.asfortranarray(ARRAYS["fortran"]),
    "strided": LARGE.reshape(100, 200)[::2, ::3],
    "masked": np.ma.array([1, 2], mask=[0, 1], fill_value=7),
    "objects": [dask_types.Model(1), {"a": dask_more_types.Outer(dask_types.Model(LARGE))}],
}
ROW, SHARED = np.arange(3), dask_types.Model(1)
CYCLE: list = []
CYCLE.append(CYCLE)
INEXACT = {
    "matrix": np.matrix([[1, 2]]),
    "recarray": np.rec.array([(1, 2.0)], dtype="i4,f8"),
    "record": np.zeros(3, np.dtype((np.record, [("a", "i4")]))),
    "metadata": np.zeros(3, np.dtype("i4", metadata={"a": 1})),
    "axes-swapped": ARRAYS["axes-swapped"],
    "read-only": np.broadcast_to(1.0, (3,)),
    "object-array": np.array([None, 1]),
    "masked-matrix": np.ma.array(np.matrix([[1, 2]])),
    "masked": np.ma.masked,
    "defaultdict": collections.defaultdict(int, a=1),
    "ordered": collections.OrderedDict(a=1),
    "counter": collections.Counter("aab"),
    "namedtuple": Pair(1, 2),
    "enumeration": Kind.ONE,
    "text": Text("a"),
    "key": {Text("a"): 1},
    "fold": NOON.replace(fold=1),
    "zone": NOON.replace(tzinfo=datetime.timezone(MINUTE, "a name")),
    "uuid": uuid.UUID(int=5, is_safe=uuid.SafeUUID.safe),
    "path": Path("a"),
    "array-twice": [ROW, ROW],
    "list-twice": {"a": CYCLE[:0], "b": [[[]] * 2]},
    "object-twice": [SHARED, SHARED],
    "object-twice-deep": [SHARED, dask_types.Model([SHARED])],
    "itself": CYCLE,
}


def drawn(value, met=None):
    """What a value is made of: types, identities, and all that arrays are."""
    met = {} if met is None else met
    if not isinstance(value, (str, bytes, int, float, type(None), tuple)):
        if id(value) in met:
            return met[id(value)]
        met[id(value)] = len(met)
    if isinstance(value, np.ma.MaskedArray):
        parts = [
            drawn(value.data, met),
            drawn(np.ma.getmaskarray(value), met),
            value is np.ma.masked,
        ]
        parts.append(None if value is np.ma.masked else repr(value.fill_value))
    elif isinstance(value, np.ndarray):
        dtypes = [value.dtype.type, value.dtype.metadata or None]
        parts = [*described(value), repr(value.tolist()), *dtypes]
        if not value.size:  # which has no item to step to
            parts.remove(value.strides)
    elif isinstance(value, dict):
        parts = [(drawn(key, met), drawn(each, met)) for key, each in value.items()]
    elif isinstance(value, (list, tuple)):
        parts = [drawn(each, met) for each in value]
    elif isinstance(value, (dask_types.Model, dask_more_types.Outer)):
        parts = drawn(vars(value), met)
    else:
        tz = getattr(value, "tzinfo", None)
        parts = [repr(value), getattr(value, "is_safe", None), getattr(value, "fold", None), tz]
    return type(value), parts


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("held", (EXACT | INEXACT).values(), ids=EXACT | INEXACT)
def test_what_objects_hold_is_as_dask_gives_it(switch, way, held):
    for value in (
        dask_types.Model(held),
        [dask_types.Model(held), 1],
        {"a": dask_types.Model(held)},
    ):
        switch(False)
        theirs = way(value)
        switch(True)
        assert drawn(way(value)) == drawn(theirs)


# one that would be written out; and one whose order of bytes numpy's pickle loses
OTHERS = {"broadcast-huge", "datetime-swapped"}


@pytest.mark.parametrize("name", [name for name in ARRAYS if name not in OTHERS])
def test_arrays_that_objects_hold_are_as_dask_gives_them(switch, name):
    value = dask_types.Model(ARRAYS[name])
    switch(False)
    theirs = travel(value)
    switch(True)
    assert drawn(travel(value)) == drawn(theirs)


def test_the_order_of_bytes_in_objects(registered):
    """It is kept also where a pickle has the machine's."""
    for array in (
        ARRAYS["datetime-swapped"],
        ARRAYS["swapped"][::2],
        np.ma.array(ARRAYS["swapped-small"]),
    ):
        came = travel(dask_types.Model(array)).weights
        assert came.dtype.str == array.dtype.str
        assert came.tolist() == array.tolist()


@pytest.mark.parametrize("name", MASKED)
def test_masked_arrays_that_objects_hold_are_as_dask_gives_them(switch, name):
    value = dask_types.Model(MASKED[name])
    switch(False)
    theirs = travel(value)
    switch(True)
    assert drawn(travel(value)) == drawn(theirs)


def test_which_of_them_framewire_carries(registered):
    for name, held in EXACT.items():
        assert "head" in serialize(dask_types.Model(held))[0]["sub-header"], name
    for name, held in INEXACT.items():
        assert serialize(dask_types.Model(held))[0]["serializer"] == "pickle", name


def test_lists_of_one_object_twice(registered):
    came = directly([SHARED, SHARED])
    assert came[0] is came[1]
    assert serialize([SHARED, dask_types.Model(2)])[0]["serializer"] == "dask"


def test_types_that_workers_cannot_import(registered):
    """Of ``__main__``, and of functions: by value, as dask has them."""

    @framewire.register_generic
    class Local:
        pass

    for value in (Local(), dask_types.Model(Local())):
        assert serialize(value)[0]["serializer"] == "pickle"


def inside(value):
    """A value, and what holds it beside what is framewire's."""
    model = dask_types.Model(value)
    return [value, [value], model, [dask_types.Model(1), model], {"a": model}]


def objects_in(value):
    """What is in one of `inside`, but for what holds it."""
    if isinstance(value, dict):
        return objects_in(list(value.values()))
    if isinstance(value, (list, tuple)):
        return [each for item in value for each in objects_in(item)]
    return objects_in(value.weights) if isinstance(value, dask_types.Model) else [value]


def are_as_dask_gives_them(switch, value, drawn):
    for each in inside(value):
        for way in WAYS:
            switch(False)
            theirs = objects_in(way(each))
            switch(True)
            assert list(map(drawn, objects_in(way(each)))) == list(map(drawn, theirs))


def test_registered_by_functions(registered):
    for value in inside(dask_types.Spectrum(LARGE)):
        header, frames = serialize(value)
        assert "head" in header["sub-header"]
        found = objects_in(deserialize(header, frames))[-1]
        assert same(found.values, LARGE)


def test_subclasses_of_types_that_are_registered_by_functions(switch):
    value = dask_types.Named(LARGE)
    value.name = "a name"
    are_as_dask_gives_them(switch, value, lambda each: (type(each), getattr(each, "name", None)))
    switch(True)
    assert serialize(value)[0]["serializer"] == "pickle"
    with pytest.raises(TypeError, match="Could not serialize"):
        serialize(value, serializers=["framewire"], on_error="raise")


def test_types_without_a_function_to_read_them(switch):
    value = dask_types.Sent()
    value.name = "a name"
    are_as_dask_gives_them(switch, value, lambda each: (type(each), getattr(each, "name", None)))


@pytest.mark.parametrize("cls", dask_types.HOOKED)
def test_the_hooks_of_pickle(switch, cls):
    def drawn(each):
        return type(each), getattr(each, "told", each), getattr(each, "asked", None)

    are_as_dask_gives_them(switch, cls(), drawn)
    switch(True)
    assert serialize(cls())[0]["serializer"] == "pickle"
    header, frames = serialize(cls(), serializers=["framewire"])  # which never asks them
    assert deserialize(header, frames).given == 5


@pytest.fixture
def forget():
    """Have classes registered for a test only."""
    dispatches = [framewire.serialize._dispatch, framewire.deserialize._dispatch]
    before = [dispatch.__dict__.copy() for dispatch in dispatches]
    for dispatch in dispatches:
        dispatch._functions, dispatch._names = dict(dispatch._functions), dict(dispatch._names)
    yield
    for dispatch, attributes in zip(dispatches, before, strict=True):
        dispatch.__dict__.update(attributes)
        dispatch._found.clear()


def test_types_that_others_register(forget, registered):
    """A worker that imports their modules does not have these functions."""
    framewire.serialize.register(Fraction, lambda value: (value.as_integer_ratio(), []))
    framewire.deserialize.register(Fraction, lambda header, frames: Fraction(*header))
    framewire.register_generic(dask_more_types.Outer)  # again, and not there
    framewire.serialize.register(datetime.date, lambda value: (value.toordinal(), []))
    framewire.deserialize.register(datetime.date, lambda h, frames: datetime.date.fromordinal(h))
    for value in (Fraction(1, 3), dask_more_types.Outer(1), NOON.date()):
        for held in inside(value)[2:] if value == NOON.date() else inside(value):
            assert serialize(held)[0].get("serializer") in ("pickle", "dask")
            assert "head" not in serialize(held)[0].get("sub-header", {})
        header, frames = serialize(value, serializers=["framewire"])  # whose readers register too
        assert type(deserialize(header, frames)) is type(value)


def test_functions_of_users(forget, registered):
    """Called once for an object, whatever comes of it."""
    calls = []

    class Counted:
        pass

    def dump(value):
        calls.append(1)
        return value.held, []

    def load(header, frames):
        return header

    for each in (Counted, dump, load):  # as if they were of a module that workers have
        each.__qualname__, each.__module__ = each.__name__, dask_types.__name__
    framewire.serialize.register(Counted, dump)
    framewire.deserialize.register(Counted, load)
    dask_types.Counted, counted = Counted, Counted()
    try:
        for held, family in (({"a": 1}, "dask"), (np.matrix([[1]]), "pickle")):
            counted.held = held
            assert serialize(dask_types.Model([counted]))[0]["serializer"] == family
            assert calls.pop()
            assert not calls
    finally:
        del dask_types.Counted
