"""Records in buffers: packed into them, and read from them in place."""

import array
import ctypes
import mmap
import struct

import numpy as np
import pytest

import framewire
from framewire import Record, f32, f64, record, u8, u32


class Point(Record):
    x: f32
    y: f32


class Note(Record):
    n: u32
    msg: str
    raw: bytes


class Rows(Record):
    tag: u8
    m: framewire.array(f64, 2)


def buffers(data):
    memory = mmap.mmap(-1, mmap.PAGESIZE)
    memory[: len(data)] = data
    return {
        "bytes": data,
        "bytearray": bytearray(data),
        "memoryview": memoryview(data),
        "mmap": memoryview(memory)[: len(data)],
        "numpy": np.frombuffer(bytearray(data), "u1"),
        "read-only": np.frombuffer(data, "u1"),
        "two axes": np.frombuffer(data, "u1").reshape(1, -1, 1),
        "array": array.array("B", data),
        "ctypes": (ctypes.c_char * len(data)).from_buffer_copy(data),
        "subclass": type("Sub", (bytes,), {})(data),
    }


@pytest.mark.parametrize("kind", buffers(b"ab"))
def test_unpack(kind):
    note = Note(5, "texté", b"abc")
    point = Point(1, 2)
    assert Note.unpack(buffers(note.pack())[kind]) == note
    assert Point.unpack(buffers(point.pack())[kind]) == point
    both = buffers(b"....." + point.pack() + b".")[kind]
    assert Point.unpack_from(both, 5) == point
    assert Point.unpack_from(both, offset=5).pack() == point.pack()


def test_records_one_behind_the_other():
    notes = [Note(i, "x" * i, b"y" * (5 - i)) for i in range(5)]
    data = b"".join(note.pack() for note in notes)
    found, at = [], 0
    while at < len(data):
        found.append(Note.unpack_from(data, at))
        at += len(found[-1].pack())
    assert found == notes
    assert len(memoryview(found[0])) == len(notes[0].pack())
    assert framewire.loads(framewire.dumps(found[0])).pack() == notes[0].pack()


def test_no_copies():
    note = Note(5, "text", b"abc")
    packed = note.pack()
    assert packed is note.pack()
    assert Note.unpack(packed).pack() is packed
    assert bytes(memoryview(note)) == packed
    assert Point.unpack(Point(1, 2)) == Point(1, 2)
    buffer = bytearray(Point(1, 2).pack())
    point = Point.unpack(buffer)
    with pytest.raises(BufferError):
        buffer.append(1)
    struct.pack_into("<f", buffer, 4, 7)
    assert point == Point(1, 7)
    del point
    buffer.append(1)


def test_what_a_view_keeps():
    class Watched(bytearray):
        def __del__(self):
            died.append(1)

    died = []
    rows = Rows.unpack_from(Watched(b"." * 7 + Rows(1, [2, 3]).pack()), 7)
    m, view = rows.m, memoryview(rows)
    assert m.base is not None  # in place: byte 8 is aligned
    del rows
    assert m.tolist() == [2, 3]
    del m
    assert view[0] == 1
    assert not died
    del view
    assert died


@pytest.mark.parametrize(
    "buffer",
    [
        memoryview(bytes(100))[::2],
        np.zeros(100, "u1")[::2],
        np.zeros((10, 10), "u1").T,
        np.zeros((10, 10), "u1")[:, :5],
    ],
)
def test_buffers_that_are_not_contiguous(buffer):
    for call in (Point.unpack, Point.unpack_from, Point(1, 2).pack_into):
        with pytest.raises((BufferError, ValueError)):
            call(buffer)


@pytest.mark.parametrize("value", ["text", None, 5, [1, 2], Point, object()])
def test_what_is_no_buffer(value):
    for call in (Point.unpack, Point.unpack_from, Point(1, 2).pack_into):
        with pytest.raises(TypeError):
            call(value)


@pytest.mark.parametrize("offset", [-1, -8, 9, 100, 1 << 62, -(1 << 62)])
def test_offsets_out_of_range(offset):
    with pytest.raises(ValueError, match="offset"):
        Point.unpack_from(bytes(8), offset)
    with pytest.raises(ValueError, match="buffer of 8"):
        Point(1, 2).pack_into(bytearray(8), offset)


def test_offsets_at_the_end():
    for offset in range(1, 9):
        with pytest.raises(framewire.DecodeError) as info:
            Point.unpack_from(bytes(8), offset)
        assert info.value.code == "truncated"
        with pytest.raises(ValueError, match="buffer of 8"):
            Point(1, 2).pack_into(bytearray(8), offset)
    empty = record("", "")
    assert empty.unpack_from(bytes(8), 8).pack() == b""
    assert empty().pack_into(bytearray(8), 8) == 0
    assert empty.unpack(np.zeros(0)) == empty()
    for offset in (1 << 70, "1", 1.0, None):
        with pytest.raises((TypeError, OverflowError)):
            Point.unpack_from(bytes(8), offset)


def test_lengths():
    for size in range(8):
        with pytest.raises(framewire.DecodeError) as info:
            Point.unpack(bytes(size))
        assert info.value.code == "truncated"
    with pytest.raises(framewire.DecodeError) as info:
        Point.unpack(bytes(9))
    assert info.value.code == "trailing"
    for cls in (Point, Note):
        with pytest.raises(TypeError):
            cls.unpack()
        with pytest.raises(TypeError):
            cls.unpack(b"", 1)


def test_pack_into():
    memory = mmap.mmap(-1, mmap.PAGESIZE)
    targets = [bytearray(20), np.zeros((5, 4), "u1"), array.array("B", bytes(20)), memory]
    for target in targets:
        assert Point(1, 2).pack_into(target, 3) == 8
        assert bytes(memoryview(target).cast("B")[:20]) == struct.pack("<3xff9x", 1, 2)
        note = Note(1, "é", b"b")
        with pytest.raises(ValueError, match=f"{len(note.pack())} bytes at 3"):
            note.pack_into(bytearray(20), 3)
    for target in (bytes(20), memoryview(bytes(20)), np.frombuffer(bytes(20), "u1")):
        with pytest.raises((BufferError, ValueError)):
            Point(1, 2).pack_into(target)


def test_pack_into_what_it_is_read_from():
    buffer = bytearray(Point(1, 2).pack() + bytes(8))
    point = Point.unpack_from(buffer)
    assert point.pack_into(buffer, 4) == 8
    assert buffer == struct.pack("<ffff", 1, 1, 2, 0)


def test_arrays_are_in_place_where_they_are_aligned():
    data = bytearray(64)
    at = -ctypes.addressof(ctypes.c_char.from_buffer(data)) % 8
    for shift in range(8):
        packed = Rows(1, [2, 3]).pack()
        data[at + shift : at + shift + len(packed)] = packed
        rows = Rows.unpack_from(data, at + shift)
        m = rows.m
        assert m.flags.aligned
        assert not m.flags.writeable
        data[at + shift + 1 : at + shift + 9] = struct.pack("<d", 7)
        assert m[0] == (7 if shift == 7 else 2)


def test_writing_to_slots():
    """What a slot says is looked at each time that it is read."""
    note = Note(1, "text", b"bytes")
    for words in [
        (0, 0),
        (1 << 31, 1),
        (4, 1 << 32 - 1),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (29, 1),
        (30, 0),
    ]:
        buffer = bytearray(note.pack())
        view = Note.unpack(buffer)
        struct.pack_into("<II", buffer, 4, *words)
        if words[0] + words[1] > len(note.pack()):
            for use in (Note.msg.__get__, Note.to_dict, note.__eq__, repr, hash):
                with pytest.raises(framewire.DecodeError, match=r"Note\.msg") as info:
                    use(view)
                assert info.value.code == "tail"
        else:
            assert view.msg == bytes(buffer[words[0] : words[0] + words[1]]).decode()
        assert view.n == 1
        assert view.raw == b"bytes"


def test_writing_to_text():
    buffer = bytearray(Note(1, "text", b"").pack())
    view = Note.unpack(buffer)
    buffer[-1] = 0xFF
    with pytest.raises(framewire.DecodeError, match=r"Note\.msg") as info:
        view.msg  # noqa: B018
    assert info.value.code == "payload"
