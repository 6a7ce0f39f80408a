"""``framewire info``: what is in a recording, and what is wrong with it."""

import json

import pytest
from recordings import make, run


@pytest.fixture
def path(tmp_path):
    return make(tmp_path / "stream.fwr", [[b"%d" % i, bytes(1000)] for i in range(1500)])


def test_text(path):
    status, output, errors = run("info", path)
    assert (status, errors) == (0, "")
    assert output.startswith("1,500 messages, 1.6 MB\nbegan 20")
    status, output, _ = run("info", path, "--check")
    assert status == 0
    assert output.splitlines()[-1] == "1,500 can be read, 0 damaged places"


def test_json(path):
    status, output, _ = run("info", path, "--json")
    said = json.loads(output)
    assert (status, said["messages"], said["nbytes"]) == (0, 1500, path.stat().st_size)
    assert 0 < said["seconds"] < 60
    assert "damaged" not in said


def test_damaged_and_cut_off(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data[:-1])
    assert run("info", path)[0] == 0
    status, output, _ = run("info", path, "--check", "--json")
    said = json.loads(output)
    assert (status, said["messages"], said["readable"], said["damaged"]) == (1, 1499, 1498, 1)


def test_no_recording(path):
    path.write_bytes(b"")
    assert run("info", path)[0] == 0  # of which a header may become one
    path.write_bytes(b"text")
    status, output, errors = run("info", path)
    assert (status, output) == (1, "")
    assert errors.startswith(f"framewire info: {path}: no recording: ")
    path.unlink()
    assert run("info", path)[0] == 1
