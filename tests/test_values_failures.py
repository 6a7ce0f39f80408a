"""Values whose sending or receiving fails half-way, or changes them; and what all of it leaves."""

import gc
import sys
import threading
import weakref

import numpy as np
import pytest
import zmq
from lifetimes import Watched, check_refcounts, view_of
from sameness import same

import framewire

SIZE = 100_000
BIG = 8 << 20


class Stop(Exception):
    pass


class Failing:
    """An object whose function does something before it fails, or does not."""

    act = staticmethod(lambda: None)


@framewire.serialize.register(Failing)
def dump_failing(value):
    return value.act(), [b"frame"]


framewire.deserialize.register(Failing, lambda header, frames: header)


def failing(act):
    value = Failing()
    value.act = act
    return value


def raise_stop():
    raise Stop("here")


BAD = {
    "object": object(),
    "function": failing(raise_stop),
    "strided": memoryview(b"abcd")[::2],
    "object-array": np.array([None]),
    "deep": [[[[[[1]]]]]],
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("over", ["inproc", "ipc"])
def test_a_failure_sends_nothing_and_holds_nothing(connect, over, bad):
    here, there = connect(over=over)
    here.codec = framewire.Codec(limits=framewire.Limits(depth=5))
    data, watched = bytearray(SIZE), Watched(SIZE)
    gone = weakref.ref(watched)
    value = {"a": data, "b": [view_of(watched), b"x" * SIZE], "bad": bad}
    for options in ({}, {"track": True}, {"topic": "t", "meta": 1}, {"packed": True}):
        with pytest.raises((Stop, TypeError, ValueError)):
            here.send_value(value, copy=False, **options)
        data.append(0)
    del value, watched
    gc.collect()
    assert gone() is None
    here.send_value("next")
    assert there.recv_value() == "next"
    with pytest.raises(zmq.Again):
        there.recv_value(zmq.DONTWAIT)


def test_a_serializer_that_gives_way_leaves_nothing(pair):
    """The buffers of the first are not held by the message of the second."""
    here, there = pair
    data = bytearray(SIZE)
    here.send_value({"a": data, "b": len}, serializer=["msgpack", "pickle"], copy=False, track=True)
    data.append(0)
    assert there.recv_message().serializer == "pickle"


def test_mutation_while_it_is_sent(pair):
    """Functions that change what is being sent: an error or a whole message, and no crash."""
    here, there = pair
    items, mapping = [1, 2, 3], {"a": 1}
    acts = {
        "grow-list": (items, lambda: items.extend(range(100))),
        "clear-list": (items, items.clear),
        "grow-dict": (mapping, lambda: mapping.update(dict.fromkeys(range(1000)))),
        "clear-dict": (mapping, mapping.clear),
    }
    for container, act in acts.values():
        items[:], mapping["a"] = [1, 2, 3], 1
        bad = failing(act)
        if container is items:
            items.insert(1, bad)
        else:
            mapping.clear()
            mapping.update(a=1, bad=bad, c=3, d=4)
        with pytest.raises((ValueError, RuntimeError)):
            here.send_value({"x": container})
    here.send_value("next")
    assert there.recv_value() == "next"


def test_a_buffer_that_is_resized_while_the_rest_is_read():
    """It is held from when it was met."""
    data = bytearray(SIZE)
    seen = []

    def act():
        try:
            data.extend(bytes(BIG))
        except BufferError:
            seen.append("held")

    frames = framewire.dumps([data, failing(act)], copy=False)
    assert seen == ["held"]
    assert len(framewire.loads(frames)[0]) == SIZE


@pytest.mark.skipif(sys.version_info < (3, 12), reason="__buffer__ is called from 3.12 on")
def test_exporters_in_python(pair):
    """Their __buffer__ may fail, or do anything to what is being sent; it is released once."""
    here, there = pair
    items, released = [], []

    class Exporter:
        def __init__(self, act):
            self.act = act

        def __buffer__(self, flags):
            self.act()
            return memoryview(bytes(SIZE))

        def __release_buffer__(self, view):
            released.append(view.nbytes)

    for act, error in ((raise_stop, Stop), (items.clear, ValueError), (here.close, zmq.ZMQError)):
        items[:] = [bytearray(SIZE), Exporter(act), 1]
        data = items[0]
        if error is zmq.ZMQError:
            items[1] = Exporter(lambda: None)
            here.send_value(items, copy=False)
            assert len(there.recv_value()[1]) == SIZE
            items[1] = Exporter(act)
        with pytest.raises(error):
            here.send_value(items, copy=False)
        gc.collect()
        framewire.release()
        data.append(0)
    assert set(released) <= {SIZE}


def test_a_function_that_sends_itself(pair):
    """Within a send: another one, on the same socket, comes first, and whole."""
    here, there = pair
    here.send_value(["outer", failing(lambda: here.send_value(["inner", np.zeros(SIZE)]))])
    assert there.recv_value()[0] == "inner"
    assert there.recv_value() == ["outer", None]


def test_a_function_that_closes_the_socket(connect):
    here, _ = connect()
    with pytest.raises(zmq.ZMQError) as info:
        here.send_value([np.zeros(SIZE), failing(here.close)], copy=False)
    assert info.value.errno == zmq.ENOTSOCK


def test_a_function_that_receives_within_a_receive(pair):
    here, there = pair
    inner = []

    class Nested:
        pass

    framewire.serialize.register(Nested, lambda value: (None, [bytes(SIZE)]))

    @framewire.deserialize.register(Nested)
    def load(header, frames):
        inner.append(there.recv_value())
        return bytes(frames[0])

    here.send_value([np.ones(SIZE), Nested(), np.ones(SIZE)])
    here.send_value("within")
    came = there.recv_value()
    assert inner == ["within"]
    assert same(came[0], came[2])
    assert came[1] == bytes(SIZE)


# ---- leaks


def test_reference_counts_return(pair):
    here, there = pair
    small, large, data = np.arange(10), np.zeros(SIZE), bytes(SIZE)
    key, text, number = "key" * 20, "text" * 20, 10**50
    value = {key: [small, (large, {"x": data}), text, number], "failing": failing(lambda: None)}
    bad = {**value, "bad": object()}
    things = [small, large, data, key, text, number, value, bad, small.dtype, here, there]

    def work():
        for copy in (None, False, True):
            here.send_value(value, copy=copy, track=True, topic="t", meta={"a": 1})
            there.recv_value(copy=copy)
            here.send_value(value, packed=True)
            there.recv_message().value  # noqa: B018
            framewire.deserialize(*framewire.serialize(value))
            framewire.loads(framewire.dumps(value, copy=copy), copy=copy)
            with pytest.raises(TypeError):
                here.send_value(bad, copy=copy, track=True)
            with pytest.raises(framewire.SchemaError):
                framewire.loads(framewire.dumps(value), type=int)

    check_refcounts(things, work, 50)


def test_blocks_do_not_grow(pair):
    """Whatever is sent and received, good and bad, the number of objects stays."""
    here, there = pair
    value = {"a": [np.arange(5), {1, 2}, (1.5, 2**80)], "b": b"x" * 9000, "c": np.ma.array([1, 2])}
    good = framewire.dumps(value)
    damaged = [[good[0][:cut], *good[1:]] for cut in range(0, len(good[0]), 7)]

    def work():
        here.send_value(value)
        there.recv_value()
        for frames in damaged:
            try:
                framewire.loads(frames)
            except framewire.DecodeError:
                pass

    def blocks():
        framewire.release()
        gc.collect()
        return sys.getallocatedblocks()

    for _ in range(50):
        work()
    before = blocks()
    for _ in range(200):
        work()
    assert blocks() - before < 150


def test_threads(ctx):
    """Values of threads, each with sockets of its own, and types that all of them use."""
    errors = []

    def work(number):
        try:
            push, pull = ctx.socket(zmq.PUSH), ctx.socket(zmq.PULL)
            pull.rcvtimeo, push.linger = 20_000, 0
            push.bind(f"inproc://values-{number}")
            pull.connect(f"inproc://values-{number}")
            large = np.full(2000, number)
            for n in range(1000):
                push.send_value(
                    {f"n{n}": n, "x": [large, {number: (n,)}]}, copy=[None, False][n % 2]
                )
                came = pull.recv_value()
                assert (came[f"n{n}"], came["x"][1]) == (n, {number: (n,)})
                assert (came["x"][0] == number).all()
            push.close()
            pull.close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert not errors
