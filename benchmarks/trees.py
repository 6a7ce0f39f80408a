"""A dict with arrays in it, and what carries such a value: to frames and back, and over sockets."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

import framewire

SCALARS = {"seq": 123_456, "time": 1.5, "name": "detector-7", "ok": True, "error": None, "run": 42}
ARRAYS = {f"channel{i}": np.random.default_rng(i).random(8192) for i in range(4)}  # 64 KiB each
VALUE = {**ARRAYS, **SCALARS}
_EXPECTED = [(name, bytearray(array)) for name, array in ARRAYS.items()]


def check(value: dict[str, Any]) -> None:
    """Read every byte of the arrays, and compare it (memcmp: the cheapest way to)."""
    for name, expected in _EXPECTED:
        if not expected == value[name]:
            raise AssertionError(name)


def value(array: Any) -> dict[str, Any]:
    """What is sent in place of an array."""
    return VALUE


@dataclass(frozen=True)
class Codec:
    """A way from a value to frames and back."""

    title: str
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    needs: str = ""  # a module that has to be installed


def _pickle_encode(value: Any) -> list[Any]:
    buffers: list[pickle.PickleBuffer] = []
    return [pickle.dumps(value, 5, buffer_callback=buffers.append), *buffers]


def _pickle_decode(frames: Any) -> Any:
    return pickle.loads(frames[0], buffers=frames[1:])


_ARRAY = 1  # an extension type, as an application picks one


class _Msgspec:
    """An encoder and a decoder, made once, that find arrays in the frames of the message."""

    def __init__(self) -> None:
        self._frames: Any = None
        self._about = msgspec.msgpack.Encoder()
        self._read_about = msgspec.msgpack.Decoder()
        self._encoder = msgspec.msgpack.Encoder(enc_hook=self._leave_out)
        self._decoder = msgspec.msgpack.Decoder(ext_hook=self._put_back)

    def _leave_out(self, array: np.ndarray[Any, Any]) -> msgspec.msgpack.Ext:
        self._frames.append(array.data)
        about = (array.dtype.str, array.shape, len(self._frames) - 1)
        return msgspec.msgpack.Ext(_ARRAY, self._about.encode(about))

    def _put_back(self, code: int, data: memoryview) -> np.ndarray[Any, Any]:
        dtype, shape, i = self._read_about.decode(data)
        return np.frombuffer(self._frames[i], dtype).reshape(shape)

    def encode(self, value: Any) -> list[Any]:
        self._frames = [b""]
        self._frames[0] = self._encoder.encode(value)
        return self._frames  # type: ignore[no-any-return]

    def decode(self, frames: Any) -> Any:
        self._frames = frames
        return self._decoder.decode(frames[0])


_MSGSPEC = _Msgspec()


def _dask_encode(value: Any) -> list[Any]:
    from distributed.protocol import serialize

    header, frames = serialize(value)
    return [msgspec.msgpack.encode(header), *frames]


def _dask_decode(frames: Any) -> Any:
    from distributed.protocol import deserialize

    return deserialize(msgspec.msgpack.decode(bytes(frames[0])), list(frames[1:]))


CODECS = {
    "tree-fw": Codec(
        "framewire dumps(copy=False) + loads",
        lambda value: framewire.dumps(value, copy=False),
        framewire.loads,
    ),
    "tree-pickle": Codec("pickle 5, buffers out of band", _pickle_encode, _pickle_decode),
    "tree-dask": Codec("dask serialize + deserialize", _dask_encode, _dask_decode, "distributed"),
    "tree-msgspec": Codec("msgspec, arrays by a hook", _MSGSPEC.encode, _MSGSPEC.decode),
}
