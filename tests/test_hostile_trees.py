"""Bytes that are no trees, or no values: a documented error, and the next message intact."""

import datetime
import decimal
import struct
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_golden import GOLDEN, NAMES, load_golden

import framewire


def message(tree, *more):
    lengths = struct.pack(f"<{len(more) + 1}Q", len(tree), *map(len, more))
    head = struct.pack("<BBBBHBBQ", 0xC1, 0x46, 1, 4, 0x21, 0, 0, len(tree) + sum(map(len, more)))
    return [head + struct.pack("<Q", len(lengths)) + lengths + tree, *more]


def ext(kind, content):
    return struct.pack(">BIB", 0xC9, len(content), kind) + content


TEXTS = {
    "date": (12, "20260102 2026-W01-1 2026-1-2 02026-01-02 2026-01-02T00:00:00 +026-01-02".split()),
    "datetime": (
        11,
        [
            "2026-01-02",
            "2026-01-02 03:04:05",
            "20260102T030405",
            "2026-01-02T03",
            "2026-01-02T03:04",
            "2026-01-02T03:04:05,500000",
            "2026-01-02T03:04:05.5",
            "2026-01-02T03:04:05.123456789",
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05+01",
            "2026-01-02T03:04:05+0100",
            "NaT",
        ],
    ),
    "time": (13, ["03", "03:04", "T03:04:05", "030405", "03:04:05Z", "03:04:05.12", "24:00:00"]),
    "decimal": (16, [" 1", "1 ", "1_0", "", "x", "1e", "\n1"]),
}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        pytest.param(kind, text, id=f"{name}-{number}")
        for name, (kind, bad) in TEXTS.items()
        for number, text in enumerate(bad)
    ],
)
def test_texts_that_the_format_does_not_have(kind, text):
    """On every Python: from 3.11 on `fromisoformat` takes more than `isoformat` gives."""
    with pytest.raises(framewire.DecodeError) as info:
        framewire.loads(message(ext(kind, text.encode())))
    assert info.value.code == "tree"


@pytest.mark.parametrize("capitals", [0, 1])
def test_decimals_in_any_context(capitals):
    """Neither side's decimal context says what is on the wire."""
    for text in ("1E+5", "-0E-7", "NaN12", "sNaN", "Infinity", "1." + "3" * 100):
        value = decimal.Decimal(text)
        with decimal.localcontext() as context:
            context.capitals, context.prec, context.Emax = capitals, 3, 4
            frames = framewire.dumps([value])
            (came,) = framewire.loads(frames)
        assert came.as_tuple() == value.as_tuple()
        assert text.encode() in frames[0]


def test_texts_that_the_format_has():
    assert framewire.loads(message(ext(16, b"sNaN12"))).is_snan()
    assert framewire.loads(message(ext(16, b"1E+5"))) == decimal.Decimal("1E+5")
    zone = framewire.loads(message(ext(13, b"03:04:05.000006-01:02:03.000004"))).utcoffset()
    assert zone == -datetime.timedelta(hours=1, minutes=2, seconds=3, microseconds=4)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("fill", [1j, 1e300, float("nan")])
def test_fill_values_that_numpy_warns_of(fill):
    """A peer does not choose which warning a receiver raises."""
    data, mask, fill = (
        framewire.dumps(np.array(each)[()])[0] for each in ([np.int16(1)], [False], fill)
    )
    tree = ext(2, b"".join(ext(1, part) for part in (data, mask, fill)))
    with pytest.raises(framewire.DecodeError) as info:
        framewire.loads(message(tree))
    assert info.value.code == "tree"


def run(program):
    """A program that has 4 GiB of memory."""
    start = """
    import resource, struct, sys
    import numpy as np
    import framewire
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(start) + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]


def test_counts_that_together_are_more_than_the_message():
    """Each list claims all that is left: so many items can never come, and no room is made."""
    run("""
    size = 4_000_000
    tree = b"".join(b"\\xdd" + struct.pack(">I", size - 5 * n) for n in range(1, 511))
    head = struct.pack("<BBBBHBBQ", 0xC1, 0x46, 1, 4, 1, 0, 0, size)
    try:
        framewire.loads(head + tree.ljust(size, b"\\1"))
    except framewire.DecodeError:
        sys.exit()
    sys.exit("no error")
    """)


def test_what_copies_of_broadcast_arrays_take_together():
    """A message of 3 KB asks for 32 GiB."""
    run("""
    frames = framewire.dumps([np.broadcast_to(np.uint8(1), ((1 << 29) + 1,))] * 64)
    assert sum(map(len, frames)) < 4096
    assert len(framewire.loads(frames)) == 64
    try:
        framewire.loads(frames, copy=True)
    except framewire.LimitError:
        sys.exit()
    sys.exit("no error")
    """)


@pytest.mark.parametrize(
    "tree",
    [
        b"\x81\x81\x01\x02\x03",
        b"\x81\xc7\x02\x07\x91\x01\x02",
        ext(7, b"\x91\x91\x01"),
        ext(8, b"\x91" + ext(7, b"\x90")),
        ext(16, b"sNaN").join([b"\x81", b"\x01"]),
        ext(2, b"\x01\x02\xc0"),
        ext(18, b"\xa1x\xc0\xc0"),
        b"\x91" * 600 + b"\x01",
        ext(6, b"\x91") * 2,
        b"\xc7\xff\x06\x91" + b"\x01" * 10,
        b"\xc6\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
    ],
    ids=[
        *"map-key set-key set-list set-set nan-key masked object".split(),
        *"deep tuple over bin list map ext".split(),
    ],
)
def test_next_message_is_intact(pair, tree):
    here, there = pair
    here.send_multipart(message(tree))
    here.send_value("next")
    with pytest.raises(framewire.DecodeError):
        there.recv_value()
    assert there.recv_value() == "next"


# ---- golden messages, damaged

CODES = set(
    "truncated version serializer flags dtype ndim section shape payload trailing description"
    " frames buffers tree limit refused foreign schema tail mismatch compression".split()
)
VALUES = [
    pytest.param([*case.values[1]], id=case.id)
    for case in load_golden()
    if "error" not in case.values[0] and "serializer" in case.values[0]
]


def is_documented(error):
    return error.code in CODES and (error.offset is None or error.offset >= 0)


def outcome(frames):
    """The code of the error, or None."""
    try:
        framewire.loads(frames)
    except framewire.DecodeError as error:
        if not is_documented(error):
            raise
        return error.code
    return None


def test_there_are_golden_values():
    assert GOLDEN.is_dir()
    assert len(VALUES) > 40
    assert not framewire.SAFE - {*NAMES.values(), "array"}


@pytest.mark.parametrize("frames", VALUES)
def test_cut_anywhere(frames):
    for i, frame in enumerate(frames):
        for size in range(len(frame)):
            cut = [*frames[:i], frame[:size], *frames[i + 1 :]]
            assert outcome(cut) or (i == 0 and len(frames) > 1), (i, size)
        outcome([*frames[:i], *frames[i + 1 :]])
        outcome([*frames[: i + 1], frame, *frames[i + 1 :]])


@pytest.mark.parametrize("frames", VALUES)
def test_each_bit_flipped(frames):
    """In the head, in the tree, and in what else is in its frame."""
    for i, frame in enumerate(frames):
        for bit in range(8 * len(frame)):
            flipped = bytearray(frame)
            flipped[bit // 8] ^= 1 << bit % 8
            outcome([*frames[:i], bytes(flipped), *frames[i + 1 :]])


@pytest.mark.parametrize("frames", VALUES)
def test_damaged_over_a_socket(pair, frames):
    """Each one is consumed whole, and what follows it is not."""
    here, there = pair
    for number in range(0, len(frames[-1]), 3):
        for damaged in (frames[-1][:number], frames[-1][number:] + b"\xc1"):
            here.send_multipart([*frames[:-1], damaged])
            here.send_value(number)
            try:
                there.recv_value()
            except framewire.DecodeError as error:
                if not is_documented(error):
                    raise
            assert there.recv_value() == number


@settings(deadline=None, max_examples=500)
@given(st.data())
def test_mutated(data):
    frames = list(data.draw(st.sampled_from(VALUES)).values[0])
    for _ in range(data.draw(st.integers(1, 4))):
        i = data.draw(st.integers(0, len(frames) - 1))
        frame = frames[i]
        at = data.draw(st.integers(0, len(frame)))
        drop = data.draw(st.integers(0, 9))
        frames[i] = frame[:at] + data.draw(st.binary(max_size=9)) + frame[at + drop :]
    outcome(frames)


@settings(deadline=None, max_examples=500)
@given(st.binary(max_size=200), st.lists(st.binary(max_size=40), max_size=2))
def test_any_tree(tree, more):
    outcome(message(tree, *more))


kinds = st.integers(0, 20)


@settings(deadline=None, max_examples=500)
@given(
    st.recursive(
        st.binary(max_size=12)
        | st.sampled_from([b"\xc0", b"\x01", b"\xa1a", b"\x90", b"\xcb" + b"\xff" * 8]),
        lambda inner: (
            st.builds(ext, kinds, inner)
            | st.lists(inner, max_size=4).map(
                lambda items: bytes([0x90 + len(items)]) + b"".join(items)
            )
            | st.lists(inner, max_size=4).map(
                lambda items: bytes([0x80 + len(items) // 2]) + b"".join(items)
            )
        ),
        max_leaves=12,
    ),
    st.lists(st.binary(max_size=40), max_size=2),
)
def test_almost_a_tree(tree, more):
    outcome(message(tree, *more))
