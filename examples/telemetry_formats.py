"""One telemetry record in Protocol Buffers, Cap'n Proto, MessagePack, JSON, and as framewire's own.

That is a `framewire.Record`, and a numpy struct. Prints how large each is: the payload, and the
whole message with the head that describes it. It needs the packages protobuf and pycapnp. Both ends
run here.
"""

from pathlib import Path
from typing import Any

import capnp
import numpy as np
import zmq
from schemas import telemetry_pb2

import framewire

SCHEMAS = Path(__file__).parent / "schemas"
SEQ, TS, TEMP, MSG = 7, 1_700_000_000.25, 21.5, "the door of hall 3 is open"
DTYPE = np.dtype([("seq", "u4"), ("ts", "f8"), ("temp", "f4"), ("msg", "S32")])


class Telemetry(framewire.Record):
    """The record: 24 bytes and its text."""

    seq: framewire.u32
    ts: framewire.f64
    temp: framewire.f32
    msg: str


def fields(record: Any) -> tuple[int, float, float, str]:
    """The fields of a record of any kind."""
    if isinstance(record, dict):
        return record["seq"], record["ts"], record["temp"], record["msg"]
    if isinstance(record, np.void):
        seq, ts, temp, msg = record.item()
        return seq, ts, temp, msg.decode()
    return record.seq, record.ts, record.temp, record.msg


def main() -> None:
    """Send each to ourselves."""
    with_capnp = capnp.load(str(SCHEMAS / "telemetry.capnp")).Telemetry
    framewire.register_message(with_capnp)
    framewire.register_message(telemetry_pb2.Telemetry)

    record = {"seq": SEQ, "ts": TS, "temp": TEMP, "msg": MSG}
    values = {
        "protobuf": telemetry_pb2.Telemetry(**record),
        "capnp": with_capnp.new_message(**record),
        "msgpack": record,
        "json": record,
        "record": Telemetry(**record),
        "array": np.array((SEQ, TS, TEMP, MSG.encode()), DTYPE)[()],
    }
    with framewire.Context() as context:
        with context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
            pull.bind("tcp://127.0.0.1:*")
            push.connect(pull.last_endpoint)

            for name, value in values.items():
                push.send_value(value, serializer=name)
                message = pull.recv_message()
                assert message.serializer == name
                assert fields(message.value) == (SEQ, TS, TEMP, MSG)
                # docs/wire-format.md: the length of the payload is at byte 8 of the head
                payload = int.from_bytes(message.frames[0][8:16], "little")
                whole = sum(len(frame) for frame in message.frames)
                print(f"{name:9} {payload:3} bytes, {whole:3} with the head")

            # A struct's head describes its fields, once for all elements of an array.
            push.send_value(np.full(1000, values["array"]))
            message = pull.recv_message()
            assert fields(message.value[999]) == (SEQ, TS, TEMP, MSG)
            whole = sum(len(frame) for frame in message.frames)
            print(f"1000 as an array: {whole / 1000:.1f} bytes each")


if __name__ == "__main__":
    main()
