"""The contenders: each is a way to send a value and a way to receive it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import zmq

import framewire

from . import array_codecs, c_loop, recipe, trees

HEAD_SIZE = 24  # bytes: the head of a 1-D array
POOL_SLOTS = 8


@dataclass(frozen=True)
class Contender:
    """Two statements, timed as they stand: a wrapper function would add a tenth to the fast ones.

    `send` sends `x` on the socket `a`; `recv` binds `y` to what arrives on the socket `b`. `pack`
    makes `x` of the array to be carried, outside the timing. The sockets are those of `module`.
    """

    title: str
    send: str
    recv: str
    pack: Callable[[Any], Any] = lambda array: array
    module: str = "zmq"
    codec: trees.Codec | None = None  # its functions are `encode` and `decode`


def framed(array: Any) -> list[bytes]:
    """A head's worth of bytes and the payload, as two frames."""
    return [bytes(HEAD_SIZE), array.tobytes()]


def joined(array: Any) -> bytes:
    """A head's worth of bytes and the payload, as one frame."""
    return b"".join(framed(array))


FW_RECV = "y = framewire.recv_array(b)"
FW_RECV_RAW = "y = framewire.recv_raw(b)"
RAW_RECV_INPLACE = "y = b.recv(copy=False)"

CONTENDERS = {
    "fw": Contender("framewire send_array/recv_array", "framewire.send_array(a, x)", FW_RECV),
    "fw-inplace": Contender(
        "framewire send_array(copy=False)", "framewire.send_array(a, x, copy=False)", FW_RECV
    ),
    "fw-tracked": Contender(
        "framewire send_array(copy=False, track=True)",
        "t = framewire.send_array(a, x, copy=False, track=True)",
        FW_RECV,
    ),
    # Memory: a new array each time, which only its own frame keeps alive.
    "fw-fresh": Contender(
        "framewire send_array(copy=False), new arrays",
        "framewire.send_array(a, x.copy(), copy=False)",
        FW_RECV,
    ),
    # A loop that makes each message anew: it fills an array, and sends it.
    "fill-pool": Contender(
        "framewire BufferPool.acquire, fill, send_array(copy=False)",
        "z = pool.acquire(); z[...] = x; framewire.send_array(a, z, copy=False)",
        FW_RECV,
    ),
    "fill-empty": Contender(
        "framewire, numpy.empty, fill, send_array(copy=False)",
        "z = empty(x.shape); z[...] = x; framewire.send_array(a, z, copy=False)",
        FW_RECV,
    ),
    "fill-copy": Contender(
        "framewire, one array, fill, send_array(copy=True)",
        "room[...] = x; framewire.send_array(a, room, copy=True)",
        FW_RECV,
    ),
    "fw-buffer": Contender(
        "framewire send_raw(copy=False)", "framewire.send_raw(a, x, copy=False)", FW_RECV_RAW
    ),
    "fw-buffer-tracked": Contender(
        "framewire send_raw(copy=False, track=True)",
        "t = framewire.send_raw(a, x, copy=False, track=True)",
        FW_RECV_RAW,
    ),
    "fw-frames": Contender(
        "framewire send_raw/recv_raw", "framewire.send_raw(a, x)", FW_RECV_RAW, framed
    ),
    "fw-one-frame": Contender(
        "framewire, one frame, copied", "framewire.send_raw(a, x, copy=True)", FW_RECV_RAW, joined
    ),
    "fw-two-frames": Contender(
        "framewire, two frames, copied", "framewire.send_raw(a, x, copy=True)", FW_RECV_RAW, framed
    ),
    "fw-two-inplace": Contender(
        "framewire, two frames, in place",
        "framewire.send_raw(a, x[0], SNDMORE); framewire.send_raw(a, x[1], copy=False)",
        FW_RECV_RAW,
        framed,
    ),
    "raw": Contender(
        "pyzmq send/recv, same bytes", "a.send(x)", "y = b.recv()", np.ndarray.tobytes
    ),
    "raw-inplace": Contender(
        "pyzmq send/recv(copy=False)", "a.send(x, copy=False)", RAW_RECV_INPLACE
    ),
    "raw-tracked": Contender(
        "pyzmq send(copy=False, track=True)",
        "t = a.send(x, copy=False, track=True)",
        RAW_RECV_INPLACE,
    ),
    "raw-frames": Contender(
        "pyzmq send_multipart/recv_multipart",
        "a.send_multipart(x)",
        "y = b.recv_multipart()",
        framed,
    ),
    "recipe": Contender("pyzmq's recipe", "recipe.send_array(a, x)", "y = recipe.recv_array(b)"),
    "recipe-inplace": Contender(
        "pyzmq's recipe, copy=False",
        "recipe.send_array(a, x, copy=False)",
        "y = recipe.recv_array(b, copy=False)",
    ),
}

CONTENDERS |= {
    "pyomq": Contender(
        "pyomq send/recv, same bytes", "a.send(x)", "y = b.recv()", np.ndarray.tobytes, "pyomq"
    ),
    "pyomq-inplace": Contender(
        "pyomq send/recv(copy=False)",
        "a.send(x, copy=False)",
        RAW_RECV_INPLACE,
        np.ndarray.tobytes,
        "pyomq",
    ),
}

# An array by another library, over pyzmq multipart: in place where pyzmq gains by it.
FRAMES = "[frame.buffer for frame in b.recv_multipart(copy=False)]"
CONTENDERS |= {
    f"array-{name}": Contender(
        f"{codec.title}, pyzmq multipart",
        "a.send_multipart(encode(x), copy=small)",
        f"y = decode(b.recv_multipart() if small else {FRAMES})",
        codec=codec,
    )
    for name, codec in array_codecs.CODECS.items()
}

# A dict with arrays in it, which every receiver reads whole and compares.
CHECKED = "trees.check(y)"
CONTENDERS["value-fw"] = Contender(
    "framewire send_value(copy=False)/recv_value",
    "framewire.send_value(a, x, copy=False)",
    f"y = framewire.recv_value(b); {CHECKED}",
    trees.value,
)
CONTENDERS |= {
    key.replace("tree", "value"): Contender(
        f"{codec.title}, pyzmq multipart",
        "a.send_multipart(encode(x))",  # frames of 64 KiB: to copy takes less than pyzmq's in place
        f"y = decode({FRAMES}); {CHECKED}",
        trees.value,
        codec=codec,
    )
    for key, codec in trees.CODECS.items()
    if key != "tree-fw"
}

# Rows of an array, so many at a time: a batch is one statement.
BATCHES = (100_000, 50_000, 10_000, 1000, 100, 10, 1)


def rows(array: Any, count: int) -> Any:
    """An array with so many rows, each of them `array`."""
    return np.tile(array, (count, 1))


class Fixed(framewire.Record):
    """A record without tails, of 16 bytes."""

    seq: framewire.u32
    t: framewire.f64
    temp: framewire.f32


def record_rows(array: Any, count: int) -> Any:
    """A structured array with so many rows, each of the bytes of `array`."""
    return np.tile(array.view(Fixed.dtype), count)


CONTENDERS |= {
    f"{kind}-{count}": Contender(
        f"framewire {calls}, {count:,} at a time",
        "framewire.send_many(a, x)",
        "framewire.recv_many(b, None, out=y)",
        partial(make, count=count),
    )
    for kind, calls, make in (
        ("rows", "recv_many(out=...)", rows),
        ("records", "send_many/recv_many(out=...)", record_rows),
    )
    for count in BATCHES
}
CONTENDERS["record-alone"] = Contender(
    "framewire send_value/recv_value of a record",
    "framewire.send_value(a, x)",
    "y = framewire.recv_value(b)",
    lambda array: Fixed.unpack(array.tobytes()),
)

# On asyncio, with both ends in processes: see async_peer.py.
CONTENDERS |= {
    "async-fw": Contender(
        "framewire.asyncio send_array/recv_array",
        "await a.send_array(x)",
        "y = await b.recv_array()",
    ),
    "async-fw-iterated": Contender(
        "framewire.asyncio send_array/async for",
        "await a.send_array(x)",
        "y = (await anext(b)).value",
    ),
    "async-fw-raw": Contender(
        "framewire.asyncio send_raw/recv_raw",
        "await a.send_raw(x)",
        "y = (await b.recv_raw())[0]",
        np.ndarray.tobytes,
    ),
    "async-fw-bytes": Contender(
        "framewire.asyncio send/recv, same bytes",
        "await a.send(x)",
        "y = await b.recv()",
        np.ndarray.tobytes,
    ),
    "async-raw": Contender(
        "zmq.asyncio send/recv, same bytes",
        "await a.send(x)",
        "y = await b.recv()",
        np.ndarray.tobytes,
    ),
    "async-recipe": Contender(
        "pyzmq's recipe on zmq.asyncio", "await send_array(a, x)", "y = await recv_array(b)"
    ),
}

# gevent's sockets.
CONTENDERS |= {
    "green-fw": Contender(
        "framewire.green send_array/recv_array",
        "a.send_array(x)",
        "y = b.recv_array()",
        module="framewire.green",
    ),
    "green-fw-raw": Contender(
        "framewire.green send/recv, same bytes",
        "a.send(x)",
        "y = b.recv()",
        np.ndarray.tobytes,
        "framewire.green",
    ),
    "green-raw": Contender(
        "zmq.green send/recv, same bytes",
        "a.send(x)",
        "y = b.recv()",
        np.ndarray.tobytes,
        "zmq.green",
    ),
    "green-recipe": Contender(
        "pyzmq's recipe on zmq.green",
        "recipe.send_array(a, x)",
        "y = recipe.recv_array(b)",
        module="zmq.green",
    ),
}

# Titles of what is no `Contender`.
OTHER_TITLES = {
    "agents-fw": "framewire's install() in the agents",
    "agents-osbrain": "agents as they are",
    "signed": "framewire, key=",
    "hashlib": "hashlib's HMAC-SHA256 of as many bytes, twice",
    "sealed": "framewire dumps and loads",
    "zlib:1": "zlib",
    "zstd": "zstandard",
    "lz4": "lz4.block",
    "blosc2": "blosc2.compress2, decompress2",
    "c-bare": "C, send and receive alone",
    "c-array": "C, the same work",
    "c-inplace": "C, head and payload in place",
    "c-buffer": "C, one buffer in place",
    "c-frames": "C, two frames",
    "c-value": "C, a head and four payloads in place",
    "many": "framewire send_many/recv_many, a list",
    "many-rows": "framewire send_many/recv_many(out=...), rows",
    "many-records": "framewire send_many/recv_many(out=...), records",
    "record": "framewire.Record",
    "msgspec-struct": "msgspec.Struct, array_like, MessagePack",
    "struct": "struct and a named tuple",
    "seq": "framewire record, u32",
    "t": "framewire record, f64",
    "msg": "framewire record, str of 17",
    "in-dask-fw": "framewire.compat.dask",
    "in-dask": "dask's own",
    "one-by-one": "framewire send_array/recv_array, one by one",
    "read": "reading and comparing alone",
    "recv_value": "framewire recv_value",
    "recv_array": "framewire recv_array",
    "msgspec": "msgspec.msgpack, encoder and decoder made before",
    "framewire": "framewire",
    "pickle": "pickle.dumps, pickle.loads, protocol 5",
    "pyzmq": "pyzmq",
    "pyomq-calls": "pyomq",
}


# Part of what framewire does in the same case.
FLOORS = ("read", "hashlib", "zlib:1", "zstd", "lz4", "blosc2")


def title(key: str) -> str:
    """What a contender is called in the tables."""
    others = OTHER_TITLES | {name: codec.title for name, codec in trees.CODECS.items()}
    if key.startswith("by-"):
        return f"framewire dumps + loads, {key.removeprefix('by-')}"
    if key.startswith("alone-"):
        return f"{key.removeprefix('alone-')} alone"
    if key.startswith("consume"):
        busy = not key.startswith("consume-records")
        return f"framewire, {'beside a thread that computes' if busy else 'alone'}"
    return others[key] if key in others else CONTENDERS[key].title


def whose(key: str) -> Literal["framewire", "peer", "floor"]:
    """What a row stands for: ours, another library, or what nobody can be faster than."""
    if key.startswith("c-") or key in FLOORS:
        return "floor"
    return "framewire" if title(key).startswith("framewire") else "peer"


def missing(key: str) -> str:
    """Why a contender cannot run here; an empty string if it can."""
    if key.startswith("c-"):
        return c_loop.available()
    needed = {"pyomq-calls": ["pyomq"], "in-dask": ["distributed"]}.get(key, [])
    if way := CONTENDERS.get(key):
        needed = [way.module.partition(".")[0]] + ([way.codec.needs] if way.codec else [])
    elif codec := trees.CODECS.get(key):
        needed = [codec.needs]
    absent = [name for name in needed if name and find_spec(name) is None]
    return f"{absent[0]} is not installed" if absent else ""


def names(a: Any, b: Any, contender: Contender, size: int) -> dict[str, Any]:
    """The names that a contender's statements use, for a payload of `size` bytes."""
    kind = np.float64 if size % 8 == 0 else np.uint8
    array = np.arange(size // np.dtype(kind).itemsize).astype(kind)
    value = contender.pack(array)
    return {
        "framewire": framewire,
        "recipe": recipe,
        "trees": trees,
        "encode": contender.codec and contender.codec.encode,
        "decode": contender.codec and contender.codec.decode,
        "small": size < zmq.COPY_THRESHOLD,
        "SNDMORE": zmq.SNDMORE,
        "empty": np.empty,
        "pool": framewire.BufferPool(array.shape, array.dtype, POOL_SLOTS),
        "room": np.empty_like(array),
        "a": a,
        "b": b,
        "x": value,
        "y": value,
    }
