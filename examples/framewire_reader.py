"""Read framewire messages with the standard library alone: copy this and framewire_tree.py.

docs/wire-format.md is what both do. Errors are ValueErrors with the names that it gives them.
"""

import io
import json
import re
import struct
from collections.abc import Callable
from math import prod
from typing import Any

from framewire_tree import Array, are_buffers, check, read_tree, unpack

INLINE, FORTRAN, PACKED, SCALAR = 0x0001, 0x0002, 0x0004, 0x0008
BROADCAST, BUFFERS, META, TYPE = 0x0010, 0x0020, 0x0080, 0x0100
TEXTS = "|b1 |i1 <i2 <i4 <i8 |u1 <u2 <u4 <u8 <f2 <f4 <f8 <c8 <c16 <f80 <c160 <f128 <c256".split()
CODES = dict(enumerate(TEXTS, 1))
CODES |= {n: ">" + t[1:] for n, t in enumerate(TEXTS, 129) if t[0] == "<"}
SIZES = {t: min(int(t[2:]), 16 if t[1] == "f" else 32) for t in CODES.values()} | {"bfloat16": 2}
SIZES |= {f"float8_e{x}": 1 for x in "3m4 4m3 4m3b11fnuz 4m3fn 4m3fnuz 5m2 5m2fnuz 8m0fnu".split()}
OTHER = r"(\|[SV]|[<>]U)(0|[1-9][0-9]*)|[<>][mM]8(\[([1-9][0-9]*)?([YMWDhms]|[munpfa]s)\])?"
# id: name, the most buffers, and what TYPE may be, which may be absent if it may be ""
SERIALIZERS = {1: ("array", 1, ""), 2: ("raw", 1, "|bytes|bytearray"), 3: ("json", 1, "")}
SERIALIZERS |= {4: ("msgpack", 0, ""), 6: ("pickle", 0, ""), 7: ("cloudpickle", 0, "")}
SERIALIZERS |= {8: ("dill", 0, ""), 9: ("protobuf", 1, ".+"), 10: ("flatbuffers", 1, ".+")}
SERIALIZERS |= {11: ("capnp", 0, "0x[0-9a-f]{1,16}"), 12: ("arrow", 1, "table|batch|pandas")}
SERIALIZERS |= {255: ("user", 0, ".+")}


def itemsize(form: Any) -> int:
    """Bytes of one element of a type string, an extension's name, a structure or a sub-array."""
    if isinstance(form, dict):
        ends = [at + itemsize(x) for at, x in zip(form["offsets"], form["formats"], strict=True)]
        check(min([0, *form["offsets"]]) == 0 and max([0, *ends]) <= form["itemsize"])
        return int(form["itemsize"])
    if isinstance(form, list):
        return itemsize(form[0]) * prod(form[1])
    found = re.fullmatch(OTHER, form)
    return int(found[2] or 8) * (4 if form[1] == "U" else 1) if found else SIZES[form]


def guarded(stage: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """function(*arguments), whose errors all mean the same."""
    try:
        return function(*arguments)
    except (LookupError, RecursionError, TypeError, ValueError, struct.error):
        raise ValueError(stage) from None


def read_dtype(code: int, description: bytes) -> tuple[Any, int]:
    text = description.decode()
    dtype = CODES[code] if code else json.loads(text) if text[:1] == "{" else text
    check((width := itemsize(dtype)) < 2**31 and text not in CODES.values())
    return dtype, width


def read_meta(stream: io.BytesIO) -> Any:
    value = unpack(stream)
    check(not stream.read())
    return value


def read_head(head: memoryview) -> tuple[dict[str, Any], list[int], list[memoryview]]:
    """Check a head's frame: what it says, the lengths of all buffers, those that are in it."""
    check(bytes(head[:2]) == b"\xc1F", "magic")
    check(len(head) >= 16, "truncated")
    version, serializer, flags, code, ndim, size = struct.unpack_from("<BBHBBQ", head, 2)
    check(version == 1, "version")
    check(serializer in SERIALIZERS, "serializer")
    if is_array := serializer == 1:
        check(not flags & ~(INLINE | FORTRAN | SCALAR | BROADCAST | META | TYPE), "flags")
        check(code == 0 or code in CODES, "dtype")
        check((code == 0) == bool(flags & TYPE), "flags")
        check(ndim <= (0 if flags & SCALAR else 64), "ndim")
    else:
        check(not flags & ~(INLINE | PACKED | BUFFERS | META | TYPE), "flags")
        check(flags & (INLINE | BUFFERS) == INLINE | BUFFERS or not flags & PACKED, "flags")
        check(code == 0, "dtype")
        check(ndim == 0, "ndim")
    n = ndim + bool(flags & BROADCAST)
    check(len(head) >= (at := 16 + 8 * n), "truncated")
    words = struct.unpack_from(f"<{n}Q", head, 16)
    shape, mask, parts = words[:ndim], sum(words[ndim:]), {BUFFERS: b"", META: b"", TYPE: b""}
    axes = [i for i in range(64) if mask >> i & 1]
    check(bool(axes) == n - ndim and all(i < ndim and shape[i] > 1 for i in axes), "section")
    for flag in [flag for flag in parts if flags & flag]:
        count, at = int.from_bytes(head[at : at + 8], "little"), at + 8
        end = at + (count + 7 & ~7)
        check(end <= len(head), "truncated")
        check(not any(head[at + count : end]), "section")
        parts[flag], at = bytes(head[at : at + count]), end
    said: dict[str, Any] = {"serializer": SERIALIZERS[serializer][0]}
    meta = io.BytesIO(parts[META] if flags & META else b"\xc0")
    said["meta"] = guarded("metadata", read_meta, meta)
    lengths = [size]
    if is_array:
        dtype, width = guarded("description", read_dtype, code, parts[TYPE])
        check(prod([width or 1, *filter(None, shape)]) < 2**63, "shape")
        stored = [1 if i in axes else n for i, n in enumerate(shape)]
        check(prod([width, *stored]) == size, "payload")
        said |= {"dtype": dtype, "shape": shape, "order": "CF"[flags >> 1 & 1]}
        said |= {"broadcast": axes, "scalar": bool(flags & SCALAR)}
    else:
        said["type"] = guarded("buffers", parts[TYPE].decode) if flags & TYPE else None
        if flags & BUFFERS:
            check(len(parts[BUFFERS]) % 8 == 0, "section")
            lengths = [n for (n,) in struct.iter_unpack("<Q", parts[BUFFERS])]
        check(lengths or not flags & INLINE, "section")
        check(sum(lengths) == size < 2**63, "payload")
    inside = []
    for length in lengths if flags & PACKED else lengths[: flags & INLINE]:
        start = at + (-at % 8)
        check(start + length <= len(head), "truncated")
        check(not any(head[at:start]), "section")
        inside.append(head[start : start + length])
        at = start + length
    check(at == len(head), "trailing")
    return said, lengths, inside


def read_array(content: bytes, take: Callable[[], memoryview]) -> Array:
    """An array in a tree."""
    said, (length,), inside = read_head(memoryview(content))
    check(said.pop("serializer") == "array" and not content[4] & META)
    said["payload"] = inside[0] if inside else take()
    check(len(said["payload"]) == length and said.pop("meta") is None)
    return Array(said)


def read(frames: list[Any]) -> dict[str, Any]:
    """Check a message and take it apart. From a ROUTER pass frames[1:]: frame 0 is never a head.

    All have "serializer", "envelope" and "meta"; an array has what `Array` has; others have "type",
    "buffers" and, if there is a tree, its "value".
    """
    views = [memoryview(frame).cast("B") for frame in frames]
    starts = [i for i, view in enumerate(views) if bytes(view[:2]) == b"\xc1F"]
    check(starts, "foreign")
    said, lengths, buffers = read_head(views[starts[0]])
    beside = views[starts[0] + 1 :]
    check([len(b) for b in beside] == lengths[len(buffers) :], "frames")
    said["envelope"] = [bytes(view) for view in views[: starts[0]]]
    buffers += beside
    name, most, texts = SERIALIZERS[views[starts[0]][3]]
    if name == "array":
        return said | {"payload": buffers[0]}
    check(buffers and len(buffers) <= (most or len(buffers)), "buffers")
    check(said["type"] != "" and re.fullmatch(texts, said["type"] or "", re.DOTALL), "buffers")
    said["buffers"] = buffers
    if name in ("msgpack", "user"):
        said["value"] = value = read_tree(buffers[0], buffers[1:], read_array)
        pair = type(value) is list and len(value) == 2
        check(name == "msgpack" or (pair and are_buffers(value[1])), "tree")
    return said
