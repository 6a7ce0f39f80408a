"""``framewire replay``, as people run it: the same frames, in order, not before their time."""

import itertools
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import terminal
import zmq
from recordings import finish, frames_of, make, run, started, summed

import framewire
from framewire.recording import Recorder, Recording


@pytest.fixture
def path(tmp_path):
    return tmp_path / "stream.fwr"


@pytest.fixture(params=["tcp", "ipc"])
def receiver(request, ctx, quick, tmp_path):
    """Make a bound socket, whose `last_endpoint` a replay connects to."""
    names = itertools.count()

    def make(kind, codec=None):
        socket = quick(ctx.socket(kind, codec=codec))
        socket.rcvtimeo = 20_000  # a replay takes its time to start
        if kind == zmq.SUB:
            socket.subscribe("")
        folder = f"ipc://{tmp_path}/{next(names)}"
        socket.bind("tcp://127.0.0.1:*" if request.param == "tcp" else folder)
        return socket

    return make


def replaying(path, socket, *arguments):
    kind = {zmq.SUB: "pub", zmq.PULL: "push", zmq.PAIR: "pair"}[socket.type]
    address = socket.last_endpoint.decode()
    return started("replay", path, address, "--no-bind", "--type", kind, *arguments)


MESSAGES = [
    [b"topic%d" % (i % 3), b"", str(i).encode(), bytes(i * 97 % 20_000)] for i in range(300)
]


@pytest.mark.parametrize("kind", [zmq.SUB, zmq.PULL, zmq.PAIR])
@pytest.mark.parametrize("speed", ["1", "max"])
def test_all_of_it(receiver, path, kind, speed):
    make(path, MESSAGES)
    socket = receiver(kind)
    with replaying(path, socket, "--speed", speed, "--json") as replay:
        assert [socket.recv_multipart() for _ in MESSAGES] == MESSAGES
        said = summed(replay)
    assert said["messages"] == 300
    assert said["nbytes"] == sum(len(frame) for message in MESSAGES for frame in message)


def test_it_binds_and_waits_for_a_subscriber(ctx, quick, path, tmp_path):
    make(path, MESSAGES)
    with started("replay", path, f"ipc://{tmp_path}/s", "--speed", "max") as replay:
        time.sleep(0.5)  # as much as it takes to lose all, if it did not wait
        sub = quick(ctx.socket(zmq.SUB))
        sub.rcvtimeo = 20_000
        sub.subscribe("topic1")
        sub.connect(f"ipc://{tmp_path}/s")
        expected = [message for message in MESSAGES if message[0] == b"topic1"]
        assert [sub.recv_multipart() for _ in expected] == expected
        status, output, errors = finish(replay)
    assert (status, errors) == (0, "")
    assert "300 messages, " in output.splitlines()[-1]


def test_a_slow_subscriber_loses_nothing(receiver, path):
    make(path, [[b"%d" % i, bytes(2000)] for i in range(5000)])
    sub = receiver(zmq.SUB)
    sub.hwm = 10
    with replaying(path, sub, "--speed", "max", "--queue", 10) as replay:
        for i in range(5000):
            if i % 1000 == 0:
                time.sleep(0.1)
            assert sub.recv_multipart()[0] == b"%d" % i
        assert finish(replay)[0] == 0


def spaced(path, seconds=0.6, count=7):
    """A recording over some time. Returns when the messages came, in seconds."""
    with Recorder(path) as recorder:
        for i in range(count):
            recorder.write([b"%d" % i])
            time.sleep(seconds / (count - 1))
    return [message.elapsed / 1e9 for message in Recording(path)]


@pytest.mark.parametrize("speed", [1, 2, 0.5])
def test_not_before_their_time(receiver, path, speed):
    """How long after it is the machine's affair."""
    times = spaced(path)
    pull = receiver(zmq.PULL)
    with replaying(path, pull, "--speed", speed) as replay:
        came = []
        for i in range(len(times)):
            assert pull.recv() == b"%d" % i
            came.append(time.monotonic())
        assert finish(replay)[0] == 0
    # The first one may have been on its way for long.
    span = (times[-1] - times[1]) / speed
    assert came[-1] - came[1] > 0.5 * span or came[-1] - came[0] > 0.8 * span


def test_from_and_to(receiver, path):
    times = spaced(path)
    pull = receiver(zmq.PULL)
    middle = (times[1] + times[2]) / 2, (times[4] + times[5]) / 2
    arguments = ["--from", middle[0], "--to", middle[1], "--speed", "max", "--json"]
    with replaying(path, pull, *arguments) as replay:
        assert [pull.recv() for _ in range(3)] == [b"2", b"3", b"4"]
        assert summed(replay)["messages"] == 3


@pytest.mark.parametrize(
    "arguments",
    [["--from", "100"], ["--from", "inf"], ["--to", "0"], ["--from", "0.02", "--to", "0.01"]],
)
def test_nothing_in_the_range(receiver, path, arguments):
    spaced(path, 0.01)
    pull = receiver(zmq.PULL)
    with replaying(path, pull, *arguments, "--loop", "--json") as replay:
        status, output, errors = finish(replay)
    assert (status, output) == (1, "")
    assert errors.startswith(f"framewire replay: {path}: no messages from ")


def test_loop_until_interrupted(receiver, path):
    make(path, [[b"%d" % i] for i in range(5)])
    pull = receiver(zmq.PULL)
    with replaying(path, pull, "--loop") as replay:
        for i in range(50):
            assert pull.recv() == b"%d" % (i % 5)
        replay.send_signal(signal.SIGINT)
        status, output, errors = finish(replay)
    assert (status, errors) == (0, "")
    assert " messages, " in output.splitlines()[-1]


def test_values_come_back(receiver, path):
    values = [{"i": i, "a": np.arange(i * 1000)} for i in range(5)]
    make(path, [framewire.dumps(value) for value in values])
    pull = receiver(zmq.PULL)
    with replaying(path, pull):
        for value in values:
            got = pull.recv_value()
            assert got["i"] == value["i"]
            assert np.array_equal(got["a"], value["a"])


def test_signed_messages_are_taken_once(receiver, path):
    """They are signed as they were, so whoever has had them refuses them."""
    codec = framewire.Codec(key=bytes(32))
    make(path, [framewire.dumps(i, codec=codec) for i in range(3)])
    pull = receiver(zmq.PULL, codec)
    with replaying(path, pull) as replay:
        assert [pull.recv_value() for _ in range(3)] == [0, 1, 2]
        assert finish(replay)[0] == 0
    with replaying(path, pull) as replay:
        for _ in range(3):
            with pytest.raises(framewire.SignatureError) as caught:
                pull.recv_value()
            assert caught.value.code == "replay"
        assert finish(replay)[0] == 0


# ---- files that are not whole


def test_damaged(receiver, path):
    make(path, MESSAGES)
    data = bytearray(path.read_bytes())
    at = data.index(b"topic0", len(data) // 2)
    data[at] ^= 1
    path.write_bytes(data)
    count = sum(1 for _ in itertools.takewhile(lambda n: n, whole(path)))
    pull = receiver(zmq.PULL)
    with replaying(path, pull, "--speed", "max") as replay:
        assert [pull.recv_multipart() for _ in range(count)] == MESSAGES[:count]
        status, output, errors = finish(replay)
    assert status == 1
    assert errors.startswith(f"framewire replay: {path}: the message at byte ")
    assert f"{count:,} messages, " in output
    with replaying(path, pull, "--speed", "max", "--skip-errors", "--json") as replay:
        expected = MESSAGES[:count] + MESSAGES[count + 1 :]
        assert [pull.recv_multipart() for _ in expected] == expected
        assert summed(replay)["skipped"] == 1


def whole(path):
    with Recording(path) as recording:
        for i in range(len(recording)):
            try:
                recording[i]
                yield True
            except framewire.DecodeError:
                yield False


def test_cut_off(receiver, path):
    make(path, MESSAGES)
    path.write_bytes(path.read_bytes()[:-1])
    pull = receiver(zmq.PULL)
    with replaying(path, pull, "--speed", "max", "--json") as replay:
        assert [pull.recv_multipart() for _ in MESSAGES[:-1]] == MESSAGES[:-1]
        assert summed(replay)["messages"] == 299
    assert frames_of(path) == MESSAGES[:-1]


def test_no_recording(path, tmp_path):
    status, _, errors = run("replay", path, f"ipc://{tmp_path}/s")
    assert (status, errors) == (1, f"framewire replay: {path}: No such file or directory\n")
    path.write_text("some text")
    status, _, errors = run("replay", path, f"ipc://{tmp_path}/s")
    assert (status, errors.startswith(f"framewire replay: {path}: no recording: ")) == (1, True)


@pytest.mark.parametrize("kind", ["pub", "push", "pair"])
def test_nobody_receives(path, tmp_path, kind):
    make(path, MESSAGES)
    arguments = ["--type", kind, "--wait", "0.2"]
    status, _, errors = run("replay", path, f"ipc://{tmp_path}/s", *arguments)
    assert (status, errors) == (1, "framewire replay: nobody receives, after 0.2 s\n")


@pytest.mark.parametrize("kind", ["push", "pair"])
def test_nobody_is_where_it_connects_to(path, tmp_path, kind):
    """A socket that connects has no peer yet, and nothing is sent to nobody."""
    make(path, MESSAGES)
    arguments = ["--type", kind, "--no-bind", "--speed", "max"]
    place = f"ipc://{tmp_path}/s"
    status, _, errors = run("replay", path, place, *arguments, "--wait", "0.2")
    assert (status, errors) == (1, "framewire replay: nobody receives, after 0.2 s\n")
    with started("replay", path, place, *arguments, "--wait", "0") as replay:
        assert replay.stdout.readline().endswith(f" waiting for a receiver at {place}\n")
        replay.send_signal(signal.SIGINT)
        status, output, errors = finish(replay)
    assert (status, errors) == (0, "")
    assert output.startswith("0 messages, ") or "\n0 messages, " in output


def test_it_says_that_it_waits_for_a_subscriber(path, tmp_path):
    make(path, MESSAGES)
    with started("replay", path, f"ipc://{tmp_path}/s") as replay:
        assert f"waiting for a subscriber at ipc://{tmp_path}/s\n" in replay.stdout.readline()
        replay.send_signal(signal.SIGINT)
        assert finish(replay)[0] == 0


def test_it_says_that_it_waits_for_delivery(ctx, quick, path, tmp_path):
    """Its peer has no room for all, and takes none; Ctrl-C ends that."""
    make(path, [[bytes(1_000_000)]] * 20)
    pull = quick(ctx.socket(zmq.PULL))
    pull.hwm = 1
    pull.bind(f"ipc://{tmp_path}/s")
    with replaying(path, pull, "--speed", "max") as replay:
        assert "waiting until what was sent has arrived" in replay.stderr.readline()
        replay.send_signal(signal.SIGINT)
        status, output, errors = finish(replay)
    assert status == 1
    assert "20 messages, " in output
    assert errors == "framewire replay: what was on its way has perhaps not arrived\n"


def test_without_waiting(path, tmp_path):
    make(path, MESSAGES)
    arguments = ["--wait", "0", "--speed", "max"]
    status, output, errors = run("replay", path, f"ipc://{tmp_path}/s", *arguments)
    assert (status, errors) == (0, "")
    assert "300 messages" in output


@pytest.mark.parametrize("option", [("--speed", "0"), ("--speed", "nan"), ("--from", "-1")])
def test_usage(path, option):
    status, _, errors = run("replay", path, "tcp://127.0.0.1:1", *option)
    assert status == 2
    assert f"argument {option[0]}: invalid" in errors


def test_in_a_terminal(receiver, path):
    make(path, MESSAGES)
    pull = receiver(zmq.PULL)
    command = [sys.executable, "-m", "framewire.cli", "replay", str(path)]
    status, output = terminal.run(
        [*command, pull.last_endpoint.decode(), "--no-bind", "--type", "push", "--speed", "max"]
    )
    assert status == 0
    assert "300 messages  " in output[output.rindex("replaying") :]  # and not only in the sum


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
@pytest.mark.parametrize("summed_up", [False, True])
def test_a_full_disk_of_what_is_shown(receiver, path, summed_up):
    """All is sent; the sum as JSON is what was asked for."""
    make(path, MESSAGES)
    pull = receiver(zmq.PULL)
    place = pull.last_endpoint.decode()
    command = [sys.executable, "-m", "framewire.cli", "replay", str(path), place, "--no-bind"]
    arguments = ["--type", "push", "--speed", "max", *(["--json"] if summed_up else [])]
    with (
        open("/dev/full", "w") as full,
        subprocess.Popen([*command, *arguments], stdout=full, stderr=subprocess.PIPE) as replay,
    ):
        assert [pull.recv_multipart() for _ in MESSAGES] == MESSAGES
        assert (replay.wait(60) != 0) == summed_up
        assert str(path).encode() not in replay.stderr.read()


def test_it_waits_in_a_terminal(path, tmp_path):
    make(path, MESSAGES)
    command = [sys.executable, "-m", "framewire.cli", "replay", str(path), f"ipc://{tmp_path}/s"]
    status, _ = terminal.run(command, b"waiting for a subscriber at ipc://", b"\x03")
    assert status == 0
