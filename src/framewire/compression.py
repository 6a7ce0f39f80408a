"""Methods of compression: what each makes of a buffer, and how that is undone within bounds.

docs/wire-format.md, "Compression". The libraries are extras, imported when a method is first used.
"""

import threading
import zlib
from importlib import import_module
from typing import Any

from .errors import DecodeError, RefusedError

__all__ = ["Compressor", "compressor", "decompress"]

NONE = "none"


class Zlib:
    """Of the standard library."""

    id, library, levels = 1, "zlib", range(-1, 10)

    def compress(self, data: memoryview, level: int | None, itemsize: int) -> bytes:
        return zlib.compress(data, -1 if level is None else level)

    def decompress(self, data: memoryview, size: int) -> bytes:
        stream = zlib.decompressobj()
        plain = stream.decompress(data, size)
        more = stream.decompress(stream.unconsumed_tail, 1)  # the checksum may still be there
        if more or not stream.eof or stream.unused_data:
            raise ValueError("the stream does not end there")
        return plain


class Zstd:
    """Of zstandard. Its objects are not for several threads at once, and take long to make."""

    id, library, levels = 2, "zstandard", range(-100, 23)

    def __init__(self) -> None:
        self.kept = threading.local()

    def compress(self, data: memoryview, level: int | None, itemsize: int) -> bytes:
        level = 3 if level is None else level
        kept: dict[int, Any] = self.kept.__dict__.setdefault("compressors", {})
        if level not in kept:
            kept[level] = import_module(self.library).ZstdCompressor(level=level)
        frame: bytes = kept[level].compress(data)
        return frame

    def decompress(self, data: memoryview, size: int) -> bytes:
        library = import_module(self.library)
        if library.frame_content_size(data) != size:  # which the library would allocate
            raise ValueError("another content size")
        if not hasattr(self.kept, "decompressor"):
            self.kept.decompressor = library.ZstdDecompressor()
        plain: bytes = self.kept.decompressor.decompress(data, allow_extra_data=False)
        return plain


class Lz4:
    """Of lz4, as a block. Levels are those of its high compression."""

    id, library, levels = 3, "lz4.block", range(1, 13)

    def compress(self, data: memoryview, level: int | None, itemsize: int) -> bytes:
        how = {} if level is None else {"mode": "high_compression", "compression": level}
        block: bytes = import_module(self.library).compress(data, store_size=False, **how)
        return block

    def decompress(self, data: memoryview, size: int) -> bytes:
        plain: bytes = import_module(self.library).decompress(data, uncompressed_size=size)
        return plain


class Blosc2:
    """Of blosc2, as a chunk, with the bytes of items of up to 255 bytes shuffled.

    Its library loads plugins that a chunk names, and can hang on a corrupt one, in its threads. So
    a receiver has to allow it; what a chunk names is looked at first, and one thread reads it.
    """

    id, library, levels = 4, "blosc2", range(10)

    def compress(self, data: memoryview, level: int | None, itemsize: int) -> bytes:
        library = import_module(self.library)
        if len(data) > library.MAX_BUFFERSIZE:
            return bytes(len(data))  # as it is, which is sent
        how = {"typesize": itemsize if 0 < itemsize < 256 else 1}
        if level is not None:
            how["clevel"] = level
        chunk: bytes = library.compress2(data, **how)
        return chunk

    def decompress(self, data: memoryview, size: int) -> bytes:
        library = import_module(self.library)
        if library.get_cbuffer_sizes(data)[:2] != (size, len(data)):
            raise ValueError("another size")
        # the chunk's header: flags, with the codec; filters; a codec of the user's
        if data[2] >> 5 not in (0, 1, 3, 4) or data[22] > 5:
            raise ValueError("a codec that is not blosc2's own")
        if data[2] & 5 == 5 and any(kind not in (0, 1, 2) for kind in data[16:22]):
            raise ValueError("a filter other than shuffling")
        plain: bytes = library.decompress2(data, nthreads=1)
        return plain


Method = Zlib | Zstd | Lz4 | Blosc2
METHODS: dict[str, Method] = {"zlib": Zlib(), "zstd": Zstd(), "lz4": Lz4(), "blosc2": Blosc2()}
NAMES = {method.id: name for name, method in METHODS.items()}


def compressor(text: Any) -> "Compressor | None":
    """What compresses, of what a `Codec` was given: a name, or ``name:level``; None for "none"."""
    if not isinstance(text, str):
        raise TypeError(f"compression must be a str, not {type(text).__name__}")
    name, colon, level = text.partition(":")
    if text == NONE:
        return None
    if name not in METHODS:
        raise ValueError(f"no method of compression is called {name!r}: {', '.join(METHODS)}")
    levels = METHODS[name].levels
    if colon and (not level.lstrip("-").isdigit() or int(level) not in levels):
        raise ValueError(f"{text!r}: levels of {name} are from {levels[0]} to {levels[-1]}")
    return Compressor(name, int(level) if colon else None)


class Compressor:
    """A method with a level, for sending."""

    def __init__(self, name: str, level: int | None) -> None:
        self.id = METHODS[name].id
        self.name = name
        self.level = level

    def compress(self, data: memoryview, itemsize: int) -> bytes:
        """A buffer of items of so many bytes, compressed. Longer, perhaps."""
        try:
            return METHODS[self.name].compress(data, self.level, itemsize)
        except ImportError as error:
            raise missing(self.name, error) from error


def missing(name: str, error: ImportError) -> ImportError:
    return ImportError(
        f"compression by {name} needs its library: pip install 'framewire[{name}]' ({error})"
    )


def decompress(method: int, data: memoryview, size: int) -> bytes:
    """What was compressed, of `size` bytes, which are allocated.

    Raises
    ------
    RefusedError
        The library is not installed.
    DecodeError
        It is not what the method makes of so many bytes. Code ``compression``.
    """
    name = NAMES[method]
    try:
        plain = METHODS[name].decompress(data, size)
    except ImportError as error:
        raise RefusedError(str(missing(name, error)), "refused") from error
    except MemoryError:
        raise
    except Exception as error:  # each library has its own
        raise DecodeError(f"{name} cannot read a buffer: {error!r}", "compression") from error
    if len(plain) != size:
        raise DecodeError(f"{len(plain)} bytes decompressed, and not {size}", "compression")
    return plain
