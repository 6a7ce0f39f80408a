"""What type checkers see of sockets, codecs and values; tests/test_typing.py runs mypy over it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import zmq
from numpy.typing import NDArray
from typing_extensions import assert_type

import framewire
import framewire.asyncio
import framewire.green
import framewire.zmq
import framewire.zmq.asyncio
import framewire.zmq.green
from framewire import Codec, Limits, Message, Record, u32


class Imu(Record):
    seq: u32


@dataclass
class Pose:
    x: float


def contexts() -> None:
    """pyzmq's names are framewire's classes, with a codec."""
    codec = Codec(stamp=True, key=b"a secret of both", limits=Limits(size=1 << 20))
    assert_type(framewire.zmq.Context(codec=codec), framewire.Context)
    assert_type(framewire.zmq.Context().socket(zmq.PUB, codec="json"), framewire.Socket)
    assert_type(framewire.zmq.asyncio.Context(codec=codec), framewire.asyncio.Context)
    assert_type(framewire.zmq.asyncio.Context().socket(zmq.PUB), framewire.asyncio.Socket)
    assert_type(framewire.zmq.green.Context(codec=codec), framewire.green.Context)
    assert_type(framewire.zmq.green.Context().socket(zmq.PUB), framewire.green.Socket)


def sockets(socket: framewire.Socket, plain: "zmq.Socket[bytes]", A: NDArray[Any]) -> None:
    assert_type(socket.recv_array(dtype="f8", shape=(2, 3)), NDArray[Any])
    assert_type(framewire.recv_array(plain, out=A), NDArray[Any])
    assert_type(socket.recv_value(type=Imu), Imu)
    assert_type(framewire.recv_value(plain, type=Pose), Pose)
    assert_type(socket.recv_message(), Message)
    assert_type(socket.recv_message().meta, Any)
    assert_type(socket.recv_raw(), list[memoryview])
    assert_type(socket.recv_many(5, timeout=100, out=A), framewire.Batch)
    assert_type(socket.send_many(A), int)
    assert_type(socket.stats().total.gaps, int)
    socket.send_array(A, zmq.DONTWAIT, copy=False, track=True, topic="t", meta={"gain": 2})
    socket.send_value(Pose(1), serializer=("array", "msgpack"), codec=Codec(compression="lz4"))
    socket.send_raw([b"any", bytearray(b"buffer"), A])
    socket.send_array(A, copy=False, track=True).wait()
    framewire.send_raw(plain, [b"x"], track=True).wait(5)
    framewire.send_value(plain, 1, copy=False, track=True).wait()
    socket.send_array(A, cpy=True)  # type: ignore[call-arg]
    socket.recv_many("5")  # type: ignore[arg-type]


@framewire.record
class Point:
    x: framewire.f32
    y: framewire.f32 = 0.0


@framewire.serialize.register(Pose)
def pose_frames(pose: Pose) -> tuple[dict[str, Any], list[bytes]]:
    return {}, [str(pose.x).encode()]


@framewire.deserialize.register(Pose)
def pose_again(header: dict[str, Any], frames: list[memoryview]) -> Pose:
    return Pose(float(bytes(frames[0])))


def records() -> None:
    assert_type(Imu(seq=1).seq, int)
    assert_type(Point(1, y=2).y, float)
    framewire.record(np.dtype([("x", "<f4")]), name="X")(1.0).pack()
    framewire.record("<ff", "x y")
    Point(1, 2, 3)  # type: ignore[call-arg]


async def awaited(socket: framewire.asyncio.Socket) -> None:
    assert_type(await socket.recv_value(type=Imu), Imu)
    assert_type(await socket.recv_message(), Message)
    await socket.send_value(Imu(1), topic="t")
    (await socket.send_array(np.zeros(3), copy=False, track=True)).wait()
    await socket.send_array(np.zeros(3), cpy=True)  # type: ignore[call-arg]
    async for message in socket:
        assert_type(message, Message)


def without_a_socket(frames: list[bytes], buffer: bytearray) -> None:
    assert_type(framewire.loads(frames, type=Imu), Imu)
    framewire.loads(framewire.dumps({"a": np.arange(3)}))
    header, more = framewire.serialize([1, 2])
    framewire.deserialize(header, more)
    try:
        framewire.loads(frames)
    except framewire.DecodeError as error:
        assert_type(error.code, str)
    assert_type(framewire.BufferPool((4, 4), "f4", slots=2).acquire(), NDArray[Any])
