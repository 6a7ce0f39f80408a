"""Records where a type is asked for: unions, and inside other types; classes with methods."""

import dataclasses
import pickle
import typing
from typing import Any

import msgspec
import pytest

import framewire
from framewire import Record, f32, pad, u8, u32


class Pose(Record):
    x: f32
    y: f32


class Imu(Record):
    seq: u32
    pose: Pose


class Status(Record):
    code: u8


IMU = Imu(7, Pose(1, 2))


def test_union_of_records(pair):
    here, there = pair
    here.send_many([IMU, Status(3), IMU, {"no": "record"}])
    batch = there.recv_many(4, 1000, type=Imu | Status)
    assert batch.values == [IMU, Status(3), IMU]
    assert [(at, error.code) for at, error in batch.errors] == [(3, "mismatch")]
    here.send_value(Pose(1, 2))
    with pytest.raises(framewire.SchemaError, match="is no Imu or Status"):
        there.recv_value(type=Imu | Status)


def test_record_or_something_else(pair):
    here, there = pair
    for value in (IMU, None, 5, Status(1)):
        here.send_value(value)
    wanted = Imu | Status | int | None
    assert [there.recv_value(type=wanted) for _ in range(4)] == [IMU, None, 5, Status(1)]


@pytest.mark.parametrize("wanted", [Any, object])
def test_anything(pair, wanted):
    here, there = pair
    here.send_value(IMU)
    assert there.recv_value(type=wanted) == IMU


@dataclasses.dataclass
class Report:
    name: str
    imu: Imu
    more: list[Status]


class ReportStruct(msgspec.Struct):
    name: str
    imu: Imu
    more: list[Status]


@pytest.mark.parametrize("cls", [Report, ReportStruct])
def test_inside_other_types(pair, cls):
    """In a value they travel as dicts; the type makes records of these again."""
    here, there = pair
    report = cls("a", IMU, [Status(1), Status(2)])
    here.send_value(report)
    assert there.recv_value(type=cls) == report
    here.send_value(report)
    assert there.recv_value()["imu"] == IMU.to_dict()
    here.send_value({"name": "a", "imu": {"seq": -1, "pose": {"x": 1, "y": 2}}, "more": []})
    with pytest.raises(framewire.SchemaError, match="seq"):
        there.recv_value(type=cls)


def test_padding_as_a_class_variable():
    class Padded(Record):
        code: u8
        _1: typing.ClassVar = pad(3)
        seq: u32
        unit: typing.ClassVar[str] = "K"

    assert (Padded.itemsize, Padded.fields[1].offset, Padded.unit) == (8, 4, "K")
    assert Padded(1, 2).pack() == b"\1\0\0\0\2\0\0\0"


def test_methods_are_taken_over():
    @framewire.record
    @dataclasses.dataclass
    class Point:
        """A point."""

        x: f32
        y: f32 = 2.0
        scale: typing.ClassVar[int] = 10

        def scaled(self) -> float:
            return self.x * self.scale

        @property
        def total(self) -> float:
            return self.x + self.y

        @classmethod
        def origin(cls) -> Any:
            return cls(0, 0)

        @staticmethod
        def unit() -> str:
            return "m"

    assert issubclass(Point, Record)
    assert Point.__doc__ == "A point."
    point = Point(3)
    assert (point.scaled(), point.total, Point.unit()) == (30, 5, "m")
    assert Point.origin() == Point(0, 0)


@pytest.mark.parametrize("definition", [int, object, Report.__init__.__class__])
def test_classes_without_fields(definition):
    with pytest.raises(TypeError, match="no annotations"):
        framewire.record(definition)


def test_a_record_is_one_already():
    assert framewire.record(Imu) is Imu


@pytest.mark.parametrize("item", [str, bytes, pad(2)])
def test_arrays_of_no_fixed_size(item):
    with pytest.raises(TypeError, match="no fixed size"):
        framewire.array(item, 2)


def test_pickles_of_a_class_that_grew(monkeypatch):
    module = __import__(__name__)

    class Old(Record):
        __qualname__ = "Grown"
        seq: u32

    class New(Record):
        __qualname__ = "Grown"
        seq: u32
        gain: f32 = 1.5

    monkeypatch.setattr(module, "Grown", Old, raising=False)
    data = pickle.dumps(Old(7))
    monkeypatch.setattr(module, "Grown", New)
    assert pickle.loads(data) == New(7, 1.5)
    newer = pickle.dumps(New(7, 2))
    monkeypatch.setattr(module, "Grown", Old)
    with pytest.raises(framewire.SchemaError):
        pickle.loads(newer)


def test_learned_schemas_in_use_are_kept():
    codec = framewire.Codec(schema=1_000_000)
    used = framewire.record("<If", "learned gain", name="Used")
    frames = framewire.dumps(used(7, 1.5), codec=codec)
    bare = framewire.dumps(used(7, 1.5))
    framewire.records.DEFINED.pop(used.fingerprint)
    assert framewire.loads(frames).learned == 7
    for i in range(400):
        other = framewire.record("<I", f"name{i}", name="Other")
        learned = framewire.dumps(other(i), codec=codec)
        framewire.records.DEFINED.pop(other.fingerprint)
        framewire.loads(learned)
        assert framewire.loads(bare).learned == 7
