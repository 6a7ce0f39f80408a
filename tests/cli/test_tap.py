"""``framewire tap``, run as a person and as a program run it, beside senders of every kind."""

import json
import pickle
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from tapped import COMMAND, PATIENCE, Publisher, frames_of, said, seen, tapping

import framewire
from framewire import Codec

sys.path.append(str(Path(__file__).parents[2]))

KEY = b"a key that both ends have"
STAMPED = Codec(stamp=True)


@pytest.fixture(params=["tcp", "ipc"])
def publisher(request, ctx, tmp_path):
    address = "tcp://127.0.0.1:*" if request.param == "tcp" else f"ipc://{tmp_path}/s"
    return Publisher(ctx, address)


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
