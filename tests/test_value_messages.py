"""Values as messages: topics, envelopes, metadata, packed into one frame."""

import numpy as np
import pytest
import zmq
from sameness import same

import framewire

LARGE = np.arange(10_000.0)
VALUES = {
    "array": LARGE,
    "array-small": np.arange(3),
    "tree": {"a": [LARGE, {"b": (1, 2)}], "raw": b"x" * 10_000},
    "tree-small": [1, "two"],
    "raw": b"x" * 10_000,
    "none": None,
}
values = pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)


# ---- topics


@values
@pytest.mark.parametrize("topic", ["temp", b"temp", b"", "é", b"\xff" * 40])
def test_topics(connect, value, topic):
    here, there = connect(zmq.PUSH, zmq.PULL)
    expected = topic.encode() if isinstance(topic, str) else topic
    for _ in range(2):
        here.send_value(value, topic=topic, meta={"n": 1})
    message = there.recv_message()
    assert (message.topic, message.envelope, message.meta) == (expected, [expected], {"n": 1})
    assert same(message.value, value)
    assert same(there.recv_value(), value)


def test_pub_sub(connect):
    pub, sub = connect(zmq.XPUB, zmq.SUB, "tcp")
    for topic in (b"temp", b"pressure"):
        sub.subscribe(topic)
        pub.recv()
    for n in range(10):
        pub.send_value({"n": n, "data": LARGE}, topic="temp.in" if n % 2 else "other")
        pub.send_value(n, topic=b"pressure")
    for n in range(10):
        if n % 2:
            message = sub.recv_message()
            assert (message.topic, message.value["n"]) == (b"temp.in", n)
        assert sub.recv_value() == n


@pytest.mark.parametrize(
    ("topic", "error"),
    [(b"\xc1F", ValueError), (b"\xc1Fabc", ValueError), (5, TypeError), ("\ud800", ValueError)],
    ids=["magic", "longer", "number", "surrogate"],
)
def test_topics_that_are_none(pair, topic, error):
    here, there = pair
    for value in VALUES.values():
        with pytest.raises(error):
            here.send_value(value, topic=topic)
    here.send_value("next")
    assert there.recv_value() == "next"


def test_sndmore(pair):
    here, there = pair
    with pytest.raises(ValueError, match="SNDMORE"):
        here.send_value(1, zmq.SNDMORE)
    here.send_value("next")
    assert there.recv_value() == "next"


# ---- envelopes


@values
@pytest.mark.parametrize("over", ["inproc", "tcp"])
@pytest.mark.parametrize("kind", [zmq.DEALER, zmq.REQ], ids=["dealer", "req"])
def test_a_router_answers(connect, over, kind, value):
    """The envelope that came goes back with the answer, the delimiter of a REQ too."""
    router, peer = connect(zmq.ROUTER, kind, over, routing_id=b"\xc1F peer")
    peer.send_value([1])
    message = router.recv_message()
    delimiter = [b""] if kind == zmq.REQ else []
    assert message.envelope == [b"\xc1F peer", *delimiter]
    assert message.topic is None
    assert message.value == [1]
    router.send_value(value, envelope=message.envelope, meta=5)
    came = peer.recv_message()
    assert came.envelope == []
    assert (came.topic, came.meta) == (None, 5)
    assert same(came.value, value)


def test_a_router_answers_a_topic(connect):
    """For a DEALER, topic= is the routing id and nothing more."""
    router, dealer = connect(zmq.ROUTER, zmq.DEALER, routing_id=b"peer")
    dealer.send_value("question")
    (identity,) = router.recv_message().envelope
    router.send_value("answer", topic=identity)
    router.send_value("more", envelope=[identity], topic="about")
    assert dealer.recv_value() == "answer"
    message = dealer.recv_message()
    assert (message.envelope, message.topic, message.value) == ([b"about"], b"about", "more")


def test_recv_value_drops_the_envelope(connect):
    router, dealer = connect(zmq.ROUTER, zmq.DEALER, routing_id=b"\xc1F\1\4")
    dealer.send_value({"a": 1})
    assert router.recv_value() == {"a": 1}
    dealer.send_multipart([b"hop", b"", *framewire.dumps(2)])
    assert router.recv_value() == 2
    dealer.send_multipart([b"hop", b"", *framewire.dumps(2)])
    message = router.recv_message()
    assert message.envelope == [b"\xc1F\1\4", b"hop", b""]
    router.send_value(3, envelope=message.envelope)
    assert [bytes(f) for f in dealer.recv_multipart()][:2] == [b"hop", b""]


@pytest.mark.parametrize(
    "envelope",
    [b"id", "id", bytearray(b"id"), ["id"], [5], [None], 5, [[b"id"]]],
    ids="bytes str bytearray text number none int list".split(),
)
def test_envelopes_that_are_none(pair, envelope):
    here, there = pair
    with pytest.raises(TypeError):
        here.send_value(1, envelope=envelope)
    here.send_value("next")
    assert there.recv_value() == "next"


def test_envelopes_of_any_buffers(pair):
    here, there = pair
    here.send_value(1, envelope=(frame for frame in [b"a", bytearray(b"b"), memoryview(b"")]))
    here.send_value(2, envelope=[])
    assert there.recv_message().envelope == [b"a", b"b", b""]
    assert there.recv_message().envelope == []
    with pytest.raises(ValueError, match="C1 46"):
        here.send_value(1, envelope=[b"a", b"\xc1F"])


# ---- metadata

METAS = {
    "dict": {"gain": 2, "units": ["K", None]},
    "false": False,
    "zero": 0,
    "text": "é" * 1000,
    "bytes": b"\0\xff",
    "nested": {"a": {"b": [1.5, {"c": b""}]}},
}


@values
@pytest.mark.parametrize("meta", METAS.values(), ids=METAS)
def test_metadata(connect, value, meta):
    here, there = connect()
    for packed in (False, True):
        here.send_value(value, meta=meta, packed=packed)
        message = there.recv_message()
        assert message.meta == meta
        assert type(message.meta) is type(meta)
        assert same(message.value, value)
    assert same(framewire.loads(framewire.dumps(value, meta=meta)), value)


def test_no_metadata(pair):
    here, there = pair
    here.send_value(1)
    here.send_value(1, meta=None)
    assert [there.recv_message().meta, there.recv_message().meta] == [None, None]


@pytest.mark.parametrize(
    ("meta", "error"),
    [(object(), TypeError), (1 << 70, ValueError), (np.arange(3), TypeError)],
    ids=["object", "large", "array"],
)
def test_metadata_that_is_none(pair, meta, error):
    here, there = pair
    with pytest.raises(error):
        here.send_value(1, meta=meta)
    here.send_value("next")
    assert there.recv_value() == "next"


# ---- packed


@values
def test_packed(connect, over, value):
    here, there = connect(over=over)
    here.send_value(value, packed=True)
    framewire.send_value(here, [value, (value,)], packed=True, topic="t")
    message = there.recv_message()
    assert len(message.frames) == len(framewire.dumps(value, packed=True)) == 1
    assert same(message.value, value)
    (one, (two,)) = there.recv_value()
    assert same(one, value)
    assert same(two, value)


@pytest.mark.parametrize("copy", [None, True])
def test_packed_arrays_lie_well(connect, over, copy):
    """Each is aligned; writable where asked for, and each by itself."""
    here, there = connect(over=over)
    dtypes = ["u1", "f8", "g", "i2", ">f4", "S3"]
    sent = {name: np.ones(10_007, name) for name in dtypes} | {"raw": bytes(9001)}
    here.send_value(sent, packed=True)
    came = there.recv_value(copy=copy)
    assert same(came, sent)
    arrays = [came[name] for name in dtypes]
    assert all(array.flags.aligned for array in arrays)
    assert all(array.flags.writeable == (copy is True) for array in arrays)
    if copy:
        for n, array in enumerate(arrays):
            array[:] = n
        assert [int(array[0]) for array in arrays] == list(range(len(arrays)))
        assert [int(array[-1]) for array in arrays] == list(range(len(arrays)))


@values
def test_conflate(ctx, quick, value):
    push, pull = quick(ctx.socket(zmq.PUSH)), quick(ctx.socket(zmq.PULL))
    pull.conflate = push.conflate = True
    pull.bind("inproc://conflating")
    push.connect("inproc://conflating")
    push.send_value(value, packed=True)
    assert same(pull.recv_value(), value)


@values
@pytest.mark.skipif(not zmq.has("draft"), reason="needs the drafts of libzmq")
def test_client_and_server(connect, value):
    server, client = connect(zmq.SERVER, zmq.CLIENT)
    client.send_value(value, packed=True)
    client.send_array(LARGE, packed=True)
    assert same(server.recv_value(), value)
    assert same(server.recv_array(), LARGE)


@pytest.mark.parametrize("array", [LARGE, np.arange(3), LARGE.reshape(100, 100).T, np.zeros(0)])
def test_send_array_packed(pair, array):
    here, there = pair
    here.send_array(array, packed=True)
    here.send_array(array, packed=True, topic="t", meta=1)
    assert len(there.recv_multipart()) == 1
    frames = there.recv_multipart()
    assert frames[0] == b"t"
    assert same(framewire.loads_array(frames), np.asarray(array))
    assert same(framewire.loads(frames), np.asarray(array))


# ---- other messages


def test_foreign(pair):
    here, there = pair
    for frames in (
        [b""],
        [b"text"],
        [b"a", b"b"],
        [b"\xc1"],
        [b'{"dtype": "u1", "shape": [1]}', b"a"],
    ):
        for _ in range(2):
            here.send_multipart(frames)
        here.send_value("next")
        with pytest.raises(framewire.DecodeError) as info:
            there.recv_value()
        assert info.value.code == "foreign"
        message = there.recv_message()
        assert (message.serializer, [bytes(f) for f in message.frames]) == (None, frames)
        with pytest.raises(framewire.DecodeError):
            _ = message.value
        assert there.recv_value() == "next"


def test_arrays_and_values_are_the_same_messages(pair):
    here, there = pair
    here.send_array(LARGE, topic="t", meta=1)
    here.send_value(LARGE, topic="t", meta=1)
    first, second = there.recv_multipart(), there.recv_multipart()
    assert first == second
    here.send_value(LARGE)
    here.send_array(LARGE)
    assert same(there.recv_array(), LARGE)
    assert same(there.recv_value(), LARGE)
    here.send_value([1])
    here.send_value("next")
    with pytest.raises(framewire.SchemaError, match="recv_value takes it"):
        there.recv_array()
    assert there.recv_value() == "next"


def test_loads_of_anything(pair):
    frames = framewire.dumps({"a": [LARGE, b"x" * 10_000]}, copy=False)
    assert all(type(frame) in (bytes, memoryview) for frame in frames)
    for variant in (frames, tuple(frames), iter(frames), map(bytearray, frames), [b"t", *frames]):
        assert same(framewire.loads(variant), {"a": [LARGE, b"x" * 10_000]})
    (small,) = framewire.dumps([1])
    for variant in (small, bytearray(small), memoryview(small), np.frombuffer(small, "u1")):
        assert framewire.loads(variant) == [1]
    with pytest.raises((BufferError, ValueError), match="contiguous"):
        framewire.loads(np.frombuffer(small * 2, "u1")[::2])
    for wrong in (5, ["text"], [None], "text"):
        with pytest.raises((TypeError, framewire.DecodeError)):
            framewire.loads(wrong)
    with pytest.raises(framewire.DecodeError):
        framewire.loads([])


def test_again_and_closed_sockets(connect):
    here, there = connect(zmq.PUSH, zmq.PULL)
    for receive in (there.recv_value, there.recv_message):
        with pytest.raises(zmq.Again):
            receive(zmq.DONTWAIT)
    here.close()
    there.close()
    for call in (lambda: here.send_value([LARGE]), there.recv_value, there.recv_message):
        with pytest.raises(zmq.ZMQError) as info:
            call()
        assert info.value.errno == zmq.ENOTSOCK
