"""Trees: generated values, depth and cycles, the path of what cannot be sent, hostile bytes."""

import dataclasses
import datetime
import enum
import importlib
import subprocess
import sys
import textwrap
from pathlib import Path

import hypothesis.extra.numpy as hnp
import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sameness import form

import framewire

sys.path.append(str(Path(__file__).parents[1] / "examples"))
read = importlib.import_module("framewire_reader").read


def through(value, **options):
    return framewire.loads(framewire.dumps(value, **options))


# ---- generated values

texts = st.text(
    st.characters(codec=None, exclude_categories=()), max_size=40
)  # lone surrogates too
zones = st.none() | st.timedeltas(-datetime.timedelta(hours=23), datetime.timedelta(hours=23)).map(
    datetime.timezone
)
keys = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | texts
    | st.binary(max_size=40)
    | st.datetimes(timezones=zones)
    | st.dates()
    | st.times(timezones=zones)
    | st.timedeltas()
    | st.uuids()
    | st.decimals().filter(lambda number: not number.is_snan()),  # which cannot be hashed
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
arrays = hnp.arrays(
    hnp.scalar_dtypes() | hnp.array_dtypes(allow_subarrays=True),
    hnp.array_shapes(min_dims=0, min_side=0, max_side=4),
)
leaves = (
    keys
    | arrays
    | st.binary(max_size=40).map(bytearray)
    | st.binary(max_size=40).map(memoryview)
    | st.sampled_from([b"x" * 9000, bytearray(9000), np.arange(2000.0), np.eye(50)[:, ::2]])
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.sets(keys, max_size=4)
    ),
    max_leaves=20,
)
generated = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@generated
@given(values, st.sampled_from([None, False, True]), st.booleans())
def test_round_trip(value, copy, packed):
    frames = framewire.dumps(value, copy=copy, packed=packed)
    assert not packed or len(frames) == 1
    assert form(framewire.loads(frames, copy=copy)) == form(value)


@generated
@given(st.lists(values, max_size=5), st.booleans())
def test_round_trip_over_tcp(module_pair, sent, packed):
    here, there = module_pair
    for value in sent:
        here.send_value(value, packed=packed)
    for value in sent:
        assert form(there.recv_value()) == form(value)


@generated
@given(values)
@example(datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(0, 0, -1))))
def test_the_standalone_reader_reads_them(value):
    read([bytes(frame) for frame in framewire.dumps([value])])


DEFAULT, DEEPEST = framewire.Limits().depth, 512


def depth_of(levels):
    return framewire.Codec(limits=framewire.Limits(depth=levels))


def minimal_depth(call):
    """The smallest limit with which a call works."""
    for depth in range(1, 60):
        try:
            call(depth_of(depth))
        except ValueError:  # LimitError is one
            continue
        return depth
    raise AssertionError("no limit is enough")


@generated
@given(values)
def test_both_sides_count_levels_alike(value):
    frames = framewire.dumps([value])
    sending = minimal_depth(lambda codec: framewire.dumps([value], codec=codec))
    assert sending == minimal_depth(lambda codec: framewire.loads(frames, codec=codec))


# ---- depth and cycles


class Wrapped:
    def __init__(self, inner):
        self.inner = inner


framewire.serialize.register(Wrapped, lambda value: (value.inner, [b"x"]))
framewire.deserialize.register(Wrapped, lambda header, frames: header)


@dataclasses.dataclass
class Node:
    inner: object = None


class Cell(msgspec.Struct):
    inner: object = None


WRAPPINGS = {
    "list": lambda inner: [inner],
    "tuple": lambda inner: (inner,),
    "dict": lambda inner: {"a": inner},
    "dataclass": Node,
    "struct": Cell,
    "registered": Wrapped,
}


def wrapped(wrap, levels):
    value = 1
    for _ in range(levels):
        value = wrap(value)
    return value


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_depth(wrap):
    for levels, codec in ((DEFAULT, None), (DEEPEST, depth_of(DEEPEST))):
        deepest = wrapped(wrap, levels)
        frames = framewire.dumps(deepest, codec=codec)
        framewire.loads(frames, codec=codec)
        with pytest.raises(ValueError, match="too many values inside each other"):
            framewire.dumps(wrap(deepest), codec=codec)
        with pytest.raises(framewire.LimitError) as info:
            framewire.loads(frames, codec=depth_of(levels - 1))
        assert info.value.code == "limit"
    few = depth_of(3)
    framewire.dumps(wrapped(wrap, 3), codec=few)
    with pytest.raises(ValueError, match="too many values inside each other"):
        framewire.dumps(wrapped(wrap, 4), codec=few)


def test_depth_of_a_users_serializer():
    """What the receiver counts the sender does."""
    framewire.register_serializer(
        "trees-deep", lambda x: (x, [b"f"]), lambda header, frames: header
    )
    try:
        for value in ([], [[[]]], 5):

            def dumps(codec, value=value):
                return framewire.dumps(value, serializer="trees-deep", codec=codec)

            frames = framewire.dumps(value, serializer="trees-deep")
            receiving = minimal_depth(lambda codec: framewire.loads(frames, codec=codec))  # noqa: B023
            assert minimal_depth(dumps) == receiving
    finally:
        framewire.unregister_serializer("trees-deep")


def test_frozensets_and_sets_are_levels():
    value = frozenset()
    for _ in range(DEFAULT - 1):
        value = frozenset([value])
    assert through(value) == value
    with pytest.raises(ValueError, match="too many values"):
        framewire.dumps({value})


def cycles():
    ring = []
    ring.append({"a": (ring,)})
    mapping = {}
    mapping["self"] = mapping
    node, cell, registered = Node(), Cell(), Wrapped(None)
    node.inner, cell.inner, registered.inner = [node], {"a": cell}, [registered]
    return {
        "list": ring,
        "dict": mapping,
        "dataclass": node,
        "struct": cell,
        "registered": registered,
    }


@pytest.mark.parametrize("value", cycles().values(), ids=cycles())
def test_cycles(pair, value):
    here, there = pair
    with pytest.raises(ValueError, match=r"^value.*one inside itself"):
        here.send_value(value)
    here.send_value("next")
    assert there.recv_value() == "next"


def run(program):
    """A program of its own, where a crash is seen as one."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_an_enumeration_that_is_its_own_value():
    run("""
        import enum, framewire
        class Own(enum.Enum):
            A = 1
            value = property(lambda self: self)
        try:
            framewire.dumps([Own.A])
        except (TypeError, ValueError):
            pass
    """)


@pytest.mark.parametrize(("levels", "stack"), [(DEFAULT, 128), (DEEPEST, 512)])
def test_the_deepest_in_a_small_stack(levels, stack):
    """128 KiB is what a thread has with musl."""
    run(f"""
        import framewire, threading
        codec = framewire.Codec(limits=framewire.Limits(depth={levels}))
        deepest = [1, 1, 1]
        for _ in range({levels}):
            deepest = [[deepest[0]], {{"a": deepest[1]}}, (deepest[2],)]
        done = []
        def work():
            for each in deepest:
                framewire.loads(framewire.dumps(each, codec=codec), codec=codec)
            done.append(1)
        threading.stack_size({stack} * 1024)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert done
    """)


# ---- what cannot be sent


class Odd:
    def __repr__(self):
        raise RuntimeError("no repr")


class Plain:
    pass


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [0, 1, 2, Node(Plain())]}, "value['a'][3].inner"),
        ([[(0, Plain())]], "value[0][0][1]"),
        ({(1, "x"): {2.5: Plain()}}, "value[(1, 'x')][2.5]"),
        ({"x" * 100: Plain()}, f"value['{'x' * 36}...]"),
        (Node([Plain()]), "value.inner[0]"),
        ([Cell({"b": Plain()})], "value[0]['inner']['b']"),
        ({"a": np.array([None])}, "value['a']"),
        ([np.ma.array([None])], "value[0]"),
        ([memoryview(b"abcd")[::2]], "value[0]"),
        ({"a": Wrapped([Plain()])}, "value['a'][0]"),
        ([range(3)], "value[0]"),
        ([len], "value[0]"),
        ([Plain], "value[0]"),
        ([1, {Plain}], "value[1][0]"),
        ({10**5000: Plain()}, "value[...]"),
        ({Odd(): 1}, "value[...]"),
    ],
    ids=[
        *"nested tuple keys long-key dataclass struct object-array masked strided".split(),
        *"registered range function class set huge-key key-without-repr".split(),
    ],
)
def test_path(pair, value, path):
    here, there = pair
    with pytest.raises((TypeError, ValueError)) as info:
        here.send_value(value)
    if "..." not in path:
        assert str(info.value).startswith(path + ": ")
    elif path != "value[...]":
        assert str(info.value).startswith(path)
    else:  # the key cannot be shown, whatever stands for it
        assert str(info.value).startswith("value[")
    here.send_value("next")
    assert there.recv_value() == "next"


def test_path_at_the_root():
    with pytest.raises(TypeError, match=r"^a Plain cannot be sent; register"):
        framewire.dumps(Plain())


def test_path_of_an_exception_that_is_raised_again():
    mine = TypeError("mine")

    class Raising:
        pass

    @framewire.serialize.register(Raising)
    def dump(value):
        raise mine

    for _ in range(3):
        with pytest.raises(TypeError, match=r"^value\['a'\]\[0\]: mine$"):
            framewire.dumps({"a": [Raising()]})


def test_path_of_the_deepest():
    """It may be shortened, but not so that it names another place."""
    value = {"last": Plain()}
    for _ in range(DEFAULT - 2):
        value = [value]
    with pytest.raises(TypeError) as info:
        framewire.dumps({"first": value})
    assert "a Plain cannot be sent" in str(info.value)
    path = str(info.value).partition(": ")[0]
    assert len(path) < 1000
    assert path.startswith("value['first'][0]") or "..." in path


@dataclasses.dataclass(frozen=True)
class FrozenNode:
    x: int = 1


class FrozenCell(msgspec.Struct, frozen=True):
    x: int = 1


class Listed(enum.Enum):
    A = [1]  # noqa: RUF012


@pytest.mark.parametrize(
    "key", [FrozenNode(), FrozenCell(), Listed.A], ids=lambda k: type(k).__name__
)
def test_keys_that_no_receiver_takes(key):
    """They can be hashed here, and are maps or lists there: refused where the path is known."""
    for value in ({key: 1}, {key}, {(1, key): 2}, frozenset([key])):
        with pytest.raises(TypeError, match=r"^value\[0\]"):
            framewire.dumps([value])


@pytest.mark.parametrize(
    "key",
    [np.int64(4), np.str_("é"), b"x" * 9000, np.datetime64("2026-01-02")],
    ids=["int64", "str_", "large-bytes", "datetime64"],
)
def test_keys_are_as_the_format_says(key):
    """Whatever is sent is of the format: the standalone reader takes it."""
    read([bytes(frame) for frame in framewire.dumps([{key: 1}, {key}])])
