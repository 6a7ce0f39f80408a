"""Recordings: what was written comes back, from any number and time on."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import zmq

import framewire
from framewire.recording import Recorder, Recording
from framewire.recording.layout import STRIDE


@pytest.fixture
def path(tmp_path):
    return tmp_path / "stream.fwr"


MESSAGES = [
    [b""],
    [b"one"],
    [b"topic", b"", bytes(range(256))],
    [b"x" * 8],
    [bytes([i]) for i in range(200)],
    [np.arange(100_000).tobytes(), b"tail"],
    [b"last"],
]


def frames_of(recording):
    return [[bytes(frame) for frame in message.frames] for message in recording]


def record(path, messages, **options):
    with Recorder(path, **options) as recorder:
        for message in messages:
            recorder.write(message)
        return recorder


def test_round_trip(path):
    before = time.time_ns()
    recorder = record(path, MESSAGES)
    after = time.time_ns()
    assert (recorder.messages, recorder.size) == (len(MESSAGES), os.path.getsize(path))
    with Recording(path) as recording:
        assert frames_of(recording) == MESSAGES
        assert len(recording) == len(MESSAGES)
        messages = list(recording)
        assert [each.number for each in messages] == list(range(len(MESSAGES)))
        assert before <= recording.created <= messages[0].time <= messages[-1].time <= after
        elapsed = [each.elapsed for each in messages]
        assert elapsed == sorted(elapsed)
        assert recording.seconds == elapsed[-1] / 1e9
        assert bytes(recording[-1].frames[0]) == b"last"
        with pytest.raises(IndexError, match="message 7 of 7"):
            recording[len(MESSAGES)]


def test_no_messages(path):
    record(path, [])
    recording = Recording(path)
    assert (list(recording), len(recording), recording.seconds, recording.find(0)) == ([], 0, 0, 0)


def test_frames_are_in_place_and_outlive_the_file(path):
    array = np.random.default_rng(1).standard_normal((300, 400))
    record(path, [framewire.dumps({"a": array}), framewire.dumps(array)])
    with Recording(path) as recording:
        messages = list(recording)
    path.unlink()
    for message in messages:
        assert all(frame.readonly for frame in message.frames)
        addresses = [np.frombuffer(frame, np.uint8).ctypes.data for frame in message.frames]
        assert all(address % 8 == 0 for address in addresses)
    tree, alone = (framewire.loads(message.frames) for message in messages)
    assert np.array_equal(tree["a"], array)
    assert np.array_equal(alone, array)
    assert not tree["a"].flags.owndata


def test_any_buffers(path):
    buffer = bytearray(b"before")
    with Recorder(path) as recorder:
        recorder.write((buffer, memoryview(np.arange(6).reshape(2, 3))))
        buffer[:] = b"after"  # nothing of it is held
        for wrong, error in [([], ValueError), (["text"], TypeError), ([1], TypeError)]:
            with pytest.raises(error):
                recorder.write(wrong)
        with pytest.raises(ValueError, match="contiguous"):
            recorder.write([memoryview(np.arange(20)[::2])])
        with pytest.raises(ValueError, match="contiguous"):
            recorder.write([memoryview(np.zeros(40_000)[::2])])
        recorder.write([b"next"])
    assert frames_of(Recording(path)) == [[b"before", np.arange(6).tobytes()], [b"next"]]


def test_what_was_received(path, connect, over):
    """Any messages, as a socket gives them, and back through another: the same bytes."""
    push, pull = connect(zmq.PUSH, zmq.PULL, over)
    values = [{"n": i, "a": np.full(i * 50, i)} for i in range(100)]
    with Recorder(path) as recorder:
        for value in values:
            push.send_value(value, topic="t")
            recorder.write(pull.recv_raw())
    for message in Recording(path):
        push.send_raw(message.frames)
    for value in values:
        message = pull.recv_message()
        assert message.topic == b"t"
        assert message.value["n"] == value["n"]
        assert np.array_equal(message.value["a"], value["a"])


# ---- where to begin


@pytest.fixture
def numbered(path):
    """Messages over many entries of the index, some of them larger than several."""
    sizes = [(i * 7919) % 3000 for i in range(300)]
    sizes[100] = 5 * STRIDE
    record(path, [[str(i).encode(), bytes(size)] for i, size in enumerate(sizes)])
    return path


def test_from_a_number(numbered):
    recording = Recording(numbered)
    for i in range(300):
        message = recording[i]
        assert (message.number, bytes(message.frames[0])) == (i, str(i).encode())
    for start, stop in [(0, None), (0, 0), (100, 101), (99, 250), (299, None), (300, None)]:
        numbers = [each.number for each in recording.read(start, stop)]
        assert numbers == list(range(300))[start:stop]


def test_from_a_time(numbered):
    recording = Recording(numbered)
    times = [each.elapsed for each in recording]
    for elapsed in times:
        assert recording.find(elapsed / 1e9) == times.index(elapsed)
    assert recording.find(-5) == recording.find(0) == 0
    assert recording.find(float("inf")) == 300
    assert recording.find(recording.seconds + 1e-6) == 300


def test_seeking_reads_little(numbered):
    """With the index, a message is found without reading those before it."""
    recording = Recording(numbered)
    read, plain = [], recording._source.read

    def counting(offset, size):
        data = plain(offset, size)
        read.append(len(data))
        return data

    recording._source.read = counting
    assert recording[250].number == 250
    assert sum(read) < 5 * STRIDE < os.path.getsize(numbered) // 2


# ---- while it is being written


def test_a_reader_beside_the_recorder(path):
    with Recorder(path) as recorder:
        recording = Recording(path)
        assert len(recording) == 0
        for i in range(2000):
            recorder.write([b"%d" % i, bytes(300)])
            if i % 100 == 0:
                recorder.flush()
                assert len(recording) == i + 1
                assert bytes(recording[i].frames[0]) == b"%d" % i
    assert len(recording) == len(list(recording)) == 2000


def test_threads_read_one_recording(numbered):
    recording = Recording(numbered)
    wrong = []

    def read(start):
        for i in range(start, 300, 3):
            if bytes(recording[i].frames[0]) != b"%d" % i:
                wrong.append(i)

    threads = [threading.Thread(target=read, args=(start,)) for start in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# ---- files that are there already


def test_an_existing_file_is_not_overwritten(path):
    record(path, MESSAGES)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        Recorder(path)
    assert path.read_bytes() == before


def test_append(path):
    record(path, MESSAGES, append=True)
    first = Recording(path)
    last = first.seconds
    for i in range(3):
        recorder = record(path, [[b"more", bytes(STRIDE)]] * 5, append=True)
        assert recorder.messages == len(MESSAGES) + 5 * (i + 1)
    recording = Recording(path)
    assert recording.header == first.header
    assert frames_of(recording) == MESSAGES + [[b"more", bytes(STRIDE)]] * 15
    assert recording.index.stored == len(recording.index) > 15
    times = [each.elapsed for each in recording]
    assert times == sorted(times)
    assert recording.find(last + 1e-9) == len(MESSAGES)


def test_append_counts_the_pause(path):
    record(path, [[b"before"]])
    time.sleep(0.2)
    record(path, [[b"after"]], append=True)
    before, after = Recording(path)
    assert after.elapsed - before.elapsed >= 200_000_000
    assert after.time - before.time >= 190_000_000  # the clock may be set meanwhile, by a little


@pytest.mark.parametrize("content", [b"some text\n", b"\x89FWREC\r\n" + bytes(40)])
def test_append_to_what_is_no_recording(path, content):
    path.write_bytes(content)
    with pytest.raises(framewire.DecodeError) as caught:
        Recorder(path, append=True)
    assert caught.value.code == "header"
    assert path.read_bytes() == content
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_the_index_overwrites_nothing(path):
    other = path.with_name(f"{path.name}.index")
    other.write_text("of something else")
    with pytest.raises(FileExistsError):
        Recorder(path)
    assert other.read_text() == "of something else"
    assert not path.exists()


def test_one_recorder_at_a_time(path):
    pytest.importorskip("fcntl")
    with Recorder(path):
        with pytest.raises(BlockingIOError):
            Recorder(path, append=True)
    Recorder(path, append=True).close()


def test_closed(path):
    recorder = record(path, MESSAGES)
    recorder.close()
    with pytest.raises(ValueError, match="closed"):
        recorder.write([b"more"])
    assert len(Recording(path)) == len(MESSAGES)


# ---- where it fails

FULL = """
import resource, signal, sys
from framewire.recording import Recorder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
recorder = Recorder(sys.argv[1])
size = int(sys.argv[2])
try:
    for i in range(10**6):
        recorder.write([b"%d" % i, bytes(size)])
except OSError as error:
    print(error.errno)
try:
    recorder.write([b"again"])
except ValueError:
    print(recorder.messages)
recorder.close()
"""


@pytest.mark.parametrize("size", [100, 30_000, 300_000])
def test_no_room(path, size):
    """A disk that is full, or a limit: an error, and what is whole can be read."""
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", FULL, path, str(size)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    errno, messages = map(int, done.stdout.split())
    assert errno == 27  # EFBIG; a full disk is ENOSPC
    numbers = [int(bytes(each.frames[0])) for each in Recording(path)]
    assert numbers == list(range(len(numbers)))
    assert 1_000_000 - 2 * (size + 64) < Recording(path).place.offset <= 1_000_000
    assert len(numbers) <= messages
    assert record(path, [[b"room again"]], append=True).messages == len(numbers) + 1
    assert bytes(list(Recording(path))[-1].frames[0]) == b"room again"


def test_sync(path):
    with Recorder(path, sync=0) as recorder:
        recorder.write([b"x"])
        recorder.flush()
    assert frames_of(Recording(path)) == [[b"x"]]


# ---- what is refused


def test_a_message_that_no_reader_takes(path):
    """Refused before anything is written, so that a peer cannot spoil the file."""
    with Recorder(path) as recorder:
        recorder.write([b"first"])
        recorder.write([b""] * 65_536)
        with pytest.raises(framewire.LimitError, match="65,537 frames, and the limit is 65,536"):
            recorder.write([b""] * 65_537)
        recorder.write([b"last"])
    with Recording(path) as recording:
        assert [len(message.frames) for message in recording] == [1, 65_536, 1]


def test_own_limits_of_a_recorder(path):
    limits = framewire.Limits(size=16, frames=2)
    with Recorder(path, limits=limits) as recorder:
        recorder.write([b"x" * 16])
        for wrong in ([b"x" * 17], [b"", b"", b""]):
            with pytest.raises(framewire.LimitError):
                recorder.write(wrong)
        assert (recorder.messages, recorder.nbytes) == (1, 16)
    assert frames_of(Recording(path, limits=limits)) == [[b"x" * 16]]


def test_frames_of_a_generator(path):
    with Recorder(path) as recorder:
        recorder.write(frame for frame in (b"a", b"b"))
        for wrong in (None, b"bytes", (frame for frame in ["text"])):
            with pytest.raises(TypeError):
                recorder.write(wrong)
        recorder.write([b"next"])
    assert frames_of(Recording(path)) == [[b"a", b"b"], [b"next"]]


def test_wrong_arguments(numbered, path):
    recording = Recording(numbered)
    for wrong in (slice(0, 2), "a", 1.0):
        with pytest.raises(TypeError, match="integer as its number"):
            recording[wrong]
    assert recording[np.int64(3)].number == 3
    with pytest.raises(ValueError, match="NaN"):
        recording.find(float("nan"))
    for start, stop in [(-1, None), (0, -1)]:
        with pytest.raises(ValueError, match="from 0 on"):
            recording.read(start, stop)
    for sync in (-1, float("nan")):
        with pytest.raises(ValueError, match="sync"):
            Recorder(path.with_name("new"), sync=sync)
    assert not path.with_name("new").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_refused(path):
    os.mkfifo(path)
    with pytest.raises(OSError, match="Not a regular file"):
        Recorder(path, append=True)
    with pytest.raises(OSError, match="Not a regular file"):
        Recording(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_in_a_forked_child(path):
    """What waits in the buffer is the parent's, also when the child ends as processes do."""
    code = """
import os, sys
from framewire.recording import Recorder
recorder = Recorder(sys.argv[1])
recorder.write([b"of the parent"])
pid = os.fork()
if pid == 0:
    try:
        recorder.write([b"of the child"])
    except ValueError:
        sys.exit(7)
    sys.exit(8)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
recorder.write([b"after"])
recorder.close()
"""
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)
    assert frames_of(Recording(path)) == [[b"of the parent"], [b"after"]]


def test_python_objects_are_no_bytes(path):
    objects = np.array([None, None])
    with Recorder(path) as recorder, pytest.raises(TypeError, match="holds pointers"):
        recorder.write([objects])
    with Recording(path) as recording:
        assert len(recording) == 0


def test_limits_are_limits(path):
    with pytest.raises(TypeError, match="limits must be Limits, not str"):
        Recorder(path, limits="x")
    record(path, [[b"x"]])
    with pytest.raises(TypeError, match="limits must be Limits, not str"):
        Recording(path, limits="x")
