"""Records as messages, over both transports."""

import dataclasses
import gc

import msgspec
import numpy as np
import pytest
import zmq

import framewire
from framewire import Codec, Record, array, f32, f64, text, u8, u32


class Imu(Record):
    number: u32
    t: f64
    temp: f32
    msg: str


class Fixed(Record):
    number: u32
    t: f64


class Large(Record):
    n: u32
    tag: text(4)
    data: array(f64, 5000)
    msg: str = ""


class Holder(Record):
    fixed: Fixed
    n: u8


IMU = Imu(7, 1.5, 20.25, "texté")
LARGE = Large(1, "tag", np.arange(5000.0), "end")


@dataclasses.dataclass
class AsDataclass:
    number: int
    t: float
    temp: float
    msg: str


class AsStruct(msgspec.Struct):
    number: int
    t: float
    temp: float
    msg: str


@pytest.mark.parametrize("value", [IMU, Fixed(1, 2), LARGE, Holder(Fixed(1, 2), 3)], ids=repr)
@pytest.mark.parametrize("copy", [None, False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_round_trips(connect, over, value, copy, packed):
    here, there = connect(zmq.PUSH, zmq.PULL, over)
    for settings in ({}, {"topic": "t"}, {"meta": {"a": 1}}, {"serializer": "record"}):
        here.send_value(value, copy=copy, packed=packed, **settings)
        came = there.recv_value(copy=copy)
        assert type(came) is type(value)
        assert came == value
        assert came.pack() == value.pack()
    here.send_value(value, topic="t", meta={"a": 1}, copy=copy, packed=packed, track=True)
    message = there.recv_message(copy=copy)
    assert (message.topic, message.meta, message.value) == (b"t", {"a": 1}, value)


@pytest.mark.parametrize("copy", [None, False, True])
def test_dumps_and_loads(copy):
    for value in (IMU, LARGE, Fixed(1, 2)):
        frames = framewire.dumps(value)
        assert framewire.loads(frames, copy=copy) == value
        assert framewire.loads([bytearray(each) for each in frames], copy=copy) == value
        one = framewire.dumps(value, packed=True)
        assert framewire.loads(one) == value


@pytest.mark.parametrize("copy", [None, True])
def test_lifetimes(ctx, quick, copy):
    """A record outlives its message's socket and context; what is read from it outlives it."""
    context = framewire.Context()
    push, pull = (quick(context.socket(kind)) for kind in (zmq.PUSH, zmq.PULL))
    pull.bind("inproc://lifetimes")
    push.connect("inproc://lifetimes")
    push.send_value(LARGE)
    came = pull.recv_value(copy=copy)
    push.send_value(Holder(Fixed(1, 2), 3))
    inner = pull.recv_value(copy=copy).fixed
    context.destroy(linger=0)
    del context, push, pull
    gc.collect()
    data = came.data
    assert came == LARGE
    del came
    gc.collect()
    assert data.tolist() == list(range(5000))
    assert inner == Fixed(1, 2)


@pytest.mark.in_place
def test_large_records_are_sent_in_place(pair):
    here, there = pair
    value = Large(1, "tag", np.ones(5000))
    tracker = here.send_value(value, track=True)
    there.recv_value()
    tracker.wait(5)
    codec = Codec(stamp=True)
    here.send_value(value, codec=codec)
    assert there.recv_value() == value


def test_views_of_memory_that_changes(pair):
    """What is sent is what the record was: its bytes are copied if they are not its own."""
    here, there = pair
    buffer = bytearray(LARGE.pack())
    view = Large.unpack(buffer)
    here.send_value(view)
    buffer[:4] = b"\xff" * 4
    assert there.recv_value().n == 1


def test_types(pair):
    here, there = pair
    for type_ in (AsDataclass, AsStruct):
        here.send_value(IMU)
        came = there.recv_value(type=type_)
        assert type(came) is type_
        assert (came.number, came.t, came.temp, came.msg) == (7, 1.5, 20.25, "texté")
    here.send_value(IMU)
    assert there.recv_value(type=dict) == IMU.to_dict()
    here.send_value(LARGE)
    assert there.recv_value(type=dict)["data"].sum() == LARGE.data.sum()
    here.send_value(IMU)
    with pytest.raises(framewire.SchemaError, match="not what was asked for"):
        there.recv_value(type=list)


def test_any_record(pair):
    here, there = pair

    class Base(Record):
        pass

    class Child(Base):
        only_here: u8

    for type_ in (Record, Base):
        here.send_value(Child(1))
        came = there.recv_value(type=type_)
        assert type(came) is Child
    here.send_value(IMU)
    with pytest.raises(framewire.SchemaError, match="Imu is no Base"):
        there.recv_value(type=Base)
    here.send_value(IMU)
    assert there.recv_value() == IMU


@pytest.mark.parametrize("value", [{"number": 1}, 5, None, np.zeros(3), b"raw"], ids=repr)
def test_messages_that_are_no_records(pair, value):
    here, there = pair
    here.send_value(value)
    here.send_value(IMU)
    with pytest.raises(framewire.SchemaError):
        there.recv_value(type=Imu)
    assert there.recv_value(type=Imu) == IMU


def test_a_class_that_is_defined_twice(pair):
    here, there = pair

    class First(Record):
        twice: u32

    class Second(Record):
        twice: u32

    assert First.fingerprint == Second.fingerprint
    here.send_value(First(1))
    assert type(there.recv_value()) is Second
    for type_ in (First, Second):
        here.send_value(First(1))
        assert type(there.recv_value(type=type_)) is type_


def test_values_that_are_no_records(pair):
    here, _ = pair
    for value in (1, {"a": 1}, np.zeros(3), Imu):
        with pytest.raises(TypeError, match="record"):
            here.send_value(value, serializer="record")
    here.send_value(IMU, serializer=["record", "msgpack"])
    here.send_value({}, serializer=["record", "msgpack"])


def test_records_in_trees(pair):
    """They travel as dicts, since a tree has no schemas."""
    here, there = pair
    here.send_value([IMU, {"a": Holder(Fixed(1, 2), 3)}, LARGE])
    first, second, third = there.recv_value()
    assert first == IMU.to_dict()
    assert second == {"a": {"fixed": {"number": 1, "t": 2.0}, "n": 3}}
    assert third["data"].tolist() == LARGE.data.tolist()


def test_what_is_allowed(pair):
    here, there = pair
    here.send_value(IMU)
    here.send_value(IMU)
    with pytest.raises(framewire.RefusedError):
        there.recv_value(codec=Codec(allow=["msgpack"]))
    assert there.recv_value(codec=Codec(allow=["record"])) == IMU


def test_router(connect):
    router, dealer = connect(zmq.ROUTER, zmq.DEALER, "tcp", routing_id=b"\xc1\x46peer")
    dealer.send_value(IMU, topic="t")
    message = router.recv_message()
    assert (message.envelope, message.value) == ([b"\xc1\x46peer", b"t"], IMU)
    router.send_value(Fixed(1, 2), envelope=[b"\xc1\x46peer"])
    assert dealer.recv_value() == Fixed(1, 2)


def test_stamps(connect):
    pub, sub = connect(zmq.PUSH, zmq.PULL)
    pub.codec = sub.codec = Codec(stamp=True, schema=2)
    for _ in range(4):
        pub.send_value(IMU, topic="t")
    for n in range(4):
        message = sub.recv_message()
        assert (message.stamp.sequence, message.value) == (n, IMU)
    assert sub.stats().total.received == 4
    assert sub.stats().total.errors == 0
