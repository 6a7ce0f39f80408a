"""Fields of every type: what they take, what they refuse, and what comes back."""

import enum
import math
import struct
import sys
from typing import Annotated

import numpy as np
import pytest

from framewire import (
    Record,
    blob,
    f32,
    f64,
    i8,
    i16,
    i32,
    i64,
    record,
    text,
    u8,
    u16,
    u32,
    u64,
)


class Imu(Record):
    seq: u32
    t: f64
    temp: f32
    msg: str = "none"
    raw: bytes = b"\0"


def test_calls():
    assert Imu(1, 2, 3) == Imu(seq=1, t=2.0, temp=3.0) == Imu(1, temp=3, t=2, msg="none")
    assert Imu(raw=b"", msg="", temp=0, t=0, seq=0).to_dict() == {
        "seq": 0,
        "t": 0.0,
        "temp": 0.0,
        "msg": "",
        "raw": b"",
    }
    arguments = {"seq": 1, "t": 2, "temp": 3}
    assert Imu(**arguments) == Imu(*arguments.values()) == Imu(*[1], **{"t": 2, "temp": 3})
    assert type(Record).__call__(Imu, 1, 2, temp=3) == Imu(1, 2, 3)


@pytest.mark.parametrize(
    ("args", "kwargs", "text_"),
    [
        ((), {}, "no value for 'seq'"),
        ((1, 2), {}, "no value for 'temp'"),
        ((1, 2, 3, "", b"", 6), {}, "5 fields, 6 values"),
        ((1,), {"seq": 1}, "two values for the field 'seq'"),
        ((1, 2, 3), {"other": 1}, "no field 'other'"),
        ((1, 2, 3), {"séq\ud800": 1}, "no field"),
        ((1, 2, 3), {"": 1}, "no field"),
    ],
)
def test_calls_that_fail(args, kwargs, text_):
    for call in (Imu, lambda *args, **kwargs: type(Record).__call__(Imu, *args, **kwargs)):
        with pytest.raises(TypeError, match=text_):
            call(*args, **kwargs)


def test_many_fields():
    names = [f"f{i}" for i in range(200)]
    cls = record("<200H", names)
    values = list(range(200))
    assert list(cls(*values).to_dict().values()) == values
    assert cls(**dict(zip(reversed(names), values, strict=True))).f0 == 199
    with pytest.raises(ValueError, match="f150"):
        cls(*[1] * 150, -1, *[1] * 49)


INTEGERS = [
    (kind, bits, signed, order)
    for signed, kinds in [(False, (u8, u16, u32, u64)), (True, (i8, i16, i32, i64))]
    for bits, kind in zip((8, 16, 32, 64), kinds, strict=True)
    for order in "<>"
]


@pytest.mark.parametrize(("kind", "bits", "signed", "order"), INTEGERS)
def test_integers(kind, bits, signed, order):
    annotation = kind if order == "<" else np.dtype(f"{order}{'i' if signed else 'u'}{bits // 8}")
    cls = type(Record)("A", (Record,), {"__annotations__": {"x": annotation}})
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    letter = {8: "b", 16: "h", 32: "i", 64: "q"}[bits]
    for value in (low, low + 1, 0, 1, high // 2, high - 1, high):
        packed = cls(value).pack()
        assert packed == struct.pack(order + (letter if signed else letter.upper()), value)
        assert cls.unpack(packed).x == value
        assert type(cls(value).x) is int
        assert cls(np.int64(value) if value < 1 << 63 else np.uint64(value)).x == value
    for value in (low - 1, high + 1, -(1 << 63) - 1, 1 << 64, -(10**30), 10**30, 1 << bits):
        if low <= value <= high:
            continue
        with pytest.raises(ValueError, match=rf"A\.x: {value} is not in the range"):
            cls(value)
    for value in (1.0, "1", None, b"1", [], np.float64(1), 1j, np.arange(2)):
        with pytest.raises(TypeError, match=r"A\.x"):
            cls(value)
    assert cls(True).x == 1


class Odd:
    def __init__(self, result):
        self.result = result

    def __index__(self):
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def __float__(self):
        return self.__index__()


def test_numbers_of_other_types():
    class A(Record):
        n: u16
        x: f64

    assert A(Odd(5), 1).n == 5
    for wrong in (1.5, "1", None):
        with pytest.raises(TypeError):
            A(Odd(wrong), 1)
    with pytest.raises(KeyError):
        A(Odd(KeyError(1)), 1)
    with pytest.raises(KeyError):
        A(1, Odd(KeyError(1)))
    with pytest.raises(TypeError, match=r"A\.x"):
        A(1, Odd("1"))
    with pytest.raises(TypeError, match=r"A\.x"):
        A(1, "1.5")
    with pytest.raises(ValueError, match=r"A\.x"):
        A(1, 10**400)
    assert A(1, 3).x == 3.0
    assert A(1, np.float32(0.5)).x == 0.5


def test_floats():
    class A(Record):
        x: f32
        y: f64
        z: np.dtype(">f4")
        h: np.float16

    values = [0.0, -0.0, 1.5, math.inf, -math.inf, 5e-324]
    for value in values:
        a = A(value, value, value, value)
        assert (a.y, math.copysign(1, a.y)) == (value, math.copysign(1, value))
        assert a.x == a.z == struct.unpack("<f", struct.pack("<f", value))[0]
        assert a.h == np.float16(value)
    assert all(math.isnan(each) for each in A(*[math.nan] * 4).to_dict().values())
    largest = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]
    assert A(largest, 0, -largest, 0).x == largest
    assert A(0, sys.float_info.max, 0, 0).y == sys.float_info.max
    for name, value in [("x", 3.5e38), ("x", -1e300), ("z", 1e39), ("h", 65520.0), ("x", 2**200)]:
        with pytest.raises(ValueError, match=rf"A\.{name}: .*range"):
            A(**({"x": 0, "y": 0, "z": 0, "h": 0} | {name: value}))
    for bits in range(0, 1 << 32, 0x1010101):
        raw = struct.pack("<I", bits)
        a = A.unpack(raw + bytes(8) + raw[::-1] + bytes(2))
        wanted = struct.unpack("<f", raw)[0]
        assert a.x == a.z == wanted or math.isnan(wanted)


def test_bools():
    class A(Record):
        x: bool

    assert (A(True).pack(), A(False).pack(), A(np.True_).x) == (b"\1", b"\0", True)
    assert A.unpack(b"\2").x is True
    for value in (0, 1, None, "", np.int8(1), []):
        with pytest.raises(TypeError, match=r"A\.x: a bool"):
            A(value)


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 200
    BEYOND = 300


class Bits(enum.IntFlag):
    A = 1
    B = 2


class Color(enum.Enum):
    RED = -1
    BLUE = 1


class State(Record):
    level: Annotated[Level, u8]
    bits: Bits
    color: Color = Color.RED
    small: Annotated[Color, i8] = Color.BLUE


def test_enumerations():
    state = State(Level.HIGH, Bits.A | Bits.B)
    assert state.level is Level.HIGH
    assert state.bits == Bits(3)
    assert isinstance(state.bits, Bits)
    assert (state.color, state.small) == (Color.RED, Color.BLUE)
    assert State(7, 1, -1, 1).level == 7
    assert type(State(7, 1).level) is int
    assert State(1, 1).level is Level.LOW
    assert State(1, 1, 99).color == 99
    assert State(1, 1, Color.BLUE).color is Color.BLUE
    assert State.itemsize == 18
    for args in [(Level.BEYOND, 1), (256, 1), (-1, 1), (1, 1, 1, 128)]:
        with pytest.raises(ValueError, match=r"State\.(level|small): .*range"):
            State(*args)
    for args in [(Color.RED, 1), ("LOW", 1), (1, 1, None)]:
        with pytest.raises(TypeError, match="State"):
            State(*args)


def test_flags_that_come_are_bounded():
    """Each combination of flags that is asked for stays in the enumeration."""

    class Many(enum.IntFlag):
        A = 1

    class A(Record):
        x: Many

    for value in range(20_000):
        assert A(value).x == value
    assert len(Many._value2member_map_) < 5000
    assert A(1).x is Many.A


class Texts(Record):
    name: text(4)
    data: blob(4)
    msg: str
    raw: bytes


def test_texts_and_bytes():
    for value in ("", "a", "abcd", "é", "éé", "😀", "\0a", "a\0b"):
        both = Texts(value, value.encode(), value, value.encode())
        assert (both.name, both.msg, both.raw) == (value, value, value.encode())
        assert both.data == value.encode().ljust(4, b"\0")
        assert type(both.name) is type(both.msg) is str
        again = Texts.unpack(bytearray(both.pack()))
        assert again == both
    assert Texts("", b"", "a\0", b"a\0").msg == "a\0"
    for value in (bytearray(b"ab"), memoryview(b"a.b.")[::2], np.frombuffer(b"ab", "u1")):
        assert Texts("", value, "", value).raw == b"ab"
    for value in ("abcde", "ééé", "😀a"):
        with pytest.raises(ValueError, match=r"Texts\.name: .*room for 4"):
            Texts(value, b"", "", b"")
    with pytest.raises(ValueError, match=r"Texts\.data: .*room for 4"):
        Texts("", bytes(5), "", b"")
    for value in ("\0", "a\0", "abc\0"):
        with pytest.raises(ValueError, match=r"Texts\.name: .*NUL"):
            Texts(value, b"", "", b"")
    for name in ("name", "msg"):
        values = {"name": "", "data": b"", "msg": "", "raw": b""}
        with pytest.raises(ValueError, match=rf"Texts\.{name}: .*surrogate"):
            Texts(**(values | {name: "\ud800"}))
        for value in (b"a", None, 1):
            with pytest.raises(TypeError, match=rf"Texts\.{name}: a str"):
                Texts(**(values | {name: value}))
    for name in ("data", "raw"):
        for value in ("a", None, 1, [1]):
            with pytest.raises(TypeError, match=rf"Texts\.{name}: bytes"):
                Texts(**(values | {name: value}))


def test_subclasses_of_texts():
    class Loud(str):
        def __str__(self):
            return "loud"

        def encode(self, *_):
            return b"encoded"

    class Kind(str, enum.Enum):
        A = "aé"

    class A(Record):
        x: str = Loud("x")
        y: str = Kind.A
        z: text(3) = Kind.A
        b: bytes = bytearray(b"b")

    a = A()
    assert a == A(Loud("x"), Kind.A, Kind.A, memoryview(b"b"))
    assert a.to_dict() == {"x": "x", "y": "aé", "z": "aé", "b": b"b"}
    assert [type(field.default) for field in A.fields] == [str, str, str, bytes]


def test_long_tails():
    for size in (0, 7, 8, 9, 15, 16, 17, 8192, 1 << 20):
        for letter in ("a", "é"):
            value = letter * size
            assert Texts("", b"", value, value.encode()).msg == value
    value = "a" * 1000 + "é"
    assert Texts("", b"", value, b"").msg == value


def test_python_objects_are_no_bytes():
    """A pointer would be overwritten, or read as a number."""
    objects = np.array([None, None])
    structure = np.zeros(2, [("a", "O"), ("b", "u8")])
    for buffer in (objects, memoryview(objects), structure):
        with pytest.raises(TypeError, match="holds pointers"):
            Imu(7, 1.5, 2.5, "x").pack_into(buffer)
        with pytest.raises(TypeError, match="holds pointers"):
            Imu.unpack_from(buffer)
    assert objects.tolist() == [None, None]
    for buffer in (np.zeros(8, "M8[s]"), np.zeros((2, 32), "u1"), memoryview(np.zeros((4, 4)))):
        assert Imu(7, 1.5, 2.5, "x").pack_into(buffer, 8) == len(Imu(7, 1.5, 2.5, "x").pack())
        assert Imu.unpack_from(buffer, 8).seq == 7
