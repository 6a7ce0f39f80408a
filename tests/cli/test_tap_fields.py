"""FIELD: which numbers a path finds in which messages."""

import enum
import math
import sys

import numpy as np
import pytest
import zmq

import framewire
from framewire._heads import inspect
from framewire.cli.fields import MOST, Field
from framewire.cli.plot import Plot, can_plot
from framewire.cli.traffic import Traffic


class Color(enum.Enum):
    RED = 3


class Pose(framewire.Record):
    x: framewire.f32
    y: framewire.f32


class Sample(framewire.Record):
    seq: framewire.u32
    ok: bool
    color: Color
    pose: Pose
    msg: str


ROWS = np.array([(1, (2.5, 3)), (4, (5.5, 6))], [("a", "i4"), ("b", [("c", "f8"), ("d", "u1")])])
TREE = {"a": {"b": [1, 2.5, "x"]}, 3: 7, "n": None, "big": 10**400, "z": 1j, "t": (1, [2])}


@pytest.mark.parametrize(
    ("path", "value", "numbers"),
    [
        (".", 5, [5]),
        (".", np.arange(4.0).reshape(2, 2), [0, 1, 2, 3]),
        (".", np.float32(2), [2]),
        ("[1]", np.arange(4).reshape(2, 2), [2, 3]),
        ("[1][0]", np.arange(4).reshape(2, 2), [2]),
        ("[-1]", [1, 2, 3], [3]),
        ("[3]", TREE, [7]),
        ("a.b[1]", TREE, [2.5]),
        ("t[1][0]", TREE, [2]),
        ("a", ROWS, [1, 4]),
        ("b.c", ROWS, [2.5, 5.5]),
        ("[1].b.d", ROWS, [6]),
        ("seq", Sample(9, True, Color.RED, Pose(1.5, 2), "m"), [9]),
        ("ok", Sample(9, True, Color.RED, Pose(1.5, 2), "m"), [1]),
        ("color", Sample(9, True, Color.RED, Pose(1.5, 2), "m"), [3]),
        ("pose.x", Sample(9, True, Color.RED, Pose(1.5, 2), "m"), [1.5]),
        ("a b.größe", {"a b": {"größe": 1}}, [1]),
        # none
        ("msg", Sample(9, True, Color.RED, Pose(1.5, 2), "m"), []),
        ("fields", Sample(9, True, Color.RED, Pose(1.5, 2), "m"), []),
        ("to_dict", Sample(9, True, Color.RED, Pose(1.5, 2), "m"), []),
        ("a.b[2]", TREE, []),
        ("a.b[9]", TREE, []),
        ("a.b", TREE, []),
        ("a.b.c", TREE, []),
        ("a.real", {"a": 1}, []),
        ("n", TREE, []),
        ("z", TREE, []),
        ("big", TREE, []),
        ("shape", np.zeros(3), []),
        ("[0]", np.zeros(0), []),
        (".", ROWS, []),
        (".", np.zeros(3, "c8"), []),
        (".", "5", []),
        ("meta.x", {"meta": {"x": 1}}, []),
    ],
)
def test_paths(path, value, numbers):
    frames = framewire.dumps(value)
    assert list(Field(path).numbers(frames, None)) == numbers


def test_metadata():
    frames = framewire.dumps({"gain": 1}, meta={"gain": [2, {"x": 3}]})
    meta = inspect(frames).meta
    assert list(Field("meta.gain[0]").numbers(frames, meta)) == [2]
    assert list(Field("meta.gain[1].x").numbers(frames, meta)) == [3]
    assert list(Field("gain").numbers(frames, meta)) == [1]
    assert list(Field("meta").numbers(frames, b"\x05")) == [5]
    assert list(Field("meta.x").numbers(frames, b"\xc1")) == []


@pytest.mark.parametrize("text", ["", "..", "a.", "[", "[]", "[x]", "a]", "a..b", "[1", "a[1.5]"])
def test_no_path(text):
    with pytest.raises(ValueError):  # noqa: PT011
        Field(text)


def test_compressed():
    codec = framewire.Codec(compression="zlib")
    frames = framewire.dumps(np.zeros(1000), codec=codec)
    assert len(Field(".").numbers(frames, None)) == 1000


def test_large_arrays():
    """The last of them; a view of many is not spread out."""
    frames = framewire.dumps(np.arange(MOST + 5))
    numbers = Field(".").numbers(frames, None)
    assert (len(numbers), numbers[0]) == (MOST, 5)
    frames = framewire.dumps(np.broadcast_to(np.zeros(1), (10**6, 10**6)))
    assert len(Field(".").numbers(frames, None)) == 0


NUMBERS = [
    [],
    [5.0],
    [1.0, 1.0],
    [math.nan, math.inf, -math.inf],
    [1e308, -1e308],
    [5e-324, 0.0],
    [1, 2**63, True],
    [math.nan] * 5 + [1.0],
    list(range(5000)),
]


@pytest.mark.parametrize("numbers", NUMBERS)
def test_drawn(ctx, numbers):
    """Whatever the numbers are."""
    with ctx.socket(zmq.PULL) as socket:
        traffic = Traffic(socket, subscribed=False)
    plot = Plot(traffic, Field("."), prints=False)
    for number in numbers:
        frames = [memoryview(frame) for frame in framewire.dumps(number)]
        plot.add(frames, traffic.add(frames))
    drawn = plot.table(0).renderables[0].plain
    assert "-> (number)" in drawn
    assert plot.count == len(numbers)
    assert f"{len(numbers):,} numbers in {len(numbers):,} messages" in plot.summary(0)


def test_without_plotille_numbers_are_printed(monkeypatch, capsys):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert can_plot()
    monkeypatch.setitem(sys.modules, "plotille", None)
    assert not can_plot()
    assert "framewire[cli]" in capsys.readouterr().err
