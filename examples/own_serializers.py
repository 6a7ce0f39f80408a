"""The serializers of pyzmq's document, msgpack, msgspec and blosc2, by `send_serialized`.

A function makes a list of buffers of a message, and another the message of the frames. The other
end may be plain pyzmq with the same two functions. Both ends run here.

Needs `pip install framewire msgpack blosc2`. The document has blosc, whose successor blosc2 is.
"""

import json
from dataclasses import dataclass
from typing import Any

import blosc2
import msgpack
import msgspec
import numpy as np
import zmq

import framewire


def pack(value: Any) -> list[bytes]:
    """By msgpack: plain values in one frame."""
    return [msgpack.packb(value)]


def unpack(frames: list[bytes]) -> Any:
    """The inverse."""
    return msgpack.unpackb(frames[0])


class Reading(msgspec.Struct):
    """What a sensor says; msgspec checks the types of what comes."""

    sensor: str
    value: float
    tags: list[str] = []


def encode(reading: Reading) -> list[bytes]:
    """By msgspec, as MessagePack."""
    return [msgspec.msgpack.encode(reading)]


def decode(frames: list[bytes]) -> Reading:
    """The inverse; a ValidationError for something else."""
    return msgspec.msgpack.decode(frames[0], type=Reading)


@dataclass
class Image:
    """An array with a name."""

    name: str
    pixels: np.ndarray


def compress(image: Image) -> list[bytes]:
    """By blosc2: a header as JSON, then the pixels, compressed."""
    header = {"name": image.name, "dtype": image.pixels.dtype.str, "shape": image.pixels.shape}
    pixels = np.ascontiguousarray(image.pixels)
    return [json.dumps(header).encode(), blosc2.compress2(pixels, typesize=pixels.itemsize)]


def decompress(frames: list[bytes]) -> Image:
    """The inverse, of up to 100 MB. For peers that are trusted: a chunk can name plugins."""
    header = json.loads(frames[0])
    if blosc2.get_cbuffer_sizes(frames[1])[0] > 100_000_000:
        raise ValueError("too large")
    pixels = np.frombuffer(blosc2.decompress2(frames[1]), header["dtype"])
    return Image(header["name"], pixels.reshape(header["shape"]))


def main() -> None:
    """Send messages to ourselves."""
    with framewire.Context() as context:
        with context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
            pull.bind("tcp://127.0.0.1:*")
            push.connect(pull.last_endpoint)

            push.send_serialized({"seq": 7, "values": [1, 2.5, None]}, pack)
            print("msgpack:", pull.recv_serialized(unpack))

            push.send_serialized(Reading("hall 3", 21.5), encode)
            print("msgspec:", pull.recv_serialized(decode))
            push.send_serialized({"sensor": 3}, pack)
            try:
                pull.recv_serialized(decode)
            except msgspec.ValidationError as error:
                print("refused:", error)

            image = Image("dark", np.tile(np.arange(640, dtype=np.uint16), (480, 1)))
            frames = compress(image)
            push.send_serialized(image, compress)
            came = pull.recv_serialized(decompress)
            print("blosc2:", came.name, np.array_equal(came.pixels, image.pixels), end=" ")
            print(f"{image.pixels.nbytes} bytes travel as {len(frames[1])}")


if __name__ == "__main__":
    main()
