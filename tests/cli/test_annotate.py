"""Every byte of a message has one meaning, and it is that of the wire format."""

import re
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import framewire
from framewire.cli.annotate import annotate
from framewire.cli.hexview import lines_of
from framewire.errors import DecodeError

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))
from fuzz.files import corpus, golden  # noqa: E402
from fuzz.mutate import mutated  # noqa: E402

GOLDEN = golden()
SEEDS = [frames for frames in (GOLDEN | corpus()).values() if max(map(len, frames)) < 4096]


def annotated(frames):
    return annotate([memoryview(frame) for frame in frames])


def check_tiles(frames):
    """The notes of each frame tile it; an error that the parser finds is at its byte."""
    annotation = annotated(frames)
    assert len(annotation.titles) == len(annotation.notes) == len(frames)
    for frame, notes in zip(frames, annotation.notes, strict=True):
        ends = [0, *(note.end for note in notes)]
        assert [note.begin for note in notes] == ends[:-1]
        assert ends[-1] == len(frame)
        assert all(note.end > note.begin or not frame for note in notes)
        assert all(note.meaning and "\n" not in note.meaning for note in notes)
    marked = [note for notes in annotation.notes for note in notes if note.error]
    error = annotation.error
    if error is None or error.offset is None:
        assert marked == []
    else:
        (note,) = marked
        is_there = note.begin <= error.offset < note.end
        assert is_there or error.offset >= note.end, "it points behind what is there"
        assert note.error == f"{error.code}: {error}"
    return annotation


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name):
    annotation = check_tiles(GOLDEN[name])
    expected = None
    try:
        framewire._heads.inspect(GOLDEN[name])
    except DecodeError as error:
        expected = error.code
    assert (annotation.error and annotation.error.code) == expected
    meanings = [note.meaning for notes in annotation.notes for note in notes]
    if not name.startswith("bad-"):
        assert not any(re.search(r"not read|behind the last|cut|\?$", each) for each in meanings)


def test_corpus():
    for frames in corpus().values():
        check_tiles(frames)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(SEEDS), st.sampled_from(SEEDS), st.randoms(use_true_random=False))
def test_mutated(frames, other, order):
    check_tiles([bytes(frame) for frame in mutated(frames, other, order)] or [b""])


@pytest.mark.parametrize("name", [name for name in GOLDEN if not name.startswith("bad-")][::7])
def test_cut(name):
    """The head, cut anywhere, ends with what is missing."""
    frames = GOLDEN[name]
    at = next(i for i, frame in enumerate(frames) if frame[:2] == b"\xc1F")
    for size in range(2, min(len(frames[at]), 500)):
        annotation = check_tiles([*frames[:at], frames[at][:size]])
        assert annotation.error is not None


def shown(frames):
    return [line for _, line in lines_of([memoryview(f) for f in frames], annotated(frames))]


def test_as_documented():
    """The examples of the document: the same bytes at the same offsets, and the same words."""
    words = {
        "struct-meta": [
            "flags INLINE META TYPE", "payload: 12 bytes", "META: 14 bytes",
            "{'gain': 2, 'unit': 'K'}", "TYPE: 73 bytes", "padding", "buffer 0, 12 bytes",
        ],
        "tree-example": [
            "serializer 4: msgpack", "flags INLINE BUFFERS", "BUFFERS: 16 bytes",
            "buffer 0: 45 bytes", "buffer 1: 24 bytes", "frame 1: buffer 1, 24 bytes",
        ],
        "record-example": [
            "serializer 5: record", "fingerprint 0x2a23c318e4651922", "VERSIONS: 8 bytes",
            "0x2cb6b19a3aa6f12a of an older schema", "sender fedcba9876543210", "sequence 0",
            "1767225600000000000 ns, 2026-01-01T00:00:00",
        ],
    }  # fmt: skip
    for name, expected in words.items():
        text, at = "\n".join(shown(GOLDEN[name])), 0
        for each in expected:
            at = text.index(each, at)


def test_an_error_is_shown_where_it_is():
    lines = shown(GOLDEN["bad-flags-0800"])
    at = next(i for i, line in enumerate(lines) if "0x0800?" in line)
    assert lines[at].startswith("     4  ")
    assert re.match(r" +\^  flags: ", lines[at + 1])
    assert any(line.endswith("not read") for line in lines)
    assert shown(GOLDEN["bad-frames-short"])[-1].startswith("frames: ")


def test_hex_is_the_bytes():
    """Of what is short, all bytes are there, in order."""
    for name in ("struct-meta", "record-example", "bad-flags-0800"):
        data = "".join(
            found[1]
            for line in shown(GOLDEN[name])
            if (found := re.match(r"^ +\d+  ((?:[0-9a-f]{2} ?){1,8})", line))
        )
        frames = GOLDEN[name]
        assert len(frames) == 1
        kept = bytes.fromhex(data)
        assert len(kept) > 40
        assert kept == frames[0] or len(kept) == len(frames[0]) - 9, "a note of 73 bytes is cut"


def test_no_head():
    annotation = annotated([b"topic", b'{"a": 1}', b""])
    assert annotation.titles == ["text", "JSON", "empty"]
    assert [note.meaning for notes in annotation.notes for note in notes] == ["no head"] * 3
    assert annotation.error is None


def test_sections_of_thousands_of_numbers():
    """They take a line each only at first."""
    value = [bytes(9000)] * 100
    frames = [bytes(frame) for frame in framewire.dumps(value, serializer="msgpack")]
    annotation = check_tiles(frames)
    assert len(annotation.notes[0]) < 60
    assert any("more" in note.meaning for note in annotation.notes[0])


def test_buffers_without_end():
    """What is shown of them is bounded, and what is made to say it."""
    (frame,) = framewire.dumps([bytes(9000)] * 1000, serializer="msgpack", packed=True)
    annotation = check_tiles([bytes(frame)])
    assert len(annotation.notes[0]) < 120
    assert annotation.notes[0][-1].meaning == "the other buffers"
    table = b"\xc1F\x01\x04\x20" + bytes(11) + (8 << 20).to_bytes(8, "little") + bytes(8 << 20)
    tracemalloc.start()
    annotation = annotated([table])
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(annotation.notes[0]) < 60
    assert most < 4 * len(table)


def test_frames_without_end():
    frames = [memoryview(b"x")] * 5000
    lines = [*lines_of(frames, annotate(frames))]
    assert len(lines) < 3000
    assert lines[-1] == ("title", "4000 frames more")
