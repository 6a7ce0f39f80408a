"""Arrays anywhere in a value: sent in place, received as views; and a dataclass back.

Both ends run here.
"""

from dataclasses import dataclass

import numpy as np
import zmq

import framewire


@dataclass
class Detector:
    """What one detector has seen.

    Attributes
    ----------
    name
    counts
        Of shape (frames, channels).
    position
        x and y, in metres.
    """

    name: str
    counts: np.ndarray
    position: tuple[float, float]


@dataclass
class Run:
    """A run of several detectors."""

    number: int
    detectors: list[Detector]


def main() -> None:
    """Send values to ourselves."""
    counts = np.arange(200_000, dtype=np.int32).reshape(100, 2000)
    with framewire.Context() as context:
        with context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
            pull.bind("tcp://127.0.0.1:*")
            push.connect(pull.last_endpoint)

            value = {"run": 12, "detectors": [{"counts": counts, "dark": counts[0]}, (counts.T,)]}
            tracker = push.send_value(value, copy=False, track=True)
            message = pull.recv_message()
            tracker.wait()  # libzmq has let go of every array in `value`
            print("the tree and the large arrays:", [len(frame) for frame in message.frames])
            first, (transposed,) = message.value["detectors"]
            print(first["counts"].shape, first["dark"].shape, transposed.shape)
            frame = np.frombuffer(message.frames[1], np.uint8)
            print("a view of its frame:", np.shares_memory(first["counts"], frame))
            print("the same:", np.array_equal(first["counts"], counts), end=" ")
            print(np.array_equal(transposed, counts.T))

            # A dataclass travels as a dict of its fields; `type` makes it one again, checked.
            run = Run(13, [Detector("hall 3", counts, (1.5, 2.0))])
            push.send_value(run)
            came = pull.recv_value(type=Run)
            print(type(came).__name__, came.number, came.detectors[0].position)
            print("the same:", np.array_equal(came.detectors[0].counts, counts))

            push.send_value({"number": "thirteen", "detectors": []})
            try:
                pull.recv_value(type=Run)
            except framewire.SchemaError as error:
                print("refused:", error)


if __name__ == "__main__":
    main()
