"""Values that come back as something plainer, and as the types that the receiver asks for."""

import collections
import dataclasses
import datetime
import decimal
import enum
import http
import tracemalloc
import uuid
from typing import Annotated, Any, TypedDict

import msgspec
import numpy as np
import pytest
from sameness import form, same

import framewire


def through(value, **settings):
    return framewire.loads(framewire.dumps(value), **settings)


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Shape(enum.Enum):
    POINT = (1, 2)


class Bits(enum.IntFlag):
    A = 1
    B = 2


@dataclasses.dataclass
class Inner:
    x: int = 1


@dataclasses.dataclass(frozen=True)
class Outer:
    inner: Inner
    data: object = None


class Record(msgspec.Struct, rename={"a": "A"}, tag="rec"):
    a: int
    b: object = None


class Row(msgspec.Struct, array_like=True):
    a: int
    b: object = None


class Text(str):
    def encode(self, *_):
        return b"another"


class Number(float):
    def __float__(self):
        return 5.0


class Stamp(datetime.datetime):
    def isoformat(self, *_):
        return "my own"


class Money(decimal.Decimal):
    def __str__(self):
        return "1.50 €"


Point = collections.namedtuple("Point", "x y")


def moved():
    """Its order is not the one of the dict that it is."""
    ordered = collections.OrderedDict(a=2, b=1)
    ordered.move_to_end("a")
    return ordered


TAGGED = {"type": "rec"}
PLAINER = {
    "enum": ([Color.RED, Shape.POINT], ["red", (1, 2)]),
    "enum-key": ({Color.RED: 1}, {"red": 1}),
    "enum-int": ([Bits.A | Bits.B, http.HTTPStatus.OK], [3, 200]),
    "dataclass": (Outer(Inner(), [Inner(2)]), {"inner": {"x": 1}, "data": [{"x": 2}]}),
    "struct": (
        Record(1, Record(2)),
        {"type": "rec", "A": 1, "b": {"type": "rec", "A": 2, "b": None}},
    ),
    "struct-list": ([Row(1, Row(2))], [[1, [2, None]]]),
    "struct-unset": (Record(1, msgspec.UNSET), TAGGED | {"A": 1}),
    "namedtuple": ([Point(1, 2)], [(1, 2)]),
    "dicts": ([moved(), collections.Counter("aab")], [{"b": 1, "a": 2}, {"a": 2, "b": 1}]),
    "text": ([Text("abc"), {Text("k"): 1}], ["abc", {"k": 1}]),
    "number": ([Number(1.5)], [1.5]),
    "datetime": ([Stamp(2026, 1, 2)], [datetime.datetime(2026, 1, 2)]),
    "decimal": ([Money("1.5")], [decimal.Decimal("1.5")]),
    "matrix": ([np.ones((2, 2)).view(np.matrix)], [np.ones((2, 2))]),
    "recarray": ([np.rec.array([(1, 2.0)], "i4,f8")], [np.array([(1, 2.0)], "i4,f8")]),
}


@pytest.mark.parametrize(("value", "expected"), PLAINER.values(), ids=PLAINER)
def test_plainer(value, expected):
    assert same(through(value), expected), form(through(value))


def test_pandas_scalars():
    """What is no time, or finer than those of datetime, is refused and not sent as another one."""
    pandas = pytest.importorskip("pandas")
    came = through([pandas.Timestamp("2026-01-02T03:04:05.123456"), pandas.Timedelta(5, "s")])
    assert came == [NOW.replace(microsecond=123456, tzinfo=None), datetime.timedelta(seconds=5)]
    for value in (
        pandas.NaT,
        pandas.Timestamp(2026, 1, 2, nanosecond=5),
        pandas.Timedelta(5, "ns"),
    ):
        with pytest.raises((TypeError, ValueError), match=r"^value\['t'\]"):
            framewire.dumps({"t": value})


# ---- types that were asked for


class Settings(TypedDict):
    name: str
    gain: float


class Reading(msgspec.Struct, frozen=True):
    when: datetime.datetime
    data: np.ndarray
    color: Color = Color.RED
    ids: set[int] = set()
    raw: bytes = b""


class Defaults(msgspec.Struct):
    a: int = 1


class Base(msgspec.Struct, tag_field="kind"):
    pass


class Circle(Base, tag="circle"):
    r: float


class Square(Base, tag="square"):
    a: float


class Rows(msgspec.Struct, array_like=True):
    a: int
    b: dict[str, Any]


NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, 6, datetime.timezone.utc)
TYPED = {
    "dataclass": (Outer(Inner(5), "x"), Outer),
    "struct-list": (Rows(1, {"a": 2}), Rows),
    "union": ([Circle(1.5), Square(2.0)], list[Circle | Square]),
    "typed-dict": ({"name": "a", "gain": 2.5}, Settings),
    "enum": (Color.RED, Color),
    "enum-tuple": ([Bits.A], list[Bits]),
    "tuple": ((1, "a"), tuple[int, str]),
    "list-of-tuple": ((1, 2), list[int]),
    "keys": ({(1, 2): {3}}, dict[tuple[int, int], set[int]]),
    "constrained": (5, Annotated[int, msgspec.Meta(gt=4)]),
    "uuid": (uuid.UUID(int=5), uuid.UUID),
    "decimal": (decimal.Decimal("1.50"), decimal.Decimal),
    "dates": ([NOW, NOW.date(), NOW.timetz(), NOW - NOW], list[Any]),
    "bytes": (b"abc" * 5000, bytes),
    "none": (None, None | int),
    "any": ({1: [2]}, Any),
}


@pytest.mark.parametrize(("value", "wanted"), TYPED.values(), ids=TYPED)
def test_typed(pair, value, wanted):
    here, there = pair
    here.send_value(value)
    came = [there.recv_value(type=wanted), through(value, type=wanted)]
    for each in came:
        expected = list(value) if wanted == list[int] else value
        assert each == expected
        assert type(each) is type(expected)


def test_typed_with_arrays(pair):
    here, there = pair
    sent = Reading(NOW, np.arange(5000.0), Color.BLUE, {1, 2}, b"abc")
    here.send_value(sent)
    came = there.recv_value(type=Reading)
    assert type(came) is Reading
    assert (came.when, came.color, came.ids, came.raw) == (NOW, Color.BLUE, {1, 2}, b"abc")
    assert same(came.data, sent.data)
    here.send_array(sent.data)
    assert same(there.recv_value(type=np.ndarray), sent.data)


def test_typed_json(pair):
    """In JSON all keys are text, and what it has no type for is text too."""
    here, there = pair
    here.send_value({"1": {"x": 2}}, serializer="json")
    assert there.recv_value(type=dict[int, Inner]) == {1: Inner(2)}
    here.send_value("2026-01-02", serializer="json")
    assert there.recv_value(type=datetime.date) == datetime.date(2026, 1, 2)


@dataclasses.dataclass
class Picky:
    x: int

    def __post_init__(self):
        if self.x == 5:
            raise ValueError("not 5")
        if self.x == 6:
            raise ZeroDivisionError("not 6 either")


MISMATCHES = {
    "type": ("text", int),
    "field": ({"inner": {"x": "a"}}, Outer),
    "missing": ({}, Reading),
    "enum": ("green", Color),
    "tag": ({"kind": "oval", "r": 1.0}, Circle | Square),
    "length": ((1, 2, 3), tuple[int, int]),
    "constraint": (4, Annotated[int, msgspec.Meta(gt=4)]),
    "array": (np.arange(3), Inner),
    "array-for-struct": (np.arange(3), Defaults),
    "array-for-dict": (np.arange(3), dict[str, int]),
    "array-nested": ({"inner": np.arange(3)}, Outer),
    "scalar": (np.float64(3), Inner),
    "scalar-for-dict": (np.float64(3), dict),
    "array-for-list": (np.arange(3), list[int]),
    "no-array": ([1.0], np.ndarray),
    "check": ({"x": 5}, Picky),
    "surrogate-key": ({"\ud800": 1}, Inner),
    "surrogate-text": ("\ud800", Color),
    "surrogate-field": ({"kind": "\ud800"}, Circle | Square),
}


@pytest.mark.parametrize(("value", "wanted"), MISMATCHES.values(), ids=MISMATCHES)
def test_mismatches(pair, value, wanted):
    here, there = pair
    here.send_value(value)
    here.send_value("next")
    with pytest.raises(framewire.SchemaError) as info:
        there.recv_value(type=wanted)
    assert info.value.code == "mismatch"
    assert there.recv_value() == "next"
    with pytest.raises(framewire.SchemaError):
        through(value, type=wanted)


def test_the_path_is_told():
    with pytest.raises(framewire.SchemaError, match=r"Expected `int`, got `str` - at `\$.inner.x`"):
        through({"inner": {"x": "a"}}, type=Outer)


def test_an_error_that_is_the_receivers_own(pair):
    """A check that fails by an exception of its own: the message is taken, the next is there."""
    here, there = pair
    here.send_value({"x": 6})
    here.send_value("next")
    with pytest.raises(ZeroDivisionError):
        there.recv_value(type=Picky)
    assert there.recv_value() == "next"


def test_types_that_are_not_supported(pair):
    """They are refused before a message is taken."""
    here, there = pair
    here.send_value("first")
    for receive in (there.recv_value, there.recv_latest, there.recv_message):
        with pytest.raises(TypeError, match="union"):
            receive(type=list[Inner] | list[int])
    assert there.recv_value() == "first"


@pytest.mark.parametrize("serializer", ["msgpack", "json"])
@pytest.mark.parametrize("type", [set, frozenset, set[list], dict[str, set] | set])
@pytest.mark.parametrize("value", [[[1]], [{}]])
def test_what_cannot_be_hashed(value, type, serializer):
    frames = framewire.dumps(value, serializer=serializer)
    with pytest.raises(framewire.SchemaError):
        framewire.loads(frames, type=type)


@pytest.mark.parametrize("type", [np.bytes_, np.void, np.str_])
def test_a_number_is_no_length(type):
    """numpy.void(n) would be n bytes."""
    for number in (300_000_000, np.int64(300_000_000), np.array(300_000_000)):
        tracemalloc.start()
        try:
            through(number, type=type)
        except framewire.SchemaError:
            pass
        finally:
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert most < 1_000_000
    assert through("text", type=np.str_) == "text"
    assert through(b"text", type=np.bytes_) == b"text"
