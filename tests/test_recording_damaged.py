"""Recordings that were cut, damaged or made to harm: every whole message, or a documented error."""

import os
import random
import struct
from zlib import crc32

import pytest

from framewire import DecodeError, LimitError, Limits
from framewire.recording import Recorder, Recording, layout

CODES = {"header", "version", "record", "check", "lengths", "limit"}


def make(path, messages):
    """A recording, as its bytes, and where each of its records ends."""
    ends = []
    with Recorder(path) as recorder:
        for message in messages:
            recorder.write(message)
            ends.append(recorder.size)
    return path.read_bytes(), ends


@pytest.fixture
def path(tmp_path):
    return tmp_path / "stream.fwr"


@pytest.fixture
def small(path):
    return make(path, [[b"topic", b"payload" * i, b""] for i in range(8)])


@pytest.fixture
def large(path):
    """Messages over many entries of the index."""
    rng = random.Random(1)
    return make(path, [[b"%d" % i, rng.randbytes(5000)] for i in range(200)])


def index_of(path):
    return path.with_name(f"{path.name}.index")


def numbers(recording):
    return [message.number for message in recording]


def test_cut_at_every_byte(path, small):
    """With the index of the whole file, and with none: all messages that are whole."""
    data, ends = small
    index = index_of(path)
    for indexed in (True, False):
        if not indexed:
            os.unlink(index)
        for size in range(len(data) + 1):
            path.write_bytes(data[:size])
            recording = Recording(path)
            whole = sum(end <= size for end in ends)
            assert numbers(recording) == list(range(whole)) == list(range(len(recording)))
            assert recording.find(recording.seconds + 1) == whole
            recording.close()


def test_append_to_a_file_cut_at_every_byte(path, small):
    data, ends = small
    for size in range(0, len(data) + 1, 3):
        path.write_bytes(data[:size])
        whole = sum(end <= size for end in ends)
        with Recorder(path, append=True) as recorder:
            assert recorder.messages == whole
            recorder.write([b"appended"])
        recording = Recording(path)
        assert numbers(recording) == list(range(whole + 1))
        assert bytes(recording[-1].frames[0]) == b"appended"
        assert recording.index.stored == len(recording.index) == 1


@pytest.mark.parametrize("skip_errors", [False, True])
def test_each_bit_flipped(path, skip_errors):
    """What is read is right; what is not says where, or is skipped, and alone."""
    data, ends = make(path, [[b"a"], [b"topic", b"payload"], [b"", b"last"]])
    original = [[bytes(frame) for frame in message.frames] for message in Recording(path)]
    begins = [layout.HEADER_SIZE, *ends]
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        damaged = sum(begin <= bit // 8 for begin in begins) - 1
        read, found = [], None
        try:
            recording = Recording(path, skip_errors=skip_errors)
            for message in recording:
                frames = [bytes(frame) for frame in message.frames]
                assert frames == original[message.number]
                read.append(message.number)
        except DecodeError as error:
            found = error
        if found is None:
            assert skip_errors
            assert read == [i for i in range(len(ends)) if i != damaged]
            assert recording.skipped == 1
        else:
            assert found.code in CODES
            assert damaged < 0 or not skip_errors
            assert damaged < 0 or found.offset == begins[damaged]
            assert damaged < 0 or read == list(range(damaged))


def test_damage_in_the_middle(path, large):
    data, ends = large
    begin, end = ends[49] + 30, ends[52] + 1000  # of 50 to 53
    path.write_bytes(data[:begin] + bytes(end - begin) + data[end:])
    with pytest.raises(DecodeError) as caught:
        numbers(Recording(path))
    assert (caught.value.code, caught.value.offset) == ("record", ends[49])
    assert len(Recording(path)) == 200
    assert numbers(Recording(path).read(60, 70)) == list(range(60, 70))
    recording = Recording(path, skip_errors=True)
    assert numbers(recording) == [*range(50), *range(54, 200)]
    assert recording.skipped == 1
    with pytest.raises(DecodeError, match="message 51 is damaged"):
        recording[51]
    os.unlink(index_of(path))
    assert len(Recording(path)) == 200
    assert Recording(path, skip_errors=True)[54].number == 54


def test_a_tail_of_zeros(path, large):
    """A power cut may leave the file longer than what was written."""
    data, _ = large
    path.write_bytes(data + bytes(5001))
    read = []
    with pytest.raises(DecodeError) as caught:
        read += (message.number for message in Recording(path))
    assert (caught.value.code, caught.value.offset) == ("record", len(data))
    assert numbers(Recording(path, skip_errors=True)) == list(range(200))
    with Recorder(path, append=True) as recorder:
        assert recorder.size == len(data)
        recorder.write([b"more"])
    assert numbers(Recording(path)) == list(range(201))


def test_a_recording_inside_a_message(path, tmp_path):
    """Its records are not taken for those of the file around it."""
    data, ends = make(tmp_path / "inner.fwr", [[b"inner"]] * 10)
    inner = data + bytes(-len(data) % 8)
    outer, ends = make(path, [[b"first"], [inner], [b"last"]])
    damaged = bytearray(outer)
    damaged[ends[0]] ^= 1
    path.write_bytes(damaged)
    recording = Recording(path, skip_errors=True)
    assert [bytes(message.frames[0]) for message in recording] == [b"first", b"last"]


def test_records_that_were_cut_out(path, small):
    data, ends = small
    path.write_bytes(data[: ends[2]] + data[ends[4] :])
    with pytest.raises(DecodeError, match="is number 5, not 3"):
        numbers(Recording(path))
    assert numbers(Recording(path, skip_errors=True)) == [0, 1, 2, 5, 6, 7]
    path.write_bytes(data[: ends[2]] + data[ends[1] :])  # one twice
    assert numbers(Recording(path, skip_errors=True)) == list(range(8))


# ---- indexes


def entries(path):
    data = index_of(path).read_bytes()
    return data[: layout.HEADER_SIZE], [
        layout.read_entry(data[at : at + layout.ENTRY], Recording(path).header.seed)
        for at in range(layout.HEADER_SIZE, len(data), layout.ENTRY)
    ]


def all_found(path):
    """Is each message found by its number and its time?"""
    recording = Recording(path)
    times = [message.elapsed for message in recording]
    assert len(recording) == len(times) == 200
    for i in range(0, 200, 9):
        assert bytes(recording[i].frames[0]) == b"%d" % i
        assert recording.find(times[i] / 1e9) == times.index(times[i])


def test_index_cut_and_flipped(path, large):
    index = index_of(path)
    whole = index.read_bytes()
    rng = random.Random(2)
    for size in range(0, len(whole), 5):
        index.write_bytes(whole[:size])
        assert Recording(path)[150].number == 150
    for _ in range(50):
        flipped = bytearray(whole)
        flipped[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        index.write_bytes(flipped)
        all_found(path)


def test_index_of_another_recording(path, large, tmp_path):
    other = tmp_path / "other.fwr"
    make(other, [[bytes(4000)]] * 300)
    os.replace(index_of(other), index_of(path))
    all_found(path)
    with Recorder(path, append=True):
        pass
    recording = Recording(path)
    all_found(path)
    assert recording.index.stored == len(recording.index)


def test_index_made_to_harm(path, large):
    """With entries whose checks are right."""
    header, honest = entries(path)
    seed = Recording(path).header.seed
    rng = random.Random(3)
    lies = [
        honest[::-1],
        [rng.choice(honest) for _ in honest],
        [entry._replace(offset=entry.offset + 8) for entry in honest],
        [entry._replace(number=entry.number + 1) for entry in honest],
        [entry._replace(elapsed=0) for entry in honest],
        [entry._replace(elapsed=2**64 - 1, number=2**64 - 1) for entry in honest],
        [entry._replace(offset=2**64 - 1) for entry in honest],
        [layout.Entry(0, 0, 0)] * 50,
        [honest[-1]] * 50,
        honest[10:],
    ]
    for lie in lies:
        index_of(path).write_bytes(header + b"".join(layout.make_entry(e, seed) for e in lie))
        all_found(path)
    for _ in range(50):
        lie = list(honest)
        for _ in range(3):
            i = rng.randrange(len(lie))
            lie[i] = lie[i]._replace(
                **{rng.choice(layout.Entry._fields): rng.choice([0, 5, 10**6, 2**63, 2**64 - 1])}
            )
        index_of(path).write_bytes(header + b"".join(layout.make_entry(e, seed) for e in lie))
        all_found(path)


# ---- made to harm


def forge(path, *, body=b"", **fields):
    """Append a record with the right checks to the recording, whatever it says."""
    recording = Recording(path)
    place = recording.place
    head = layout.Head(1, len(body), place.number, 0, place.elapsed, crc32(body))
    with open(path, "ab") as file:
        file.write(layout.make_head(*head._replace(**fields), recording.header.seed) + body)


ONE = struct.pack("<Q", 8) + bytes(8)


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("record", {"frames": 0}),
        ("record", {"frames": 3}),
        ("record", {"size": 12}),
        ("record", {"number": 2**64 - 1}),
        ("record", {"elapsed": 2**64 - 1}),
        ("record", {"number": 9}),
        ("record", {"elapsed": 0}),
        ("lengths", {"frames": 2}),
        ("lengths", {"body": struct.pack("<Q", 2**64 - 1) + bytes(8)}),
        ("lengths", {"body": struct.pack("<Q", 0) + bytes(8)}),
        ("lengths", {"body": struct.pack("<QQQ", 8, 2**64 - 8, 0), "frames": 2}),
    ],
)
def test_records_made_to_harm(path, small, code, fields):
    forge(path, **{"body": ONE} | fields)
    with open(path, "ab") as file:
        file.write(bytes(100))
    read = []
    with pytest.raises(DecodeError) as caught:
        read += (message.number for message in Recording(path))
    assert (caught.value.code, caught.value.offset) == (code, len(small[0]))
    # where only numbers are missing, it is a record like others
    assert numbers(Recording(path, skip_errors=True))[:8] == list(range(8))


def test_sizes_beyond_the_file_take_no_memory(path, small):
    """They are those of a torn record, however large."""
    forge(path, size=2**63 - 8, frames=2**32 - 1)
    assert numbers(Recording(path)) == list(range(8))
    assert len(Recording(path)) == 8


def test_limits(path, small):
    with pytest.raises(LimitError) as caught:
        numbers(Recording(path, limits=Limits(frames=2)))
    assert (caught.value.limit, caught.value.code) == ("frames", "limit")
    limits = Limits(size=24)
    with pytest.raises(LimitError) as caught:
        numbers(Recording(path, limits=limits))
    assert caught.value.limit == "size"
    recording = Recording(path, limits=limits, skip_errors=True)
    assert numbers(recording) == [0, 1, 2]
    assert (recording.refused, recording.skipped) == (5, 0)
    assert len(recording) == 8


def test_limits_hold_before_memory_is_taken(path, small):
    """In a file with a hole of 2**40 bytes, which takes no room."""
    resource = pytest.importorskip("resource")
    forge(path, size=2**40)
    os.truncate(path, os.path.getsize(path) + 2**40)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(LimitError):
        numbers(Recording(path))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


@pytest.mark.parametrize("content", [b"", b"\x89", b"\x89FWREC\r\n", b"\x89FWREC\r\n" + bytes(39)])
def test_cut_within_the_header(path, content):
    path.write_bytes(content)
    recording = Recording(path)
    assert (list(recording), len(recording), recording.created) == ([], 0, 0)


@pytest.mark.parametrize("content", [b"x", b"\x88", bytes(100), b"\x89FWREC\r\n" + bytes(40)])
def test_no_recording(path, content):
    path.write_bytes(content)
    with pytest.raises(DecodeError) as caught:
        Recording(path)
    assert caught.value.code == "header"


def test_another_version(path):
    header = bytearray(make(path, [])[0])
    header[8] = 2
    header[-4:] = crc32(header[:-4]).to_bytes(4, "little")
    path.write_bytes(header)
    with pytest.raises(DecodeError, match="version 2"):
        Recording(path)


def test_random_damage(path, large):
    """Anything may be anywhere: documented errors only, and nothing wrong is given."""
    data, _ = large
    original = [bytes(message.frames[1]) for message in Recording(path)]
    rng = random.Random(4)
    found = []
    for round_ in range(150):
        damaged = bytearray(data)
        for _ in range(rng.randrange(1, 6)):
            at, size = rng.randrange(len(data)), rng.choice([1, 8, 600, 30_000])
            piece = rng.choice([rng.randbytes(size), bytes(size), data[at // 2 :][:size], b""])
            damaged[at : at + size] = piece
        path.write_bytes(damaged)
        try:
            recording = Recording(path, skip_errors=round_ % 2 == 1)
            assert len(recording) <= 200
            for message in recording:
                assert bytes(message.frames[1]) == original[message.number]
        except DecodeError as error:
            found.append(error)
    assert found
    assert {error.code for error in found} <= CODES
    assert all(error.offset is not None for error in found)


def test_an_index_that_is_no_file(path, large):
    """Nothing waits for what may come through a pipe."""
    index = index_of(path)
    index.unlink()
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes with names")
    os.mkfifo(index)
    all_found(path)
    with pytest.raises(FileExistsError):
        Recorder(path, append=True)
    assert len(Recording(path)) == 200
