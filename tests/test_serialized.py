"""Text, JSON options, pickles and your own functions: what pyzmq does, framewire does."""

import collections
import datetime
import decimal
import json
import pickle

import pytest
import zmq
from outcomes import outcome, queued

import framewire

LARGE = 100_000
TEXTS = {
    "ascii": "plain",
    "empty": "",
    "latin": "größe",
    "wide": "日本語 🎉",
    "nul": "a\0b",
    "surrogate": "\ud800",
    "large": "x" * LARGE,
}


class Shouting(str):
    """A str with an encoding of its own, which pyzmq asks for."""

    def encode(self, encoding="utf-8", errors="strict"):
        return self.upper().__str__().encode(encoding, errors)


class Point(collections.namedtuple("Point", "x y")):
    pass


def fails(*_, **__):
    raise ZeroDivisionError


# ---- text


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "latin-1", "utf-16", "ascii", "nonsense"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_text(alike, text, encoding):
    """What cannot be encoded is not sent, and what cannot be decoded is gone."""

    def act(here, there):
        seen = {
            "send_string": outcome(here.send_string, text, encoding=encoding),
            "send_unicode": outcome(here.send_unicode, text, 0, False, encoding),
            "wire": queued(there),
        }
        zmq.Socket.send(here, text.encode("utf-8", "surrogatepass"))
        zmq.Socket.send(here, b"next")
        seen["recv_string"] = outcome(there.recv_string, 0, encoding)
        seen["next"] = queued(there)
        zmq.Socket.send(here, text.encode("utf-8", "surrogatepass"))
        seen["recv_unicode"] = outcome(there.recv_unicode, encoding=encoding)
        return seen

    alike(act)


@pytest.mark.parametrize(
    "thing", [b"bytes", None, 5, ["a"], bytearray(b"a"), Shouting("shout")], ids=repr
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", None, 5])
def test_no_text(alike, thing, encoding):
    def act(here, there):
        return {
            "result": outcome(here.send_string, thing, encoding=encoding),
            "wire": queued(there),
        }

    result = alike(act)["result"]
    assert isinstance(thing, str) or result == (TypeError, None)


@pytest.mark.parametrize("data", [b"\xff", b"\xc3", b"", b"\xed\xa0\x80", b"a\0b"])
def test_received_text(alike, data):
    def act(here, there):
        there.send_multipart([data, b"second"])
        there.send(b"next")
        return {
            "first": outcome(here.recv_string),
            "more": here.getsockopt(zmq.RCVMORE),
            "second": outcome(here.recv_string, flags=zmq.DONTWAIT),
            "third": outcome(here.recv_string, encoding=5),
            "left": queued(here),
        }

    alike(act)


SEND_OPTIONS = [
    {"copy": False},
    {"track": True},
    {"copy": False, "track": True},
    {"copy": None, "routing_id": None, "group": None},
    {"flags": zmq.DONTWAIT},
    {"unknown": 1},
    {"routing_id": 5},
    {"group": "g"},
]


@pytest.mark.parametrize("options", SEND_OPTIONS, ids=str)
def test_options_are_those_of_send(alike, options):
    """Text, pickles and serialized messages, small and large; JSON knows other ones."""

    def act(here, there):
        here.copy_threshold = 1000
        return {
            "text": outcome(here.send_string, "text", **options),
            "large text": outcome(here.send_string, "x" * LARGE, **options),
            "pickle": outcome(here.send_pyobj, [1], **options),
            "large pickle": outcome(here.send_pyobj, b"x" * LARGE, **options),
            "serialized": outcome(here.send_serialized, [b"a", b"b" * LARGE], list, **options),
            "json": outcome(here.send_json, "x" * LARGE, **options),
            "wire": queued(there),
        }

    alike(act)


# ---- JSON: the options of dumps and loads; the values are in test_json.py


class Encoder(json.JSONEncoder):
    def default(self, o):
        return f"<{type(o).__name__}>"


class Decoder(json.JSONDecoder):
    def decode(self, s):
        return [super().decode(s)]


VALUE = {"b": [1, 2.5, None], "a": "ü", "c": float("inf"), 5: (1, 2)}


@pytest.mark.parametrize(
    "options",
    [
        {"indent": 2},
        {"indent": "\t"},
        {"sort_keys": True},
        {"separators": (",", ":")},
        {"ensure_ascii": False},
        {"allow_nan": False},
        {"skipkeys": True},
        {"check_circular": False},
        {"default": str},
        {"default": fails},
        {"cls": Encoder},
        {"unknown": 1},
        {"routing_id": None},
        {"group": None, "indent": 0},
    ],
    ids=lambda options: "-".join(options),
)
@pytest.mark.parametrize(
    "value", [VALUE, {"when": datetime.date(2024, 5, 6)}, {(1, 2): 3}], ids=str
)
def test_json_options(alike, options, value):
    def act(here, there):
        return {"result": outcome(here.send_json, value, **options), "wire": queued(there)}

    alike(act)


@pytest.mark.parametrize(
    "options",
    [
        {"parse_float": decimal.Decimal},
        {"parse_int": str},
        {"parse_constant": str},
        {"object_hook": lambda found: sorted(found)},
        {"object_pairs_hook": tuple},
        {"object_hook": fails},
        {"cls": Decoder},
        {"unknown": 1},
        {"strict": False},
    ],
    ids=lambda options: "-".join(options),
)
@pytest.mark.parametrize(
    "text", [b'{"a": [1, 2.5, NaN], "a": -0}', b'"\t"', b"{", b"\xff", b"", b"\xef\xbb\xbf1"]
)
def test_json_load_options(alike, options, text):
    def act(here, there):
        there.send(text)
        there.send(b'"next"')
        return {
            "result": outcome(here.recv_json, **options),
            "next": outcome(here.recv_json, zmq.DONTWAIT),
        }

    alike(act)


# ---- pickles


@pytest.mark.parametrize("protocol", [*range(pickle.HIGHEST_PROTOCOL + 1), -1, None, 99, "2"])
def test_pickle_protocols(alike, protocol):
    def act(here, there):
        seen = {}
        for value in ({"a": [1, 2]}, Point(1, 2), "ü", b"b" * 1000, decimal.Decimal("1.5"), len):
            seen["sent", repr(value)] = outcome(here.send_pyobj, value, protocol=protocol)
            seen["positional", repr(value)] = outcome(here.send_pyobj, value, 0, protocol)
            seen["received", repr(value)] = outcome(there.recv_pyobj, zmq.DONTWAIT)
            seen["wire", repr(value)] = queued(there)
        return seen

    alike(act)


@pytest.mark.parametrize("default", [{}, {"globals": None}], ids=str)
def test_received_pickles(alike, default):
    """Good ones, cut ones, and ones that raise; the next message is intact."""

    def act(here, there):
        seen = {}
        whole = pickle.dumps([Point(1, 2), "text", 3.5])
        for data in [*(whole[:n] for n in range(len(whole) + 1)), b"cbuiltins\nnothing\n.", b"i."]:
            there.send(data)
            there.send(b"next")
            how = default if isinstance(here, framewire.Socket) else {}
            seen[data] = outcome(here.recv_pyobj, **how), queued(here)
        return seen

    alike(act)


# ---- your own functions


@pytest.mark.parametrize(
    "serialize",
    [
        list,
        tuple,
        lambda frames: frames[:1],
        lambda frames: [memoryview(each) for each in frames],
        lambda frames: (each for each in frames),
        lambda frames: dict.fromkeys(frames),
        lambda frames: None,
        lambda frames: [],
        lambda frames: "text",
        lambda frames: b"bytes",
        lambda frames: ["text"],
        lambda frames: [zmq.Frame(each) for each in frames],
        fails,
        None,
    ],
)
def test_serialize(alike, serialize):
    def act(here, there):
        frames = [b"a", b"b" * LARGE]
        return {
            "plain": outcome(here.send_serialized, frames, serialize),
            "positional": outcome(here.send_serialized, frames, serialize, zmq.DONTWAIT, False),
            "by name": outcome(here.send_serialized, msg=frames, serialize=serialize, copy=False),
            "wire": queued(there),
        }

    alike(act)


@pytest.mark.parametrize("copy", [True, False, None, 2])
@pytest.mark.parametrize(
    "deserialize", [list, lambda frames: frames, len, fails, None, lambda: None, b"".join]
)
def test_deserialize(alike, copy, deserialize):
    """Whatever the function does, the message has been received whole."""

    def act(here, there):
        there.send_multipart([b"a", b"b" * LARGE])
        there.send_multipart([b"c"])
        there.send(b"next")
        return {
            "result": outcome(here.recv_serialized, deserialize, copy=copy),
            "positional": outcome(here.recv_serialized, deserialize, zmq.DONTWAIT, copy),
            "left": queued(here),
        }

    alike(act)


# ---- by hand and by call


def test_one_message_by_many_calls(alike):
    """SNDMORE with each call, and RCVMORE after each: one message on the wire."""

    def act(here, there):
        def send():
            here.send(b"one", zmq.SNDMORE)
            here.send_multipart([b"two", b"three"], zmq.SNDMORE)
            here.send_string("vier", zmq.SNDMORE | zmq.DONTWAIT)
            here.send_json({"five": 5}, flags=zmq.SNDMORE)
            here.send_json([6], flags=zmq.SNDMORE, indent=1)
            here.send_pyobj([7], zmq.SNDMORE)
            here.send_serialized([b"8", b"9"], list, zmq.SNDMORE)
            here.send(zmq.Frame(b"ten"), zmq.SNDMORE, copy=False)
            here.send_multipart([b"e" * LARGE, b"last"], copy=False)

        send()
        send()
        seen = {"whole": there.recv_multipart()}
        for call, arguments in [
            ("recv", ()),
            ("recv", (0, False)),
            ("recv_string", ()),
            ("recv_unicode", ()),
            ("recv_json", ()),
            ("recv_json", ()),
            ("recv_pyobj", ()),
            ("recv", ()),
            ("recv_serialized", (list,)),
        ]:
            result = outcome(getattr(there, call), *arguments)
            seen[len(seen), call] = result, there.getsockopt(zmq.RCVMORE)
        return seen

    found = alike(act)
    assert len(found.pop("whole")) == 12
    assert [more for _, more in found.values()] == [1] * 8 + [0]
