"""``framewire bench``: it says what it measured. No figure is checked."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import terminal
from recordings import run

from framewire.cli import bench
from framewire.cli.bench_peer import CONTENDERS

QUICK = ("bench", "--quick", "--size", "64", "--size", "100000")


def test_json():
    status, output, _ = run(*QUICK, "--json")
    assert status == 0
    said = json.loads(output)
    rows = said["rows"]
    assert {row["transport"] for row in rows} == {"inproc", "ipc", "tcp"}
    for transport in bench.TRANSPORTS:
        for size, keys in ((64, ["framewire", "recipe", "raw"]), (100_000, list(CONTENDERS))):
            part = [row for row in rows if (row["transport"], row["size"]) == (transport, size)]
            assert [row["contender"] for row in part] == keys
            seconds = {row["contender"]: row["seconds"] for row in part}
            assert all(0 < each < 60 for each in seconds.values())
            for row in part:
                ours = seconds[CONTENDERS[row["contender"]].against]
                assert row["ratio"] == pytest.approx(row["seconds"] / ours)


def test_plain_lines():
    status, output, _ = run(*QUICK[:4])
    assert status == 0
    assert "\x1b" not in output
    for title in ("framewire send_array", "pyzmq's recipe", "pyzmq send, recv of the bytes"):
        assert sum(title in line for line in output.splitlines()) == 3


def test_in_a_terminal():
    status, output = terminal.run([sys.executable, "-m", "framewire.cli", *QUICK[:4]])
    assert status == 0
    assert "x framewire" in output[output.rindex("transport") :]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_leave_nothing(tmp_path, number):
    command = [sys.executable, "-m", "framewire.cli", "bench", "--size", "100"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as bench:
        while not [*tmp_path.glob("framewire-*")]:
            assert bench.poll() is None
            time.sleep(0.01)
        bench.send_signal(number)
        assert bench.wait(60) == 128 + number
    assert [*tmp_path.glob("framewire-*")] == []


@pytest.mark.parametrize("size", ["3", "x", "9999999999999"])
def test_usage(size):
    status, _, errors = run("bench", "--size", size)
    assert status == 2
    assert "invalid number of bytes" in errors
