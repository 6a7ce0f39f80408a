"""An image with metadata: as an array with a topic, and as one of several in a value.

Both ends run here. `meta` travels in the head, so a receiver has it without looking at the image.
"""

from datetime import datetime, timedelta, timezone

import numpy as np
import zmq

import framewire

TAKEN = datetime(2026, 5, 17, 12, 30, tzinfo=timezone(timedelta(hours=2)))


def main() -> None:
    """Send images to ourselves."""
    image = np.arange(1080 * 1920, dtype=np.uint16).reshape(1080, 1920)
    with framewire.Context() as context:
        with context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
            pull.bind("tcp://127.0.0.1:*")
            push.connect(pull.last_endpoint)

            meta = {"camera": 3, "exposure": 0.02, "unit": "counts"}
            tracker = push.send_array(image, copy=False, track=True, topic="camera 3", meta=meta)
            message = pull.recv_message()
            print(message.topic.decode(), message.meta)
            print(message.value.dtype, message.value.shape)
            frame = np.frombuffer(message.frames[1], np.uint8)
            print("a view of the received frame:", np.shares_memory(message.value, frame))
            print("the same image:", np.array_equal(message.value, image))
            tracker.wait()  # from now on `image` may be written again

            # What is itself of use to the receiver, and not only a note, goes into the value.
            value = {"image": image, "dark": image[:, :16] > 1000, "taken": TAKEN}
            push.send_value(value, topic="camera 3", meta={"frames": 2})
            message = pull.recv_message()
            print(message.topic.decode(), message.meta, message.value["taken"])
            for name in ("image", "dark"):
                came = message.value[name]
                print(name, came.dtype, came.shape, "equal:", np.array_equal(came, value[name]))


if __name__ == "__main__":
    main()
