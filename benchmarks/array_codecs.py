"""An array to frames and back by other libraries: what a program would write around each.

With struct the data is a frame of its own, in place; protobuf, FlatBuffers, Cap'n Proto and Arrow
carry dtype, shape and data in one message of theirs, which is read without copying where the
library can. Libraries are imported on first use.
"""

import struct
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from . import trees
from .trees import Codec

_HEAD = struct.Struct("<8sB")


def _struct_encode(array: Any) -> list[Any]:
    head = _HEAD.pack(array.dtype.str.encode(), array.ndim)
    return [head + struct.pack(f"<{array.ndim}Q", *array.shape), array]


def _struct_decode(frames: Any) -> Any:
    dtype, ndim = _HEAD.unpack_from(frames[0])
    shape = struct.unpack_from(f"<{ndim}Q", frames[0], _HEAD.size)
    return np.frombuffer(frames[1], dtype.rstrip(b"\0").decode()).reshape(shape)


@cache
def _protobuf_class() -> Any:
    """A message of dtype, shape and data, as protoc would make it."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="array.proto", syntax="proto3")
    message = file.message_type.add(name="Array")
    for number, (name, kind, label) in enumerate(
        (
            ("dtype", field.TYPE_STRING, field.LABEL_OPTIONAL),
            ("shape", field.TYPE_UINT64, field.LABEL_REPEATED),
            ("data", field.TYPE_BYTES, field.LABEL_OPTIONAL),
        ),
        start=1,
    ):
        message.field.add(name=name, number=number, type=kind, label=label)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Array"))


def _protobuf_encode(array: Any) -> list[Any]:
    made = _protobuf_class()(dtype=array.dtype.str, shape=array.shape, data=array.tobytes())
    return [made.SerializeToString()]


def _protobuf_decode(frames: Any) -> Any:
    read = _protobuf_class().FromString(bytes(frames[0]))
    return np.frombuffer(read.data, read.dtype).reshape(read.shape)


def _flatbuffers_encode(array: Any) -> list[Any]:
    import flatbuffers

    builder = flatbuffers.Builder(array.nbytes + 256)
    data = builder.CreateNumpyVector(array.reshape(-1).view(np.uint8))
    shape = builder.CreateNumpyVector(np.array(array.shape, np.uint64))
    dtype = builder.CreateString(array.dtype.str)
    builder.StartObject(3)
    for slot, offset in enumerate((dtype, shape, data)):
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    builder.Finish(builder.EndObject())
    return [builder.Output()]


def _flatbuffers_decode(frames: Any) -> Any:
    from flatbuffers import encode, packer
    from flatbuffers.number_types import UOffsetTFlags
    from flatbuffers.table import Table

    root = encode.Get(packer.uoffset, frames[0], 0)
    table = Table(frames[0], UOffsetTFlags.py_type(root))

    def vector(slot: int, kind: Any) -> Any:
        offset = UOffsetTFlags.py_type(table.Offset(4 + 2 * slot))
        start, length = table.Vector(offset), table.VectorLen(offset)
        return np.frombuffer(frames[0], kind, length, start)

    dtype = vector(0, np.uint8).tobytes().decode()
    return vector(2, np.uint8).view(dtype).reshape(vector(1, np.uint64))


@cache
def _capnp_class() -> Any:
    import capnp

    return capnp.load(str(Path(__file__).with_name("array.capnp"))).Array


def _capnp_encode(array: Any) -> list[Any]:
    made = _capnp_class().new_message(dtype=array.dtype.str, shape=array.shape)
    made.data = memoryview(array).cast("B")
    return made.to_segments()  # type: ignore[no-any-return]


def _capnp_decode(frames: Any) -> Any:
    everything = 1 << 40  # words: by default a reader gives up after 64 MiB
    read = _capnp_class().from_segments([*frames], traversal_limit_in_words=everything)
    return np.frombuffer(read.data, read.dtype).reshape(tuple(read.shape))


def _arrow_encode(array: Any) -> list[Any]:
    import pyarrow

    stream = pyarrow.BufferOutputStream()
    pyarrow.ipc.write_tensor(pyarrow.Tensor.from_numpy(array), stream)
    return [stream.getvalue()]


def _arrow_decode(frames: Any) -> Any:
    import pyarrow

    return pyarrow.ipc.read_tensor(pyarrow.BufferReader(frames[0])).to_numpy()


CODECS = {
    "pickle": trees.CODECS["tree-pickle"],
    "msgspec": trees.CODECS["tree-msgspec"],
    "dask": trees.CODECS["tree-dask"],
    "struct": Codec("struct, data in a frame", _struct_encode, _struct_decode),
    "protobuf": Codec("protobuf, a bytes field", _protobuf_encode, _protobuf_decode, "google"),
    "flatbuffers": Codec(
        "flatbuffers, a vector", _flatbuffers_encode, _flatbuffers_decode, "flatbuffers"
    ),
    "capnp": Codec("pycapnp, Data", _capnp_encode, _capnp_decode, "capnp"),
    "arrow": Codec("pyarrow, a tensor", _arrow_encode, _arrow_decode, "pyarrow"),
}
