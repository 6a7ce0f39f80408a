"""Messages that pyzmq begins and framewire ends, and the other way round."""

import threading

import numpy as np
import pytest
import zmq

import framewire

ARRAY = np.arange(3.0)


def test_begun_by_pyzmq(pair):
    push, pull = pair
    push.send(b"envelope", zmq.SNDMORE)
    push.send_array(ARRAY)
    assert pull.recv_message().envelope == [b"envelope"]
    push.send_multipart([b"a", b"b"])
    assert pull.recv_raw() == [b"a", b"b"]


@pytest.mark.parametrize("end", [lambda s: s.send(b"end"), lambda s: s.send_multipart([b"end"])])
def test_ended_by_pyzmq(connect, end):
    """The next message is a new one: it waits for room like any other."""
    push, pull = connect(zmq.PUSH, zmq.PULL)
    push.send_raw(b"begin", zmq.SNDMORE)
    end(push)
    assert pull.recv_raw() == [b"begin", b"end"]
    sent = 0
    with pytest.raises(zmq.Again):
        while True:
            push.send_array(ARRAY, zmq.DONTWAIT)
            sent += 1
    drain = threading.Timer(0.2, lambda: [pull.recv_raw() for _ in range(sent)])
    drain.start()
    push.send_array(ARRAY, topic="last")
    drain.join()
    assert pull.recv_message().topic == b"last"


def test_renamed_fields_are_the_users_own():
    frames = framewire.dumps(np.zeros(2, [("a", "<i4"), ("b", [("c", ">f8")])]))
    dtype = framewire.loads_array(frames).dtype
    dtype.names = ("x", "y")
    dtype["y"].names = ("z",)
    assert framewire.loads_array(frames).dtype == [("a", "<i4"), ("b", [("c", ">f8")])]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b'{"dtype": "<M8[9999999999s]", "shape": [0]}', "description"),
        (b'{"dtype": "|V0", "shape": [4611686018427387904]}', "limit"),
    ],
)
def test_hostile_recipes(header, code):
    with pytest.raises(framewire.DecodeError) as caught:
        framewire.loads_array([header, b""])
    assert caught.value.code == code


def test_shape_is_of_integers(pair):
    for shape in ((2.9, 3), "23", 1.0):
        with pytest.raises(TypeError):
            pair[1].recv_array(shape=shape)


def test_masked_array_is_refused_raw(pair):
    with pytest.raises(TypeError, match="mask"):
        pair[0].send_raw(np.ma.array([1, 2], mask=[True, False]))
