"""Codec: three levels, inheritance, what a receiver allows; processes that differ in both."""

import copy
import pickle

import numpy as np
import pytest
import zmq

import framewire
from framewire import SAFE, Codec, Limits

OFF = {"compression": "none", "key": {}, "stamp": False, "schema": 0}
NAMES = ["array", "raw", "json", "msgpack", "pickle", "cloudpickle", "dill"]


@pytest.fixture(autouse=True)
def restored():
    yield
    framewire.set_default_codec()


def serializer_of(frames):
    """What a message of no socket was encoded with."""
    ids = {
        1: "array",
        2: "raw",
        3: "json",
        4: "msgpack",
        6: "pickle",
        7: "cloudpickle",
        255: "user",
    }
    return ids[frames[0][3]]


def sent_with(socket, peer, value=5, **options):
    framewire.send_value(socket, value, **options)
    return peer.recv_message().serializer


# ---- the object


def test_defaults():
    codec = framewire.default_codec()
    assert (codec.serializer, codec.allow, codec.limits) == ("auto", SAFE, Limits())
    assert (codec.stamp, codec.schema, codec.compression) == (False, 0, "none")
    assert not codec.key
    assert not SAFE & {"pickle", "cloudpickle", "dill", "arrow.extension"}
    assert (Codec().serializer, Codec().allow, Codec().limits) == (None, None, None)
    assert (Codec().stamp, Codec().schema) == (None, None)


def test_equality_hash_repr():
    codec = Codec("json", allow=["json", "raw"], limits=Limits(depth=5))
    twin = Codec("json", allow={"raw", "json"}, limits=Limits(depth=5))
    assert codec == twin
    assert hash(codec) == hash(twin)
    assert len({codec, twin, Codec("json"), Codec()}) == 3
    assert len({Codec(), *(Codec(stamp=s) for s in (True, False)), Codec(schema=0)}) == 4
    assert Codec(stamp=True, schema=5) == Codec(schema=5, stamp=True)
    assert codec != Codec("json", allow=["json"], limits=Limits(depth=5))
    assert codec != "json"
    assert Codec(["json", "msgpack"]) == Codec(("json", "msgpack"))
    assert repr(codec) == (
        "Codec(serializer='json', allow=['json', 'raw'], limits=Limits(depth=5))"
    )
    assert repr(Codec()) == "Codec()"
    assert repr(Codec(stamp=False, schema=100)) == "Codec(stamp=False, schema=100)"
    assert repr(Codec(allow=[])) in ("Codec(allow=[])", "Codec(allow=frozenset())")
    assert eval(repr(codec)) == codec


@pytest.mark.parametrize(
    "codec",
    [
        Codec(),
        Codec("json"),
        Codec(["json", "pickle"], allow=SAFE, limits=Limits(depth=3)),
        Codec(stamp=True, schema=7),
    ],
    ids=["empty", "name", "all", "stamp"],
)
def test_copies(codec):
    for twin in (pickle.loads(pickle.dumps(codec)), copy.copy(codec), copy.deepcopy(codec)):
        assert twin == codec
        assert type(twin) is Codec


def test_immutable():
    codec = Codec("json")
    for name in ("serializer", "allow", "limits", "stamp", "schema", "new"):
        with pytest.raises(AttributeError):
            setattr(codec, name, None)
    for again in (("pickle",), ()):
        try:
            codec.__init__(*again)
        except TypeError:
            pass
    assert codec == Codec("json")
    names = ["json"]
    codec = Codec(names, allow=names)
    names.append("pickle")
    assert (codec.serializer, codec.allow) == (("json",), {"json"})
    with pytest.raises(TypeError):
        type("Sub", (Codec,), {})


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Codec(5), TypeError),
        (lambda: Codec([5]), TypeError),
        (lambda: Codec([]), ValueError),
        (lambda: Codec(b"json"), TypeError),
        (lambda: Codec(allow=5), TypeError),
        (lambda: Codec(allow=[b"json"]), TypeError),
        (lambda: Codec(limits=5), TypeError),
        (lambda: Codec(limits={"depth": 5}), TypeError),
        (lambda: Codec("json", SAFE), TypeError),
        (lambda: Codec(stamped=True), TypeError),
        (lambda: Codec(stamp=1), TypeError),
        (lambda: Codec(schema=True), TypeError),
        (lambda: Codec(schema=1.0), TypeError),
        (lambda: Codec(schema=-1), ValueError),
        (lambda: Codec(schema=2**31), ValueError),
        (lambda: Limits(depth=0), ValueError),
        (lambda: Limits(depth=513), ValueError),
        (lambda: framewire.set_default_codec(5), TypeError),
        (lambda: framewire.set_default_codec("json", serializer="json"), TypeError),
        (lambda: framewire.Context(codec=Codec(), serializer="json"), TypeError),
        (lambda: framewire.Context(codec=5), TypeError),
    ],
    ids=[
        *"number list-of-number empty bytes allow allow-bytes limits limits-dict".split(),
        *"positional unknown stamp schema-bool schema-float schema-negative schema-large".split(),
        *"shallow deep default both context-both context".split(),
    ],
)
def test_not_a_codec(make, error):
    with pytest.raises(error):
        make()


def test_one_name_to_allow():
    assert Codec(allow="json").allow == {"json"}


# ---- levels


def test_levels(ctx, quick):
    """The call, the socket, the context, the process: the first that says so."""
    framewire.set_default_codec(Codec("json"))
    assert serializer_of(framewire.dumps(5)) == "json"
    assert framewire.default_codec() == Codec("json", allow=SAFE, limits=Limits(), **OFF)
    peer = quick(ctx.socket(zmq.PAIR))
    peer.bind("inproc://levels")
    socket = quick(ctx.socket(zmq.PAIR))
    socket.connect("inproc://levels")
    assert socket.codec == framewire.default_codec()
    assert sent_with(socket, peer) == "json"
    framewire.set_default_codec(serializer="msgpack")  # of sockets too that have none of their own
    assert sent_with(socket, peer) == "msgpack"
    socket.codec = "pickle"
    assert sent_with(socket, peer) == "pickle"
    assert sent_with(socket, peer, codec="json") == "json"
    assert sent_with(socket, peer, codec=Codec("json")) == "json"
    assert sent_with(socket, peer, codec="json", serializer="msgpack") == "msgpack"
    assert sent_with(socket, peer, codec=["raw", "json"]) == "json"
    socket.codec = None
    assert sent_with(socket, peer) == "msgpack"
    framewire.set_default_codec()
    assert framewire.default_codec().serializer == "auto"


def test_context_level():
    with framewire.Context(serializer="json") as context:
        early, late = context.socket(zmq.PAIR), context.socket(zmq.PAIR, serializer="pickle")
        assert (early.codec.serializer, late.codec.serializer) == ("json", "pickle")
        framewire.set_default_codec("msgpack")
        assert (context.codec.serializer, early.codec.serializer) == ("json", "json")
        context.codec = Codec("msgpack", allow=["json"])
        later = context.socket(zmq.PAIR)
        assert (early.codec.serializer, later.codec.serializer) == ("json", "msgpack")
        assert later.codec.allow == {"json"}
        late.codec = None  # from now on that of the context, as it is now
        assert late.codec == context.codec
        context.codec = None
        assert context.socket(zmq.PAIR).codec == framewire.default_codec()
        context.destroy(linger=0)


def test_each_field_is_inherited_alone():
    framewire.set_default_codec(Codec(limits=Limits(depth=7)))
    with framewire.Context(codec=Codec(allow=["json", "raw"])) as context:
        socket = context.socket(zmq.PAIR, codec=Codec("json"))
        assert socket.codec == Codec("json", allow=["raw", "json"], limits=Limits(depth=7), **OFF)
        framewire.set_default_codec()  # what was assigned is resolved
        assert socket.codec.limits == Limits(depth=7)
        assert context.codec.limits == Limits(depth=7)
        with pytest.raises(ValueError, match="too many values"):
            framewire.dumps([[1]], codec=Codec(limits=Limits(depth=1)))
        context.destroy(linger=0)


def test_of_a_call_what_it_does_not_set_is_the_sockets(pair):
    here, there = pair
    there.codec = Codec(allow=["json"])
    here.send_value(5, serializer="json")
    here.send_value([[5]], serializer="json")
    here.send_value(5)
    assert there.recv_value(codec=Codec(limits=Limits(depth=1))) == 5
    assert there.recv_value(codec="pickle") == [[5]]
    with pytest.raises(framewire.RefusedError):
        there.recv_value(codec=Codec(limits=Limits(depth=1)))


def test_plain_sockets_have_the_process_and_the_call(context, quick):
    here, there = quick(context.socket(zmq.PAIR)), quick(context.socket(zmq.PAIR))
    here.bind("inproc://plain")
    there.connect("inproc://plain")
    framewire.set_default_codec("json")
    framewire.send_value(here, 5)
    framewire.send_value(here, 5, codec="msgpack")
    assert framewire.recv_message(there).serializer == "json"
    with pytest.raises(framewire.RefusedError):
        framewire.recv_value(there, codec=Codec(allow=["json"]))


def test_shadow_and_subclass(ctx):
    class Mine(framewire.Socket):
        pass

    socket = Mine(ctx, zmq.PAIR, codec="json")
    assert socket.codec.serializer == "json"
    assert Mine.shadow(socket.underlying).codec == framewire.default_codec()


# ---- allow


@pytest.mark.parametrize("name", NAMES)
def test_allow(pair, name):
    """From the head alone: a payload that is none is not looked at."""
    if name in ("cloudpickle", "dill"):
        pytest.importorskip(name)
    here, there = pair
    value = {"array": np.arange(3), "raw": b"abc"}.get(name, [1, "a"])
    frames = framewire.dumps(value, serializer=name)
    broken = [frames[0][:-1] + b"\xff"]
    there.codec = Codec(allow=[each for each in NAMES if each != name])
    for message in (frames, broken):
        here.send_multipart(message)
        here.send_multipart(message)
        here.send_string("next")
        with pytest.raises(framewire.RefusedError, match=rf"allow=\['{name}'") as info:
            there.recv_value()
        assert (info.value.code, info.value.offset) == ("refused", 3)
        with pytest.raises(framewire.RefusedError, match=name):
            _ = there.recv_message().value
        assert there.recv_string() == "next"
    came = framewire.loads(frames, codec=Codec(allow=name))
    assert np.array_equal(came, value)


def test_arrays_obey_too(pair):
    here, there = pair
    there.codec = Codec(allow=["msgpack"])
    here.send_array(np.arange(3))
    here.send_multipart([b'{"dtype": "uint8", "shape": [3]}', b"abc"])  # the recipe
    here.send_value("next")
    for _ in range(2):
        with pytest.raises(framewire.RefusedError, match="array"):
            there.recv_array()
    assert there.recv_value() == "next"
    here.send_array(np.arange(3))
    assert there.recv_array(codec=Codec(allow=SAFE)).shape == (3,)
    with pytest.raises(framewire.RefusedError):
        framewire.loads_array(framewire.dumps(np.arange(3)), codec=Codec(allow=[]))


def test_a_reply_uses_the_repliers_codec(connect):
    here, there = connect(zmq.REP, zmq.REQ)
    there.codec = Codec("pickle", allow=SAFE)
    here.codec = Codec(allow=SAFE | {"pickle"})
    there.send_value([1])
    assert here.recv_value() == [1]
    here.send_value([2])
    assert there.recv_message().serializer == "msgpack"


def test_auto_never_picks_a_pickle():
    for value in (object(), lambda: 0, range(3), Exception("x"), np.array([None]), type):
        with pytest.raises(TypeError):
            framewire.dumps(value)


# ---- sequences of serializers


def test_sequences():
    assert serializer_of(framewire.dumps({1j: 2}, serializer=["json", "msgpack"])) == "msgpack"
    assert serializer_of(framewire.dumps([1], serializer=("array", "raw", "json"))) == "json"
    assert serializer_of(framewire.dumps(len, serializer=["auto", "pickle"])) == "pickle"
    framewire.set_default_codec(["array", "json"])
    assert serializer_of(framewire.dumps(np.arange(3))) == "array"
    assert serializer_of(framewire.dumps([1])) == "json"
    with pytest.raises(TypeError, match=r"no serializer takes a object: array: .*; json: .*"):
        framewire.dumps(object())


def test_unknown_names(pair):
    """ValueError, with the valid ones; on the wire RefusedError, with what to do about it."""
    here, there = pair
    for call in (
        lambda: framewire.dumps(1, serializer="nope"),
        lambda: here.send_value(1, codec="nope"),
        lambda: framewire.serialize(1, ["nope"], on_error="raise"),
    ):
        with pytest.raises(
            (ValueError, TypeError), match=r"'nope'.*array, raw, json, msgpack, record, pickle"
        ):
            call()
    framewire.register_serializer("codec-gone", lambda x: (x, []), lambda header, frames: header)
    here.send_value(1, serializer="codec-gone")
    here.send_value("next")
    framewire.unregister_serializer("codec-gone")
    with pytest.raises(framewire.RefusedError, match=r"codec-gone.*register_serializer"):
        there.recv_value()
    assert there.recv_value() == "next"
    with pytest.raises(ValueError, match="codec-gone"):
        framewire.dumps(1, serializer="codec-gone")
