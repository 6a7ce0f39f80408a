"""Slices of a large buffer sent as frames, and a received one read in place: nothing is copied.

Both ends run here. Where framewire.transport is "pyzmq" all is copied, and it prints False.
"""

import tempfile
from typing import Any

import numpy as np
import zmq

import framewire

MIB = 1 << 20


def address(buffer: Any) -> int:
    """Where a buffer begins in memory."""
    return int(np.frombuffer(buffer, np.uint8).ctypes.data)


def over_ipc(context: framewire.Context, folder: str) -> None:
    """Four slices, and what is written to one of them while they are queued."""
    buffer = bytearray(4 * MIB)
    whole = memoryview(buffer)
    slices = [whole[at : at + MIB] for at in range(0, len(whole), MIB)]
    with context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
        push.connect(f"ipc://{folder}/slices")  # nobody is there yet: the message is queued
        tracker = push.send_raw(slices, copy=False, track=True)
        print("in flight:", not tracker.done)
        # A program waits for the tracker before it writes. To write too early shows that no copy
        # was made: the receiver gets what is written now.
        whole[2 * MIB] = 42

        pull.bind(f"ipc://{folder}/slices")
        frames = pull.recv_raw()
        print([len(frame) for frame in frames], "sent without a copy:", frames[2][0] == 42)
        tracker.wait()

        # A received frame is a read-only memoryview. Its slices and arrays are views of it.
        middle = frames[2][1000:2000]
        numbers = np.frombuffer(frames[2], "f8", count=125, offset=1000)
        print("read-only:", frames[2].readonly, "and read in place:", end=" ")
        print(address(middle) == address(numbers) == address(frames[2]) + 1000)


def over_inproc(context: framewire.Context) -> None:
    """Between threads the frame that is received is the memory that was sent."""
    buffer = bytes(MIB)  # copy=None suffices: nobody can change bytes
    whole = memoryview(buffer)
    with context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
        pull.bind("inproc://slices")
        push.connect("inproc://slices")
        push.send_raw([whole[: MIB // 2], whole[MIB // 2 :]])
        first, second = pull.recv_raw()
        print("inproc: the sender's memory:", address(first) == address(buffer), end=" ")
        print(address(second) == address(buffer) + MIB // 2)


def main() -> None:
    """Both."""
    with tempfile.TemporaryDirectory() as folder, framewire.Context() as context:
        over_ipc(context, folder)
        over_inproc(context)


if __name__ == "__main__":
    main()
