"""A telemetry message in FlatBuffers, read in place from the received frame: nothing is unpacked.

It needs the package flatbuffers. The schema is schemas/telemetry.fbs; schemas/telemetry/ is what
flatc has made of it. Both ends run here.
"""

from typing import Any

import numpy as np
import zmq
from schemas.telemetry.Telemetry import Telemetry, TelemetryT

import framewire


def address(buffer: Any) -> int:
    """Where a buffer begins in memory."""
    return int(np.frombuffer(buffer, np.uint8).ctypes.data)


def main() -> None:
    """Send a record to ourselves, and what came on to ourselves again."""
    framewire.register_message(Telemetry)  # on both sides: only registered classes are received

    record = TelemetryT()  # its object API; send_value packs it
    record.seq, record.ts, record.temp = 7, 1_700_000_000.25, 21.5
    record.msg = "the door of hall 3 is open; " * 1000

    with framewire.Context() as context:
        with context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
            pull.bind("tcp://127.0.0.1:*")
            push.connect(pull.last_endpoint)

            push.send_value(record)
            message = pull.recv_message()
            came = message.value  # an accessor: each field is read when it is asked for
            print("a", type(came).__name__, "in", message.serializer)
            print(came.Seq(), came.Ts(), came.Temp(), came.Msg()[:26].decode())

            # This one is large. Up to 8 KiB are copied once, so as not to keep libzmq's own buffer.
            frame = message.frames[-1]
            print("read in place:", address(came._tab.Bytes) == address(frame))

            push.send_value(came)  # sent on as it is: in place, and never unpacked
            again = pull.recv_value()
            print("sent on unchanged:", bytes(again._tab.Bytes) == bytes(frame))


if __name__ == "__main__":
    main()
