"""Arrays in dask's families: a header that has framewire's head in it, and a frame for each.

What is read has the strides and flags that dask's own functions give it.
"""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from .._arrays import loads_array
from .._calls import dumps, dumps_apart, loads
from .._codec import SAFE, Codec, codec_for
from ..errors import DecodeError, LimitError
from ..limits import DEEPEST, LARGEST, Limits
from .exact import is_plain

__all__ = [
    "BOUNDED",
    "TRUSTED",
    "Made",
    "dump_array",
    "dump_masked",
    "field_of",
    "load_array",
    "load_masked",
]

Made: TypeAlias = tuple[dict[str, Any], list[Any]]  # what a family's dumps gives: header, frames

# All is set, so that nothing is the process's: dask compresses, and no two processes need agree.
_ALONE: dict[str, Any] = {"compression": "none", "key": {}, "stamp": False, "schema": 0}
BOUNDED = Codec("auto", allow=SAFE, **_ALONE)  # its limits are the process's
# dask's own functions have no limits
_BOUNDS = dict.fromkeys(("size", "frames", "items", "keys", "spread"), LARGEST) | {"depth": DEEPEST}
TRUSTED = Codec("auto", allow=SAFE, limits=Limits(**_BOUNDS), **_ALONE)

_ALIGNED = 1 << 20  # bytes: beyond, a copy costs more than several passes over unaligned memory


def field_of(header: dict[str, Any], name: str) -> Any:
    """What a header has under a name, or DecodeError: it comes from a peer."""
    try:
        return header[name]
    except KeyError:
        raise DecodeError(f"a header without {name!r}", "foreign") from None


def _own_bytes(array: np.ndarray) -> memoryview:
    """The memory of a contiguous array, writable if it is."""
    turned = array if array.flags.c_contiguous else array.T
    return np.ndarray(array.nbytes, np.uint8, turned).data


def dump_array(array: np.ndarray) -> Made | None:
    """The head and memory of an array; what dask restores and a head does not say beside it.

    None for what is left to dask: objects, items of no bytes, dtypes of which a head says less
    than their pickle.
    """
    dtype = array.dtype
    if dtype.hasobject or not dtype.itemsize or (dtype.kind == "V" and not is_plain(dtype)):
        return None
    header: dict[str, Any] = {}
    strides, writeable = array.strides, array.flags.writeable
    if not array.flags.forc:
        if 0 in strides:  # of a repeated axis its first item
            header["shape"] = array.shape
            array = array[tuple([slice(None if stride else 1) for stride in strides])]
        if not array.flags.forc:
            array = np.ascontiguousarray(array)
            writeable = writeable if header else True
            strides = tuple([to and at for at, to in zip(array.strides, strides, strict=True)])
    try:
        header["head"] = bytes(dumps_apart(array, "array", None, BOUNDED)[0])
    except (TypeError, ValueError):
        return None
    header["strides"] = strides
    header["writeable"] = writeable
    return header, [_own_bytes(array)]


def load_array(header: dict[str, Any], frames: Sequence[Any], codec: Codec) -> np.ndarray:
    """The array: in its frame's memory if that is large or aligned, and writable if need be."""
    _expect(1, frames)
    frame = frames[0]
    view = memoryview(frame)
    # what is large is not to be copied for being unaligned: only memory of its size is looked at
    described = frame if view.nbytes <= _ALIGNED else np.empty(view.nbytes, np.uint8)
    array = loads_array((field_of(header, "head"), described), codec=codec)
    writeable = field_of(header, "writeable")
    if "shape" in header:
        _bound(header["shape"], array.itemsize, codec)
    if writeable and view.readonly:  # as of decompressed bytes: what dask does here is a copy
        return _placed(header, array, frame).copy("A")
    if array.base is None:  # a copy
        array.flags.writeable = True
        if "shape" in header or array.strides != field_of(header, "strides"):
            array = _placed(header, array, _own_bytes(array))
    else:
        array = _placed(header, array, frame)
    if not writeable:
        array.flags.writeable = False
    return array


def _placed(header: dict[str, Any], array: np.ndarray, memory: Any) -> np.ndarray:
    """The array as its header lays it out over its memory, within which numpy keeps it."""
    shape = header.get("shape", array.shape)
    try:
        return np.ndarray(shape, array.dtype, memory, 0, field_of(header, "strides"))
    except (TypeError, ValueError, OverflowError) as error:
        raise DecodeError(f"a header that does not fit its frame: {error}", "shape") from error


def _bound(shape: Any, itemsize: int, codec: Codec) -> None:
    """Bound what a broadcast array can be spread out to, as framewire's own messages are."""
    limits = codec_for(None, codec).limits
    assert limits is not None
    try:
        size = math.prod(shape) * itemsize
        excess = size > limits.spread
    except TypeError as error:
        raise DecodeError(f"no shape of an array: {error}", "shape") from error
    if excess:
        raise LimitError(
            f"an array spread out to {size} bytes, over Limits(spread={limits.spread})",
            "limit",
            None,
            "spread",
        )


def _expect(count: int, frames: Sequence[Any]) -> None:
    if len(frames) != count:
        raise DecodeError(f"{len(frames)} frames, where the header says {count}", "frames")


def dump_masked(array: Any) -> Made | None:
    """The same for a masked array: a frame for its data, and one for a mask."""
    data = dump_array(array.data)
    if data is None:
        return None
    fill = dumps(array.fill_value, serializer="array", packed=True, codec=BOUNDED)[0]
    header, frames = {"data": data[0], "fill": fill}, data[1]
    if array.mask is not np.ma.nomask:
        mask = dump_array(array.mask)
        if mask is None:
            return None
        header["mask"] = mask[0]
        frames += mask[1]
    return header, frames


def load_masked(header: dict[str, Any], frames: Sequence[Any], codec: Codec) -> Any:
    _expect(2 if "mask" in header else 1, frames)
    data = load_array(header["data"], frames[:1], codec)
    mask = load_array(header["mask"], frames[1:], codec) if "mask" in header else np.ma.nomask
    fill = loads(field_of(header, "fill"), codec=codec)
    return np.ma.MaskedArray(data, mask=mask, fill_value=fill)
