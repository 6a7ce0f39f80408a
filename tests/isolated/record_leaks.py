"""Records made, read, failed half-way and dropped, and their classes: nothing is left of them."""

import gc
import sys
import tracemalloc
import weakref

import numpy as np
import psutil

import framewire
from framewire import Codec, Record, array, f32, f64, text, u8, u32
from framewire.records import DEFINED, OLDER


class Point(Record):
    x: f32
    y: f64


class Older(Record):
    n: u32
    t: f64
    name: text(8)
    point: Point
    m: array(f64, 3)
    c: np.complex64
    msg: str
    raw: bytes


class Everything(Older):
    more: str = "default"


class Slotted(Point):
    __slots__ = ("__dict__", "__weakref__", "extra")


class Init(Point):
    def __init__(self, x):
        super().__init__(x, y=x)


class Final(Point):
    def __del__(self):
        self.pack()


msg, raw, m, name = "text" * 10, b"raw" * 10, np.arange(3.0), "né"
arguments = [10**6, 1.25, name, Point(1, 2), m, 1 + 2j, msg, raw]
names = list(Older.dtype.names if Older._schema.dtype else [each.name for each in Older.fields])
wrong = [-1, "1.5", "x" * 9, 5, [1, 2], "c", b"msg", "raw"]
classes = [Point, Everything, Slotted, Init, Final, Older]


def failing(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except (TypeError, ValueError):  # a DecodeError is one
        return
    raise AssertionError("it should have failed")


def work(number):
    everything = Everything(*arguments)
    keywords = dict(zip(names, arguments, strict=True))
    assert everything == Everything(**keywords)
    for i in range(len(arguments)):
        failing(Everything, *arguments[:i], wrong[i], *arguments[i + 1 :])
        failing(Everything, **(keywords | {names[i]: wrong[i]}))
        failing(Everything, *arguments[:i])
    failing(Everything, *arguments, more="", other=1)
    failing(Everything, *arguments, n=1)
    failing(type(Record).__call__, Everything, *arguments, other=1)
    for each in (everything, Everything.unpack(bytearray(everything.pack()))):
        each.to_dict(), repr(each), each.replace(n=1), memoryview(each)
        failing(hash, each)
        failing(each.replace, n=-1)
        failing(each.__init__, *arguments)
    buffer = bytearray(everything.pack())
    everything.pack_into(buffer)
    view = Everything.unpack_from(buffer)
    buffer[-40:] = b"\xff" * 40
    failing(view.to_dict)
    failing(Everything.unpack, buffer[:50])
    slotted = Slotted(1, 2)
    slotted.extra = slotted.other = msg
    weakref.ref(slotted)
    Final(1, 2)
    failing(Final, 1)
    Init(number % 100)
    codec = Codec(schema=number % 2)
    frames = framewire.dumps(everything, codec=codec)
    framewire.loads(frames).m.sum()
    framewire.loads(framewire.dumps(Older(*arguments)), type=Everything).pack()
    failing(framewire.loads, frames, type=Point)
    failing(framewire.loads, [frames[0][:-1]])


def new_class(number):
    """A class that is used, then dropped: what has been defined is kept."""

    class Dropped(Record):
        a: u32
        b: array(f32, 3) = (1, 2, 3)
        point: Point = Point(1, 2)
        msg: str = ""

        def __len__(self):
            return 5

    class Derived(Dropped):
        extra: u8 = number % 200

    Dropped.one = Derived.origin = Dropped.unpack(Dropped(5).pack())
    records = [Derived(number % 7) for _ in range(3)]
    assert len(records[0]) == 5
    del Dropped.one
    for each in (Dropped, Derived):
        DEFINED.pop(each.fingerprint)
        for older in each._schema.older:
            OLDER.pop(older, None)
    made = framewire.record("<If", "x y")
    made(1, 2)
    DEFINED.pop(made.fingerprint)
    return weakref.ref(Dropped), weakref.ref(Derived), weakref.ref(made)


def settled():
    for _ in range(3):
        framewire.release()
        gc.collect()
    things = [msg, raw, m, name, *arguments, *classes, *(each._schema for each in classes)]
    things += [Everything.more.default, None.__class__, m.dtype]
    return [sys.getrefcount(thing) for thing in things], len(gc.get_objects())


for number in range(100):
    work(number)
    new_class(number)
before, resident = settled(), psutil.Process().memory_info().rss
for number in range(3000):
    work(number)
dead = [new_class(number) for number in range(300)]
after = settled()
assert not any(each() for three in dead for each in three), "classes are kept"
del dead
after = settled()
assert all(abs(a - b) <= 4 for a, b in zip(before[0], after[0], strict=True)), (before, after)
assert after[1] - before[1] < 100, (before[1], after[1])
grown = psutil.Process().memory_info().rss - resident
assert grown < 8 << 20, grown

tracemalloc.start()
for number in range(100):
    work(number)
    new_class(number)
settled()
first = tracemalloc.get_traced_memory()[0]
for number in range(300):
    work(number)
    new_class(number)
settled()
grown = tracemalloc.get_traced_memory()[0] - first
assert grown < 100_000, grown
