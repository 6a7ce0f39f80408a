"""Signatures and compression: what they add to a message, against the libraries that do it."""

import hmac
import secrets
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import framewire

from .one_thread import inproc, seconds
from .report import AtMost, interleave, lacks, less, measured
from .results import Case

KEY = secrets.token_bytes(32)
STATE = hmac.new(KEY, digestmod="sha256")
SIZES = (100, 1000, 10_000, 100_000, 1_000_000, 10_000_000)


def by_hashlib(data: bytes) -> bytes:
    """A code of a key that was looked at before."""
    code = STATE.copy()
    code.update(data)
    return code.digest()


def signed(size: int, signed: bool) -> float:
    """Seconds to send an array in place, and receive it."""
    with inproc() as (a, b):
        codec = framewire.Codec(key=KEY if signed else {}, stamp=True)
        send = partial(framewire.send_array, a, np.zeros(size, "u1"), copy=False, codec=codec)
        names = {"send": send, "receive": framewire.recv_array, "b": b, "codec": codec}
        return seconds("send(); receive(b, codec=codec)", names)


def signatures(rounds: int) -> Iterator[Case]:
    for size in SIZES:
        took = interleave(
            {
                "signed": partial(signed, size, True),
                "not": partial(signed, size, False),
                "hashlib": partial(seconds, "f(x); f(x)", {"f": by_hashlib, "x": bytes(size)}),
            },
            rounds,
        )
        took |= less({"signed": took["signed"]}, min(took.pop("not")))
        what = f"signing and verifying {size:,} bytes, less what sending and receiving take"
        yield measured(what, took, {"hashlib": AtMost(1.1)}, shown="time")


def libraries() -> dict[str, tuple[Callable[[Any], bytes], Callable[[bytes], bytes]]]:
    """What compresses and decompresses, as one would call it by hand."""
    found: dict[str, Any] = {"zlib:1": (partial(zlib.compress, level=1), zlib.decompress)}
    if not lacks("zstd", "zstandard"):
        import zstandard

        found["zstd"] = (
            zstandard.ZstdCompressor(level=3).compress,
            zstandard.ZstdDecompressor().decompress,
        )
    if not lacks("lz4", "lz4"):
        import lz4.block

        found["lz4"] = (lz4.block.compress, lz4.block.decompress)
    if not lacks("blosc2", "blosc2"):
        import blosc2

        found["blosc2"] = (partial(blosc2.compress2, typesize=8), blosc2.decompress2)
    return found


def compression(rounds: int) -> Iterator[Case]:
    array = np.cumsum(np.random.default_rng(1).integers(0, 100, 1 << 17))  # 1 MiB
    for method, (compress, decompress) in libraries().items():
        codec = framewire.Codec(compression=method, allow=framewire.SAFE | {"blosc2"})
        names = {
            name: partial(getattr(framewire, name), codec=codec) for name in ("dumps", "loads")
        }
        hand = {"c": compress, "d": decompress, "x": array.tobytes()}
        took = interleave(
            {
                "sealed": partial(seconds, "loads(dumps(x))", names | {"x": array}),
                method: partial(seconds, "d(c(x))", hand),
            },
            rounds,
        )
        size = sum(map(len, framewire.dumps(array, codec=codec)))
        what = f"{method}: 1 MiB of integers that grow, compressed to {size:,} bytes and back"
        yield measured(what, took, {method: AtMost(1.1)}, shown="time")


def run(rounds: int, scale: int) -> Iterator[Case]:
    del scale  # the time of a round is fixed
    yield from signatures(rounds)
    yield from compression(rounds)
