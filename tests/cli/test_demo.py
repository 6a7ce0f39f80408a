"""``framewire demo``, run as a person runs it: with and without a terminal, to the end and not."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import psutil
import pytest
import zmq

import framewire
from framewire.cli import display, main, telemetry
from framewire.cli.sender_process import SenderProcess
from framewire.cli.tally import Tally

STREAMS = ("cpu", "memory", "load", "interrupts", "text", "history")
COMMAND = (sys.executable, "-m", "framewire.cli", "demo")
PATIENCE = 20  # seconds


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """Yield a demo that has shown something, and its sender; neither is left running."""
    demo = subprocess.Popen(
        (*COMMAND, *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with demo:
        try:
            assert "cpu" in demo.stdout.readline()
            (sender,) = psutil.Process(demo.pid).children()
            yield demo, sender
            psutil.wait_procs([sender], PATIENCE)
            assert not sender.is_running()
        finally:
            demo.kill()


def mean_rates(output: str) -> dict[str, float]:
    """Return the messages per second of each stream in the summary."""
    summary = output[output.index("mean rates") :]
    found = re.findall(r"^ *(\w+) +[\d,]+ messages +([\d,]+)/s", summary, re.MULTILINE)
    return {name: float(rate.replace(",", "")) for name, rate in found}


def test_plain_lines_and_summary():
    done = subprocess.run(
        (*COMMAND, "--seconds", "1.5"), capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    rates = mean_rates(done.stdout)
    assert tuple(sorted(rates)) == tuple(sorted(STREAMS))
    assert all(rate > 0 for rate in rates.values())
    last_line = done.stdout.splitlines()[-1]
    assert re.search(r"[\d,]+ messages, .* MB in 1\.\d s: .* MB/s, 0 lost$", last_line)
    assert re.search(r"^ +1\.\d s  cpu .* float64 \(\d+, \d+\) s +user ", done.stdout, re.MULTILINE)


def run_in_terminal(*arguments: str, keys: bytes = b"", **environment: str) -> tuple[int, str]:
    """Run the demo in a pseudo-terminal, press `keys` when it shows something."""
    fcntl, pty, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "termios"))
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "30", **environment}
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(sys.executable, (*COMMAND, *arguments), env)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, np.array([30, 120, 0, 0], np.uint16).tobytes())
    output = b""
    try:
        while piece := os.read(terminal, 4096):
            output += piece
            if keys and b"history" in output:
                os.write(terminal, keys)
                keys = b""
    except OSError:  # EIO: the other end is closed
        pass
    finally:
        os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), output.decode()


def test_table_in_a_terminal():
    status, output = run_in_terminal("--seconds", "1")
    assert status == 0
    assert "live telemetry, 0." in output
    assert "\x1b[?25h" in output, "the cursor was not shown again"
    final = output[output.rindex("mean rates") :]
    for word in ("stream", "msg/s", "MB/s", "lost", *STREAMS):
        assert word in final
    assert "0 lost" in final.splitlines()[-1]


def test_dumb_terminal_gets_plain_lines():
    status, output = run_in_terminal("--seconds", "0.5", TERM="dumb")
    assert status == 0
    assert "\x1b" not in output
    assert "mean rates" in output


def test_without_rich_plain_lines(monkeypatch, capsys):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert isinstance(display.open_display(), display.LiveTable)
    monkeypatch.setitem(sys.modules, "rich.live", None)
    assert isinstance(display.open_display(), display.PlainLines)
    assert "framewire[demo]" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon", ""])
def test_bad_seconds(seconds, capsys):
    with pytest.raises(SystemExit) as exit_info:
        main(["demo", "--seconds", seconds])
    assert exit_info.value.code == 2
    assert "--seconds" in capsys.readouterr().err


def test_interrupt_ends_with_summary():
    with started("--seconds", "60") as (demo, _):
        demo.send_signal(signal.SIGINT)
        output, errors = demo.communicate(timeout=PATIENCE)
        assert (demo.returncode, errors) == (0, "")
        assert set(mean_rates(output)) == set(STREAMS)
        assert output.rstrip().endswith("0 lost")


def test_ctrl_c_in_a_terminal():
    status, output = run_in_terminal("--seconds", "60", keys=b"\x03")
    assert status == 0
    assert "Traceback" not in output
    assert "mean rates" in output


def test_terminate_ends_both():
    with started("--seconds", "60") as (demo, _):
        demo.terminate()
        _, errors = demo.communicate(timeout=PATIENCE)
        assert (demo.returncode, errors) == (128 + signal.SIGTERM, "")


def test_killed_sender_is_an_error():
    with started("--seconds", "60") as (demo, sender):
        sender.kill()
        _, errors = demo.communicate(timeout=PATIENCE)
        assert demo.returncode == 1
        assert "framewire demo: the sender ended with status -9" in errors
        assert "Traceback" not in errors


def test_sender_does_not_outlive_a_killed_demo():
    with started("--seconds", "60") as (demo, _):
        demo.kill()


def test_sender_waits_for_a_stopped_receiver():
    with started("--seconds", "2") as (demo, sender):
        demo.send_signal(signal.SIGSTOP)
        time.sleep(1.5)
        before = sender.cpu_times().user
        time.sleep(0.5)
        assert sender.cpu_times().user - before < 0.1, "the sender does not block"
        demo.send_signal(signal.SIGCONT)
        output, errors = demo.communicate(timeout=PATIENCE)
        assert (demo.returncode, errors) == (0, "")
        assert output.rstrip().endswith("0 lost")


def test_sender_that_fails_says_why(monkeypatch, capsys):
    monkeypatch.setattr(SenderProcess, "module", "framewire.cli.no_such_module")
    before = signal.getsignal(signal.SIGINT)
    assert main(["demo"]) == 1
    assert "no_such_module" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is before


def test_sequence_numbers_show_losses():
    tally = Tally(started=10.0)
    with (
        framewire.Context() as context,
        context.socket(zmq.PAIR) as a,
        context.socket(zmq.PAIR) as b,
    ):
        a.bind("inproc://losses")
        b.connect("inproc://losses")
        for seq in (0, 1, 4):
            meta = {"seq": seq, "unit": "s", "fields": ["x", "y"]}
            a.send_array(np.array([1234.5, 2.0]), topic="t", meta=meta)
            tally.add(b.recv_message())
        a.send_raw([b"raw", b"1", b"first line\nsecond"])
        tally.add(b.recv_message())
        numbers, text = tally.overall(12.0)
    assert (numbers.stream, numbers.messages, numbers.rate, numbers.lost) == ("t", 3, 1.5, 2)
    assert (numbers.kind, numbers.last) == ("float64 (2,) s", "x 1.234k y 2")
    assert (text.stream, text.lost, text.kind) == ("raw", 1, "17 raw bytes")
    assert text.last == "first line"


def sources() -> list[type]:
    """Return the sources of telemetry that work on this system."""
    linux = sys.platform == "linux"
    return [telemetry.ProcSource, telemetry.PsutilSource] if linux else [telemetry.PsutilSource]


@pytest.mark.parametrize("source", sources())
def test_sources_of_telemetry(source):
    sample = source().sample()
    assert [reading.stream for reading in sample.readings] == [
        "cpu",
        "memory",
        "load",
        "interrupts",
    ]
    for reading in sample.readings:
        assert reading.values.shape[-1] == len(reading.fields) > 0
        assert np.isfinite(reading.values.astype(float)).all()
    cpu, memory, _, _ = sample.readings
    assert len(cpu.values) == psutil.cpu_count()
    assert memory.values[memory.fields.index("total")] == psutil.virtual_memory().total
    assert len(sample.text) > 100


def test_missing_psutil_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(ImportError, match=r"framewire\[demo\]"):
        telemetry.PsutilSource()
