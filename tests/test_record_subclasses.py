"""Classes of records with methods and memory of their own, and how their instances live and die."""

import functools
import gc
import pickle
import subprocess
import sys
import textwrap
import threading
import weakref

import pytest

import framewire
from framewire import Record, f64, u8, u32

RecordMeta = type(Record)


class Imu(Record):
    seq: u32
    t: f64
    msg: str = "none"


class Scaled(Record):
    x: u32

    def __init__(self, x):
        super().__init__(2 * x)


class Cached(Record):
    x: u32

    def __new__(cls, x):
        made = super().__new__(cls)
        return made if x else None


def test_classes_with_an_init_or_new_of_their_own():
    assert Scaled(3).x == 6
    assert Scaled.unpack(Scaled(3).pack()) == Scaled(3)
    assert pickle.loads(pickle.dumps(Scaled(3))).x == 6
    assert Cached(3).x == 3
    assert Cached(0) is None

    class Sub(Scaled):
        y: u8 = 1

        def __init__(self):
            Record.__init__(self, x=1)

    assert Sub().to_dict() == {"x": 1, "y": 1}


def test_methods_that_are_given_later(monkeypatch):
    class A(Record):
        x: u32

    made = A.__init__
    monkeypatch.setattr(A, "__init__", lambda self, x, *, by=1: made(self, x + by))
    assert (A(2).x, A(2, by=3).x, A(x=2).x) == (3, 5, 3)
    monkeypatch.undo()
    assert A(2).x == 2
    A.__new__ = lambda cls, x: Record.__new__(cls)
    assert A(2).x == 2
    A.__del__ = lambda self: died.append(self.x)
    died = []
    A(7)
    assert died == [7]


def test_metaclasses():
    class Meta(RecordMeta):
        def __call__(cls, *args):  # noqa: N805
            return super().__call__(*[2 * each for each in args])

    class A(Record, metaclass=Meta):
        x: u32

    assert A(2).x == 4
    assert Imu(2, 2).seq == 2


def test_unpack_of_a_subclass():
    class A(Record):
        x: u32

    class B(A):
        @classmethod
        def unpack(cls, buffer):
            return super().unpack(buffer[::-1])

    class C(B):
        pass

    assert type(A.unpack(bytes(4))) is A
    for cls in (B, C):
        assert type(cls.unpack(b"\0\0\0\1")) is cls
        assert cls.unpack(b"\0\0\0\1").x == 1
        assert type(cls.unpack_from(bytes(4))) is cls
    assert type(A(1).unpack(bytes(4))) is A
    assert type(super(B, B).unpack(bytes(4))) is B


class Mixed:
    """With a dict."""


KINDS = {
    "dict": {"__slots__": ("__dict__",)},
    "weak": {"__slots__": ("__weakref__",)},
    "both": {"__slots__": ("__dict__", "__weakref__")},
    "slots": {"__slots__": ("other", "more")},
    "del": {"__del__": lambda self: None},
    "plain": {},
}


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [1, 2])
def test_classes_with_more(kind, mixed, depth):
    bases = (Mixed, Record) if mixed else (Record,)
    body = {"__annotations__": {"x": u32, "m": str}, "__module__": __name__}
    cls = RecordMeta("A", bases, body | KINDS[kind])
    for _ in range(depth - 1):
        cls = RecordMeta(
            "A", (cls,), {"__annotations__": {"y": u8}, "y": 5, "__module__": __name__}
        )
    has_dict = hasattr(cls(1, ""), "__dict__")
    assert has_dict == (mixed or kind in ("dict", "both"))
    for _ in range(3):
        each = None
        records = [cls(i, "text") for i in range(200)]  # more than are kept for the next
        records += [cls.unpack(each.pack()) for each in records]
        if has_dict:
            for each in records:
                each.added = [each] if kind != "del" else 1
                with pytest.raises(AttributeError):
                    each.x = 1
        if kind == "slots":
            for each in records:
                each.other = [1]
        if kind in ("weak", "both"):
            dead = [weakref.ref(each) for each in records]
        assert [each.x for each in records] == [*range(200)] * 2
        del records, each
        gc.collect()
        if kind in ("weak", "both"):
            assert not any(each() for each in dead)
    assert cls.unpack(cls(1, "é").pack()).m == "é"


def test_finalizers_that_revive():
    kept = []

    class A(Record):
        x: u32

        def __del__(self):
            if len(kept) < 5:
                kept.append(self)

    for i in range(10):
        A(i)
    assert [each.x for each in kept] == [0, 1, 2, 3, 4]
    kept.extend([None] * 5)
    del kept[:5]
    assert A(1).x == 1


def test_instances_before_the_class_is_complete():
    failed = []

    class Hook:
        def __set_name__(self, owner, name):
            with pytest.raises(TypeError, match="not complete"):
                owner(1)

    class A(Record):
        x: u32

        def __init_subclass__(cls):
            for make in (
                lambda: cls(1),
                lambda: cls.unpack_from(bytes(4)),
                lambda: cls.__new__(cls),
            ):
                with pytest.raises(TypeError, match="not complete"):
                    make()
            failed.append(cls)

    class B(A):
        y: u8 = 1
        hook = Hook()

    with pytest.raises(TypeError, match=r"C\.y"):

        class C(A):
            y: list

    assert failed[0] is B
    with pytest.raises(TypeError, match="not complete"):
        failed[1](1)
    assert B(2).to_dict() == {"x": 2, "y": 1}


def test_class_attributes_of_other_kinds():
    class A(Record):
        x: u32
        constant = 5

        @functools.cache  # noqa: B019
        def cached(self):
            return self.x

        @staticmethod
        def twice(x):
            return 2 * x

        def __len__(self):
            return self.x

        def __bool__(self):
            return False

    assert (A(1).cached(), A.twice(2), len(A(3)), A.constant) == (1, 4, 3, 5)
    assert framewire.loads(framewire.dumps(A(1))) == A(1)


def test_many_records_in_a_row():
    imu = Imu(1, 2, "abc")
    for _ in range(200_000):
        imu = Imu.unpack(imu)
    assert imu.msg == "abc"


def test_threads():
    def work():
        for i in range(20_000):
            imu = Imu(i, i, "text")
            assert Imu.unpack(imu.pack()).seq == i

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_exit_with_records_alive():
    program = """
    import framewire
    class A(framewire.Record):
        x: framewire.u32
        def __del__(self):
            self.x
    A.origin = A(0)
    keep = [A(i) for i in range(1000)]
    keep.append(keep)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=60)
