"""Each serializer's time and size: for a telemetry record, and for 1 MB of numbers.

To frames and back by `framewire.dumps` and `framewire.loads`, with every field read, or the sum of
the numbers' ends. Serializers whose libraries are not installed are left out.
"""

import json
import pickle
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import framewire

from .one_thread import seconds
from .report import interleave, left_out, measured
from .results import Case

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "schemas"))

SEQ, TS, TEMP, MSG = 123_456, 1_763_712_345.125, 21.5, "all is as it was "
RECORD = {"seq": SEQ, "ts": TS, "temp": TEMP, "msg": MSG}
NUMBERS = np.random.default_rng(1).random(131_072)  # 1 MiB
ANY = framewire.Codec(allow=framewire.SAFE | {"pickle", "cloudpickle", "dill"})
FIELDS = "y['seq'], y['ts'], y['temp'], y['msg']"
ATTRIBUTES = "y.seq, y.ts, y.temp, y.msg"


@dataclass(frozen=True)
class Way:
    """A value made by an expression, and read as `y`."""

    make: str
    read: str
    names: Callable[[], dict[str, Any]] = dict
    alone: str = ""  # from `x` to `y` by the library itself


def _structured() -> dict[str, Any]:
    dtype = np.dtype([("seq", "u4"), ("ts", "f8"), ("temp", "f4"), ("msg", "S17")])
    return {"array": np.array, "dtype": dtype, "fields": (SEQ, TS, TEMP, MSG.encode())}


def _protobuf() -> dict[str, Any]:
    from telemetry_pb2 import Telemetry

    framewire.register_message(Telemetry)
    return {"Telemetry": Telemetry}


def _flatbuffers() -> dict[str, Any]:
    import flatbuffers
    from telemetry.Telemetry import Telemetry, TelemetryT

    def telemetry() -> Any:
        made = TelemetryT()
        made.seq, made.ts, made.temp, made.msg = SEQ, TS, TEMP, MSG
        return made

    framewire.register_message(Telemetry)
    return {"telemetry": telemetry, "Builder": flatbuffers.Builder, "Telemetry": Telemetry}


def _capnp() -> dict[str, Any]:
    import capnp

    path = Path(__file__).parents[1] / "examples" / "schemas" / "telemetry.capnp"
    telemetry = capnp.load(str(path))
    framewire.register_message(telemetry.Telemetry)
    return {"Telemetry": telemetry.Telemetry}


def _arrow() -> dict[str, Any]:
    import pyarrow

    def written(batch: Any) -> Any:
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return sink.getvalue()

    def read(data: Any) -> Any:
        return pyarrow.ipc.open_stream(data).read_next_batch()

    numbers = pyarrow.record_batch({"x": NUMBERS})
    return {"batch": pyarrow.record_batch, "x": numbers, "written": written, "read": read}


class TelemetryRecord(framewire.Record):
    seq: framewire.u32
    ts: framewire.f64
    temp: framewire.f32
    msg: str


RECORDS = {
    "record": Way("Record(**RECORD)", ATTRIBUTES, lambda: {"Record": TelemetryRecord}),
    "raw": Way(
        "pack('<Idf17s', SEQ, TS, TEMP, MSG.encode())",
        "unpack('<Idf17s', y)[3].decode()",
        lambda: {"pack": struct.pack, "unpack": struct.unpack},
    ),
    "array": Way(
        "array(fields, dtype)", "y['seq'], y['ts'], y['temp'], bytes(y['msg'])", _structured
    ),
    "json": Way(
        "dict(RECORD)",
        FIELDS,
        lambda: {"json": json},
        "y = json.loads(json.dumps(x).encode())",
    ),
    "msgpack": Way("dict(RECORD)", FIELDS),
    "pickle": Way(
        "dict(RECORD)",
        FIELDS,
        lambda: {"pickle": pickle},
        "y = pickle.loads(pickle.dumps(x, 5))",
    ),
    "cloudpickle": Way("dict(RECORD)", FIELDS),
    "dill": Way("dict(RECORD)", FIELDS),
    "protobuf": Way(
        "Telemetry(**RECORD)",
        ATTRIBUTES,
        _protobuf,
        "y = Telemetry.FromString(x.SerializeToString())",
    ),
    "flatbuffers": Way(
        "telemetry()",
        "y.Seq(), y.Ts(), y.Temp(), y.Msg().decode()",
        _flatbuffers,
        "z = Builder(); z.Finish(x.Pack(z)); y = Telemetry.GetRootAs(z.Output())",
    ),
    "capnp": Way(
        "Telemetry.new_message(**RECORD)",
        ATTRIBUTES,
        _capnp,
        "y = Telemetry.from_segments(x.to_segments())",
    ),
    "arrow": Way(
        "batch({name: [value] for name, value in RECORD.items()})",
        "y['seq'][0].as_py(), y['ts'][0].as_py(), y['temp'][0].as_py(), y['msg'][0].as_py()",
        _arrow,
        "y = read(written(x))",
    ),
}
ENDS = "y[0] + y[-1]"
ARRAYS = {
    "raw": Way("NUMBERS.data", "y[0] + y[-1]"),
    "array": Way("NUMBERS", ENDS),
    "json": Way("NUMBERS.tolist()", ENDS),
    "msgpack": Way("NUMBERS", ENDS),
    "pickle": Way("NUMBERS", ENDS),
    "cloudpickle": Way("NUMBERS", ENDS),
    "dill": Way("NUMBERS", ENDS),
    "arrow": Way("x", "y['x'][0].as_py() + y['x'][-1].as_py()", _arrow),
}


def prepared(way: Way) -> dict[str, Any]:
    """The names that a way's expressions use.

    Raises
    ------
    ImportError
        Its library is not installed.
    """
    names = {"RECORD": RECORD, "NUMBERS": NUMBERS, "SEQ": SEQ, "TS": TS, "TEMP": TEMP, "MSG": MSG}
    return names | way.names()


def measure(title: str, ways: dict[str, Way], rounds: int) -> Case:
    jobs, sizes = {}, {}
    for name, way in ways.items():
        try:
            values = prepared(way)
        except ImportError as error:
            left_out[f"the serializer {name}"] = str(error)
            continue
        values |= {"dumps": framewire.dumps, "loads": framewire.loads, "ANY": ANY, "name": name}
        encode = f"dumps({way.make}, serializer=name, copy=False)"
        sizes[f"by-{name}"] = sum(memoryview(frame).nbytes for frame in eval(encode, values))
        jobs[f"by-{name}"] = partial(seconds, f"y = loads({encode}, codec=ANY); {way.read}", values)
    return measured(title, interleave(jobs, rounds), shown="time", sizes=sizes)


def alone() -> dict[str, Callable[[], float]]:
    """Jobs that make, encode, decode and read the record by each library, without framewire."""
    jobs: dict[str, Callable[[], float]] = {}
    for name, way in RECORDS.items():
        if way.alone:
            try:
                values = prepared(way)
            except ImportError as error:
                left_out[f"{name} alone"] = str(error)
                continue
            statement = f"x = {way.make}; {way.alone}; {way.read}"
            jobs[f"alone-{name}"] = partial(seconds, statement, values)
    return jobs


def run(rounds: int, scale: int) -> Iterator[Case]:
    del scale  # the time of a round is fixed
    record = "telemetry record (u32, f64, f32, text of 17), made, encoded, decoded, read"
    yield measure(record, RECORDS, rounds)
    yield measure("1 MiB of float64, encoded, decoded, ends read", ARRAYS, rounds)
