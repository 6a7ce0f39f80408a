"""Classes of records from annotations, dataclasses, formats of struct and dtypes: one layout."""

import dataclasses
import enum
import struct
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, TypeVar

import future_records
import numpy as np
import pytest

import framewire
from framewire import Record, array, blob, f32, f64, i8, i16, i32, i64, pad, text, u8, u16, u32, u64
from framewire import record as make


class Imu(Record):
    seq: u32
    t: f64
    temp: f32


@dataclasses.dataclass
class Plain:
    seq: u32
    t: f64
    temp: f32


def test_all_ways_give_the_same_layout():
    same = [
        make(Plain),
        make("<Idf", "seq t temp"),
        make("<Idf", ["seq", "t", "temp"], name="Imu"),
        make(np.dtype([("seq", "<u4"), ("t", "<f8"), ("temp", "<f4")])),
        make(np.dtype("<u4,<f8,<f4").descr and [("seq", "<u4"), ("t", "<f8"), ("temp", "<f4")]),
        future_records.Imu,
    ]
    for each in same:
        assert each.schema == Imu.schema
        assert each.fingerprint == Imu.fingerprint
        assert each.dtype == Imu.dtype
        assert each(1, 2.5, 3).pack() == struct.pack("<Idf", 1, 2.5, 3) == Imu(1, 2.5, 3).pack()
    assert Imu.itemsize == 16
    assert [(field.name, field.offset, field.size) for field in Imu.fields] == [
        ("seq", 0, 4),
        ("t", 4, 8),
        ("temp", 12, 4),
    ]


def test_names_of_the_classes():
    assert make(Plain).__name__ == "Plain"
    assert make(Plain, name="Other").__name__ == "Other"
    assert make("<I", "x").__name__ == "Record"
    assert make("<I", "x", name="X").__module__ == __name__
    assert make(Imu.dtype, name="Y").__name__ == "Y"


def test_types_of_python_and_numpy():
    class A(Record):
        a: int
        b: float
        c: bool
        d: np.float32
        e: np.uint8
        f: np.complex64
        g: np.dtype(">i2")
        h: Annotated[int, np.int16]
        i: Annotated[int, u16]

    assert A.schema.split('"formats":')[1].startswith(
        '["<i8","<f8","|b1","<f4","|u1","<c8",">i2","<i2","<u2"]'
    )


ANNOTATIONS = {u8: "u1", u16: "u2", u32: "u4", u64: "u8", i8: "i1", i16: "i2", i32: "i4", i64: "i8"}


def test_annotations_in_text():
    assert future_records.Derived.fields[0].name == "seq"
    derived = future_records.Derived(1, 2, 3, "m", future_records.Mode.ON)
    assert derived.mode is future_records.Mode.ON
    assert derived.note == "n"
    assert derived.LIMIT == 5
    assert derived.twice == 4
    assert derived.doubled() == 2


def test_inheritance_appends():
    class More(Imu):
        msg: str = "none"
        LIMIT: ClassVar[int] = 3
        plain = 5

        @property
        def twice(self):
            return 2 * self.t

        def method(self, by):
            return self.seq + by

    class Most(More):
        last: u8 = 1

    class Same(Most):
        pass

    more = Same(1, 2, 3, last=9)
    assert (more.twice, more.method(4), more.LIMIT, more.plain) == (4.0, 5, 3, 5)
    assert more.to_dict() == {"seq": 1, "t": 2.0, "temp": 3.0, "msg": "none", "last": 9}
    assert Same.fingerprint == Most.fingerprint != More.fingerprint != Imu.fingerprint
    assert isinstance(more, Imu)
    assert More.fields[2].offset == Imu.fields[2].offset
    with pytest.raises(TypeError, match="same name"):

        class Again(Imu):
            seq: u32


def test_bases_with_fields_of_their_own():
    class Other(Record):
        x: u8

    class More(Imu):
        pass

    with pytest.raises(TypeError, match=r"Imu.*Other"):

        class Both(Imu, Other):
            pass

    class Diamond(More, Imu):
        y: u8

    assert Diamond(1, 2, 3, 4).y == 4


class Unaligned(Record):
    a: u8
    _1: pad(3)
    b: u32
    _2: pad(1)


def test_padding():
    assert [field.name for field in Unaligned.fields] == ["a", "b"]
    assert Unaligned.itemsize == 9
    assert Unaligned(1, 2).pack() == struct.pack("<B3xIx", 1, 2)
    assert Unaligned.fingerprint == make("<B3xIx", "a b").fingerprint
    assert Unaligned.unpack(b"\xff" * 9).pack() == b"\xff" * 9
    with pytest.raises(TypeError, match=r"A\.gap: .*underscore"):

        class A(Record):
            gap: pad(1)


FORMATS = [
    ("@cbBhHiIlLqQfd?", [b"c", -1, 2, -3, 4, -5, 6, -7, 8, -9, 10, 1.5, -2.5, True]),
    ("=cbBhHiIlLqQfd?", [b"c", -1, 2, -3, 4, -5, 6, -7, 8, -9, 10, 1.5, -2.5, False]),
    (">cbBhHiIlLqQfd?", [b"c", -1, 2, -3, 4, -5, 6, -7, 8, -9, 10, 1.5, -2.5, True]),
    ("!hq", [-2, 2**40]),
    ("bq", [1, 2]),
    ("<bq", [1, 2]),
    ("b2xh3xq", [1, 2, 3]),
    ("bi0q", [1, 2]),
    ("3s 2h", [b"abc", 1, 2]),
    ("<0s3h", [b"", 1, 2, 3]),
    (" <e", [0.5]),
    ("?2e", [True, 1.5, -0.25]),
    ("", []),
    ("7x", []),
]


@pytest.mark.parametrize(("text_", "values"), FORMATS, ids=[text_ for text_, _ in FORMATS])
def test_formats_of_struct(text_, values):
    if text_ == " <e":
        with pytest.raises(ValueError, match="bad char"):
            make(text_, "x")
        return
    cls = make(text_, [f"f{i}" for i in range(len(values))])
    packed = struct.pack(text_, *values)
    assert cls.itemsize == struct.calcsize(text_)
    assert cls(*values).pack() == packed
    assert list(cls.unpack(packed).to_dict().values()) == list(struct.unpack(text_, packed))


@pytest.mark.parametrize("text_", ["iP", "n", "N", "5p", "<i p"])
def test_letters_that_are_none(text_):
    with pytest.raises(ValueError, match="letter"):
        make(text_, "a b")


def test_formats_and_names_that_do_not_fit():
    for text_, names in [("<2i", "a"), ("<i", "a b"), ("<i", None), ("<i", [])]:
        with pytest.raises(ValueError, match="names"):
            make(text_, names)
    with pytest.raises(TypeError, match="same name"):
        make("<2i", "a a")
    for names in ("_a", "pack", "dtype", "fields", "schema", "to_dict", "__class__"):
        with pytest.raises(TypeError, match="cannot have this name"):
            make("<i", [names])
    with pytest.raises(ValueError, match="bad char"):
        make("<z", "a")


DTYPES = [
    np.dtype([("a", ">i4"), ("b", "<f8"), ("c", "S5"), ("d", "?")]),
    np.dtype([("a", "i1"), ("b", "f8"), ("c", "u2")], align=True),
    np.dtype({"names": ["b", "a"], "formats": ["<u2", "u1"], "offsets": [4, 1], "itemsize": 11}),
    np.dtype({"names": ["a", "lo"], "formats": ["<u4", "<u2"], "offsets": [0, 0]}),
    np.dtype([("p", [("x", "<f4"), ("y", ">f4")]), ("n", "u1")]),
    np.dtype([("m", "<f4", (2, 3)), ("v", ">i2", 3), ("q", [("x", "u1")], (2,))]),
    np.dtype([("t", "<M8[ns]"), ("d", "<m8[3s]"), ("u", "<U3"), ("o", "V3"), ("z", "c16")]),
    np.dtype([("né", "u1"), ("a b", "u1")]),
    np.dtype([(("title", "a"), "<u4")]),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=range(len(DTYPES)))
def test_dtypes(dtype):
    cls = make(dtype)
    assert cls.dtype == make(cls.dtype).dtype
    assert cls.itemsize == dtype.itemsize
    assert list(cls.dtype.names) == list(dtype.names)
    for name in dtype.names:
        assert cls.dtype.fields[name][:2] == dtype.fields[name][:2]
    raw = bytes(i % 4 == 0 for i in range(dtype.itemsize))  # no such text is not Unicode
    element = np.frombuffer(raw, dtype)[0]
    unpacked = cls.unpack(raw)
    for name in dtype.names:
        value = getattr(unpacked, name)
        value = value.pack() if isinstance(value, Record) else value
        wanted = element[name].tobytes() if isinstance(value, bytes) else element[name]
        np.testing.assert_array_equal(value, wanted)
    again = cls(**{field.name: getattr(unpacked, field.name) for field in cls.fields})
    for name in dtype.names:
        np.testing.assert_array_equal(np.frombuffer(again.pack(), dtype)[0][name], element[name])


@pytest.mark.parametrize("dtype", ["O", [("a", "O")], "<f4", [("a", "O", 3)]])
def test_dtypes_that_are_none(dtype):
    with pytest.raises(TypeError):
        make(np.dtype(dtype))


class Point(NamedTuple):
    x: f32
    y: f32 = 2.0


class Slotted:
    __slots__ = ("x",)
    x: u8


def test_other_annotated_classes():
    @dataclasses.dataclass
    class Base:
        a: u8
        many: ClassVar[int] = 3

    @dataclasses.dataclass(slots=True, kw_only=True)
    class Data(Base):
        b: Annotated[list, array(u8, 2)] = dataclasses.field(default_factory=lambda: [1, 2])
        c: str = "x"

    made = make(Data)
    assert made(5).to_dict()["c"] == "x"
    assert made(5).b.tolist() == [1, 2]
    assert make(Point)(1).y == 2
    assert make(Slotted)(7).x == 7
    with pytest.raises(TypeError, match=r"Bad\.x"):

        @make
        class Bad:
            x: complex


T = TypeVar("T")


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


@pytest.mark.parametrize(
    "annotation",
    [
        list,
        dict[str, int],
        int | None,
        "int | str",
        T,
        Any,
        object,
        complex,
        Color,
        Annotated[Level, f32],
        Annotated[Level, text(3)],
        Annotated[Level, array(u8, 2)],
        Annotated[int, "nothing"] | None,
        [],
        np.dtype("O"),
        np.str_,
        np.bytes_,
        np.void,
        np.datetime64,
        np.ndarray,
        Record,
    ],
    ids=str,
)
def test_annotations_that_are_no_types(annotation):
    with pytest.raises(TypeError, match=r"A\.x"):
        type(Record)("A", (Record,), {"__annotations__": {"x": annotation}, "__module__": __name__})


def test_generic_classes():
    class A(Record, Generic[T]):
        x: u32

    assert A[int](1) == A(1)
    assert A[int](1).x == 1


@pytest.mark.parametrize(
    "name",
    ["pack", "unpack", "replace", "dtype", "schema", "itemsize", "_x", "__slots__", "__eq__"],
)
def test_names_that_records_use(name):
    with pytest.raises((TypeError, ValueError)):
        type(Record)("A", (Record,), {"__annotations__": {name: u8}, "__module__": __name__})


@pytest.mark.parametrize("size", [-1, 1 << 31, 1 << 70])
def test_sizes_out_of_range(size):
    for kind in (text, blob, pad):
        with pytest.raises(ValueError, match="size"):
            kind(size)
    with pytest.raises(ValueError, match="size"):
        array(u8, size)
    with pytest.raises(ValueError, match="bytes"):

        class Large(Record):
            a: blob((1 << 31) - 1)
            b: u8


def test_defaults_are_checked():
    with pytest.raises(ValueError, match=r"A\.x: 256 is not in the range"):

        class A(Record):
            x: u8 = 256


def test_classes_without_fields():
    class Empty(Record):
        pass

    for attribute in ("dtype", "schema", "fingerprint", "itemsize", "fields"):
        with pytest.raises(TypeError, match="no fields"):
            getattr(Empty, attribute)
    for call in (Empty, Record, lambda: Empty.unpack(b""), lambda: Record.__new__(Record)):
        with pytest.raises(TypeError, match="no fields"):
            call()

    class Later(Empty):
        x: u8

    assert Later(1).x == 1
    assert framewire.record("", "")().pack() == b""


def test_tails_have_no_dtype():
    class A(Record):
        x: str
        y: bytes

    with pytest.raises(TypeError, match="x, y"):
        A.dtype  # noqa: B018
    with pytest.raises(TypeError, match=r"B\.a: A has a variable tail"):

        class B(Record):
            a: A
