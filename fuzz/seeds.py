"""Messages to mutate: the golden ones, those of the corpus, and values of every kind."""

import datetime
import decimal
import uuid
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import msgspec
import numpy as np

import framewire
from framewire import Codec

from . import files
from .classes import Inner, Log, Model, Row, Row2
from .files import Frames
from .receive import SIGNED

LIBRARIES = {"zlib": "zlib", "zstd": "zstandard", "lz4": "lz4"}  # blosc2 is refused
METHODS = [method for method, library in LIBRARIES.items() if find_spec(library)]
OFTEN = 6
LARGEST = 12_000  # bytes of a frame that is worth its time


def _plain() -> Iterator[Any]:
    """Trees."""
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 678900)
    yield [None, True, 1, -1, 2**40, 2**70, 1.5, "text", b"bytes", bytearray(b"more"), 1 - 2j]
    yield {"a": {"b": [{"c": ({1, 2}, frozenset([3]))}]}, 1: (), None: "\ud800", 2**65: {}}
    yield [moment, moment.date(), moment.time(), moment - moment.replace(day=1)]
    yield [moment.replace(tzinfo=datetime.timezone.utc), uuid.UUID(int=7), decimal.Decimal("1.50")]
    yield {"x": np.arange(6.0).reshape(2, 3), "y": np.arange(2000), "z": memoryview(bytes(9000))}
    yield [np.float32(1), np.zeros((), "M8[ns]"), np.broadcast_to(np.int16(3), (4, 5))]
    yield np.ma.array([1, 2, 3], mask=[0, 1, 0], fill_value=9)
    yield {"model": Model(np.eye(3)), "names": ["a"] * 20}
    yield {"color": "red", "counts": np.arange(3), "gain": 2.0}
    yield {"type": "t", "a": 1, "b": [[1, "x"]]}
    yield np.ma.array(
        np.zeros(2, [("a", "i4"), ("b", "S3")]), mask=[(0, 1), (1, 0)], fill_value=(1, b"x")
    )


def _arrays() -> Iterator[Any]:
    yield np.zeros(3, [("a", "<i4"), ("b", [("c", ">f8", (2,)), ("d", "U3")])])
    yield np.arange(4).astype("M8[us]").reshape(2, 2)
    yield np.asfortranarray(np.arange(12, dtype=">i2").reshape(3, 4))
    yield np.broadcast_to(np.arange(3.0), (2, 3))
    yield np.arange(1200.0)


def _records() -> Iterator[Any]:
    yield Log(1, "ab", Inner(1, 2), [3, 4], np.datetime64(5, "us"), "first", b"second", "thïrd")
    yield Row(1, "nä", 2.5)
    yield Row2(2, "no", 0.5, "m")


def _of_libraries(found: dict[str, Any]) -> Iterator[tuple[Any, str]]:
    fields = {"seq": 7, "ts": 1.5, "temp": 2.5, "msg": "größe"}
    if "protobuf" in found:
        yield found["protobuf"](**fields), "protobuf"
    if "capnp" in found:
        yield found["capnp"].new_message(**fields), "capnp"
    if "flatbuffers" in found:
        value = found["flatbuffers"].TelemetryT()
        value.seq, value.ts, value.temp, value.msg = fields.values()
        yield value, "flatbuffers"
    if "arrow" in found:
        table = found["arrow"].table({"i": [1, None], "s": ["x", "yy"], "l": [[1], None]})
        yield table, "arrow"
        yield table.to_batches()[0], "arrow"


def _made(found: dict[str, Any]) -> Iterator[Frames]:
    values = [(value, None) for make in (_plain, _arrays) for value in make()]
    values += [({"a": [1, 2.5, None, "é\ud800"]}, "json"), (b"raw" * 10, "raw")]
    for value, serializer in [*values, *_of_libraries(found)]:
        for how in ({}, {"meta": {"k": [1]}}, {"packed": True}):
            if how.get("packed") and serializer is None and isinstance(value, np.ndarray):
                continue
            made = framewire.dumps(value, serializer=serializer, **how)
            yield [bytes(frame) for frame in made]
    for method in METHODS:
        for value in ({"x": np.arange(600), "y": [0] * 200}, np.arange(900.0), b"text " * 100):
            for how in ({}, {"packed": True}):
                made = framewire.dumps(value, codec=Codec(compression=method), **how)
                yield [bytes(frame) for frame in made]
    for value in ({"x": np.arange(2000)}, np.arange(9.0), "text" * 50):
        for codec in (SIGNED, Codec(key=SIGNED.key, compression="zlib")):
            for how in ({}, {"packed": True, "meta": 1}):
                yield [bytes(frame) for frame in framewire.dumps(value, codec=codec, **how)]
    for value in _records():
        for schema in (0, 1):
            yield [bytes(frame) for frame in framewire.dumps(value, codec=Codec(schema=schema))]
    payload = np.arange(6.0)
    recipe = msgspec.json.encode({"dtype": "float64", "shape": [2, 3]})
    yield [recipe, payload.tobytes()]


def seeds(found: dict[str, Any]) -> list[Frames]:
    """All of them, the good ones more often: the bad ones end early."""
    messages = list(_made(found)) * OFTEN
    for name, frames in (files.golden() | files.corpus()).items():
        messages += [frames] * (1 if name.startswith("bad-") else OFTEN)
    return [frames for frames in messages if max(map(len, frames)) <= LARGEST]
