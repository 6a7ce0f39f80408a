"""serialize and deserialize, by dask's names; serializers of users; contexts."""

import copy
import zlib

import numpy as np
import pytest
import zmq
from sameness import same

import framewire
from framewire import deserialize, serialize

LARGE = np.arange(10_000.0)


def as_bytes(frames):
    return [bytes(frame) for frame in frames]


@pytest.fixture
def register():
    """Register serializers that are gone afterwards."""
    names = []

    def register(name, dumps, loads, **options):
        framewire.register_serializer(name, dumps, loads, **options)
        names.append(name)

    yield register
    for name in names:
        framewire.unregister_serializer(name)


# ---- the functional form

VALUES = {
    "array": (LARGE, "array"),
    "array-small": (np.arange(3), "array"),
    "array-0d": (np.array(5), "array"),
    "array-empty": (np.zeros((0, 3)), "array"),
    "array-fortran": (np.asfortranarray(LARGE.reshape(100, 100)), "array"),
    "array-strided": (LARGE[::3], "array"),
    "array-broadcast": (np.broadcast_to(LARGE, (3, 10_000)), "array"),
    "scalar": (np.float32(2.5), "array"),
    "masked": (np.ma.array([1, 2], mask=[0, 1]), "msgpack"),
    "bytes": (b"abc", "raw"),
    "bytes-large": (bytes(20_000), "raw"),
    "bytearray": (bytearray(b"abc"), "raw"),
    "text": ("text", "msgpack"),
    "none": (None, "msgpack"),
    "dict": ({"a": [LARGE, {1: (2, {3})}], "b": b"x" * 10_000}, "msgpack"),
}


@pytest.mark.parametrize(("value", "name"), VALUES.values(), ids=VALUES)
def test_round_trip(value, name):
    header, frames = serialize(value)
    assert header["serializer"] == name
    before = copy.deepcopy(header)
    for _ in range(2):  # a header is not used up
        assert same(deserialize(header, as_bytes(frames)), value)
        assert same(deserialize(header, frames), value)
        assert header == before
    travelled = framewire.loads(framewire.dumps(header))
    assert same(deserialize(travelled, tuple(frames)), value)
    assert same(deserialize(header, iter(frames)), value)


def test_an_array_is_one_frame():
    for array in (value for value, name in VALUES.values() if name == "array"):
        header, frames = serialize(array)
        assert len(frames) == 1
        assert memoryview(frames[0]).nbytes <= array.nbytes
        assert len(header["head"]) < 100


def test_lists_come_back_as_lists():
    value = [1, (2, [3]), {"a": [4]}]
    assert same(deserialize(*serialize(value)), value)


def test_small_values_are_few_frames():
    _, frames = serialize({str(n): np.float64(n) for n in range(6)})
    assert len(frames) <= 1


def test_received_arrays_are_aligned():
    """The first of a message as well, wherever its frame begins."""
    header, frames = serialize([np.arange(3.0), LARGE])
    for shift in range(8):
        moved = [memoryview(b"x" * shift + bytes(frame))[shift:] for frame in frames]
        assert all(array.flags.aligned for array in deserialize(header, moved))


@pytest.mark.parametrize(
    "names", ["msgpack", ["msgpack"], ("json", "msgpack"), ["json", "raw", "msgpack"]]
)
def test_serializers(names):
    header, frames = serialize({1j: LARGE}, names)
    assert header["serializer"] == "msgpack"
    assert same(deserialize(header, frames, ["msgpack"]), {1j: LARGE})


def test_a_serializer_that_there_is_not_is_no_reason_to_go_on():
    with pytest.raises(ValueError, match="no serializer 'nope': there are array, raw"):
        serialize({}, ["nope", "msgpack"], on_error="raise")


def test_deserializers():
    """A name that is not among them is refused; "array" does not open a pickle."""
    header, frames = serialize({"a": len}, ["array", "pickle"])
    assert header["serializer"] == "pickle"
    for allowed in (None, [], ["array"], ["array", "msgpack", "user"], iter(["raw"])):
        with pytest.raises(framewire.RefusedError, match="pickle"):
            deserialize(header, frames, allowed)
    assert deserialize(header, frames, ["pickle"]) == {"a": len}
    assert deserialize(header, frames, "pickle") == {"a": len}
    lie = dict(header, serializer="array")  # the head says what it is
    with pytest.raises(framewire.RefusedError, match="pickle"):
        deserialize(lie, frames, ["array"])


def test_errors_travel():
    header, frames = serialize({"a": [object()]})
    assert header["serializer"] == "error"
    for _ in range(2):
        with pytest.raises(TypeError, match=r"value\['a'\]\[0\]: a object cannot be sent"):
            deserialize(header, as_bytes(frames))
    header, frames = serialize(object(), ["json", "array"], "message")
    with pytest.raises(TypeError, match=r"json: .*array: "):
        deserialize(header, frames)
    with pytest.raises(TypeError, match=r"^value\['a'\]"):
        serialize({"a": object()}, on_error="raise")
    with pytest.raises(ValueError, match="one inside itself"):
        ring = []
        ring.append(ring)
        serialize(ring, on_error="raise")
    with pytest.raises(ValueError, match="on_error"):
        serialize(1, on_error="ignore")


def test_errors_of_any_text(register):
    def dumps(value):
        raise RuntimeError("\ud800 is no UTF-8")

    register("serialize-raises", dumps, lambda header, frames: None)
    header, frames = serialize(1, ["serialize-raises"])
    with pytest.raises(TypeError, match="is no UTF-8"):
        deserialize(header, frames)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"serializer": "array"},
        {"head": b""},
        {"serializer": "nope", "head": b""},
        {"serializer": "array", "head": 5},
        {"serializer": "array", "head": "text"},
        {"serializer": "array", "head": None},
        {"serializer": "array", "head": b"\xc1F"},
        {"serializer": ["a"], "head": b"\xc1F\1\1" + bytes(12)},
    ],
    ids="empty no-head no-name unknown number text none short list".split(),
)
def test_headers_that_are_none(header):
    with pytest.raises(framewire.DecodeError):
        deserialize(header, [b"abc"])


def test_frames_that_are_missing_or_too_many():
    header, frames = serialize([LARGE, LARGE[5:]])
    for wrong in ([], frames[:-1], [*frames, b""], frames[::-1], [b"", *frames]):
        with pytest.raises(framewire.DecodeError):
            deserialize(header, wrong)


# ---- serializers of your own


def dump_zipped(value):
    if not isinstance(value, str):
        raise NotImplementedError
    return {"size": len(value)}, [zlib.compress(value.encode())]


def load_zipped(header, frames):
    value = zlib.decompress(frames[0]).decode()
    assert header["size"] == len(value)
    return value


def test_your_own(register, connect, over):
    register("serialize-zip", dump_zipped, load_zipped)
    here, there = connect(over=over)
    for text in ("", "abc", "long" * 10_000, "\0" * 2_000_000):
        here.send_value(text, serializer="serialize-zip")
        assert there.recv_value() == text
        header, frames = serialize(text, ["serialize-zip"])
        assert header["serializer"] == "serialize-zip"
        assert deserialize(header, frames) == text
    with pytest.raises(TypeError, match="'serialize-zip' does not take it"):
        here.send_value(5, serializer="serialize-zip")
    here.send_value(5, serializer=["serialize-zip", "msgpack"])
    assert there.recv_message().serializer == "msgpack"
    here.send_value("a", serializer=["array", "serialize-zip"])
    assert there.recv_message().serializer == "serialize-zip"


def test_headers_and_frames_are_any(register):
    register("serialize-any", lambda value: value, lambda header, frames: (header, frames))
    header = {"array": LARGE, (1, 2): {3}, "deep": [np.arange(3)]}
    for frames in ([], [b""], [b"a", bytearray(b"b"), LARGE, memoryview(b"c")], (b"x" * 9000,)):
        came, buffers = framewire.loads(
            framewire.dumps((header, frames), serializer="serialize-any")
        )
        assert same(came, header)
        assert all(type(buffer) is memoryview for buffer in buffers)
        assert [bytes(b) for b in buffers] == [memoryview(frame).tobytes() for frame in frames]


def test_what_other_exceptions_do(register):
    """In a sequence any exception moves on; alone it is what it is."""

    def dumps(value):
        raise ZeroDivisionError("mine")

    register("serialize-fails", dumps, lambda header, frames: None)
    with pytest.raises(ZeroDivisionError, match="mine"):
        framewire.dumps(1, serializer="serialize-fails")
    frames = framewire.dumps(1, serializer=["serialize-fails", "pickle"])
    assert framewire.loads(frames, codec=framewire.Codec(allow=["pickle"])) == 1
    with pytest.raises(TypeError, match=r"serialize-fails: mine; json: "):
        framewire.dumps(1j, serializer=["serialize-fails", "json"])


def test_interrupts_are_not_caught(register):
    def dumps(value):
        raise KeyboardInterrupt

    register("serialize-interrupted", dumps, lambda header, frames: None)
    with pytest.raises(KeyboardInterrupt):
        framewire.dumps(1, serializer=["serialize-interrupted", "msgpack"])


def test_unsafe_ones_are_allowed_by_name(register):
    for name, unsafe in (("serialize-safe", False), ("serialize-unsafe", True)):
        register(name, lambda value: (value, []), lambda header, frames: header, unsafe=unsafe)
    safe = framewire.dumps(1, serializer="serialize-safe")
    unsafe = framewire.dumps(1, serializer="serialize-unsafe")
    assert framewire.loads(safe) == 1
    assert framewire.loads(safe, codec=framewire.Codec(allow=["serialize-safe"])) == 1
    assert framewire.loads(unsafe, codec=framewire.Codec(allow=["serialize-unsafe"])) == 1
    for codec in (None, framewire.Codec(allow=["user"]), framewire.Codec(allow=["serialize-safe"])):
        with pytest.raises(framewire.RefusedError, match=r"allow=\['serialize-unsafe'"):
            framewire.loads(unsafe, codec=codec)
    with pytest.raises(framewire.RefusedError):
        framewire.loads(safe, codec=framewire.Codec(allow=["array", "msgpack"]))


def test_names():
    for name in ("json", "auto", "array", "pickle", "protobuf", ""):
        with pytest.raises(ValueError, match="cannot be the name"):
            framewire.register_serializer(name, dump_zipped, load_zipped)
    with pytest.raises(TypeError):
        framewire.register_serializer(b"name", dump_zipped, load_zipped)
    for name in ("serialize-never", "json"):
        with pytest.raises(KeyError):
            framewire.unregister_serializer(name)
    assert framewire.register_serialization_family is framewire.register_serializer


def test_a_second_registration_replaces_the_first(register):
    register("serialize-twice", lambda value: (1, []), lambda header, frames: header)
    framewire.register_serializer(
        "serialize-twice", lambda value: (2, []), lambda header, frames: header
    )
    assert framewire.loads(framewire.dumps(None, serializer="serialize-twice")) == 2


# ---- contexts


class Told:
    """Its functions are told of the context."""


@serialize.register(Told)
def dump_told(value, context=None):
    return context, []


@deserialize.register(Told)
def load_told(header, frames, *, context):
    return header, context


def test_context_of_serialize():
    given = {"sender": "a", "recipient": "b"}
    came, received = deserialize(*serialize([Told()], context=given))[0]
    assert came == given
    assert "allow" in received
    assert deserialize(*serialize([Told()]))[0][0] == {}


def test_context_of_a_serializer(register):
    register("serialize-told", dump_told, load_told)
    came, _ = deserialize(*serialize(1, ["serialize-told"], context={"sender": "me"}))
    assert came == {"sender": "me"}


@pytest.mark.parametrize("topic", ["temp", b"temp", None])
def test_context_of_a_socket(connect, register, topic):
    register("serialize-told", dump_told, load_told)
    here, there = connect(zmq.PUSH, zmq.PULL)
    for value, name in (([Told()], None), (Told(), None), (1, "serialize-told")):
        here.send_value(value, serializer=name, topic=topic)
        here.send_value(value, serializer=name, topic=topic)
        for came in (there.recv_value(), there.recv_message().value):
            sent, received = came[0] if type(came) is list else came
            assert (sent["socket_type"], sent.get("topic")) == (zmq.PUSH, topic)
            assert received["socket_type"] == zmq.PULL
            assert received.get("topic") == (b"temp" if topic else None)
