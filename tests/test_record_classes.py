"""Records as objects: what classes may add, and that nothing changes a record."""

import copy
import pickle
import sys

import numpy as np
import pytest

import framewire
from framewire import Record, array, f32, f64, record, u8, u32


class Imu(Record):
    seq: u32
    t: f64
    msg: str = "none"


class Older(Record):
    seq: u32
    msg: str = ""


Made = record("<If", "x y", name="Made")


@record
class Decorated:
    """Its text."""

    x: u32
    y: str = "y"


def test_equality_and_hash():
    a, b = Imu(1, 2, "m"), Imu(1, 2, "m")
    assert a == b
    assert (a != b) is False
    assert hash(a) == hash(b)
    assert len({a, b, Imu(2, 2, "m")}) == 2
    assert a != Imu(1, 2, "n")
    assert a != (1, 2.0, "m")
    assert a != Older(1, "m")
    assert Imu(0, 0.0) == Imu(0, -0.0)
    assert Imu(0, float("nan")) != Imu(0, float("nan"))

    class Sub(Imu):
        pass

    assert Sub(1, 2, "m") != a

    class Rows(Record):
        x: array(f32, 2)

    assert Rows([1, 2]) == Rows([1, 2]) != Rows([1, 3])
    with pytest.raises(TypeError, match="unhashable"):
        hash(Rows([1, 2]))


def test_padding_is_no_part_of_equality():
    padded = record("<B3xI", "a b")
    assert padded.unpack(b"\1\2\3\4" * 2) == padded.unpack(b"\1\0\0\0\1\2\3\4")


def test_repr_and_replace():
    imu = Imu(7, 1.5, "ok")
    assert repr(imu) == "Imu(seq=7, t=1.5, msg='ok')"
    assert imu.replace(t=2, msg="") == Imu(7, 2, "")
    assert imu.replace() == imu
    assert imu == Imu(7, 1.5, "ok")
    with pytest.raises(TypeError, match="no field 'other'"):
        imu.replace(other=1)
    with pytest.raises(ValueError, match=r"Imu\.seq"):
        imu.replace(seq=-1)
    assert "Imu.seq" in repr(Imu.seq)
    assert (Imu.seq.offset, Imu.msg.default) == (0, "none")


def test_docs():
    assert Decorated.__doc__ == "Its text."
    assert "aliases" in Imu.unpack.__doc__
    assert Imu.unpack.__name__ == "unpack"
    assert Decorated.__module__ == Made.__module__ == __name__


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(protocol):
    for value in (
        Imu(1, 2, "é"),
        Made(1, 2),
        Decorated(3),
        Imu.unpack(bytearray(Imu(1, 2).pack())),
    ):
        again = pickle.loads(pickle.dumps(value, protocol))
        assert again == value
        assert type(again) is type(value)


def test_copies():
    buffer = bytearray(Imu(1, 2, "abc").pack())
    imu = Imu.unpack(buffer)
    copies = [copy.copy(imu), copy.deepcopy(imu), imu.replace()]
    buffer[0] = 9
    assert imu.seq == 9
    assert copies == [Imu(1, 2, "abc")] * 3


def test_pickles_of_a_class_that_has_changed(monkeypatch):
    pickled = pickle.dumps(Imu(1, 2))
    monkeypatch.setattr(sys.modules[__name__], "Imu", Older)
    with pytest.raises(framewire.SchemaError, match="other fields"):
        pickle.loads(pickled)
    monkeypatch.undo()
    assert pickle.loads(pickled) == Imu(1, 2)
    cut = pickled.replace(Imu(1, 2).pack(), Imu(1, 2).pack()[:-2] + b"\xff\xff")
    assert pickle.loads(cut).seq == 1


def test_nothing_changes_a_record():
    imu = Imu(1, 2, "x" * 1000)
    view = memoryview(imu)
    for change in (
        lambda: setattr(imu, "seq", 2),
        lambda: setattr(imu, "other", 2),
        lambda: delattr(imu, "seq"),
        lambda: object.__setattr__(imu, "seq", 2),
        lambda: view.__setitem__(0, 1),
    ):
        with pytest.raises((AttributeError, TypeError)):
            change()
    for again in (imu.__init__, lambda *args: Record.__init__(imu, *args)):
        with pytest.raises(TypeError, match="cannot be changed"):
            again(2, 3, "y" * 2000)
    assert imu == Imu(1, 2, "x" * 1000)
    assert bytes(view) == imu.pack()


def test_nothing_changes_a_record_while_it_is_made():
    class Twice(Record):
        x: u32
        m: array(u8, 1000)

        def __init__(self, *args):
            super().__init__(*args)

    class Again:
        def __index__(self):
            record.__init__(2, np.ones(1000, int))
            self.view = record.m
            return 3

    record, again = Twice.__new__(Twice), Again()
    with pytest.raises(TypeError, match="cannot be changed"):
        record.__init__(again, np.zeros(1000, int))
    assert again.view.all()
    assert record.x == 2


def test_records_that_no_call_made():
    bare = Imu.__new__(Imu)
    assert "Imu object" in repr(bare)
    for use in (
        lambda: bare.seq,
        bare.pack,
        bare.to_dict,
        bare.replace,
        lambda: bare.replace(seq=1),
        lambda: bare == bare,
        lambda: hash(bare),
        lambda: copy.copy(bare),
        lambda: bare.pack_into(bytearray(100)),
        lambda: framewire.dumps(bare),
        lambda: framewire.dumps([bare]),
        lambda: Imu.unpack(bare),
    ):
        with pytest.raises((TypeError, BufferError), match="not made by a call"):
            use()
    with pytest.raises(BufferError):
        memoryview(bare)
    bare.__init__(1, 2)
    assert bare == Imu(1, 2)


def test_fields_of_other_classes():
    with pytest.raises(TypeError, match=r"Older\.msg is no field of Imu"):
        Older.msg.__get__(Imu(1, 2))
    with pytest.raises(TypeError, match=r"Imu\.seq is of a record, not of int"):
        Imu.seq.__get__(1)
    imu = Imu(1, 2)
    imu.__class__ = Older
    with pytest.raises(TypeError, match=r"Older\.seq is no field"):
        imu.seq  # noqa: B018
