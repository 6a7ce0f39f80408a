"""What the receiver knows: registered classes and serializers, records, types to decode to."""

import dataclasses
import datetime
import enum
import importlib
import sys
from typing import Annotated, Any

import msgspec
import numpy as np

import framewire
from framewire import Record, array, f64, text, u8, u16, u32

from .files import ROOT

SCHEMAS = ROOT / "examples" / "schemas"


class Inner(Record):
    a: u8
    b: u16


class Log(Record):
    """A field of each kind."""

    number: u32
    name: Annotated[str, text(5)]
    inner: Inner
    m: array(f64, 2)  # type: ignore[valid-type]
    when: np.dtype("<M8[us]")  # type: ignore[valid-type]
    first: str
    second: bytes
    third: str = "x"


class Row(Record):
    """Of a fixed size: what rows of an array can be."""

    number: u32
    name: Annotated[str, text(6)]
    value: np.dtype(">f8")  # type: ignore[valid-type]


class Row2(Row):
    unit: Annotated[str, text(3)] = "K"


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Scan:
    color: Color
    counts: np.ndarray[Any, Any]
    gain: float = 1.0


class Tagged(msgspec.Struct, tag="t"):
    a: int
    b: list[tuple[int, str]] = []


class Model:
    """Registered by what its attributes are."""

    def __init__(self, weights: Any) -> None:
        self.weights = weights


class Thing:
    """What the function of a registered class was given."""

    def __init__(self, header: Any, frames: Any) -> None:
        self.header, self.frames = header, frames


# to ask for with `type`; of the first two most messages are not
TYPES = (int, dict[str, Any], list[Any], Any, tuple[int, ...], set[str], str, bytes, bytearray)
TYPES += (datetime.datetime, np.ndarray, Scan, Tagged, Log, Row, Row2, Record, Color, float | None)

# the libraries of the others; without one its messages are refused
MODULES = {"arrow": "pyarrow", "protobuf": "google.protobuf", "capnp": "capnp"}
MODULES |= {"flatbuffers": "flatbuffers"}


def modules() -> dict[str, Any]:
    """The classes of messages of each library that is there."""
    sys.path.insert(0, str(SCHEMAS))
    found: dict[str, Any] = {}
    for name, module in MODULES.items():
        try:
            library = importlib.import_module(module)
            if name == "capnp":
                found[name] = library.load(str(SCHEMAS / "telemetry.capnp")).Telemetry
            elif name == "protobuf":
                found[name] = importlib.import_module("telemetry_pb2").Telemetry
            elif name == "flatbuffers":
                found[name] = importlib.import_module("telemetry.Telemetry")
            else:
                found[name] = library
        except ImportError:
            pass
    return found


def register() -> dict[str, Any]:
    """Register all; what `modules` gives."""
    for name in ("geometry.Point", "geometry.Points", "a.B"):  # of the golden files
        module, qualname = name.split(".")
        cls = type(qualname, (Thing,), {"__module__": module})
        framewire.deserialize.register(cls, cls)
    framewire.register_generic(Model)
    framewire.register_serializer("zipped", lambda value: ([value], []), Thing)
    found = modules()
    for name in found.keys() - {"arrow"}:
        cls = found[name].Telemetry if name == "flatbuffers" else found[name]
        framewire.register_message(cls)
    return found
