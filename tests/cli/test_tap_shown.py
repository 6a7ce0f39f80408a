"""``framewire tap``: how it shows what it sees, how it ends, and its document."""

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import terminal
import zmq
from tapped import COMMAND, PATIENCE, frames_of, in_terminal, seen, tapping

from framewire import Codec
from framewire.cli import main
from framewire.cli.annotate import annotate
from framewire.cli.app import build_parser
from framewire.cli.hexview import lines_of

sys.path.append(str(Path(__file__).parents[2]))
from fuzz.files import golden

KEY = b"a key that both ends have"
STAMPED = Codec(stamp=True)


def test_plain_lines_and_summary(ctx, tcp):
    (message,) = frames_of(ctx, lambda s: s.send_array(np.zeros(128), topic="t", codec=STAMPED))
    with tapping(tcp) as tap:
        tcp.send(message, message)
        while "2 messages" not in (line := tap.stdout.readline()):
            assert line
        tap.send_signal(signal.SIGINT)
        output, errors = tap.communicate(timeout=PATIENCE)
        assert (tap.returncode, errors) == (0, "")
    assert line.split()[1:6] == ["s", "t", "array", "2", "messages"]
    assert "0 gaps" in line
    assert line.rstrip().endswith("float64 (128,)")
    assert f"sub {tcp.address}: mean rates over" in output
    assert output.splitlines()[-1].startswith("2 messages, 2.1 kB in ")
    assert output.rstrip().endswith("0 missing, 0 errors")


def test_table_in_a_terminal(ctx, tcp):
    messages = frames_of(ctx, lambda s: s.send_array(np.zeros(3), topic="[bold]imu", codec=STAMPED))
    status, output = in_terminal(tcp, [*messages, [b"x", b"\xc1F"]])
    assert status == 0
    assert "\x1b[?25h" in output, "the cursor was not shown again"
    final = output[output.rindex("mean rates") :]
    for word in ("topic", "bytes/s", "gaps", "p99", "[bold]imu", "float64 (3,)", "truncated 1"):
        assert word in final
    assert "2 messages" in final.splitlines()[-1]


def test_curve_in_a_terminal(ctx, tcp):
    sends = [lambda s, i=i: s.send_value({"temp": i % 7}) for i in range(50)]
    status, output = in_terminal(tcp, frames_of(ctx, *sends), "--plot", "temp")
    assert status == 0
    assert "⡠" in output or "⠤" in output or "⠔" in output or "⢸" in output
    assert "temp 0, 50 numbers in 50 messages" in output


def test_hex_in_a_terminal(ctx, tcp):
    (message,) = frames_of(ctx, lambda s: s.send_value(1, topic="[red]"))
    status, output = in_terminal(tcp, [message], "--hex")
    assert status == 0
    assert "\x1b[" in output
    assert "magic" in output
    assert "[red]" in output


def test_ctrl_c_in_a_terminal(ctx, tcp):
    (message,) = frames_of(ctx, lambda s: s.send_value(1, topic="topic-of-it"))
    command = (*COMMAND, tcp.address)
    with tcp.in_background([message]):
        status, output = terminal.run(command, when=b"topic-of-it", keys=b"\x03")
    assert status == 0
    assert "Traceback" not in output
    assert "1 messages" in output


def test_hex(ctx, tcp):
    (message,) = frames_of(ctx, lambda s: s.send_array(np.zeros(2), topic="t"))
    with tapping(tcp, "--hex") as tap:
        tcp.send(message)
        output, errors = tap.communicate(timeout=PATIENCE)
        assert (tap.returncode, errors) == (0, "")
    assert "\x1b" not in output
    assert "     8  10 00 00 00 00 00 00 00  payload: 16 bytes in all buffers\n" in output
    assert "frame 0: topic, 1 bytes" in output


def test_plot_prints_numbers(ctx, tcp):
    sends = [
        lambda s: s.send_value({"a": {"b": [1, 2.5]}}),
        lambda s: s.send_value({"a": 1}),
        lambda s: s.send_value({"a": {"b": [1, -3]}}),
    ]
    assert seen(tcp, frames_of(ctx, *sends), "--plot", "a.b[1]") == (0, "2.5\n-3\n", "")
    status, output, errors = seen(tcp, frames_of(ctx, sends[0]), "--plot", "nothing")
    assert (status, output) == (1, "")
    assert errors == "framewire tap: no number nothing in it\n"


def test_pull_takes_messages(ctx, tmp_path):
    with ctx.socket(zmq.PUSH) as push:
        push.linger = 0
        push.bind(f"ipc://{tmp_path}/s")
        command = (*COMMAND, f"ipc://{tmp_path}/s", "--type", "pull", "--count", "1")
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tap:
            try:
                push.send(b"x")
                output, _ = tap.communicate(timeout=PATIENCE)
            finally:
                tap.kill()
    assert "1 messages" in output
    done = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True)
    assert "AWAY from those whom they are for" in done.stdout


def test_nothing_came(tcp, capfd):
    assert main(["tap", tcp.address, "--seconds", "0.1"]) == 1
    output, errors = capfd.readouterr()
    assert errors == "framewire tap: nothing came\n"
    assert "0 messages" in output


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["what://x"], "what://x: Protocol not supported"),
        (["tcp://127.0.0.1:1", "--record", "json:JSONEncoder"], "--record json:JSONEncoder: "),
        (["tcp://127.0.0.1:1", "--record", "no_such_module:X"], "no_such_module"),
        (["tcp://127.0.0.1:1", "--key", "/nowhere"], "--key /nowhere: No such file"),
    ],
)
def test_errors_are_a_line(arguments, why, capfd):
    assert main(["tap", *arguments]) == 1
    output, errors = capfd.readouterr()
    assert output == ""
    assert errors.startswith("framewire tap: ")
    assert why in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["tcp://127.0.0.1:1", "--count", "0"],
        ["tcp://127.0.0.1:1", "--seconds", "nan"],
        ["tcp://127.0.0.1:1", "--plot", "a..b"],
        ["tcp://127.0.0.1:1", "--plot", ""],
        ["tcp://127.0.0.1:1", "--hex", "--json"],
        ["tcp://127.0.0.1:1", "--type", "push"],
    ],
)
def test_wrong_usage(arguments, capfd):
    with pytest.raises(SystemExit) as exit_info:
        main(["tap", *arguments])
    assert exit_info.value.code == 2
    assert "usage: framewire tap" in capfd.readouterr().err


def test_terminate(tcp):
    with tapping(tcp) as tap:
        tap.terminate()
        _, errors = tap.communicate(timeout=PATIENCE)
        assert (tap.returncode, errors) == (128 + signal.SIGTERM, "")


def test_nobody_reads(tcp):
    with tapping(tcp, "--json") as tap:
        tap.stdout.close()
        for _ in range(100):
            tcp.send([b"x"] * 100)
        tap.wait(PATIENCE)
        assert tap.returncode == 141
        assert tap.stderr.read() == ""


DOCUMENT = (Path(__file__).parents[2] / "docs" / "tools.md").read_text("utf-8")


@pytest.mark.parametrize("line", re.findall(r"^framewire tap .*", DOCUMENT, re.MULTILINE))
def test_documented_commands(line):
    """Each of the document's is one that there is."""
    words = shlex.split(re.split(r" [|>] ", line)[0])
    assert build_parser().parse_args(words[1:]).address.startswith(("tcp://", "ipc://"))


def test_documented_hex(ctx, tcp):
    example = re.search(r"```\n(frame 0.*?)```", DOCUMENT, re.DOTALL)[1]
    with tapping(tcp, "--hex") as tap:
        tcp.send(golden()["record-example"])
        output, _ = tap.communicate(timeout=PATIENCE)
    assert output == example


def test_hex_of_all_golden_messages(tcp):
    messages = [*golden().values()]
    status, output, errors = seen(tcp, messages, "--hex")
    assert (status, errors) == (0, "")
    expected = []
    for message in messages:
        frames = [memoryview(frame) for frame in message]
        expected += [line for _, line in lines_of(frames, annotate(frames))] + [""]
    assert output.splitlines() == expected[:-1]


def test_hex_says_what_a_signature_is_worth(ctx, tcp, tmp_path):
    (tmp_path / "key").write_bytes(KEY)
    for key, wrong in ((KEY, False), (bytes(32), True)):
        messages = frames_of(ctx, lambda s, key=key: s.send_value(1, codec=Codec(key=key)))
        _, output, _ = seen(tcp, messages, "--hex", "--key", str(tmp_path / "key"))
        assert ("signature: " in output) == wrong


def test_others_get_what_a_tap_gets(ctx, tcp):
    """Also where it does not run for a while."""
    with tapping(tcp, "--json") as tap, ctx.socket(zmq.SUB) as other:
        other.subscribe(b"")
        other.rcvhwm = 0
        other.rcvtimeo = 1000 * PATIENCE
        other.connect(tcp.address)
        tcp.wait()
        tap.send_signal(signal.SIGSTOP)
        for i in range(3000):
            tcp.send([b"%d" % i, bytes(1000)])
            assert other.recv_multipart()[0] == b"%d" % i
        tap.send_signal(signal.SIGCONT)
