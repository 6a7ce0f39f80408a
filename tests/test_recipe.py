"""The array recipe of the pyzmq documentation: its messages, its calls, peers that know no more."""

import json
import subprocess
import sys

import numpy as np
import pytest
import zmq

import framewire

RECIPE = '''
import sys

import numpy
import zmq


def send_array(socket, A, flags=0, copy=True, track=False):
    """send a numpy array with metadata"""
    md = dict(
        dtype=str(A.dtype),
        shape=A.shape,
    )
    socket.send_json(md, flags | zmq.SNDMORE)
    return socket.send(A, flags, copy=copy, track=track)


def recv_array(socket, flags=0, copy=True, track=False):
    """recv a numpy array"""
    md = socket.recv_json(flags=flags)
    msg = socket.recv(flags=flags, copy=copy, track=track)
    A = numpy.frombuffer(msg, dtype=md["dtype"])
    return A.reshape(md["shape"])
'''
recipe = {}
exec(RECIPE, recipe)

ARRAYS = [
    np.arange(12.0).reshape(3, 4),
    np.arange(100_000, dtype=np.uint8),
    np.array(2.5),
    np.arange(5, dtype=">i4"),
    np.array([True, False]),
    np.array([1 + 2j, 3j], np.complex64),
    np.ones(3, np.longdouble),
    np.ones(3, np.clongdouble),
    np.ones(3, np.float16),
    np.array([b"a", b"bcd"]),
    np.array(["a", "ünï"]),
    np.zeros((2, 2), "V5"),
    np.ones((2, 1, 3), np.uint64),
]


def recipe_frames(array):
    return [json.dumps({"dtype": str(array.dtype), "shape": array.shape}).encode(), array.tobytes()]


@pytest.fixture
def plain(context, quick):
    """A plain pyzmq socket and a framewire one, connected."""
    here, there = quick(context.socket(zmq.PAIR)), framewire.Context()
    here.bind("tcp://127.0.0.1:*")
    socket = quick(there.socket(zmq.PAIR))
    socket.connect(here.last_endpoint)
    yield here, socket
    there.destroy(linger=0)


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: str(array.dtype))
def test_array_of_the_recipe(plain, assert_same, array):
    here, there = plain
    for _ in range(4):
        recipe["send_array"](here, array)
    got = there.recv_array()
    assert_same(got, array)
    assert not got.flags.writeable
    own = there.recv_array(copy=True)
    assert_same(own, array)
    assert own.flags.writeable
    out = np.zeros_like(array)
    assert there.recv_array(out=out, dtype=array.dtype, shape=array.shape) is out
    assert_same(out, array)
    with pytest.raises(framewire.SchemaError):
        there.recv_array(shape=(9, 9, 9))
    assert_same(framewire.loads_array(recipe_frames(array)), array)


def test_empty_array_of_the_recipe(plain, assert_same):
    for array in (np.zeros((3, 0)), np.zeros(0, "<i4")):
        recipe["send_array"](plain[0], array)
        assert_same(plain[1].recv_array(), array)


def test_the_recipe_itself_runs_on_a_framewire_socket(plain):
    recipe["send_array"](plain[1], np.arange(3))
    assert recipe["recv_array"](plain[0]).tolist() == [0, 1, 2]
    recipe["send_array"](plain[0], np.arange(3))
    assert recipe["recv_array"](plain[1]).tolist() == [0, 1, 2]


ALIASES = "f8 d =f8 |u1 float int half double longlong intp p ? b1 bool_ B >h S5 =U3 V5 c F g "
ALIASES += "complex M8[ns] =m8[25s] M8 >M8[D] datetime64[10ms] longdouble uint"


@pytest.mark.parametrize("name", ALIASES.split())
def test_other_names_of_dtypes(plain, assert_same, name):
    """Which the document's code takes as well: it asks numpy.dtype."""
    here, there = plain
    array = np.zeros(3, np.dtype(name))
    for shape in ([3], [3, 1], 3):
        header = json.dumps({"dtype": name, "shape": shape}).encode()
        here.send_multipart([header, array.tobytes()])
        assert_same(there.recv_array(), array.reshape(shape))


def test_recipe_after_a_topic_and_between_framewire_messages(plain):
    here, there = plain
    here.send(b"topic", zmq.SNDMORE)
    recipe["send_array"](here, np.arange(3))
    framewire.send_array(here, np.arange(4))
    recipe["send_array"](here, np.arange(5))
    assert [len(there.recv_array()) for _ in range(3)] == [3, 4, 5]


def test_recipe_is_foreign_to_recv_message(plain):
    recipe["send_array"](plain[0], np.arange(3))
    message = plain[1].recv_message()
    assert message.serializer is None
    assert [bytes(frame) for frame in message.frames] == recipe_frames(np.arange(3))
    np.testing.assert_array_equal(framewire.loads_array(message.frames), np.arange(3))


def test_calls_of_the_recipe_work_unchanged(plain):
    here, there = plain
    array = np.arange(20_000)
    assert framewire.send_array(here, A=array) is None
    framewire.send_array(here, array, 0, True, False)
    tracker = framewire.send_array(here, array, zmq.DONTWAIT, False, True)
    framewire.send_array(here, array, flags=0, copy=True, track=False)
    there.send_array(A=array, copy=False, track=True)
    for call in (
        lambda: framewire.recv_array(there),
        lambda: framewire.recv_array(there, 0, True, False),
        lambda: there.recv_array(0, False, True),
        lambda: there.recv_array(flags=0, copy=False, track=True),
        lambda: framewire.recv_array(here, copy=True),
    ):
        np.testing.assert_array_equal(call(), array)
    tracker.wait(5)


def bad_recipes():
    good = {"dtype": "float64", "shape": [2]}
    data = bytes(16)
    yield "no JSON", [b"hello", data], "foreign"
    yield "empty header", [b"", data], "foreign"
    yield "JSON array", [b"[1,2]", data], "foreign"
    yield "no dtype", [b'{"shape":[2]}', data], "foreign"
    yield "no shape", [b'{"dtype":"float64"}', data], "foreign"
    yield "shape of text", [b'{"dtype":"float64","shape":["2"]}', data], "foreign"
    yield "shape of floats", [b'{"dtype":"float64","shape":[2.5]}', data], "foreign"
    yield "dtype a number", [b'{"dtype":5,"shape":[2]}', data], "foreign"
    yield "not UTF-8", [b'{"dtype":"\xff","shape":[2]}', data], "foreign"
    yield "deep", [b"[" * 100_000, data], "foreign"
    yield "header only", [json.dumps(good).encode()], "foreign"
    yield "negative", [json.dumps({**good, "shape": [-1]}).encode(), data], "shape"
    yield "negative number", [json.dumps({**good, "shape": -1}).encode(), data], "shape"
    yield "true", [b'{"dtype":"float64","shape":true}', data[:8]], "foreign"
    yield "too large", [json.dumps({**good, "shape": [2**62, 2**62]}).encode(), data], "shape"
    yield "huge", [json.dumps({**good, "shape": [2**200]}).encode(), data], None
    yield "huge beside 0", [json.dumps({**good, "shape": [0, 2**63 - 1]}).encode(), b""], "shape"
    yield "too short", [json.dumps(good).encode(), data[1:]], "payload"
    yield "too long", [json.dumps(good).encode(), data + b"\0"], "payload"
    yield "65 dimensions", [json.dumps({**good, "shape": [1] * 65}).encode(), data[:8]], None
    for dtype in (
        "object",
        "|O",
        "O",
        "O8",
        "f8,f8",
        "float64,object",
        "[('a','O')]",
        "",
        "datetime",
    ):
        header = json.dumps({**good, "dtype": dtype}).encode()
        yield f"dtype {dtype!r}", [header, data], "description"
    for dtype in (
        "(2,)float64",
        "StringDType()",
        "float64 ",
        "float64\0",
        "float99",
        "numpy.float64",
        "2f8",
        "f8;f8",
        "{'names':['a'],'formats':['f8']}",
        "str",
        "V0",
        "U0",
        "M8[0s]",
        "M8[2147483648s]",
        "S4294967297",
        "U1073741825",
        "M8[ns",
        "T",
        "f" * 1000,
        "f" + "8" * 5000,
        "\u0661",
        "f\u0668",
        "bfloat16x",
    ):
        yield (
            f"dtype {dtype!r}",
            [json.dumps({**good, "dtype": dtype}).encode(), data],
            "description",
        )


@pytest.mark.parametrize(
    ("frames", "code"), [pytest.param(f, code, id=name) for name, f, code in bad_recipes()]
)
def test_what_is_no_recipe(plain, frames, code):
    here, there = plain
    framewire.send_array(here, np.arange(3))
    here.send_multipart(frames)
    framewire.send_array(here, np.arange(4))
    assert there.recv_array().tolist() == [0, 1, 2]
    with pytest.raises(framewire.DecodeError) as caught:
        there.recv_array()
    assert code in (None, caught.value.code)
    assert there.recv_array().tolist() == [0, 1, 2, 3]
    with pytest.raises(framewire.DecodeError):
        framewire.loads_array(frames)


# ---- other processes


@pytest.fixture
def run():
    """Start a Python process of its own; it must end well."""
    processes = []

    def run(code, *args):
        process = subprocess.Popen([sys.executable, "-c", RECIPE + code, *args])
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.wait()


def test_sender_that_knows_only_pyzmq(ctx, quick, run):
    pull = quick(ctx.socket(zmq.PULL))
    pull.bind("tcp://127.0.0.1:*")
    code = """
with zmq.Context() as context, context.socket(zmq.PUSH) as push:
    push.connect(sys.argv[1])
    for n in range(200):
        send_array(push, numpy.full((n, 30), n, "<i4"), copy=n % 2 == 0)
assert "framewire" not in sys.modules
"""
    process = run(code, pull.last_endpoint)
    for n in range(200):
        got = pull.recv_array(dtype="<i4", shape=(-1, 30))
        assert got.shape == (n, 30)
        assert (got == n).all()
    assert process.wait(30) == 0


def test_receiver_that_knows_only_pyzmq(ctx, quick, run):
    """The payload is the array's own bytes: a small head's is behind it, a large one's alone."""
    push = quick(ctx.socket(zmq.PAIR))
    push.bind("tcp://127.0.0.1:*")
    code = """
with zmq.Context() as context, context.socket(zmq.PAIR) as socket:
    socket.connect(sys.argv[1])
    while (frames := socket.recv_multipart())[0] != b"end":
        payload = frames[0][24:] if len(frames) == 1 else frames[1]
        socket.send(numpy.frombuffer(payload, "<f8").sum())
"""
    process = run(code, push.last_endpoint)
    for n in (0, 3, 1000, 1025, 100_000):
        array = np.arange(float(n))
        push.send_array(array)
        assert np.frombuffer(push.recv())[0] == array.sum()
    push.send(b"end")
    assert process.wait(30) == 0


def test_echo_by_framewire_in_another_process(ctx, quick, run, assert_same):
    socket = quick(ctx.socket(zmq.REQ))
    socket.bind("tcp://127.0.0.1:*")
    code = """
import framewire
with framewire.Context() as context, context.socket(zmq.REP) as socket:
    socket.connect(sys.argv[1])
    while (message := socket.recv_message()).topic != b"end":
        socket.send_array(message.value, topic=message.topic, meta=message.meta)
    socket.send_raw(b"")
"""
    process = run(code, socket.last_endpoint)
    for array in (*ARRAYS, np.arange(30_000).reshape(100, 300).T[::2], np.zeros((0, 2), "S3")):
        socket.send_array(array, topic="t", meta={"n": 1})
        message = socket.recv_message()
        assert (message.topic, message.meta) == (b"t", {"n": 1})
        assert_same(message.value, array)
    socket.send_array(np.array(0), topic="end")
    assert socket.recv_raw() == [b""]
    assert process.wait(30) == 0
