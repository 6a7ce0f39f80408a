"""What a tap shows where there is little room, and of senders whose numbers cannot be right."""

import json
import struct
import subprocess
import time

import numpy as np
import pytest
import terminal
from tapped import COMMAND, PATIENCE, Publisher, frames_of, in_terminal, said, seen

import framewire
from framewire import Codec
from framewire.cli.traffic_view import _WIDTHS, _fitting

STAMPED = Codec(stamp=True)


@pytest.fixture
def publisher(ctx):
    return Publisher(ctx, "tcp://127.0.0.1:*")


def forged(message, sequence, sent):
    """A message of one with a stamp."""
    topic, head, *rest = message
    changed = bytearray(head)
    struct.pack_into("<QQQ", changed, 32, 7, sequence, sent)  # behind the shape
    return [topic, bytes(changed), *rest]


@pytest.fixture
def impossible(ctx):
    """Messages of a sender who claims impossible sequences and times."""
    (message,) = frames_of(ctx, lambda s: s.send_array(np.zeros((4, 128)), topic="t"),
                           codec=STAMPED)  # fmt: skip
    far = time.time_ns() + 3600 * 10**9
    return [
        forged(message, *stamp)
        for stamp in [(0, 0), (2**63, 2**64 - 1), (1, far), (2**64 - 1, 2**63)]
    ]


@pytest.mark.parametrize("columns", [80, 120])
def test_what_is_always_shown(publisher, impossible, columns):
    status, output = in_terminal(publisher, impossible, COLUMNS=str(columns))
    assert status == 0
    final = output[output.rindex("mean rates") :]
    for word in ("serializer", "messages", "gaps", "p50", "what", "float64 (4, 128)"):
        assert word in final
    assert "> 1e9" in final
    assert "> 1000 s" in final or "< -1000 s" in final


def test_numbers_of_plain_lines_are_bounded(publisher, impossible):
    status, output, errors = seen(publisher, impossible)
    assert (status, errors) == (0, "")
    assert "> 1e9 gaps" in output
    assert output.rstrip().endswith("> 1e9 missing, 0 errors")


def test_sums_that_json_can_have(publisher, impossible):
    """Clocks that differ are told by the sign."""
    each, summary = said(publisher, impossible)
    assert (summary["gaps"], summary["streams"][0]["gaps"]) == (2**63 - 1, 2**63 - 1)
    assert [message["latency"] > 0 for message in each] == [True, False, False, False]


def test_columns_give_way_in_order():
    row = dict.fromkeys(_WIDTHS, "1") | {"topic": "t", "serializer": "array"}
    what = ["float64 (4, 128)"]
    assert _fitting([row], what, 200) == [*_WIDTHS]
    assert "p50" not in _fitting([row | {"p50": "", "p99": ""}], what, 200)
    assert "errors" not in _fitting([row | {"errors": "0"}], what, 90)
    narrow = _fitting([row], what, 80)
    assert "errors" in narrow
    assert "bytes/s" not in narrow
    assert _fitting([row], what, 20) == ["messages"]
    assert _fitting([], [], 20) == ["messages"]


def test_json_has_nothing_that_a_terminal_obeys(ctx, publisher):
    text = "\u009b2J\u0085\u2028\u2029\x7f\u202e\ufffe\U000e0001é中\x1b"
    messages = frames_of(ctx, lambda s: s.send_array(np.zeros(1), topic=text, meta={text: text}))
    with subprocess.Popen(
        (*COMMAND, publisher.address, "--json", "--count", "1"), stdout=subprocess.PIPE
    ) as tap:
        publisher.wait()
        publisher.send(*messages)
        output, _ = tap.communicate(timeout=PATIENCE)
    lines = output.decode().removesuffix("\n").split("\n")
    assert all(line.isprintable() for line in lines)
    assert "é中" in lines[0]
    message, summary = map(json.loads, lines)
    assert (message["topic"], message["meta"]) == (text, {text: text})
    assert summary["streams"][0]["topic"] == text


def test_json_of_recipes(publisher):
    header = json.dumps({"dtype": "float32", "shape": [2, 3]}).encode()
    each, _ = said(publisher, [[header, bytes(24)], [header, bytes(3)], [b"t", b"x"]])
    assert [(one.get("dtype"), one.get("shape")) for one in each] == [
        ("float32", [2, 3]),
        ("float32", [2, 3]),
        (None, None),
    ]


class Imu(framewire.Record):
    temp: framewire.f32


def test_plot_of_unknown_records(ctx, publisher):
    messages = frames_of(ctx, lambda s: s.send_value(Imu(1.5)))
    status, _, errors = seen(publisher, messages, "--plot", "temp")
    assert status == 1
    assert "no number temp in it: " in errors
    assert "--record" in errors


def test_hex_says_that_it_waits(publisher):
    command = (*COMMAND, publisher.address, "--hex")
    status, output = terminal.run(command, when=b"waiting", keys=b"\x03")
    assert status == 0
    assert "nothing came" in output
    assert "Traceback" not in output


def test_a_terminal_without_such_letters(ctx, publisher):
    """A letter that it does not have takes one column, as any other."""
    messages = frames_of(ctx, lambda s: s.send_value(1, topic="ü" * 30, codec=STAMPED))
    status, output = in_terminal(publisher, messages, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert status == 0
    assert "\\u2026" not in output
    assert "?" * 24 in output
