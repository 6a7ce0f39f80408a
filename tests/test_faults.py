"""Faults in the middle of a send: whatever fails, nothing is sent in part and nothing is kept."""

import sys

import numpy as np
import pytest
import zmq

import framewire

SIZE = 100_000
BIG = np.arange(5000.0)


class Mine(Exception):
    pass


@pytest.fixture
def link(context):
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    pull.rcvtimeo = push.sndtimeo = 20_000
    pull.bind("inproc://faults")
    push.connect("inproc://faults")
    return push, pull


def assert_intact(link):
    """Nothing of the failed message is there, and the next one is whole."""
    push, pull = link
    with pytest.raises(zmq.Again):
        framewire.recv_raw(pull, zmq.DONTWAIT)
    framewire.send_array(push, BIG, topic="next")
    message = framewire.recv_message(pull)
    assert message.topic == b"next"
    assert (message.value == BIG).all()


# ---- user code that raises


class Finalized(np.ndarray):
    """A subclass whose views fail to be made."""

    armed = False

    def __array_finalize__(self, parent):
        if Finalized.armed:
            raise Mine


@pytest.mark.parametrize("view", [slice(None), slice(None, None, 2)], ids=["whole", "strided"])
def test_array_finalize_raises(link, view):
    array = BIG.view(Finalized)[view]
    Finalized.armed = True
    try:
        framewire.send_array(link[0], array, topic="first")
    except Mine:
        sent = False
    else:
        sent = True
    finally:
        Finalized.armed = False
    if sent:  # no view of the subclass was needed
        assert (framewire.recv_array(link[1]) == np.asarray(array)).all()
    assert_intact(link)


class Text(str):
    """A topic whose encoding is not what it should be."""

    result: object = Mine()

    def encode(self, *args, **kwargs):
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.mark.parametrize("result", [Mine(), 5, None, "text", bytearray(b"abc"), (b"a",)])
def test_topic_with_a_mind_of_its_own(link, result):
    topic = Text("topic")
    topic.result = result
    try:
        framewire.send_array(link[0], BIG, topic=topic)
    except (Mine, TypeError):
        pass
    else:
        assert framewire.recv_message(link[1]).topic == b"topic"
    assert_intact(link)


@pytest.mark.parametrize(
    "bad",
    [
        {"topic": 5},
        {"topic": "\ud800"},
        {"topic": b"\xc1\x46"},
        pytest.param({"meta": object()}, id="meta: an object"),
        {"meta": 1 << 80},
        {"meta": {"a": [1, {2j: 3}]}},
        {"copy": np.arange(2)},
    ],
    ids=repr,
)
def test_bad_argument(link, bad):
    data = bytearray(SIZE)
    array = np.frombuffer(data, "u1")
    with pytest.raises((TypeError, ValueError)):
        framewire.send_array(link[0], array, **{"copy": False, "topic": "t", **bad})
    assert_intact(link)
    del array
    data.append(0)


def test_meta_that_never_ends(link):
    meta: list = []
    meta.append(meta)
    with pytest.raises((TypeError, ValueError)):
        framewire.send_array(link[0], BIG, topic="t", meta=meta)
    assert_intact(link)


class Truth:
    """A `copy` that does something when it is looked at."""

    def __init__(self, act):
        self.act = act

    def __bool__(self):
        return self.act()


def test_copy_that_raises(link):
    def act():
        raise Mine

    for send, what in ((framewire.send_array, BIG), (framewire.send_raw, [b"x", bytes(SIZE)])):
        with pytest.raises(Mine):
            send(link[0], what, copy=Truth(act))
        assert_intact(link)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="__buffer__ is of Python 3.12")
def test_buffer_raises(link):
    class Bad:
        def __buffer__(self, flags):
            raise Mine

    data = bytearray(SIZE)
    for bad in (Bad(), [data, Bad()], [Bad(), data], [data, data, Bad(), data]):
        with pytest.raises(Mine):
            framewire.send_raw(link[0], bad, copy=False)
        data.append(0)
        assert_intact(link)


@pytest.mark.in_place
@pytest.mark.skipif(sys.version_info < (3, 12), reason="__buffer__ is of Python 3.12")
def test_release_buffer_calls_framewire(link):
    """An exporter that sends, receives and releases as it is let go, and then raises."""
    push, pull = link
    released = []

    class Chatty:
        def __buffer__(self, flags):
            return memoryview(bytes(SIZE))

        def __release_buffer__(self, view):
            released.append(len(view))
            framewire.send_array(push, BIG, copy=False)
            framewire.release()
            assert (framewire.recv_array(pull) == BIG).all()
            framewire.release()

    for _ in range(100):
        framewire.send_raw(push, [b"x", Chatty()], copy=False)
        assert framewire.recv_raw(pull)[0] == b"x"
        framewire.release()
    for _ in range(1000):
        framewire.release()
        if len(released) == 100:
            break
        with pytest.raises(zmq.Again):
            pull.rcvtimeo = 20
            framewire.recv_raw(pull)
        pull.rcvtimeo = 20_000
    assert released == [SIZE] * 100
    assert_intact(link)


# ---- no memory


def test_no_memory_for_a_copy(link):
    """A copy that cannot be had: MemoryError, and nothing was sent."""
    size = 1 << 46  # bytes, which overcommit refuses
    huge = np.lib.stride_tricks.as_strided(np.zeros(8), (2, size // 16), (-8, 0))[:, ::-1]
    huge = np.lib.stride_tricks.as_strided(huge, (2, size // 16), (8, 1))  # overlapping, no zeros
    with pytest.raises(MemoryError):
        framewire.send_array(link[0], huge, topic="t")
    assert_intact(link)
