"""Records: made, packed and read; in batches; and between two processes."""

import struct
from collections import namedtuple
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
import numpy as np

import framewire

from . import c_loop
from .batches import BATCH, TIMES, exchange, receive
from .contenders import BATCHES, Fixed
from .one_thread import inproc, seconds
from .pairs import round_trips, throughput
from .report import AtLeast, AtMost, Within, interleave, measured, nth
from .results import Case
from .serializers import alone

SIZE = Fixed.itemsize
HWM = 100_000  # messages, in one thread
SENT = {"c-array": 5_000_000, "raw": 1_000_000}  # messages between two processes
ROWS = 5_000_000
PINGED = 10_000


class Imu(framewire.Record):
    seq: framewire.u32
    t: framewire.f64
    temp: framewire.f32
    msg: str


class ImuStruct(msgspec.Struct, array_like=True):
    seq: int
    t: float
    temp: float
    msg: str


ImuTuple = namedtuple("ImuTuple", "seq t temp msg")
FixedTuple = namedtuple("FixedTuple", "seq t temp")
MESSAGE = "seventeen letters"


HEAD = struct.Struct("<IdfI")


def pack_text(record: Any) -> bytes:
    text = record.msg.encode()
    return HEAD.pack(record.seq, record.t, record.temp, len(text)) + text


def unpack_text(data: bytes) -> Any:
    seq, t, temp, length = HEAD.unpack_from(data)
    return ImuTuple(seq, t, temp, data[HEAD.size : HEAD.size + length].decode())


READ = "; y.seq; y.t; y.temp"
WITH_TEXT = {
    "record": "y = Imu.unpack(Imu(7, 1.5, 2.5, m).pack())",
    "msgspec-struct": "y = decode(encode(ImuStruct(7, 1.5, 2.5, m)))",
    "struct": "y = unpack_text(pack_text(ImuTuple(7, 1.5, 2.5, m)))",
}
WITHOUT = {
    "record": "y = Fixed.unpack(Fixed(7, 1.5, 2.5).pack())",
    "struct": "y = FixedTuple._make(packer.unpack(packer.pack(*FixedTuple(7, 1.5, 2.5))))",
}
NAMES = {
    "Imu": Imu,
    "ImuStruct": ImuStruct,
    "ImuTuple": ImuTuple,
    "Fixed": Fixed,
    "FixedTuple": FixedTuple,
    "m": MESSAGE,
    "packer": struct.Struct("<Idf"),
    "pack_text": pack_text,
    "unpack_text": unpack_text,
    "encode": msgspec.msgpack.Encoder().encode,
    "decode": msgspec.msgpack.Decoder(ImuStruct).decode,
}


def made_and_read(rounds: int) -> Iterator[Case]:
    """Made of values, packed, unpacked, and all fields read."""
    jobs = {key: partial(seconds, f"{way}{READ}; y.msg", NAMES) for key, way in WITH_TEXT.items()}
    yield measured(
        "record of u32, f64, f32 and a text of 17: made, packed, unpacked, all fields read",
        interleave(jobs | alone(), rounds),
        {"record": Within(300e-9), "msgspec-struct": AtLeast(1)},
        shown="time",
    )
    jobs = {key: partial(seconds, way + READ, NAMES) for key, way in WITHOUT.items()}
    yield measured(
        "record of u32, f64 and f32: made, packed, unpacked, all fields read",
        interleave(jobs, rounds),
        {"struct": AtLeast(1)},
        shown="time",
    )


def read_one(field: str) -> float:
    """Seconds to read a field of a record that was received."""
    with inproc() as (a, b):
        framewire.send_value(a, Imu(7, 1.5, 2.5, MESSAGE))
        return seconds(f"y.{field}", {"y": framewire.recv_value(b, type=Imu)})


def batch_in_one_thread(rounds: int) -> Case:
    rows = np.zeros(BATCH, Fixed.dtype)
    out = np.empty_like(rows)

    def records(a: Any, b: Any) -> None:
        framewire.send_many(a, rows)
        framewire.recv_many(b, None, out=out)

    jobs = {
        "many-records": partial(exchange, records),
        "c-array": partial(c_loop.seconds, "c-array", "batches", SIZE, TIMES * BATCH, HWM),
    }
    return measured(
        f"fixed records, a message each, in batches of {BATCH}, inproc, one thread",
        interleave(jobs, rounds),
        {"c-array": AtMost(1.4)},
        shown="time",
    )


def two_processes(rounds: int, scale: int) -> Case:
    jobs = {
        f"records-{BATCH}": partial(receive, f"records-{BATCH}", "consume", ROWS // scale, SIZE)
    } | {
        key: partial(throughput, key, "tcp", SIZE, count // scale, BATCH)
        for key, count in SENT.items()
    }
    return measured(
        "fixed records, a message each, between two processes, tcp",
        interleave(jobs, rounds),
        {"c-array": AtMost(1 / 0.85), "raw": AtLeast(3)},
    )


def ping_pong(one_core: bool, rounds: int, scale: int) -> Iterator[Case]:
    jobs = {
        key: partial(round_trips, key, "ipc", SIZE, PINGED // scale, one_core)
        for key in ("record-alone", "raw", "c-array")
    }
    trips = interleave(jobs, rounds)
    where = ", both on one core" if one_core else ""
    for i, (what, target) in enumerate((("p50", 1.15), ("p99", 1.5))):
        yield measured(
            f"ping-pong of one record between two processes, ipc{where}, {what}",
            nth(trips, i),
            {"c-array": AtMost(target)},
            shown="time",
        )


def busy(rounds: int, scale: int) -> Iterator[Case]:
    """How much of its rate a receiver keeps while another Python thread computes."""
    for count in BATCHES[1:]:
        key = f"records-{count}"
        jobs = {
            f"{role}-{key}": partial(receive, key, role, ROWS // scale, SIZE)
            for role in ("consume-busy", "consume")
        }
        yield measured(
            f"fixed records in batches of {count:,}, receiver over tcp, alone and beside a thread"
            " that computes",
            interleave(jobs, min(rounds, 3)),
            {f"consume-{key}": AtMost(2)} if count == 50_000 else {},
        )


def run(rounds: int, scale: int) -> Iterator[Case]:
    yield from made_and_read(rounds)
    yield measured(
        "one field of a received record, read",
        interleave({key: partial(read_one, key) for key in ("seq", "t", "msg")}, rounds),
        {"seq": Within(60e-9), "t": Within(60e-9)},
        shown="time",
    )
    yield batch_in_one_thread(rounds)
    yield two_processes(rounds, scale)
    for one_core in (False, True):
        yield from ping_pong(one_core, rounds, scale)
    yield from busy(rounds, scale)
