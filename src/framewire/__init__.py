"""Any value over pyzmq sockets, arrays without copying, at close to C speed."""

from ._arrays import loads_array, recv_array, send_array
from ._batch import recv_many
from ._batchsend import send_many
from ._buffers import release
from ._calls import dumps, loads, recv_value, send_value
from ._codec import SAFE, Codec, default_codec, set_default_codec
from ._latest import recv_latest
from ._libzmq import transport
from ._multipart import recv, recv_into, recv_multipart, send, send_multipart
from ._pool import BufferPool
from ._raw import recv_raw, send_raw
from ._serialized import (
    recv_json,
    recv_pyobj,
    recv_serialized,
    recv_string,
    send_json,
    send_pyobj,
    send_serialized,
    send_string,
)
from .batch import Batch
from .errors import DecodeError, LimitError, RefusedError, SchemaError, SignatureError
from .fields import array, blob, f32, f64, i8, i16, i32, i64, pad, text, u8, u16, u32, u64
from .functional import deserialize, serialize
from .headers import get_include
from .limits import Limits
from .message import Message, recv_message
from .records import Record, record
from .ring import Ring
from .serializers.objects import register_generic
from .serializers.registry import (
    register_message,
    register_serializer,
    unregister_serializer,
)
from .socket import Context, Socket, install, uninstall
from .stats import Counts, Latency, Stamp, Stats, stats
from .tracker import MessageTracker

register_serialization_family = register_serializer  # dask's name

__all__ = [
    "SAFE",
    "Batch",
    "BufferPool",
    "Codec",
    "Context",
    "Counts",
    "DecodeError",
    "Latency",
    "LimitError",
    "Limits",
    "Message",
    "MessageTracker",
    "Record",
    "RefusedError",
    "Ring",
    "SchemaError",
    "SignatureError",
    "Socket",
    "Stamp",
    "Stats",
    "array",
    "blob",
    "default_codec",
    "deserialize",
    "dumps",
    "f32",
    "f64",
    "get_include",
    "i8",
    "i16",
    "i32",
    "i64",
    "install",
    "loads",
    "loads_array",
    "pad",
    "record",
    "recv",
    "recv_array",
    "recv_into",
    "recv_json",
    "recv_latest",
    "recv_many",
    "recv_message",
    "recv_multipart",
    "recv_pyobj",
    "recv_raw",
    "recv_serialized",
    "recv_string",
    "recv_value",
    "register_generic",
    "register_message",
    "register_serialization_family",
    "register_serializer",
    "release",
    "send",
    "send_array",
    "send_json",
    "send_many",
    "send_multipart",
    "send_pyobj",
    "send_raw",
    "send_serialized",
    "send_string",
    "send_value",
    "serialize",
    "set_default_codec",
    "stats",
    "text",
    "transport",
    "u8",
    "u16",
    "u32",
    "u64",
    "uninstall",
    "unregister_serializer",
]


def __getattr__(name: str) -> str:
    if name == "__version__":  # on first use: importlib.metadata takes longer than all of framewire
        from importlib.metadata import version

        return version("framewire")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
