"""``framewire info``: what is in a recording, and what is wrong with it."""

import json
import os

import pytest
from recordings import make, run

from framewire import Limits
from framewire.recording import Recorder


@pytest.fixture
def path(tmp_path):
    return make(tmp_path / "stream.fwr", [[b"%d" % i, bytes(1000)] for i in range(1500)])


def test_text(path):
    status, output, errors = run("info", path)
    assert (status, errors) == (0, "")
    assert output.startswith("1,500 messages, a file of 1.6 MB\nbegan 20")
    status, output, _ = run("info", path, "--check")
    assert status == 0
    assert output.splitlines()[-1] == "1,500 can be read, 1.5 MB, 0 damaged places"


def test_json(path):
    status, output, _ = run("info", path, "--json")
    said = json.loads(output)
    assert (status, said["messages"], said["size"]) == (0, 1500, path.stat().st_size)
    assert 0 < said["seconds"] < 60
    assert said["unfinished"] == 0
    assert "damaged" not in said


def test_damaged_and_cut_off(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data[:-1])
    assert run("info", path)[0] == 0
    status, output, _ = run("info", path, "--check", "--json")
    said = json.loads(output)
    assert (status, said["messages"], said["readable"], said["damaged"]) == (1, 1499, 1498, 1)


def test_cut_off(path):
    """How much is there of what is no whole message; which is not damage."""
    record = 48 + 2 * 8 + 8 + 1000
    path.write_bytes(path.read_bytes()[: 48 + 10 * record + 500])
    status, output, _ = run("info", path, "--check")
    assert status == 0
    assert "10 messages" in output
    assert "no whole message in the last 500 bytes" in output


def test_over_the_limits_of_readers(tmp_path):
    """Which is no damage, but not read either."""
    path = tmp_path / "large.fwr"
    with Recorder(path, limits=Limits(frames=100_000)) as recorder:
        recorder.write([b""] * 65_537)
        recorder.write([b"next"])
    status, output, errors = run("info", path, "--check")
    assert (status, errors) == (1, "")
    assert "1 can be read, 4 B, 0 damaged places, 1 with more frames" in output


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert run("info", pipe) == (1, "", f"framewire info: {pipe}: Not a regular file\n")


def test_no_recording(path):
    path.write_bytes(b"")  # of which a header may become one
    assert run("info", path) == (1, "empty\n", "")
    path.write_bytes(b"\x89FWREC")
    assert run("info", path) == (1, "no messages: 6 bytes, and a header has 48\n", "")
    status, output, _ = run("info", path, "--json")
    assert (status, json.loads(output)["created"]) == (1, None)
    path.write_bytes(b"text")
    status, output, errors = run("info", path)
    assert (status, output) == (1, "")
    assert errors.startswith(f"framewire info: {path}: no recording: ")
    path.unlink()
    assert run("info", path)[0] == 1
