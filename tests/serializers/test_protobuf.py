"""protobuf: messages of registered classes."""

import pytest
import telemetry_pb2
from google.protobuf import struct_pb2, timestamp_pb2

import framewire
from framewire.serializers import registry


@pytest.fixture
def serializer():
    registry.register_message(telemetry_pb2.Telemetry)
    return registry.by_name("protobuf")


@pytest.fixture
def message():
    return telemetry_pb2.Telemetry(seq=7, ts=1.5, temp=2.5, msg="größe☃")


def test_round_trip(serializer, message):
    header, frames = serializer.dumps(message)
    assert header == "telemetry.Telemetry"
    assert frames == [message.SerializeToString()]
    came = serializer.loads(header, [memoryview(frames[0])])
    assert type(came) is telemetry_pb2.Telemetry
    assert came == message


def test_an_empty_message(serializer):
    header, frames = serializer.dumps(telemetry_pb2.Telemetry())
    assert frames == [b""]
    assert serializer.loads(header, [memoryview(b"")]) == telemetry_pb2.Telemetry()


def test_a_large_message(serializer):
    message = telemetry_pb2.Telemetry(msg="x" * 1_000_000)
    header, frames = serializer.dumps(message)
    assert serializer.loads(header, [memoryview(frames[0])]) == message


def test_nested_messages_need_no_registration(serializer):
    registry.register_message(struct_pb2.Struct)
    message = struct_pb2.Struct()
    message["a"] = {"b": [1, "two", None]}
    header, frames = serializer.dumps(message)
    assert serializer.loads(header, [memoryview(frames[0])]) == message


def test_auto_picks_registered_classes(serializer, message):
    assert registry.by_type(type(message)) == "protobuf"


@pytest.mark.parametrize("value", [1, None, {"a": 1}, telemetry_pb2, telemetry_pb2.Telemetry])
def test_not_a_message(serializer, value):
    with pytest.raises(NotImplementedError, match="no protobuf message"):
        serializer.dumps(value)


def test_not_registered(serializer):
    message = timestamp_pb2.Timestamp(seconds=1)
    with pytest.raises(NotImplementedError, match=r"register_message.*google\.protobuf\.Timestamp"):
        serializer.dumps(message)
    with pytest.raises(ValueError, match=r"google\.protobuf\.Timestamp.*register_message"):
        serializer.loads("google.protobuf.Timestamp", [memoryview(message.SerializeToString())])


def test_what_is_no_class(serializer):
    with pytest.raises(TypeError):
        registry.register_message(telemetry_pb2)  # a module has a DESCRIPTOR, too


@pytest.mark.parametrize("header", [None, ""])
def test_no_name(serializer, header):
    with pytest.raises(ValueError, match="a name, and one frame"):
        serializer.loads(header, [memoryview(b"")])


@pytest.mark.parametrize("count", [0, 2])
def test_number_of_frames(serializer, count):
    with pytest.raises(ValueError, match="a name, and one frame"):
        serializer.loads("telemetry.Telemetry", [memoryview(b"")] * count)


@pytest.mark.parametrize(
    "data", [b"\xff", b"\x08", b"\x22\x05abc", b"\x22\x01\xff", b"\x00\x01", b"\x09\x00"]
)
def test_not_what_it_claims(serializer, data):
    with pytest.raises(ValueError, match="no protobuf message"):
        serializer.loads("telemetry.Telemetry", [memoryview(data)])


def test_end_to_end(serializer, message, through):
    assert framewire.register_message(telemetry_pb2.Telemetry) is telemetry_pb2.Telemetry
    assert through(message, "protobuf") == [message, message]
