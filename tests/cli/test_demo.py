"""``framewire demo``, run as a person runs it: with and without a terminal, to the end and not."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import psutil
import pytest
import terminal
import zmq

import framewire
from framewire.cli import arrival, display, main, telemetry
from framewire.cli.arrival import Arrival
from framewire.cli.events import Watch
from framewire.cli.sender import DIGEST, EVENTS, HISTORY_LENGTH, TEXT
from framewire.cli.sender_process import SenderProcess
from framewire.cli.tally import Tally

STREAMS = ("cpu", "memory", "load", "interrupts", "text", "events", "digest", "history")
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


def totals(output: str) -> dict[str, int]:
    """Return the number of messages of each stream in the summary."""
    summary = output[output.index("mean rates") :]
    found = re.findall(r"^ *(\w+) +([\d,]+) messages +[\d,]+/s", summary, re.MULTILINE)
    return {name: int(messages.replace(",", "")) for name, messages in found}


def test_plain_lines_and_summary():
    done = subprocess.run(
        (*COMMAND, "--seconds", "1.5"), capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    messages = totals(done.stdout)
    assert tuple(messages) == STREAMS
    assert messages["history"] == messages["digest"] == messages["cpu"] // HISTORY_LENGTH > 0
    last_line = done.stdout.splitlines()[-1]
    assert re.search(r"[\d,]+ messages, .* MB in \d+\.\d s: .* MB/s, 0 lost$", last_line)
    shown = r"^ +1\.\d s  cpu .* 0 lost +\d+\.\d / +\d+\.\d ms  float64 \(\d+, \d+\) s +user "
    assert re.search(shown, done.stdout, re.MULTILINE)
    assert re.search(r"^  events .* JSON, 5 items$", done.stdout, re.MULTILINE)
    assert re.search(r"^  digest .* pickle, 4 items$", done.stdout, re.MULTILINE)


def run_in_terminal(*arguments: str, **how: Any) -> tuple[int, str]:
    """Run the demo in a terminal; keys are pressed when it shows something."""
    return terminal.run((*COMMAND, *arguments), when=b"history", **how)


def test_table_in_a_terminal():
    status, output = run_in_terminal("--seconds", "1")
    assert status == 0
    assert "live telemetry, 0." in output
    assert "\x1b[?25h" in output, "the cursor was not shown again"
    final = output[output.rindex("mean rates") :]
    for word in ("stream", "msg/s", "MB/s", "lost", "p50", "p99", *STREAMS):
        assert word in final
    assert "0 lost" in final.splitlines()[-1]


@pytest.mark.parametrize("columns", [80, 120])
def test_no_line_of_a_table_is_wider_than_the_terminal(columns):
    status, output = run_in_terminal("--seconds", "1", COLUMNS=str(columns))
    assert status == 0
    final = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", output[output.rindex("mean rates") :])
    *table, _ = final.rstrip().splitlines()
    assert max(map(len, table)) <= columns
    assert len([line for line in table if line.split()]) == 3 + len(STREAMS)
    assert ("last" in final) == (columns == 120)
    assert "float64 (" in final


def test_json_is_one_object():
    done = subprocess.run(
        (*COMMAND, "--seconds", "1.5", "--json"), capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said["transport"] == framewire.transport
    assert (said["seconds"] >= 1.5, said["lost"]) == (True, 0)
    assert [stream["stream"] for stream in said["streams"]] == [*STREAMS]
    for name in ("messages", "nbytes", "lost"):
        assert sum(stream[name] for stream in said["streams"]) == said[name]
    for stream in said["streams"]:
        assert stream["rate"] == pytest.approx(stream["messages"] / said["seconds"])
        assert stream["speed"] == pytest.approx(stream["nbytes"] / said["seconds"])
        assert 0 <= stream["latency"]["p50"] <= stream["latency"]["p99"] < PATIENCE


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
    assert "framewire[cli]" in capsys.readouterr().err


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
        assert set(totals(output)) == set(STREAMS)
        assert output.rstrip().endswith("0 lost")


def test_ctrl_c_in_a_terminal():
    status, output = run_in_terminal("--seconds", "60", keys=b"\x03")
    assert status == 0
    assert "Traceback" not in output
    assert "mean rates" in output


def test_terminate_ends_both():
    with started("--seconds", "60") as (demo, _):
        demo.terminate()
        output, errors = demo.communicate(timeout=PATIENCE)
        assert (demo.returncode, errors) == (128 + signal.SIGTERM, "")
        assert set(totals(output)) == set(STREAMS)


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
        before = -1.0
        while before < (before := sender.cpu_times().user):  # it blocks once the queue is full
            time.sleep(0.5)
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


@pytest.fixture
def line(pair) -> tuple[framewire.Socket, Callable[[], Arrival]]:
    """A socket to send on, and what receives one message from there."""
    sender, receiver = pair

    def come() -> Arrival:
        _, came = arrival.receive(receiver)
        return came

    return sender, come


def test_sequence_numbers_show_losses(line):
    sender, come = line
    tally = Tally(started=10.0)
    sender.codec = framewire.Codec(stamp=True)
    for seq in range(5):
        meta = {"unit": "s", "fields": ["x", "y"]}
        sender.send_array(np.array([1234.5, 2.0]), topic="t", meta=meta)
        came = come()
        if seq in (0, 1, 4):
            tally.add("t", came)
    sender.send_raw([TEXT, b"1 %d" % (time.time_ns() - 10**9), b"first line\nsecond"])
    tally.add("text", come())
    numbers, text = tally.overall(12.0)
    assert (numbers.stream, numbers.messages, numbers.rate, numbers.lost) == ("t", 3, 1.5, 2)
    assert (numbers.kind, numbers.last) == ("float64 (2,) s", "x 1.234k y 2")
    assert (text.stream, text.lost, text.kind) == ("text", 1, "17 raw bytes")
    assert text.last == "first line"
    assert 0 <= numbers.delays[0] <= numbers.delays[1] < 1000 <= text.delays[0] == text.delays[1]


def test_events_are_json(line):
    sender, come = line
    sender.send(EVENTS, zmq.SNDMORE)
    sender.send_json({"seq": 3, "time": 0, "what": "cores", "before": None, "after": 2})
    event = come()
    assert (event.seq, event.nbytes, event.kind) == (3, 0, "JSON, 5 items")
    assert event.short == "cores ? -> 2"


def test_digests_are_pickles_of_plain_values(line):
    sender, come = line
    sender.send(DIGEST, zmq.SNDMORE)
    sender.send_pyobj({"seq": 1, "time": 0, "moved": {("load", "1_min"), ("cpu", "user")}})
    assert come().short == "moved: cpu.user load.1_min"
    sender.send(DIGEST, zmq.SNDMORE)
    sender.send_pyobj({"seq": 2, "time": 0, "moved": print})
    with pytest.raises(framewire.RefusedError, match=r"builtins\.print"):
        come()


def sample(cpu: list[list[float]], load: float, forks: int) -> telemetry.Sample:
    reading = telemetry.Reading
    readings = (
        reading("cpu", np.array(cpu), "s", ("user", "idle")),
        reading("load", np.array([load]), "tasks", ("1_min",)),
        reading("interrupts", np.array([forks], np.uint64), "count", ("forks",)),
    )
    return telemetry.Sample(readings, b"")


def test_watch_tells_what_changed():
    watch = Watch()
    first = sample([[1.0, 2.0]], 0.5, 7)
    assert list(watch.changes(first)) == [
        {"what": "cores", "before": None, "after": 1},
        {"what": "load.1_min", "before": None, "after": 0.5},
        {"what": "interrupts.forks", "before": None, "after": 7},
    ]
    assert list(watch.changes(first)) == []
    (event,) = watch.changes(sample([[5.0, 6.0]], 0.5, 9))
    assert event == {"what": "interrupts.forks", "before": 7, "after": 9}
    assert type(event["after"]) is int


def test_watch_tells_what_moved():
    watch = Watch()
    cpu = {("cpu", "user"), ("cpu", "idle")}
    first = sample([[1.0, 2.0], [3.0, 4.0]], 0.5, 7)
    assert watch.moved(first) == {*cpu, ("load", "1_min"), ("interrupts", "forks")}
    assert watch.moved(first) == set()
    assert watch.moved(sample([[1.0, 2.0], [3.0, 9.0]], 0.5, 7)) == {("cpu", "idle")}
    assert watch.moved(sample([[1.0, 2.0]], 0.5, 7)) == cpu, "a core is gone"


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
