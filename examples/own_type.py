"""Types and serializers of your own: three ways to teach framewire what it does not know.

Both ends run here; in two processes, both register.
"""

import json
import zlib
from typing import Any

import numpy as np
import zmq

import framewire

# 1. A class that wraps arrays: what its attributes are is all that it is.


@framewire.register_generic
class LinearModel:
    """An estimator."""

    def fit(self, x: np.ndarray, y: np.ndarray) -> "LinearModel":
        """Fit y = x · coefficients, by least squares."""
        self.coefficients, *_ = np.linalg.lstsq(x, y, rcond=None)
        self.observations = len(x)
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """What it expects at x."""
        return x @ self.coefficients


# 2. A class with functions of its own: they say what travels, and check what came.


class Spectrum:
    """Intensities over a range of wavelengths, in nanometres."""

    def __init__(self, low: float, high: float, intensities: np.ndarray):
        if not low < high:
            raise ValueError(f"no range of wavelengths: {low} to {high}")
        self.low, self.high, self.intensities = low, high, intensities


@framewire.serialize.register(Spectrum)
def dump_spectrum(spectrum: Spectrum) -> tuple[Any, list[Any]]:
    """A header, which may be any value, and buffers, which travel in place if they are large."""
    header = {"low": spectrum.low, "high": spectrum.high}
    return header, [np.ascontiguousarray(spectrum.intensities, "<f4")]


@framewire.deserialize.register(Spectrum)
def load_spectrum(header: Any, frames: list[memoryview]) -> Spectrum:
    """The inverse. The frames are read-only views of the message."""
    return Spectrum(header["low"], header["high"], np.frombuffer(frames[0], "<f4"))


# 3. A serializer: for values of any type that JSON has, compressed.


MOST = 1 << 20  # bytes of JSON


def dump_zipped(value: Any) -> tuple[dict[str, Any], list[bytes]]:
    """A value as compressed JSON. NotImplementedError: this serializer does not take it."""
    try:
        text = json.dumps(value).encode()
    except TypeError as error:
        raise NotImplementedError(str(error)) from error
    if len(text) > MOST:
        raise NotImplementedError(f"{len(text)} bytes of JSON, and at most {MOST} are taken")
    return {"size": len(text)}, [zlib.compress(text)]


def load_zipped(header: dict[str, Any], frames: list[memoryview]) -> Any:
    """The inverse. A peer may lie about the size; whatever this raises becomes a DecodeError."""
    size = header["size"]
    if not 0 <= size <= MOST:
        raise ValueError(f"{size} bytes of JSON, and at most {MOST} are taken")
    unzip = zlib.decompressobj()
    text = unzip.decompress(frames[0], size + 1)
    if not unzip.eof or len(text) != size:
        raise ValueError("not as long as its header says")
    return json.loads(text)


framewire.register_serializer("zipped", dump_zipped, load_zipped)


def main() -> None:
    """Send one of each to ourselves."""
    generator = np.random.default_rng(1)
    x = generator.normal(size=(1000, 3))
    model = LinearModel().fit(x, x @ [1.0, 2.0, 3.0])
    with framewire.Context() as context:
        with context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
            pull.bind("tcp://127.0.0.1:*")
            push.connect(pull.last_endpoint)

            push.send_value({"model": model, "name": "first"})  # anywhere in a value
            came = pull.recv_value()["model"]
            print(type(came).__name__, came.coefficients.round(6), came.observations)
            print("predicts the same:", np.array_equal(came.predict(x), model.predict(x)))

            push.send_value(Spectrum(400.0, 700.0, np.linspace(0, 1, 10_000)))
            spectrum = pull.recv_value()
            print(type(spectrum).__name__, spectrum.low, spectrum.high, spectrum.intensities.shape)
            print("in place:", not spectrum.intensities.flags.owndata)

            readings = {"sensor": "hall 3", "readings": [i % 10 / 4 for i in range(1000)]}
            push.send_value(readings, serializer="zipped")
            message = pull.recv_message()
            size = sum(len(frame) for frame in message.frames)
            print(f"{len(json.dumps(readings))} bytes of JSON travel as {size}")
            print(message.serializer, "came back the same:", message.value == readings)

            # The first that takes the value: JSON has no arrays, so the tree codec takes this one.
            push.send_value({"x": x}, serializer=["zipped", "msgpack"])
            print("an array travels by:", pull.recv_message().serializer)


if __name__ == "__main__":
    main()
