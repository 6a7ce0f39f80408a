"""FlatBuffers: tables of registered classes, read in place."""

import gc
import random
import struct

import flatbuffers
import numpy as np
import pytest
from telemetry.Telemetry import Telemetry, TelemetryT

import framewire
from framewire.serializers import registry


@pytest.fixture
def serializer():
    registry.register_message(Telemetry)
    return registry.by_name("flatbuffers")


def record(msg="größe☃"):
    value = TelemetryT()
    value.seq, value.ts, value.temp, value.msg = 7, 1.5, 2.5, msg
    return value


def packed(value):
    builder = flatbuffers.Builder()
    builder.Finish(value.Pack(builder))
    return bytes(builder.Output())


def fields(table):
    return table.Seq(), table.Ts(), table.Temp(), table.Msg().decode()


def test_the_object_api(serializer):
    header, frames = serializer.dumps(record())
    assert header == "Telemetry"
    assert bytes(frames[0]) == packed(record())
    came = serializer.loads(header, [memoryview(bytes(frames[0]))])
    assert type(came) is Telemetry
    assert fields(came) == (7, 1.5, 2.5, "größe☃")
    assert vars(TelemetryT.InitFromObj(came)) == vars(record()) | {"msg": "größe☃".encode()}


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_an_accessor_is_sent_in_place(serializer, kind):
    buffer = kind(packed(record()))
    header, frames = serializer.dumps(Telemetry.GetRootAs(buffer, 0))
    assert header == "Telemetry"
    assert len(frames) == 1
    assert frames[0] is buffer


def test_received_in_place(serializer):
    data = bytearray(packed(record("x" * 10_000)))
    came = serializer.loads("Telemetry", [memoryview(data).toreadonly()])
    data[data.index(b"xxx")] = ord("y")
    assert came.Msg() == b"y" + b"x" * 9_999


def test_what_was_received_can_be_sent_on(serializer):
    frame = memoryview(packed(record()))
    assert serializer.dumps(serializer.loads("Telemetry", [frame]))[1][0] is frame


def test_a_table_outlives_its_frames(serializer):
    frames = [memoryview(packed(record()))]
    came = serializer.loads("Telemetry", frames)
    del frames
    gc.collect()
    assert fields(came) == (7, 1.5, 2.5, "größe☃")


def test_a_table_that_is_not_the_root(serializer):
    prefixed = struct.pack("<I", len(packed(record()))) + packed(record())
    with pytest.raises(ValueError, match="not the root"):
        serializer.dumps(Telemetry.GetRootAs(prefixed, 4))


def test_auto_picks_registered_classes(serializer):
    assert registry.by_type(Telemetry) == registry.by_type(TelemetryT) == "flatbuffers"


@pytest.mark.parametrize("value", [1, None, b"bytes", Telemetry, np.zeros(3)])
def test_not_a_table(serializer, value):
    with pytest.raises(NotImplementedError, match="register_message"):
        serializer.dumps(value)


def test_not_registered(serializer):
    with pytest.raises(ValueError, match=r"'Other'.*register_message"):
        serializer.loads("Other", [memoryview(packed(record()))])


def test_two_tables_of_one_name(serializer):
    registry.register_message(Telemetry)  # the same again is none
    other = type("Telemetry", (Telemetry,), {"__module__": "other.schema"})
    with pytest.raises(ValueError, match=r"telemetry\.Telemetry is registered already"):
        registry.register_message(other)


def test_what_is_no_class(serializer):
    with pytest.raises(TypeError):
        registry.register_message(Telemetry())


@pytest.mark.parametrize(("header", "count"), [(None, 1), ("", 1), ("Telemetry", 0)])
def test_name_and_number_of_frames(serializer, header, count):
    with pytest.raises(ValueError, match="a name, and one frame"):
        serializer.loads(header, [memoryview(packed(record()))] * count)


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"\x04\0\0\0", b"\0" * 8, b"\x10\0\0\0" + b"\0" * 8, b"\xff" * 100]
)
def test_a_root_outside(serializer, data):
    with pytest.raises(ValueError, match="root is outside"):
        serializer.loads("Telemetry", [memoryview(data)])


def test_hostile_bytes_raise_or_have_a_value(serializer):
    good, generator = packed(record()), random.Random(1)
    for _ in range(5_000):
        data = bytearray(good)
        for _ in range(generator.choice([1, 1, 2, 4])):
            data[generator.randrange(len(data))] = generator.randrange(256)
        try:
            fields(serializer.loads("Telemetry", [memoryview(data)]))
        except (struct.error, TypeError, ValueError, AttributeError):
            pass  # AttributeError: Msg() is None


def test_end_to_end(serializer, through):
    framewire.register_message(Telemetry)
    for came in through(record(), "flatbuffers"):
        assert fields(came) == (7, 1.5, 2.5, "größe☃")
    for came in through(Telemetry.GetRootAs(packed(record("x" * 20_000)), 0), "flatbuffers"):
        assert fields(came) == (7, 1.5, 2.5, "x" * 20_000)
