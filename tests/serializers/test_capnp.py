"""Cap'n Proto: messages of registered structs, read in place."""

import gc
import inspect

import pytest

import framewire
from framewire.serializers import registry

capnp = pytest.importorskip("capnp")

RICH = """@0xa2f0b3a1c4e59687;
struct Rich {
  name @0 :Text;
  data @1 :Data;
  floats @2 :List(Float64);
  kids @3 :List(Rich);
  child @4 :Rich;
  texts @5 :List(Text);
  any @6 :AnyPointer;
  union { a @7 :Text; b @8 :UInt32; c @9 :List(List(UInt16)); }
  g :group { x @10 :Text; y @11 :Float64; }
  points @12 :List(Point);
  cap @13 :Face;
  voids @14 :List(Void);
}
struct Point { x @0 :Float32; y @1 :Float32; }
interface Face { f @0 () -> (); }
"""


@pytest.fixture(scope="session")
def telemetry(schemas):
    found = capnp.load(str(schemas / "telemetry.capnp")).Telemetry
    registry.register_message(found)
    return found


@pytest.fixture(scope="session")
def rich(tmp_path_factory):
    path = tmp_path_factory.mktemp("capnp") / "rich.capnp"
    path.write_text(RICH)
    found = capnp.load(str(path)).Rich
    registry.register_message(found)
    return found


@pytest.fixture
def serializer(telemetry):
    return registry.by_name("capnp")


@pytest.fixture
def message(telemetry):
    return telemetry.new_message(seq=7, ts=1.5, temp=2.5, msg="größe☃")


def fields(reader):
    return reader.seq, reader.ts, reader.temp, reader.msg


def views(frames):
    return [memoryview(bytes(frame)) for frame in frames]


def full(rich, words=None):
    message = rich.new_message(num_first_segment_words=words, name="n", data=b"d" * 20)
    message.floats = [1.0, 2.0]
    message.texts = ["a", "bb"]
    for number, kid in enumerate(message.init("kids", 3)):
        kid.name = str(number)
        kid.init("child").data = b"deep"
    message.init("c", 2)[0] = [1, 2, 3]
    message.g.x = "in a group"
    message.points = [{"x": 1, "y": 2}] * 3
    message.any.set_as_text("anything")
    return message


def test_round_trip(serializer, telemetry, message):
    header, frames = serializer.dumps(message)
    assert header == hex(telemetry.schema.node.id)
    assert list(map(bytes, frames)) == message.to_segments()
    assert fields(serializer.loads(header, views(frames))) == (7, 1.5, 2.5, "größe☃")


@pytest.mark.parametrize("words", [None, 1, 4])
def test_every_kind_of_field_and_several_segments(serializer, rich, words):
    message = full(rich, words)
    header, frames = serializer.dumps(message)
    assert (len(frames) > 1) == (words is not None)
    came = serializer.loads(header, views(frames))
    assert repr(came) == repr(message.as_reader())
    assert came.any.as_text() == "anything"


def test_a_reader_is_sent(serializer, message, rich):
    header, frames = serializer.dumps(message.as_reader())
    came = serializer.loads(header, views(frames))
    assert fields(came) == (7, 1.5, 2.5, "größe☃")
    header, frames = serializer.dumps(came)
    again = serializer.loads(header, views(frames))
    assert fields(again) == (7, 1.5, 2.5, "größe☃")
    header, frames = serializer.dumps(full(rich).as_reader().kids[1])
    assert serializer.loads(header, views(frames)).name == "1"


def test_received_in_place(serializer, rich):
    header, frames = serializer.dumps(rich.new_message(data=b"x" * 20_000))
    memory = [bytearray(frame) for frame in frames]
    came = serializer.loads(header, [memoryview(each).toreadonly() for each in memory])
    memory[-1][100] = ord("y")
    assert b"y" in came.data


def test_a_reader_outlives_its_frames(serializer, message, rich):
    header, frames = serializer.dumps(full(rich, 1))
    received = views(frames)
    kid = serializer.loads(header, received).kids[2].child
    del received, frames
    gc.collect()
    litter = [bytes(1000) for _ in range(1000)]
    assert kid.data == b"deep"
    assert len(litter) == 1000


def test_a_field_can_be_read_again_and_again(serializer, rich):
    header, frames = serializer.dumps(rich.new_message(data=b"x" * (1 << 20)))
    came = serializer.loads(header, views(frames))
    for _ in range(100):  # Cap'n Proto's own limit is 64 MiB
        assert len(came.get_data_as_view("data")) == 1 << 20
    assert repr(came)


def test_not_aligned(serializer, message):
    header, frames = serializer.dumps(message)
    for shift in range(1, 8):
        data = bytes(shift) + bytes(frames[0])
        came = serializer.loads(header, [memoryview(data)[shift:]])
        assert fields(came) == (7, 1.5, 2.5, "größe☃")


@pytest.mark.parametrize("value", [1, None, {"a": 1}])
def test_not_a_struct(serializer, value):
    with pytest.raises(NotImplementedError, match="no Cap'n Proto struct"):
        serializer.dumps(value)


def test_not_registered(serializer, tmp_path):
    path = tmp_path / "other.capnp"
    path.write_text("@0xb2f0b3a1c4e59687;\nstruct Other { x @0 :UInt8; }\n")
    other = capnp.load(str(path)).Other
    with pytest.raises(NotImplementedError, match=r"register_message.*Other"):
        serializer.dumps(other.new_message(x=1))
    with pytest.raises(ValueError, match=r"'0xb2f0'.*register_message"):
        serializer.loads("0xb2f0", [memoryview(bytes(16))])


def test_what_is_no_struct(serializer):
    class Other:
        new_message = None

    with pytest.raises(TypeError):
        registry.register_message(Other)


def test_header_and_number_of_frames(serializer, message):
    header, frames = serializer.dumps(message)
    for wrong in ((None, views(frames)), ("", views(frames)), (header, [])):
        with pytest.raises(ValueError, match="at least one frame"):
            serializer.loads(*wrong)


def test_cut_at_every_byte(serializer, message):
    header, frames = serializer.dumps(message)
    for length in range(len(frames[0])):
        with pytest.raises(ValueError, match="Cap'n Proto"):
            serializer.loads(header, [memoryview(frames[0])[:length]])


def test_capabilities_are_refused(serializer, rich):
    header, frames = serializer.dumps(rich.new_message(name="n"))
    data = bytearray(frames[0])
    refused = 0
    for offset in range(8, len(data), 8):
        changed = data[:]
        changed[offset : offset + 8] = b"\x03" + bytes(7)
        try:
            serializer.loads(header, [memoryview(changed)])
        except ValueError:
            refused += 1
    assert refused


def test_amplified(serializer, rich):
    """A list of 2**29 - 1 nothings, in 8 bytes."""
    header, frames = serializer.dumps(rich.new_message(voids=[None] * 3))
    data = bytearray(frames[0])
    at = data.index(b"\x18\0\0\0", 8)  # 3 elements, of size 0
    data[at : at + 4] = ((1 << 32) - 8).to_bytes(4, "little")
    with pytest.raises(ValueError, match="Cap'n Proto"):
        serializer.loads(header, [memoryview(data)])


MUTATE = """
import random, struct, sys, tempfile
import capnp
from framewire.serializers import registry

with tempfile.NamedTemporaryFile("w", suffix=".capnp") as file:
    file.write(RICH)
    file.flush()
    rich = capnp.load(file.name).Rich
registry.register_message(rich)
serializer = registry.by_name("capnp")
bases = [serializer.dumps(full(rich, words)) for words in (None, 1, 4)]
generator = random.Random(1)
taken = 0
for _ in range(20_000):
    header, frames = generator.choice(bases)
    frames = [bytearray(frame) for frame in frames]
    for _ in range(generator.choice([1, 1, 2, 4])):
        frame = generator.choice(frames)
        word = generator.randrange(len(frame) // 8) * 8
        match generator.randrange(5):
            case 0:
                frame[word + generator.randrange(8)] = generator.randrange(256)
            case 1:
                frame[word] = frame[word] & ~3 | generator.randrange(4)
            case 2:
                frame[word : word + 8] = generator.randbytes(8)
            case 3:
                offset = generator.randrange(-20, 40) * 4 + generator.randrange(4)
                size = generator.randrange(256) << 3 | generator.randrange(8)
                struct.pack_into("<iI", frame, word, offset, size)
            case 4 if word:
                del frame[word:]
    try:
        came = serializer.loads(header, [memoryview(bytes(frame)) for frame in frames])
    except ValueError:
        continue
    taken += 1
    repr(came), str(came), came.total_size, came.as_builder().to_bytes()
assert taken > 1000
"""


def test_hostile_bytes_do_not_end_the_process(survives):
    survives(f"RICH = {RICH!r}\n{inspect.getsource(full)}\n{MUTATE}")


def test_end_to_end(serializer, telemetry, message, through):
    framewire.register_message(telemetry)
    for came in through(message, "capnp"):
        assert fields(came) == (7, 1.5, 2.5, "größe☃")
    for came in through(telemetry.new_message(msg="x" * 100_000), "capnp"):
        assert came.msg == "x" * 100_000
