"""Fields that hold more than one value, and scalars of numpy's."""

import datetime
import struct

import numpy as np
import pytest

from framewire import Record, array, f32, f64, u8, u16

wraps = pytest.mark.skipif(np.__version__ < "2", reason="numpy before 2 wraps integers around")


class Point(Record):
    x: f32
    y: f32 = 2.0


class Path(Record):
    tag: u8
    start: Point
    end: Point = Point(5)
    m: array(np.int16, (2, 2)) = np.eye(2, dtype=int)


def test_records_inside():
    path = Path(1, Point(1))
    assert Path.itemsize == 1 + 8 + 8 + 8
    assert (path.start, path.end) == (Point(1, 2), Point(5, 2))
    assert isinstance(path.start, Point)
    assert path.to_dict()["start"] == {"x": 1.0, "y": 2.0}
    start = path.start
    del path
    assert start.pack() == struct.pack("<ff", 1, 2)
    assert Path(1, start, end=start).end == start

    class Other(Record):
        x: f32
        y: f32

    class Longer(Point):
        z: f32

    class Sub(Point):
        pass

    for value in (Other(1, 2), (1, 2), None, {"x": 1, "y": 2}):
        with pytest.raises(TypeError, match=r"Path\.start: a Point"):
            Path(1, value)
    with pytest.raises(TypeError, match=r"Path\.start: .*longer"):
        Path(1, Longer(1, 2, 3))
    assert type(Path(1, Sub(1)).start) is Point

    class Deep(Record):
        path: Path
        paths: array(Path.dtype, 2)

    deep = Deep(Path(1, Point(1)), [(1, (1, 2), (3, 4), [[1, 2], [3, 4]])] * 2)
    assert deep.path.start.x == 1
    assert deep.paths["end"]["y"].tolist() == [4, 4]


class Arrays(Record):
    m: array(f32, (2, 3))
    v: array(u16, 2)
    one: u8
    odd: array(f64, 2)
    b: array(bool, 2)
    none: array(u8, 0)


def test_arrays():
    given = [[[1, 2, 3], [4, 5, 6]], [1, 65535], 1, (0.5, np.inf), [True, False], []]
    arrays = Arrays(*given)
    for name, value in zip(("m", "v", "one", "odd", "b", "none"), given, strict=True):
        np.testing.assert_array_equal(getattr(arrays, name), value)
    assert (arrays.m.dtype, arrays.m.shape, arrays.none.shape) == (np.float32, (2, 3), (0,))
    for each in (arrays.m, arrays.odd):
        assert each.flags.aligned
        with pytest.raises(ValueError, match="read-only"):
            each[0] = 1
    assert Arrays.unpack(arrays.pack()) == arrays
    assert Arrays(arrays.m.T.copy().T, *given[1:]) == arrays
    m = arrays.m
    del arrays
    assert m.tolist() == given[0]


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("m", [1, 2, 3], ValueError),
        ("m", np.zeros((3, 2)), ValueError),
        ("m", [[1, 2, 3], [4, 5]], ValueError),
        ("m", [[1, 2, 3], [4, 5, 1e39]], ValueError),
        ("m", np.zeros((2, 3), complex), TypeError),
        ("m", None, TypeError),
        ("v", [1, 65536], ValueError),
        ("v", [1, -1], ValueError),
        ("v", [1, 2**70], ValueError),
        ("v", [1.0, 2.0], TypeError),
        ("v", ["1", "2"], TypeError),
        ("v", 1, ValueError),
        ("b", [1, 0], TypeError),
        ("none", [1], ValueError),
    ],
)
def test_arrays_that_do_not_fit(name, value, error):
    good = {
        "m": np.zeros((2, 3)),
        "v": [0, 0],
        "one": 1,
        "odd": [0, 0],
        "b": [True] * 2,
        "none": [],
    }
    with pytest.raises(error, match=rf"Arrays\.{name}: "):
        Arrays(**(good | {name: value}))


class Numpy(Record):
    t: np.dtype("<M8[ms]")
    d: np.dtype("<m8[s]")
    c: np.complex64
    s: np.dtype("S3")
    u: np.dtype("<U2")
    h: np.dtype(">f2")
    r: np.dtype([("a", "u1"), ("b", "<f4")])


GOOD = {
    "t": np.datetime64("2026-01-02T03:04:05.006"),
    "d": np.timedelta64(5, "m"),
    "c": 1 - 2j,
    "s": b"abc",
    "u": "aé",
    "h": 0.5,
    "r": (1, 2.5),
}


def test_scalars_of_numpy():
    numpy = Numpy(**GOOD)
    assert numpy.to_dict() == GOOD | {"r": np.array((1, 2.5), Numpy.dtype["r"])[()]}
    assert hash(numpy) == hash(Numpy(**GOOD))
    assert Numpy(**(GOOD | {"t": datetime.datetime(2026, 1, 2)})).t.item().day == 2
    assert Numpy(**(GOOD | {"t": 5, "d": datetime.timedelta(1)})).d == np.timedelta64(1, "D")
    assert np.isnat(Numpy(**(GOOD | {"t": np.datetime64("NaT")})).t)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("t", np.datetime64("2026-01-02T03:04:05.0061", "us"), ValueError),
        ("t", np.datetime64(2**62, "s"), ValueError),
        ("t", 2**63, ValueError),
        ("t", "no date", ValueError),
        ("t", 1.5, ValueError),
        ("d", np.timedelta64(5, "ms"), ValueError),
        ("c", 1e39j, ValueError),
        ("s", b"abcd", ValueError),
        ("s", 5, TypeError),
        ("s", None, TypeError),
        ("s", "é", ValueError),
        ("u", "abc", ValueError),
        ("h", 1e6, ValueError),
        ("h", "1", TypeError),
        pytest.param("r", (256, 1), ValueError, marks=wraps),
        ("r", np.array((1, 2), [("a", "<i4"), ("b", "<f8")])[()], TypeError),
    ],
)
def test_scalars_that_do_not_fit(name, value, error):
    with pytest.raises(error, match=rf"Numpy\.{name}: "):
        Numpy(**(GOOD | {name: value}))


def test_extensions():
    ml_dtypes = pytest.importorskip("ml_dtypes")

    class A(Record):
        x: np.dtype(ml_dtypes.bfloat16)
        y: array(np.dtype(ml_dtypes.float8_e4m3fn), 2)

    a = A(1.5, [1, 2])
    assert (a.x, a.y.tolist()) == (1.5, [1, 2])
    assert A.unpack(a.pack()) == a
    with pytest.raises(ValueError, match=r"A\.y: "):
        A(1, [1, 1e6])
    with pytest.raises(TypeError, match=r"A\.x: "):
        A("1", [1, 1])
