"""What type checkers see of records; tests/test_typing.py runs mypy over it."""

import enum
from typing import Annotated, ClassVar

import numpy as np
import zmq
from typing_extensions import assert_type

import framewire
from framewire import Record, array, blob, f32, f64, text, u8, u32


class Mode(enum.IntEnum):
    OFF = 0


class Point(Record):
    x: f32
    y: f32 = 2.0


class Imu(Record):
    seq: u32
    t: f64
    name: Annotated[str, text(16)]
    data: Annotated[bytes, blob(4)]
    m: Annotated[np.ndarray, array(f32, (3, 3))]
    mode: Annotated[Mode, u8]
    at: Point
    ok: bool
    msg: str = ""
    LIMIT: ClassVar[int] = 5

    def doubled(self) -> float:
        return 2 * self.t


def good(socket: framewire.Socket, buffer: bytearray) -> None:
    imu = Imu(7, 1.5, "n", b"d", np.eye(3), Mode.OFF, Point(1), True, msg="m")
    assert_type(imu.seq, int)
    assert_type(imu.t, float)
    assert_type(imu.name, str)
    assert_type(imu.data, bytes)
    assert_type(imu.mode, Mode)
    assert_type(imu.at.x, float)
    assert_type(imu.ok, bool)
    assert_type(imu.msg, str)
    assert_type(imu.doubled(), float)
    assert_type(imu.pack(), bytes)
    assert_type(imu.pack_into(buffer, 3), int)
    assert_type(Imu.unpack(buffer), Imu)
    assert_type(Imu.unpack_from(buffer, offset=3), Imu)
    assert_type(imu.replace(seq=2), Imu)
    assert_type(Imu.fingerprint, int)
    assert_type(Imu.schema, str)
    socket.send_value(imu)
    socket.recv_value(zmq.DONTWAIT, type=Imu)


def bad(imu: Imu) -> None:
    Point("1")  # type: ignore[arg-type]
    Point()  # type: ignore[call-arg]
    Point(1, 2, 3)  # type: ignore[call-arg]
    Point(x=1, z=2)  # type: ignore[call-arg]
    imu.seq = 5  # type: ignore[misc]
    print(imu.other)  # type: ignore[attr-defined]
    Imu.unpack()  # type: ignore[call-arg]
