"""A tap and messages that want to harm it: nothing runs, nothing hangs, nothing grows."""

import json
import os
import pickle
import random
import sys
import zlib
from pathlib import Path

import msgspec
import numpy as np
import pytest
import zmq
from tapped import Publisher, frames_of, said, seen

import framewire
from framewire import Codec
from framewire.cli.text import printable, short_number, short_size, short_time
from framewire.cli.traffic import MOST_SENDERS, MOST_STREAMS, Traffic
from framewire.cli.traffic_view import TrafficView

sys.path.append(str(Path(__file__).parents[2]))
from fuzz.files import corpus, golden
from fuzz.mutate import mutated


@pytest.fixture
def publisher(ctx):
    return Publisher(ctx, "tcp://127.0.0.1:*")


class Trap:
    """Whoever unpickles it makes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


WAYS = [(), ("--json",), ("--hex",), ("--plot", "."), ("--plot", "a[0].b"), ("--plot", "meta.x")]


@pytest.mark.parametrize("way", WAYS)
def test_no_pickle_is_loaded(ctx, publisher, tmp_path, way):
    trap = Trap(tmp_path / "sprung")
    plain = pickle.dumps(trap)
    objects = np.empty(1, object)
    messages = frames_of(
        ctx,
        lambda s: s.send_value(trap, serializer="pickle", meta={"x": 1}),
        lambda s: s.send_value(trap, serializer="cloudpickle"),
        lambda s: s.send_value({"a": [{"b": trap}]}, serializer="dill"),
        lambda s: s.send_value(trap, serializer="pickle", codec=Codec(compression="zlib")),
        lambda s: s.send_pyobj(trap),
    )
    messages += [[b"t\x80" + plain], [b"t", zlib.compress(plain)], [plain, plain]]
    messages += [[b'{"dtype": "object", "shape": [1]}', objects.tobytes()]]
    status, _, errors = seen(publisher, messages, *way)
    assert "Traceback" not in errors
    assert status == (way[:1] == ("--plot",) and way[1] != "meta.x")
    assert not (tmp_path / "sprung").exists()
    pickle.loads(plain)
    assert (tmp_path / "sprung").exists(), "the trap is none"


@pytest.mark.parametrize("way", WAYS)
def test_mutated_messages(publisher, way):
    order = random.Random(repr(way))
    seeds = [frames for frames in (golden() | corpus()).values() if max(map(len, frames)) < 4096]
    made = [mutated(order.choice(seeds), order.choice(seeds), order) for _ in range(1500)]
    messages = [[bytes(frame) for frame in frames] or [b""] for frames in made]
    status, output, errors = seen(publisher, messages, *way)
    assert "Traceback" not in errors
    assert status in (0, 1)
    if way == ("--json",):
        *each, summary = map(json.loads, output.splitlines())
        assert len(each) == summary["messages"] == len(messages)
        codes = {one["error"]["code"] for one in each if "error" in one}
        assert {"truncated", "flags", "payload", "section", "frames"} <= codes
        assert summary["errors"] == sum("error" in one for one in each)


def test_metadata_of_any_kind(ctx, publisher):
    """What JSON has no words for is shown as bytes; the next message is read."""
    metas = [{1: 2}, {"a": b"\xff"}, float("nan"), [None] * 9]
    raw = [b"\x81\x91\x01\x02", b"\xc1", b"\x91" * 5000, b"\xd4\x01\x00"]
    sends = [lambda s, meta=meta: s.send_value(0, meta=meta) for meta in metas]
    messages = frames_of(ctx, *sends)
    head = framewire.dumps(0, meta=0)
    for content in raw:
        section = len(content).to_bytes(8, "little") + content + bytes(-len(content) % 8)
        messages.append([bytes(head[0][:16]) + section + bytes(head[0][32:])])
    each, _ = said(publisher, messages)
    assert [one.get("meta") for one in each[:2]] == [{"1": 2}, {"a": "/w=="}]
    assert each[3]["meta"] == [None] * 9
    assert [one["meta"] for one in each[4:7]] == [{"msgpack": content.hex()} for content in raw[:3]]
    assert not any("error" in one for one in each)


def test_nothing_reaches_the_terminal(ctx, publisher):
    escape = "\x1b[2J\x9b2J\r\u202e"
    form = np.dtype([(escape, "i4")])
    messages = frames_of(
        ctx,
        lambda s: s.send_value(1, topic=escape),
        lambda s: s.send_array(np.zeros(1, form)),
        lambda s: s.send_value({}, meta=escape),
        lambda s: s.send_value(framewire.record(form)(1), codec=Codec(schema=1)),
    )
    messages += [[escape.encode(), b"\xff"], [escape.encode() + b"\x80[]"]]
    for way in WAYS:
        if way == ("--json",):
            continue
        _, output, errors = seen(publisher, messages, *way)
        for character in escape[:1] + escape[4:5] + escape[7:]:
            assert character not in output + errors


def test_an_encoding_that_has_no_such_letters(publisher):
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    status, output, errors = seen(publisher, [["größe".encode(), b"x"]], env=env)
    assert (status, errors) == (0, "")
    assert r"gr\xf6\xdfe" in output


# ---- bounds


@pytest.fixture
def traffic(ctx):
    """Traffic to which messages can be given, and what they are given by."""
    with ctx.socket(zmq.PULL) as socket:
        traffic = Traffic(socket, subscribed=True)

        def give(*frames):
            return traffic.add([memoryview(frame) for frame in frames])

        yield traffic, give


def test_topics_without_end(traffic):
    traffic, give = traffic
    head = framewire.dumps([1])[0]
    for i in range(3 * MOST_STREAMS):
        give(b"kept", head)
        give(b"topic %d" % i, head)
        give(b"foreign %d" % i, b"x")
    assert len(traffic.streams) == MOST_STREAMS
    assert traffic.dropped == 1 + 6 * MOST_STREAMS - MOST_STREAMS
    assert traffic.messages == 9 * MOST_STREAMS
    kept = traffic.ordered()[0]
    assert (kept.topic, kept.messages) == (b"kept", 3 * MOST_STREAMS)
    lines = TrafficView(traffic, "title", most=10).last_lines(traffic.started + 1)
    assert len(lines) == 12
    assert lines[-1] == f"  {MOST_STREAMS - 10:,} streams more, {traffic.dropped:,} forgotten"


def test_long_names(traffic):
    """Topics and descriptions of any length take no more room than short ones."""
    traffic, give = traffic
    form = np.dtype([(f"{'x' * 1000}{i}", "u1") for i in range(500)])
    head = framewire.dumps(np.zeros(1, form))[0]
    for i in range(3):
        give(b"t" * 1_000_000 + b"%d" % i, head)
        give(b"f" * 1_000_000 + b"%d" % i, b"x")
    first, second = traffic.ordered()
    assert len(first.topic) == len(second.topic) == 256
    assert len(first.type) <= 60
    assert sum(len(part) for key in traffic.streams for part in key if type(part) is bytes) < 1000


def test_senders_without_end(traffic):
    traffic, give = traffic
    head = bytearray(framewire.dumps(1)[0])
    head[4] |= 0x40
    for i in range(MOST_SENDERS + 100):
        stamp = i.to_bytes(8, "little") + bytes(16)
        give(b"t", head[:16] + stamp + head[16:])
    assert len(traffic._last) == MOST_SENDERS
    (stream,) = traffic.streams.values()
    assert (stream.gaps, stream.late, len(stream.latencies)) == (0, 0, 500)


def test_a_sequence_for_each_sender(traffic):
    """Of what two senders publish on a topic, in two kinds, nothing is missing."""
    traffic, give = traffic
    kinds = [bytearray(framewire.dumps(value)[0]) for value in (1, np.zeros(1))]

    def stamped(sender, number):
        head = kinds[number % 2].copy()
        head[4] |= 0x40
        at = 16 + 8 * head[7]
        stamp = b"".join(n.to_bytes(8, "little") for n in (sender, number, 0))
        give(b"t", bytes(head[:at]) + stamp + bytes(head[at:]))

    for number in range(10):
        stamped(1, number)
        stamped(2, 2**64 - 20 + number)
    assert [each.gaps for each in traffic.ordered()] == [0, 0]
    stamped(1, 13)
    assert (traffic.gaps, traffic.messages) == (3, 21)


def test_schemas_that_are_none(traffic):
    traffic, give = traffic
    for content in (b"{", msgspec.json.encode({"names": []}), b"\xff" * 64):
        section = len(content).to_bytes(8, "little") + content + bytes(-len(content) % 8)
        give(bytes.fromhex("c146010500010000 0000000000000000 1122334455667788") + section, b"")
    (stream,) = traffic.streams.values()
    assert (stream.serializer, stream.type) == ("record", "0x8877665544332211")
    assert stream.messages == 3


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"topic", "topic"),
        (b"\xff\x00", r"\xff\x00"),
        ("ü\x1b[0m", r"ü\x1b[0m"),
        ("\u202e\ud800", r"\u202e\ud800"),
        ("x" * 81, "x" * 79 + "…"),
        (b"x" * 1000, "x" * 79 + "…"),
        ("\x00" * 80, r"\x00" * 19 + r"\x0" + "…"),
    ],
)
def test_printable(text, shown):
    assert printable(text) == shown


def test_short_numbers():
    sizes = [0, 1, 12.34, 999, 1000, 1234, 99_949, 123_456, 1e9, 2.5e17]
    expected = ["0 B", "1 B", "12.3 B", "999 B", "1 kB", "1.2 kB", "99.9 kB", "123 kB", "1 GB"]
    assert [short_size(size) for size in sizes] == [*expected, "250 PB"]
    times = [None, 0, 12, 1234, 5_000_000, 2.5e9, 9.996e11, 1.7e18, -1234, -1.7e18]
    expected = ["", "0 ns", "12 ns", "1.23 µs", "5 ms", "2.5 s"]
    expected += ["> 1000 s", "> 1000 s", "-1.23 µs", "< -1000 s"]
    assert [short_time(time) for time in times] == expected
    assert short_number(999.6) == "1.0 k"
