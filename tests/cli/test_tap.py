"""``framewire tap``, run as a person and as a program run it, beside senders of every kind."""

import json
import pickle
import re
import shlex
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import terminal
import zmq
from tapped import COMMAND, PATIENCE, Publisher, frames_of, in_terminal, said, seen, tapping

import framewire
from framewire import Codec
from framewire.cli import main
from framewire.cli.annotate import annotate
from framewire.cli.app import build_parser
from framewire.cli.hexview import lines_of

sys.path.append(str(Path(__file__).parents[2]))
from fuzz.files import golden

KEY = b"a key that both ends have"
STAMPED = Codec(stamp=True)


@pytest.fixture(params=["tcp", "ipc"])
def publisher(request, ctx, tmp_path):
    address = "tcp://127.0.0.1:*" if request.param == "tcp" else f"ipc://{tmp_path}/s"
    return Publisher(ctx, address)


@pytest.fixture
def tcp(ctx):
    return Publisher(ctx, "tcp://127.0.0.1:*")


class Imu(framewire.Record):
    seq: framewire.u32
    temp: framewire.f32
    msg: str


def recipe(array):
    """As the pyzmq documentation has it."""
    header = {"dtype": str(array.dtype), "shape": array.shape}
    return [json.dumps(header).encode(), array.tobytes()]


# ---- what is on the wire


def test_messages_of_framewire(ctx, publisher):
    array = np.arange(6.0).reshape(2, 3)
    messages = frames_of(
        ctx,
        lambda s: s.send_array(array, topic="imu", meta={"gain": 2}, codec=STAMPED),
        lambda s: s.send_array(np.zeros(3, [("a", "<i4"), ("b", ">f8")])),
        lambda s: s.send_value({"x": np.zeros(5000)}, topic="tree"),
        lambda s: s.send_value(Imu(1, 2.5, "ok"), topic="rec"),
        lambda s: s.send_value(Imu(2, 2.5, "ok"), topic="rec", codec=Codec(schema=1)),
        lambda s: s.send_value([1], serializer="pickle"),
        lambda s: s.send_array(np.zeros(1000), codec=Codec(compression="zlib")),
        lambda s: s.send_value([1], topic="s", codec=Codec(key=KEY)),
    )
    each, summary = said(publisher, messages)
    assert [one["serializer"] for one in each] == [
        "array", "array", "msgpack", "record", "record", "pickle", "array", "msgpack"
    ]  # fmt: skip
    imu, rows, tree, unknown, record, pickled, zipped, signed = each
    assert (imu["topic"], imu["dtype"], imu["shape"]) == ("imu", "float64", [2, 3])
    assert (imu["meta"], imu["seq"], imu["payload"]) == ({"gain": 2}, 0, 48)
    assert 0 <= imu["latency"] < PATIENCE
    assert imu["nbytes"] == sum(map(len, messages[0]))
    assert (rows["topic"], rows["dtype"]) == (None, "[('a', '<i4'), ('b', '>f8')]")
    assert tree["payload"] > 40_000
    assert unknown["type"] == f"{Imu.fingerprint:#018x}"
    assert record["type"] == "(seq, temp, msg)"
    assert pickled["type"] == "not read"
    assert (zipped["raw"], zipped["payload"] < 1000) == (8000, True)
    assert (signed["key"], signed["topic"]) == (0, "s")
    assert (summary["messages"], summary["errors"], summary["gaps"]) == (8, 0, 0)
    assert [stream["gaps"] for stream in summary["streams"]] == [0, *[None] * 5, 0]
    assert [stream["messages"] for stream in summary["streams"]] == [1, 1, 1, 2, 1, 1, 1]
    compressed = summary["streams"][5]
    assert (compressed["compression"], compressed["ratio"] > 10) == ("zlib", True)


def test_messages_of_others(publisher):
    array = np.zeros((2, 3), "f4")
    messages = [
        recipe(array),
        [b"topic", *recipe(array)],
        [recipe(array)[0], b"too short"],
        [b'{"a": 1}'],
        [pickle.dumps([1], 4)],
        ["größe".encode()],
        [b"osbrain\x80" + pickle.dumps({}, 4)],
        [b"json\x80[1, 2]"],
        [b"z", zlib.compress(pickle.dumps([1], 5))],
        [b"m", b"\x92\x01\x02"],
        [b"", b"\x00\xff", b"", b'{"half": ', b"", b"x"],
    ]
    each, summary = said(publisher, messages)
    kinds = [(one["topic"], one["serializer"], one["type"]) for one in each]
    assert kinds == [
        (None, "recipe", "float32"),
        ("topic", "recipe", "float32"),
        (None, "recipe", "float32"),
        (None, "foreign", "1 frame: JSON"),
        (None, "foreign", "1 frame: pickle 4"),
        (None, "foreign", "1 frame: text"),
        ("osbrain", "osBrain", "pickle 4"),
        ("json", "osBrain", "JSON"),
        ("z", "foreign", "2 frames: zlib: pickle 5"),
        ("m", "foreign", "2 frames: msgpack?"),
        ("", "foreign", "6 frames: bytes + empty + text + empty + 1 more"),
    ]
    assert [one["error"]["code"] for one in each if "error" in one] == ["payload"]
    assert summary["streams"][0]["shape"] == [2, 3]


def test_a_plain_pyzmq_sender(tmp_path):
    """In a process of its own, without framewire."""
    code = f"""if True:
        import json, sys, zmq, numpy as np
        context = zmq.Context()
        socket = context.socket(zmq.PUSH)
        socket.connect("ipc://{tmp_path}/s")
        A = np.arange(4).reshape(2, 2)
        socket.send_json(dict(dtype=str(A.dtype), shape=A.shape), zmq.SNDMORE)
        socket.send(A)
        socket.send_pyobj([1]); socket.send_string("text"); socket.send_json([1])
        socket.close()
        context.term()  # when all is sent
        assert not {{name for name in sys.modules if "framewire" in name}}
    """
    address = f"ipc://{tmp_path}/s"
    command = (*COMMAND, address, "--type", "pull", "--bind", "--json", "--count", "4")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tap:
        try:
            subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE)
            output, _ = tap.communicate(timeout=PATIENCE)
        finally:
            tap.kill()
    kinds = [json.loads(line)["type"] for line in output.splitlines()[:-1]]
    protocol = pickle.dumps(1)[1]
    assert kinds[0] == "int64"
    assert kinds[1:] == [f"1 frame: {kind}" for kind in (f"pickle {protocol}", "text", "JSON")]


def test_gaps_and_latency(ctx, tcp):
    sends = [lambda s: s.send_value(1, topic="t")] * 10
    messages = frames_of(ctx, *sends, codec=STAMPED)
    come = [messages[i] for i in (0, 1, 4, 3, 5, 9)]
    _, summary = said(tcp, come)
    (stream,) = summary["streams"]
    assert (stream["gaps"], stream["late"], summary["gaps"]) == (2 + 3, 1, 5)
    assert 0 <= stream["latency"]["p50"] <= stream["latency"]["p99"]


def test_shapes_that_differ(ctx, tcp):
    sends = [lambda s, n=n: s.send_array(np.zeros((n, 3))) for n in (1, 2, 3)]
    status, output, errors = seen(tcp, frames_of(ctx, *sends))
    assert (status, errors) == (0, "")
    assert output.count("float64 (*, 3)") == 1


def test_signed(ctx, tcp, tmp_path):
    """With a key, what is not signed by it is an error; nothing is hidden."""
    (tmp_path / "key").write_bytes(KEY)
    good, again, plain, foreign = frames_of(
        ctx,
        lambda s: s.send_value(1, topic="t", codec=Codec(key=KEY)),
        lambda s: s.send_value(1, topic="t", codec=Codec(key=KEY)),
        lambda s: s.send_value(1, topic="t"),
        lambda s: s.send_raw(b"foreign"),
    )
    assert good[1][24:32] == bytes(8)  # its number
    later = [good[0], good[1][:24] + b"\xff" * 8 + good[1][32:]]
    messages = [good, again, good, plain, foreign, [b"other", *good[1:]], later, [b"\xc1F"]]
    each, summary = said(tcp, messages, "--key", str(tmp_path / "key"))
    codes = [one.get("error", {}).get("code") for one in each]
    assert codes == [None, None, "replay", *["signature"] * 4, "truncated"]
    assert (summary["gaps"], summary["streams"][0]["late"]) == (0, 0)
    assert (summary["streams"][0]["signed"], summary["streams"][0]["verified"]) == (2, 2)
    _, output, _ = seen(tcp, [good], "--key", str(tmp_path / "key"))
    assert output.splitlines()[-2].endswith(" verified")
    _, output, _ = seen(tcp, [good])
    assert output.splitlines()[-2].endswith(" signed")


def test_without_stamps_nobody_knows_of_gaps(ctx, tcp):
    _, summary = said(tcp, frames_of(ctx, lambda s: s.send_value(1)))
    (stream,) = summary["streams"]
    assert [summary["gaps"], stream["gaps"], stream["late"]] == [None] * 3
    _, output, _ = seen(tcp, frames_of(ctx, lambda s: s.send_value(1)))
    assert "gaps" not in output
    assert "missing" not in output


def test_topics(tcp):
    arguments = ("--topic", "a", "--topic", "b", "--json", "--count", "2")
    with tapping(tcp, *arguments) as tap:
        tcp.wait()
        tcp.send([b"c", b""], [b"a1", b""], [b"b", b""])
        output, _ = tap.communicate(timeout=PATIENCE)
    assert [json.loads(line).get("topic") for line in output.splitlines()] == ["a1", "b", None]


def test_record_class(ctx, tcp, tmp_path):
    (tmp_path / "shapes.py").write_text(
        "import framewire\nclass Point(framewire.Record):\n    x: framewire.f32\n    y: bool\n"
    )

    class Point(framewire.Record):
        x: framewire.f32
        y: bool

    messages = frames_of(ctx, lambda s: s.send_value(Point(1.5, True)))
    arguments = ("--record", "shapes:Point")
    _, output, _ = seen(tcp, messages, *arguments, cwd=tmp_path)
    assert "Point(x, y)" in output
    _, output, _ = seen(tcp, messages, *arguments, "--plot", "x", cwd=tmp_path)
    assert output == "1.5\n"


# ---- how it is shown, and ends


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
