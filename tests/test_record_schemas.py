"""Records of schemas that come with messages, and of none."""

import msgspec
import pytest
import zmq
from record_frames import with_schema
from test_record_messages import Fixed, Imu

import framewire
from framewire import Codec, Record, record
from framewire.records import DEFINED


def unknown(name, count=2):
    """A class of records that this process does not know any more."""
    cls = record(f"<{count}I", [f"{name}{i}" for i in range(count)], name=name)
    assert DEFINED.pop(cls.fingerprint) is cls
    return cls


def test_late_joiners(connect):
    """With no class, over PUB and SUB: from the next message on that brings the schema."""
    pub, sub = connect(zmq.XPUB, zmq.SUB, "tcp")
    pub.codec = Codec(schema=3)
    cls = unknown("late")
    pub.send_value(cls(0, 0), topic="a")  # nobody is there
    sub.subscribe(b"")
    pub.recv()
    for i in range(1, 7):
        pub.send_value(cls(i, i), topic="a")
        if i < 3:
            with pytest.raises(framewire.SchemaError, match="unknown schema"):
                sub.recv_value()
        else:
            assert sub.recv_value().late0 == i
    pub.send_value(cls(9, 9), topic="b")  # the first of its topic
    message = sub.recv_message()
    assert message.topic == b"b"
    assert message.value.to_dict() == {"late0": 9, "late1": 9}
    assert type(message.value).__name__ == f"Record_{cls.fingerprint:016x}"


def test_records_of_learned_classes(pair):
    here, there = pair
    cls = unknown("learned")
    here.send_value(cls(1, 2), codec=Codec(schema=1))
    came = there.recv_value()
    assert isinstance(came, Record)
    assert came.replace(learned0=5).pack() == cls(5, 2).pack()
    assert type(came).schema == cls.schema
    here.send_value(came, codec=Codec(schema=1))  # handed on
    assert there.recv_value() == came
    here.send_value(cls(1, 2), codec=Codec(schema=1))
    assert there.recv_value(type=dict) == {"learned0": 1, "learned1": 2}


def test_unknown_schemas(pair):
    here, there = pair
    cls = unknown("nothing")
    here.send_value(cls(1, 2))
    with pytest.raises(framewire.SchemaError, match=f"{cls.fingerprint:#018x}.*Codec"):
        there.recv_value()
    here.send_value(cls(1, 2))
    with pytest.raises(framewire.SchemaError, match=r"Imu has 0x.*Codec"):
        there.recv_value(type=Imu)
    here.send_value(cls(1, 2))
    here.send_value(cls(1, 2))
    with pytest.raises(framewire.SchemaError):
        there.recv_value(type=dict)
    assert there.recv_raw()[0].nbytes


def test_differences_are_shown(pair):
    here, there = pair
    here.send_value(Fixed(1, 2))
    with pytest.raises(framewire.SchemaError) as info:
        there.recv_value(type=Imu)
    assert info.value.code == "mismatch"
    assert "no Imu: field 2 is none, not 'temp', <f4 at 12; field 3 is none, not 'msg'" in str(
        info.value
    )
    cls = unknown("differs", 6)
    here.send_value(cls(*range(6)), codec=Codec(schema=1))
    with pytest.raises(
        framewire.SchemaError, match=r"field 0 is 'differs0', <u4 at 0, not 'number'"
    ):
        there.recv_value(type=Fixed)
    padded = record("<Id4x", "number t", name="Padded")
    here.send_value(padded(1, 2))
    with pytest.raises(framewire.SchemaError, match="16 bytes, not 12"):
        there.recv_value(type=Fixed)


CLASHING = ["pack", "replace", "__class__", "__init__", "_x", "dtype", "schema", "fields", "mro"]
CLASHING += ["a b", "1", "né", "class", "a\0b", "fingerprint", "__slots__", "_schema", "self"]


@pytest.mark.parametrize("name", CLASHING)
def test_names_that_clash(pair, name):
    """In a schema from the wire any text is a name."""
    here, there = pair
    schema = {"names": [name], "formats": ["<u4"], "offsets": [0], "itemsize": 4}
    came = framewire.loads(with_schema(msgspec.json.encode(schema), b"\5\0\0\0"))
    assert came.to_dict() == {name: 5}
    assert came == came.replace()
    assert came.replace(**{name: 6}).pack() == b"\6\0\0\0"
    assert repr(came).endswith(f"({name}=5)")
    here.send_value(came)
    assert there.recv_value() == came
    if name in ("a b", "né", "class", "1"):
        assert getattr(came, name) == 5
