"""What all commands have in common: closed and full streams, signals, statuses."""

import os
import signal
import subprocess
import sys

import pytest
from tapped import PATIENCE, Publisher, tapping

FRAMEWIRE = (sys.executable, "-m", "framewire.cli")
RECORD = "import framewire\nclass Pose(framewire.Record):\n    x: framewire.f32\n"


@pytest.fixture
def publisher(ctx):
    return Publisher(ctx, "tcp://127.0.0.1:*")


def shell(words, redirection, cwd):
    """A command with its streams redirected by a shell."""
    command = 'exec "$@" ' + redirection
    return subprocess.run(
        ["sh", "-c", command, "sh", *FRAMEWIRE, *words],
        capture_output=True, text=True, cwd=cwd, timeout=PATIENCE,
    )  # fmt: skip


COMMANDS = [
    ["tap", "tcp://127.0.0.1:1", "--seconds", "0.1"],
    ["tap", "tcp://127.0.0.1:1", "--seconds", "0.1", "--json"],
    ["schema", "poses:Pose"],
    ["schema", "poses:Pose", "--json"],
    ["tap", "--help"],
    ["--help"],
]


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
@pytest.mark.parametrize("words", COMMANDS[:4], ids=" ".join)
def test_full_output(words, tmp_path):
    (tmp_path / "poses.py").write_text(RECORD)
    done = shell(words, "> /dev/full", tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        f"framewire {words[0]}: No space left on device\n",
    )


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_closed_output(words, tmp_path):
    (tmp_path / "poses.py").write_text(RECORD)
    done = shell(words, ">&-", tmp_path)
    nothing = "framewire tap: nothing came\n" if "--seconds" in words else ""
    assert (done.returncode, done.stderr) == (int(bool(nothing)), nothing)
    assert "Traceback" not in shell(words, ">&- 2>&-", tmp_path).stderr


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize("closed", ["<&- >&-", "<&- 2>&-", "<&- >&- 2>&-"])
def test_no_socket_gets_the_number_of_a_closed_stream(publisher, closed):
    command = f'exec "$@" {closed}'
    words = ["sh", "-c", command, "sh", *FRAMEWIRE, "tap", publisher.address]
    with subprocess.Popen(words) as tap:
        try:
            publisher.wait()
            found = [os.readlink(f"/proc/{tap.pid}/fd/{number}") for number in range(3)]
        finally:
            tap.kill()
    assert "socket" not in " ".join(found)
    assert "anon_inode" not in " ".join(found)
    assert found[0] == "/dev/null"


def test_no_more_files():
    resource = pytest.importorskip("resource")
    done = subprocess.run(
        [*FRAMEWIRE, "tap", "tcp://127.0.0.1:1", "--seconds", "0.1"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8)),
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Too many open files" in done.stderr


def test_full_hex(publisher):
    command = [*FRAMEWIRE, "tap", publisher.address, "--hex"]
    with open("/dev/full", "w") as full, publisher.in_background([[b"x"]]):
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "framewire tap: No space left on device\n")


@pytest.mark.parametrize("name", ["tap", "demo", "schema", "record"])
def test_ctrl_c_while_a_command_is_imported(name):
    """An import that takes its time is interrupted as anything else is."""
    code = f"""if True:
        import os, signal, sys
        from framewire.cli import main
        class Finder:
            def find_spec(self, wanted, *rest):
                if wanted == "framewire.cli.{name}":
                    os.kill(os.getpid(), signal.SIGINT)
        sys.meta_path.insert(0, Finder())
        sys.exit(main(["{name}"]))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_end_with_the_sum(publisher, number):
    with tapping(publisher) as tap:
        publisher.send([b"t", b"x"])
        while "1 messages" not in tap.stdout.readline():
            pass
        tap.send_signal(number)
        output, errors = tap.communicate(timeout=PATIENCE)
    assert (tap.returncode, errors) == (128 + number, "")
    assert output.splitlines()[-1].startswith("1 messages, 2 B in ")


@pytest.mark.parametrize("words", [["tap", "ADDRESS"], ["tap", "ADDRESS", "--json"], ["demo"]])
def test_a_terminal_that_is_closed(publisher, words):
    pty = pytest.importorskip("pty")
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            found = [publisher.address if word == "ADDRESS" else word for word in words]
            os.execv(FRAMEWIRE[0], [*FRAMEWIRE, *found])
        finally:
            os._exit(127)
    if words[0] == "tap":
        publisher.wait()
        publisher.send([b"t", b"x"])
    os.read(terminal, 1)  # it shows something
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP


def test_a_tap_says_that_nothing_came_yet(publisher):
    with tapping(publisher) as tap:
        assert tap.stdout.readline().endswith(f"sub {publisher.address}: nothing yet\n")


def test_nohup_is_heeded(publisher):
    def ignore():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with tapping(publisher, "--count", "1", preexec_fn=ignore) as tap:
        tap.send_signal(signal.SIGHUP)
        publisher.send([b"t", b"x"])
        tap.communicate(timeout=PATIENCE)
    assert tap.returncode == 0


def test_ctrl_c_with_nothing_to_annotate(publisher):
    with tapping(publisher, "--hex") as tap:
        tap.send_signal(signal.SIGINT)
        output, errors = tap.communicate(timeout=PATIENCE)
    assert (tap.returncode, output, errors) == (0, "", "framewire tap: nothing came\n")


BROKEN = {
    "raises": ("raise RuntimeError('boom\\x1b[2J\\nsecond')", "RuntimeError: boom\\x1b[2J second"),
    "leaves": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "absent": ("import no_such_module", "No module named 'no_such_module'"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("words", [["schema"], ["tap", "tcp://127.0.0.1:1", "--record"]])
def test_modules_that_cannot_be_imported(name, words, tmp_path):
    source, why = BROKEN[name]
    (tmp_path / f"{name}.py").write_text(source)
    done = shell([*words, f"{name}:X"], "", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"importing {name} failed: " in done.stderr
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr
