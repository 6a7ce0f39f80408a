"""framewire.compat.pyzmq: the document's functions, with a peer process that runs its code."""

import contextlib
import inspect
import pickle
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import recipes
import zmq

import framewire
from framewire.compat import pyzmq as compat

KEY = recipes.KEY
VALUE = {"a": [1, 2.5, None], "ü": (b"bytes", {3}), "array": np.arange(20_000)}
ARRAYS = [
    np.arange(12.0).reshape(3, 4),
    np.arange(200_000, dtype=np.uint8),
    np.array(2.5),
    np.float32(1.5),
    np.arange(5, dtype=">i4"),
    np.array([True, False]),
    np.array([1 + 2j, 3j], np.complex64),
    np.ones(3, np.longdouble),
    np.ones(3, np.float16),
    np.array([b"a", b"bcd"]),
    np.array(["a", "ünï"]),
    np.zeros((2, 2), "V5"),
    np.asfortranarray(np.arange(12).reshape(3, 4)),
    np.arange(100)[::3],
    np.arange(10)[::-1],
    np.broadcast_to(np.arange(3), (4, 3)),
    np.arange(6).view("M8[25ns]"),
    np.arange(6, dtype=">i8").view(">m8[D]"),
]


def named(array):
    return f"{array.dtype}-{'x'.join(map(str, array.shape))}"


@pytest.fixture(scope="module", params=["framewire", "pyzmq"])
def peer(request):
    """A socket, of framewire's or of pyzmq's own, whose other end is a process with the recipes."""
    context = framewire.Context() if request.param == "framewire" else zmq.Context()
    with context, context.socket(zmq.PAIR) as socket:
        socket.linger = 0
        socket.rcvtimeo = socket.sndtimeo = 20_000
        socket.bind("tcp://127.0.0.1:*")
        process = subprocess.Popen(
            [sys.executable, Path(recipes.__file__), socket.last_endpoint], stderr=subprocess.PIPE
        )
        try:
            yield socket
            socket.send(b"stop")
            assert socket.recv_json() == []  # it has nothing of framewire's
            assert process.wait(20) == 0
            assert process.stderr.read() == b""
        finally:
            process.kill()
            process.wait()
            process.stderr.close()


@pytest.fixture
def sockets(connect):
    return connect(zmq.PUSH, zmq.PULL)


def test_the_parameters_are_the_documents():
    for name in compat.__all__:
        ours = inspect.signature(getattr(compat, name)).parameters.values()
        theirs = inspect.signature(getattr(recipes, name)).parameters.values()
        found = [(each.name, each.kind, each.default) for each in ours]
        if name.endswith("_array"):  # **kwargs there: those of send and recv
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            assert found[-2:] == [("copy", kind, True), ("track", kind, False)]
            found, theirs = found[:-2], list(theirs)[:-1]
        assert found == [(each.name, each.kind, each.default) for each in theirs]


# ---- arrays


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("array", ARRAYS, ids=named)
def test_arrays_both_ways(peer, array, copy):
    peer.send(b"array")
    tracker = compat.send_array(peer, array, copy=copy, track=not copy)
    assert (tracker is None) == copy
    dtype, shape, data = peer.recv_json()
    there = np.frombuffer(bytes.fromhex(data), dtype).reshape(shape)
    assert there.dtype == array.dtype
    np.testing.assert_array_equal(there, array)
    back = compat.recv_array(peer, copy=copy)
    assert back.flags.writeable == (not copy)
    np.testing.assert_array_equal(back.view(array.dtype), array)
    if tracker is not None:
        tracker.wait(20)


def test_its_frames_are_the_documents(sockets):
    push, pull = sockets
    array = np.arange(6, dtype="u2").reshape(2, 3)
    compat.send_array(push, array)
    ours = pull.recv_multipart()
    recipes.send_array(push, array)
    assert ours == pull.recv_multipart()


@pytest.mark.parametrize(
    "dtype", ["O", "V0", "i4,f8", [("a", "u1", 3)], np.dtype("u1,f8", align=True), "T"], ids=str
)
def test_dtypes_that_it_cannot_carry(sockets, dtype):
    try:
        array = np.zeros(3, dtype)
    except TypeError:
        pytest.skip("numpy has no such dtype")
    with pytest.raises(TypeError, match="the recipe cannot carry dtype"):
        compat.send_array(sockets[0], array)
    nothing_was_sent(*sockets)


def test_dtypes_of_libraries(sockets):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    with pytest.raises(TypeError, match="bfloat16"):
        compat.send_array(sockets[0], np.zeros(3, ml_dtypes.bfloat16))
    nothing_was_sent(*sockets)


@pytest.mark.parametrize("value", [[1, 2], b"abc", 3, np.ma.masked_array([1, 2], [0, 1])])
def test_what_is_no_array(sockets, value):
    with pytest.raises(TypeError):
        compat.send_array(sockets[0], value)
    nothing_was_sent(*sockets)


def nothing_was_sent(push, pull):
    push.send(b"next")
    assert pull.recv_multipart() == [b"next"]


def test_receives_framewires_own_messages(sockets):
    push, pull = sockets
    array = np.zeros(3, "i4,f8")
    framewire.send_array(push, array)
    np.testing.assert_array_equal(compat.recv_array(pull), array)


def test_malformed_arrays_consume_one_message(sockets):
    push, pull = sockets
    bad = [
        [b"no header"],
        [b'{"dtype": "float64"}', b"x" * 8],
        [b'{"dtype": "float64", "shape": [2]}', b"x" * 8],
        [b'{"dtype": "datetime64[parsec]", "shape": [1]}', b"x" * 8],
        [b'{"dtype": "object", "shape": [1]}', b"x" * 8],
        [b'{"dtype": "float64", "shape": [-1]}', b"x" * 8],
    ]
    for frames in bad:
        push.send_multipart(frames)
        with pytest.raises(framewire.DecodeError):
            compat.recv_array(pull)
        compat.send_array(push, np.arange(3))
        assert compat.recv_array(pull).tolist() == [0, 1, 2]


def test_flags(sockets):
    push, pull = sockets
    for receive in (compat.recv_array, compat.recv_zipped_pickle):
        with pytest.raises(zmq.Again):
            receive(pull, zmq.DONTWAIT)
    with pytest.raises(zmq.Again):
        compat.recv_signed_zipped_pickle(pull, zmq.DONTWAIT, key=KEY)
    compat.send_array(push, np.arange(3), zmq.SNDMORE)
    compat.send_zipped_pickle(push, 1, zmq.SNDMORE)
    compat.send_signed_zipped_pickle(push, 2, zmq.SNDMORE, key=KEY)
    push.send(b"end")
    assert len(pull.recv_multipart()) == 6


# ---- pickles


@pytest.mark.parametrize(
    ("what", "how"), [("zipped_pickle", {}), ("signed_zipped_pickle", {"key": KEY})]
)
@pytest.mark.parametrize("protocol", [{}, {"protocol": 2}])
def test_pickles_both_ways(peer, what, how, protocol):
    peer.send_string(what)
    assert getattr(compat, f"send_{what}")(peer, VALUE, **how, **protocol) is None
    assert peer.recv_json() == 0
    back = getattr(compat, f"recv_{what}")(peer, **how)
    np.testing.assert_array_equal(back.pop("array"), VALUE["array"])
    assert back == {key: value for key, value in VALUE.items() if key != "array"}


def test_the_peer_refuses_another_key(peer):
    peer.send_string("signed_zipped_pickle")
    compat.send_signed_zipped_pickle(peer, VALUE, key=b"another")
    assert peer.recv_json() == "ValueError: invalid signature"


class Loaded:
    """Its pickle says so when it is loaded."""

    times = 0

    def __reduce__(self):
        return Loaded.note, ()

    @staticmethod
    def note():
        Loaded.times += 1


def test_invalid_signatures(sockets):
    """Nothing is decompressed or unpickled, and just that message is gone."""
    push, pull = sockets
    zipped = zlib.compress(pickle.dumps(Loaded()))
    good = recipes.sign(KEY, zipped)
    bad = [
        [recipes.sign(b"another", zipped), zipped],
        [good, zipped[:-1]],
        [good, zipped + b"x"],
        [good[:-1], zipped],
        [b"", zipped],
        [good + b"x", zipped],
        [zipped],
        [good, zipped, b""],
        [good, b"not even compressed"],
        [b"\xff" * 32, b""],
    ]
    bad += [[good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :], zipped] for i in range(32)]
    for frames in bad:
        push.send_multipart(frames)
        with pytest.raises(ValueError, match=r"^invalid signature$") as caught:
            compat.recv_signed_zipped_pickle(pull, key=KEY)
        assert isinstance(caught.value, framewire.SignatureError)
        push.send_multipart([recipes.sign(KEY, z := zlib.compress(pickle.dumps(5))), z])
        assert compat.recv_signed_zipped_pickle(pull, key=KEY) == 5
    assert Loaded.times == 0
    push.send_multipart([good, zipped])
    compat.recv_signed_zipped_pickle(pull, key=KEY)
    assert Loaded.times == 1


def test_keys(sockets):
    push, pull = sockets
    for key, error in ((b"", ValueError), ("text", TypeError), (None, TypeError)):
        with pytest.raises(error):
            compat.send_signed_zipped_pickle(push, 1, key=key)
        with pytest.raises(error):
            compat.recv_signed_zipped_pickle(pull, key=key)
    compat.send_signed_zipped_pickle(push, 1, key=bytearray(KEY))
    assert compat.recv_signed_zipped_pickle(pull, key=bytearray(KEY)) == 1


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 5000, 100_000])
def test_what_is_decompressed_is_limited(sockets, size):
    push, pull = sockets
    pickled = pickle.dumps(bytes(size))
    for most in (len(pickled) - 1, len(pickled), len(pickled) + 1, 2**63 - 1):
        pull.codec = framewire.Codec(limits=framewire.Limits(decompressed=most))
        compat.send_zipped_pickle(push, bytes(size), protocol=pickle.DEFAULT_PROTOCOL)
        if most < len(pickled):
            with pytest.raises(framewire.LimitError, match="decompressed"):
                compat.recv_zipped_pickle(pull)
        else:
            assert compat.recv_zipped_pickle(pull) == bytes(size)


def test_decompressing_takes_no_more_than_the_limit(sockets):
    """In memory, all in all."""
    push, pull = sockets
    most = 32 << 20
    pull.codec = framewire.Codec(limits=framewire.Limits(decompressed=most))
    for size in (most - 100, 2 * most):
        push.send(zlib.compress(pickle.dumps(bytearray(size), 5)))
        pull.poll()
        tracemalloc.start()
        try:
            with contextlib.suppress(framewire.LimitError):
                compat.recv_zipped_pickle(pull)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 1.25 * most + (most if size < most else 0)  # the object itself


@pytest.mark.parametrize("size", [0, 100, 1 << 20, 3 << 20])
def test_what_is_behind_the_pickle_is_ignored(sockets, size):
    """As by the document's code: `zlib.decompress`."""
    push, pull = sockets
    noise = np.random.default_rng(5).bytes(size)
    push.send(zlib.compress(pickle.dumps(noise)) + noise)
    assert compat.recv_zipped_pickle(pull) == noise


@pytest.mark.parametrize("frames", [2, 3])
def test_a_zipped_pickle_is_one_frame(sockets, frames):
    """The rest is not taken for the next message."""
    push, pull = sockets
    push.send_multipart([zlib.compress(pickle.dumps("mine"))] * frames)
    compat.send_zipped_pickle(push, "next")
    with pytest.raises(framewire.DecodeError, match=f"{frames} frames"):
        compat.recv_zipped_pickle(pull)
    assert compat.recv_zipped_pickle(pull) == "next"
    push.send(b"a topic", zmq.SNDMORE)
    compat.send_zipped_pickle(push, "behind it")
    assert pull.recv() == b"a topic"
    assert compat.recv_zipped_pickle(pull) == "behind it"


SENDS = [
    lambda socket: compat.send_array(socket, np.arange(3)),
    lambda socket: compat.send_zipped_pickle(socket, 1),
    lambda socket: compat.send_signed_zipped_pickle(socket, 1, key=KEY),
]
RECEIVES = [
    compat.recv_zipped_pickle,
    lambda socket: compat.recv_signed_zipped_pickle(socket, key=KEY),
]


def test_a_codecs_key_is_refused(sockets):
    """Nothing is sent, and nothing received: the document's wire has no room for its signature."""
    push, pull = sockets
    push.codec = pull.codec = framewire.Codec(key=KEY)
    for send in SENDS:
        with pytest.raises(ValueError, match="codec has a key"):
            send(push)
    nothing_was_sent(push, pull)
    push.codec = framewire.Codec(key={})
    for send, receive in zip(SENDS[1:], RECEIVES, strict=True):
        send(push)
        pull.poll()
        with pytest.raises(ValueError, match="codec has a key") as caught:
            receive(pull)
        assert not isinstance(caught.value, framewire.DecodeError)
        pull.codec = framewire.Codec(key={})
        assert receive(pull) == 1
        pull.codec = framewire.Codec(key=KEY)
    SENDS[0](push)
    with pytest.raises(framewire.SignatureError, match="not signed"):
        compat.recv_array(pull)
    framewire.send_array(push, np.arange(5), codec=framewire.Codec(key=KEY))
    assert compat.recv_array(pull).sum() == 10


def test_the_key_of_the_process_is_refused(context, quick):
    socket = quick(context.socket(zmq.DEALER))
    framewire.set_default_codec(framewire.Codec(key=KEY))
    try:
        for call in SENDS + RECEIVES:
            with pytest.raises(ValueError, match="codec has a key"):
                call(socket)
    finally:
        framewire.set_default_codec()


def test_malformed_pickles_consume_one_message(sockets):
    push, pull = sockets
    whole = zlib.compress(pickle.dumps(list(range(1000))))
    for bad in (b"", b"x", whole[:-1], whole[:20], zlib.compress(b"no pickle")):
        push.send(bad)
        with pytest.raises((zlib.error, pickle.UnpicklingError)):
            compat.recv_zipped_pickle(pull)
        compat.send_zipped_pickle(push, "next")
        assert compat.recv_zipped_pickle(pull) == "next"


def test_what_cannot_be_pickled(sockets):
    for send in (
        compat.send_zipped_pickle,
        lambda *arguments: compat.send_signed_zipped_pickle(*arguments, key=KEY),
    ):
        with pytest.raises((AttributeError, pickle.PicklingError)):
            send(sockets[0], lambda: 0)
    nothing_was_sent(*sockets)
