"""``framewire record``, as people run it: what was sent is in the file, whatever happens."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest
import terminal
import zmq
from interrupts import later
from recordings import finish, frames_of, make, run, started, summed

import framewire
from framewire.recording import Recording


@pytest.fixture
def path(tmp_path):
    return tmp_path / "stream.fwr"


@pytest.fixture(params=["tcp", "ipc"])
def sender(request, ctx, quick, tmp_path):
    """Make a bound socket, whose `last_endpoint` a recorder connects to."""

    def make(kind, codec=None):
        socket = quick(ctx.socket(kind, codec=codec))
        socket.linger = 5000
        socket.sndtimeo = 20_000  # a recorder takes its time to start
        socket.bind("tcp://127.0.0.1:*" if request.param == "tcp" else f"ipc://{tmp_path}/s")
        return socket

    return make


def address(socket):
    return socket.last_endpoint.decode()


def wait_for_subscriber(xpub):
    xpub.rcvtimeo = 20_000
    assert xpub.recv()[:1] == b"\x01"


def messages():
    """What may be on a wire: arrays, values, pickles, the recipe's, malformed heads, rubbish."""
    array = np.arange(30_000.0)
    return [
        [bytes(part) for part in framewire.dumps({"a": array})],
        [b"topic", *map(bytes, framewire.dumps(array))],
        [bytes(part) for part in framewire.dumps({1, 2}, serializer="pickle")],
        [b'{"dtype": "<f8", "shape": [3]}', bytes(24)],
        [b"\xc1\x46\x01\x01broken"],
        [b""],
        [b"\x80\x04cposix\nsystem\n", b"\xff" * 100],
    ]


def test_every_message_as_it_is(sender, path):
    push = sender(zmq.PUSH)
    sent = messages() * 20
    arguments = ["--type", "pull", "--count", len(sent), "--json"]
    with started("record", address(push), path, *arguments) as recorder:
        for message in sent:
            push.send_multipart(message)
        said = summed(recorder)
    assert frames_of(path) == sent
    assert (said["file"], said["messages"], said["malformed"]) == (str(path), len(sent), 20)
    assert said["nbytes"] == sum(len(frame) for message in sent for frame in message)
    assert said["size"] == os.path.getsize(path)


def test_topics_and_gaps(sender, path):
    xpub = sender(zmq.XPUB, framewire.Codec(stamp=True))
    arguments = ["--topic", "imu", "--topic", "gps", "--count", 6, "--json"]
    with started("record", address(xpub), path, *arguments) as recorder:
        wait_for_subscriber(xpub)
        wait_for_subscriber(xpub)
        for i in range(3):
            for topic in ("imu", "other", "gps"):
                xpub.send_value({"i": i}, topic=topic)
        said = summed(recorder)
    assert [message[0] for message in frames_of(path)] == [b"imu", b"gps"] * 3
    assert said["gaps"] == 0
    values = [framewire.loads(message.frames[1:]) for message in Recording(path)]
    assert values == [{"i": 0}] * 2 + [{"i": 1}] * 2 + [{"i": 2}] * 2


def test_what_is_missing_is_counted(sender, path, pair):
    """A gap in the stamps: here messages that were lost on the way."""
    push = sender(zmq.PUSH)
    here, there = pair
    here.codec = framewire.Codec(stamp=True)
    sent = []
    for i in range(10):
        here.send_value(i)
        sent.append(there.recv_raw())
    arguments = ["--type", "pull", "--count", 7, "--json"]
    with started("record", address(push), path, *arguments) as recorder:
        for frames in [*sent[:4], *sent[7:]]:
            push.send_raw(frames)
        said = summed(recorder)
    assert (said["messages"], said["gaps"]) == (7, 3)


def test_signed_messages_as_they_are(sender, path):
    codec = framewire.Codec(key=bytes(32))
    push = sender(zmq.PUSH, codec)
    with started("record", address(push), path, "--type", "pull", "--count", 3) as recorder:
        for i in range(3):
            push.send_value({"i": i})
        assert recorder.wait(60) == 0
    values = [framewire.loads(message.frames, codec=codec) for message in Recording(path)]
    assert values == [{"i": i} for i in range(3)]


# ---- how it ends


def send_until_written(push, path, count, first=0):
    """Send numbered messages until the file has some."""
    for i in range(first, first + count):
        push.send_multipart([b"%d" % i, bytes(i % 3000)])
    while not os.path.exists(path) or os.path.getsize(path) < 1000:
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signals(sender, path, number, status):
    push = sender(zmq.PUSH)
    with started("record", address(push), path, "--type", "pull") as recorder:
        send_until_written(push, path, 20)
        recorder.send_signal(number)
        output, errors = recorder.communicate(timeout=60)
    assert (recorder.returncode, errors) == (status, "")
    recorded = frames_of(path)
    assert recorded == [[b"%d" % i, bytes(i % 3000)] for i in range(len(recorded))]
    summary = output.splitlines()[-1]
    assert f"{len(recorded):,} messages, " in summary
    assert "missing" not in summary, "nobody knows that, without stamps"


@pytest.mark.parametrize("seed", range(5))
def test_killed(sender, path, seed):
    """At any moment: what is there is what was sent, without a hole, and can be gone on with."""
    rng = random.Random(seed)
    push = sender(zmq.PUSH)
    push.hwm = 100
    expected = []

    def send():
        message = [b"%d" % len(expected), rng.randbytes(rng.choice([10, 1000, 100_000]))]
        push.send_multipart(message)
        expected.append(message)

    with started("record", address(push), path, "--type", "pull") as recorder:
        for _ in range(200):
            send()
        for _ in range(rng.randrange(2000)):
            send()
        recorder.kill()
        recorder.wait()
    recorded = frames_of(path)
    assert len(recorded) <= len(expected)
    assert recorded == expected[: len(recorded)]
    # Those that it had taken and not written are gone with it, and more may be sent.
    arguments = ["--type", "pull", "--append", "--count", 1]
    with started("record", address(push), path, *arguments) as recorder:
        send()
        assert recorder.wait(60) == 0
    assert frames_of(path)[:-1] == recorded
    assert frames_of(path)[-1] in expected[len(recorded) :]


def test_written_when_nothing_waits(sender, path):
    """A message that came is in the file without another one, and stays when it is killed."""
    push = sender(zmq.PUSH)
    with started("record", address(push), path, "--type", "pull") as recorder:
        for i in range(5):
            push.send(b"%d" % i)
            while not os.path.exists(path) or len(Recording(path)) <= i:
                time.sleep(0.01)
        recorder.kill()
        recorder.wait()
    assert frames_of(path) == [[b"%d" % i] for i in range(5)]


def test_seconds(path, tmp_path):
    status, output, errors = run(
        "record", f"ipc://{tmp_path}/s", path, "--bind", "--seconds", "0.2", "--json"
    )
    assert (status, errors) == (1, "framewire record: nothing came\n")
    assert json.loads(output)["messages"] == 0
    assert frames_of(path) == []


def test_plain_lines(sender, path):
    push = sender(zmq.PUSH)
    with started("record", address(push), path, "--type", "pull", "--count", 3) as recorder:
        for _ in range(3):
            push.send(b"message")
        output, errors = recorder.communicate(timeout=60)
    assert (recorder.returncode, errors) == (0, "")
    assert output.splitlines()[-1].startswith("3 messages, 21 B in ")
    assert "\x1b" not in output


# ---- where it cannot


def test_an_existing_file(path, tmp_path):
    path.write_text("precious")
    place = f"ipc://{tmp_path}/s"
    status, output, errors = run("record", place, path, "--bind")
    assert (status, output) == (1, "")
    assert errors == f"framewire record: {path}: File exists (--append goes on with it)\n"
    status, _, errors = run("record", place, path, "--bind", "--append")
    assert status == 1
    assert "no recording" in errors
    assert path.read_text() == "precious"


@pytest.mark.parametrize("append", [False, True])
def test_no_such_folder(tmp_path, append):
    path = tmp_path / "none" / "stream.fwr"
    arguments = ["--append"] if append else []
    status, _, errors = run("record", f"ipc://{tmp_path}/s", path, "--bind", *arguments)
    assert (status, errors) == (1, f"framewire record: {path}: No such file or directory\n")


def test_a_wrong_address_leaves_no_file(path):
    status, _, errors = run("record", "tcp:/127.0.0.1:1", path)
    assert status == 1
    assert errors.startswith("framewire record: tcp:/127.0.0.1:1")
    assert not list(path.parent.iterdir())
    make(path, [[b"x"]])
    assert run("record", "tcp:/127.0.0.1:1", path, "--append")[0] == 1
    assert frames_of(path) == [[b"x"]]


def test_nobody_reads_what_is_shown(sender, path):
    """As with `| head -1`: it records on."""
    push = sender(zmq.PUSH)
    with started("record", address(push), path, "--type", "pull", "--count", 2) as recorder:
        recorder.stdout.close()
        push.send(b"x")
        time.sleep(2.5)  # it shows lines meanwhile
        push.send(b"y")
        assert recorder.wait(60) == 0
        assert recorder.stderr.read() == ""
    assert frames_of(path) == [[b"x"], [b"y"]]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
@pytest.mark.parametrize("summed_up", [False, True])
def test_a_full_disk_of_what_is_shown(sender, path, summed_up):
    """It is not the recording that fails; the sum as JSON is what was asked for."""
    push = sender(zmq.PUSH)
    arguments = ["--type", "pull", "--count", "2", *(["--json"] if summed_up else [])]
    command = [sys.executable, "-m", "framewire.cli", "record", address(push), str(path)]
    with (
        open("/dev/full", "w") as full,
        subprocess.Popen([*command, *arguments], stdout=full, stderr=subprocess.PIPE) as recorder,
    ):
        push.send(b"x")
        time.sleep(2.5)
        push.send(b"y")
        assert (recorder.wait(60) != 0) == summed_up
        assert str(path).encode() not in recorder.stderr.read()
    assert frames_of(path) == [[b"x"], [b"y"]]


def test_what_no_reader_takes(sender, path):
    """It is refused and counted, and the recording can be read."""
    push = sender(zmq.PUSH)
    with started("record", address(push), path, "--type", "pull", "--count", 2) as recorder:
        push.send(b"first")
        push.send_multipart([b""] * 65_537)
        push.send(b"last")
        status, output, errors = finish(recorder)
    assert (status, errors) == (0, "")
    assert ", 1 refused" in output.splitlines()[-1]
    assert frames_of(path) == [[b"first"], [b"last"]]
    assert run("info", path, "--check")[0] == 0


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no job control here")
def test_what_waits_at_the_end_is_recorded(sender, path):
    """It stands still while its queue fills, and is told to end before it goes on."""
    push = sender(zmq.PUSH)
    with started("record", address(push), path, "--type", "pull") as recorder:
        send_until_written(push, path, 20)
        recorder.send_signal(signal.SIGSTOP)
        for i in range(20, 500):
            push.send(b"%d" % i)
        recorder.send_signal(signal.SIGINT)
        recorder.send_signal(signal.SIGCONT)
        assert recorder.wait(60) == 0
    recorded = [int(message[0]) for message in frames_of(path)]
    assert recorded == list(range(len(recorded)))


def test_a_pipe(path, tmp_path):
    os.mkfifo(path)
    status, _, errors = run("record", f"ipc://{tmp_path}/s", path, "--bind", "--append")
    assert (status, errors) == (1, f"framewire record: {path}: Not a regular file\n")


def test_more_topics_than_rows(sender, path):
    push = sender(zmq.PUSH)

    def send():
        for i in range(20):
            push.send_value(i, topic=b"%d" % i)

    command = [sys.executable, "-m", "framewire.cli", "record", address(push), str(path)]
    with later(send, 0):  # it waits until somebody receives
        status, output = terminal.run([*command, "--type", "pull", "--count", "20"])
    assert status == 0
    assert "5 topics more" in output[output.rindex("recording to") :]


def test_two_recorders(sender, path):
    pytest.importorskip("fcntl")
    push = sender(zmq.PUSH)
    with started("record", address(push), path, "--type", "pull"):
        push.send(b"x")
        while not os.path.exists(path) or len(Recording(path)) < 1:
            time.sleep(0.01)
        status, _, errors = run("record", address(push), path, "--type", "pull", "--append")
    assert (status, errors) == (1, f"framewire record: {path}: something else records to it\n")


def test_a_full_disk(sender, path):
    resource = pytest.importorskip("resource")

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    push = sender(zmq.PUSH)
    arguments = ["--type", "pull", "--count", 500, "--json"]
    with started("record", address(push), path, *arguments, preexec_fn=limit) as recorder:
        sent = 0
        while sent < 500 and recorder.poll() is None:  # or it is full before all is sent
            with suppress(zmq.Again):
                push.send_multipart([b"%d" % sent, bytes(1000)], zmq.DONTWAIT)
                sent += 1
            push.poll(100, zmq.POLLOUT)
        output, errors = recorder.communicate(timeout=60)
    assert (recorder.returncode, errors) == (1, f"framewire record: {path}: File too large\n")
    said = json.loads(output)
    assert said["messages"] == len(frames_of(path))
    assert said["nbytes"] == sum(sum(map(len, frames)) for frames in frames_of(path))
    numbers = [int(message[0]) for message in frames_of(path)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 80


def test_a_disk_that_is_full_before(sender, path):
    """It leaves no file that the next recording would stumble over."""
    resource = pytest.importorskip("resource")
    push = sender(zmq.PUSH)
    status, output, errors = run(
        "record", address(push), path, "--type", "pull",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)),
    )  # fmt: skip
    assert (status, output, errors) == (1, "", f"framewire record: {path}: File too large\n")
    assert not path.exists()
    assert not path.with_name(f"{path.name}.index").exists()


def test_in_a_terminal(sender, path):
    """What the live view shows, with what is in topics made harmless."""
    push = sender(zmq.PUSH)

    def send():
        for i in range(3):
            push.send_value(i, topic=b"imu\x1b[41m[b]")

    command = [sys.executable, "-m", "framewire.cli", "record", address(push), str(path)]
    with later(send, 0):
        status, output = terminal.run([*command, "--type", "pull", "--count", "3"])
    assert status == 0
    assert "\x1b[41m" not in output
    final = output[output.rindex("recording to") :]
    assert "imu" in final
    assert "3 messages, " in final.splitlines()[-1]
