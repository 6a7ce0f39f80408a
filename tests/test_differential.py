"""framewire and the standalone reader accept and refuse the same bytes; the C parser's first."""

import struct
import sys
from pathlib import Path

import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_golden import ALL, NAMES, read

import framewire

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))
from fuzz.files import load  # noqa: E402

CORPORA = [ROOT / "csrc" / "fuzz" / "corpus" / "head", ROOT / "fuzz" / "corpus"]
SMALL = 100  # bytes of a message of which each bit is flipped
TYPE = 0x0100
ARRAY, MSGPACK, RECORD = 1, 4, 5
GOLDEN = [case.values[1] for case in ALL]


def of_reader(frames):
    """None, or the code of what is wrong."""
    try:
        read(frames)
    except ValueError as error:
        return str(error)
    return None


@pytest.fixture(scope="module")
def of_framewire():
    """The same of a message that is received, with its metadata; what is in it is looked at."""
    with framewire.Context() as context:
        here, there = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        here.linger = there.linger = 0
        there.rcvtimeo = 5000
        here.bind("inproc://differential")
        there.connect("inproc://differential")
        there.codec = framewire.Codec(allow=framewire.SAFE)

        def of_framewire(frames):
            here.send_raw(frames)
            try:
                message = there.recv_message()
                _ = message.meta
                if isinstance(message.value, framewire.Record):
                    message.value.to_dict()
            except framewire.DecodeError as error:
                return error.code
            return None

        yield of_framewire


def head_of(frames):
    """The serializer and the flags."""
    head = next(frame for frame in frames if frame[:2] == b"\xc1F")
    return head[3], head[4] | head[5] << 8


def is_explained(frames, reader, code):
    """Is this one of the differences that docs/wire-format.md has?"""
    if code in ("refused", "limit"):  # what a reader may do
        return True
    if "metadata" in (reader, code):  # other keys of maps can be hashed
        return True
    if reader is not None:
        return False
    # what the reader does not look at: "How to read", at its end
    whole = b"".join(frames)
    serializer, flags = head_of(frames)
    if serializer == ARRAY:
        return code == "description" and b"{" in whole
    if serializer == MSGPACK:
        return code == "tree" and b"{" in whole  # the same, in it
    if serializer == RECORD and flags & TYPE:
        return code == "payload" and b"U" in whole  # code points that there are not
    return code in ("payload", "mismatch", "truncated", "tail")


def check(of_framewire, frames):
    reader, code = of_reader(frames), of_framewire(frames)
    if (reader is None) != (code is None) and not is_explained(frames, reader, code):
        pytest.fail(f"the reader says {reader}, framewire {code}: {frames}")


def test_golden(of_framewire):
    for frames in GOLDEN:
        check(of_framewire, frames)


def test_prefixes(of_framewire):
    for frames in GOLDEN:
        for i, frame in enumerate(frames):
            for size in range(min(len(frame), 200)):
                check(of_framewire, [*frames[:i], frame[:size]])
                check(of_framewire, [*frames[:i], frame[:size], *frames[i + 1 :]])


def test_each_bit_flipped(of_framewire):
    for frames in GOLDEN:
        if sum(map(len, frames)) > SMALL:
            continue
        for i, frame in enumerate(frames):
            for bit in range(8 * len(frame)):
                flipped = bytearray(frame)
                flipped[bit // 8] ^= 1 << bit % 8
                check(of_framewire, [*frames[:i], bytes(flipped), *frames[i + 1 :]])


def test_corpora(of_framewire):
    found = [path for folder in CORPORA for path in sorted(folder.iterdir())]
    assert len(found) > 50
    for path in found:
        check(of_framewire, load(path) if path.suffix == ".frames" else [path.read_bytes()])


numbers = st.sampled_from([0, 1, 2, 3, 7, 8, 16, 24, 2**31, 2**32, 2**61, 2**63 - 1, 2**64 - 1])
numbers |= st.integers(0, 2**64 - 1)


@st.composite
def heads(draw):
    """Heads whose parts are in their places, and often right."""
    serializer = draw(st.sampled_from([ARRAY, ARRAY, *NAMES, 0, 13]))
    flags = draw(st.sampled_from([0, 1, 1, 0x21, 0x25, 0x11, 0x41, 0x81, 0x101]))
    flags ^= draw(st.sampled_from([0, 0, 0, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x800, 0x8000]))
    ndim = draw(st.integers(0, 3)) if serializer == ARRAY else draw(st.sampled_from([0, 0, 0, 1]))
    code = draw(st.sampled_from([0, 1, 6, 12, 0x8C])) if serializer == ARRAY else 0
    words = draw(st.lists(st.integers(0, 3) | numbers, min_size=ndim, max_size=ndim))
    words += [draw(numbers)] * (serializer == RECORD)
    sections = b""
    if flags & 0x10 and serializer == ARRAY:
        sections += struct.pack("<Q", draw(st.integers(0, 8) | numbers))
    for flag in (0x10 * (serializer == RECORD), 0x20, 0x40, 0x80, 0x100):
        if flags & flag and flag == 0x40:
            sections += draw(st.binary(min_size=24, max_size=24))
        elif flags & flag:
            content = draw(st.sampled_from([b"", b"\x81\x01\x02", b"<M8[s]", b"bytes", bytes(8)]))
            size = draw(st.sampled_from([len(content)] * 6 + [2**63, 2**64 - 1, 100]))
            sections += struct.pack("<Q", size) + content + bytes(-len(content) % 8)
    payload = draw(st.binary(max_size=32))
    size = draw(st.sampled_from([len(payload)] * 6 + [0, 8, 2**63]))
    fixed = struct.pack("<2sBBHBBQ", b"\xc1F", 1, serializer, flags, code, ndim, size)
    head = fixed + struct.pack(f"<{len(words)}Q", *words) + sections
    return [head + payload] if flags & 1 else [head, payload]


@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(frames=heads())
def test_heads(of_framewire, frames):
    check(of_framewire, frames)


@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_mutated(of_framewire, data):
    frames = list(data.draw(st.sampled_from(GOLDEN)))
    for _ in range(data.draw(st.integers(1, 3))):
        i = data.draw(st.integers(0, len(frames) - 1))
        at = data.draw(st.integers(0, min(len(frames[i]), 200)))
        drop = data.draw(st.integers(0, 9))
        frames[i] = frames[i][:at] + data.draw(st.binary(max_size=9)) + frames[i][at + drop :]
    check(of_framewire, frames)
