"""Read framewire messages with the standard library alone: copy this and the three it imports.

docs/wire-format.md is what they do. Errors are ValueErrors with the names that it gives them.
"""

import io
import re
import struct
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from framewire_sealed import check_compression, decompress, verify
from framewire_tree import Array, are_buffers, check, read_tree, unpack
from framewire_types import CODES, guarded, read_dtype, read_record

INLINE, FORTRAN, PACKED, SCALAR = 0x0001, 0x0002, 0x0004, 0x0008
BROADCAST = VERSIONS = 0x0010
BUFFERS, STAMP, META, TYPE = 0x0020, 0x0040, 0x0080, 0x0100
COMPRESSED, SIGNED = 0x0200, 0x0400
ANY = INLINE | STAMP | META | TYPE | COMPRESSED | SIGNED
KNOWN = {1: FORTRAN | SCALAR | BROADCAST, 5: VERSIONS}  # others: PACKED | BUFFERS
# id: name, the most buffers, and what TYPE may be, which may be absent if it may be ""
SERIALIZERS = {1: ("array", 1, ""), 2: ("raw", 1, "|bytes|bytearray"), 3: ("json", 1, "")}
SERIALIZERS |= {4: ("msgpack", 0, ""), 5: ("record", 1, ".*"), 6: ("pickle", 0, "")}
SERIALIZERS |= {7: ("cloudpickle", 0, ""), 8: ("dill", 0, ""), 9: ("protobuf", 1, ".+")}
SERIALIZERS |= {10: ("flatbuffers", 1, ".+"), 11: ("capnp", 0, "0x[0-9a-f]{1,16}")}
SERIALIZERS |= {12: ("arrow", 1, "table|batch|pandas"), 255: ("user", 0, ".+")}


def read_meta(stream: io.BytesIO) -> Any:
    value = unpack(stream)
    check(not stream.read())
    return value


def numbers(content: bytes) -> list[int]:
    check(len(content) % 8 == 0, "section")
    return [n for (n,) in struct.iter_unpack("<Q", content)]


def read_head(head: memoryview) -> tuple[dict[str, Any], list[int], list[memoryview]]:
    """Check a head's frame: what it says, the lengths of all buffers, those that are in it."""
    check(bytes(head[:2]) == b"\xc1F", "magic")
    check(len(head) >= 16, "truncated")
    version, serializer, flags, code, ndim, size = struct.unpack_from("<BBHBBQ", head, 2)
    check(version == 1, "version")
    check(serializer in SERIALIZERS, "serializer")
    check(not flags & ~(ANY | KNOWN.get(serializer, PACKED | BUFFERS)), "flags")
    check(flags & STAMP or not flags & SIGNED, "flags")
    is_record = serializer == 5
    if is_array := serializer == 1:
        check(code == 0 or code in CODES, "dtype")
        check((code == 0) == bool(flags & TYPE), "flags")
        check(ndim <= (0 if flags & SCALAR else 64), "ndim")
    else:
        check(flags & (INLINE | BUFFERS) == INLINE | BUFFERS or not flags & PACKED, "flags")
        check(code == 0, "dtype")
        check(ndim == 0, "ndim")
    n = ndim + (is_record or bool(flags & BROADCAST))
    check(len(head) >= (at := 16 + 8 * n), "truncated")
    words = struct.unpack_from(f"<{n}Q", head, 16)
    shape, axes = words[:ndim], []
    if is_array and flags & BROADCAST:
        axes = [i for i in range(64) if words[-1] >> i & 1]
        check(axes and all(i < ndim and shape[i] > 1 for i in axes), "section")
    sections = [*[VERSIONS] * is_record, BUFFERS, STAMP, META, TYPE, COMPRESSED, SIGNED]
    parts = dict.fromkeys(sections, b"")
    for flag in [flag for flag in parts if flags & flag]:
        if not (count := {STAMP: 24, SIGNED: 48}.get(flag, 0)):
            count, at = int.from_bytes(head[at : at + 8], "little"), at + 8
        end = at + (count + 7 & ~7)
        check(end <= len(head), "truncated")
        check(not any(head[at + count : end]), "section")
        parts[flag], at = bytes(head[at : at + count]), end
    said: dict[str, Any] = {"serializer": SERIALIZERS[serializer][0]}
    meta = io.BytesIO(parts[META] if flags & META else b"\xc0")
    said["meta"] = guarded("metadata", read_meta, meta)
    said["stamp"] = tuple(numbers(parts[STAMP])) or None
    said["signature"] = said["compression"] = None
    if flags & SIGNED:
        key, epoch, mac = struct.unpack("<QQ32s", parts[SIGNED])
        said["signature"] = {"key": key, "epoch": epoch, "code": mac, "signed": head[: at - 32]}
    lengths = numbers(parts[BUFFERS]) if flags & BUFFERS else [size]
    if flags & COMPRESSED:
        said["compression"] = check_compression(numbers(parts[COMPRESSED]), lengths)
    if is_array:
        dtype, width = guarded("description", read_dtype, code, parts[TYPE])
        check(prod([width or 1, *filter(None, shape)]) < 2**63, "shape")
        stored = [1 if i in axes else n for i, n in enumerate(shape)]
        raw = said["compression"][1][0] if flags & COMPRESSED else size
        check(prod([width, *stored]) == raw, "payload")
        said |= {"dtype": dtype, "shape": shape, "order": "CF"[flags >> 1 & 1]}
        said |= {"broadcast": axes, "scalar": bool(flags & SCALAR)}
    else:
        stage = "schema" if is_record else "buffers"
        said["type"] = guarded(stage, parts[TYPE].decode) if flags & TYPE else None
        if is_record:
            said |= {"fingerprint": words[0], "versions": numbers(parts[VERSIONS])}
            check(said["versions"] or not flags & VERSIONS, "section")
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
    check(said.pop("serializer") == "array" and not content[4] & (META | STAMP))
    said["payload"] = inside[0] if inside else take()
    check(len(said["payload"]) == length and said.pop("meta") is said.pop("stamp") is None)
    check(said.pop("signature") is said.pop("compression") is None)
    return Array(said)


def read(frames: list[Any], secrets: Mapping[int, bytes] | None = None) -> dict[str, Any]:
    """Check a message and take it apart. From a ROUTER pass frames[1:]: frame 0 is never a head.

    All have "serializer", "envelope", "meta", "stamp", "signature" and "compression", perhaps None.
    An array has what `Array` has; others "type", "buffers" and, with a tree or a schema, "value"; a
    record "fingerprint" and "versions". With `secrets`, by key, what is not signed is refused.
    """
    views = [memoryview(frame).cast("B") for frame in frames]
    starts = [i for i, view in enumerate(views) if bytes(view[:2]) == b"\xc1F"]
    check(starts, "foreign")
    said, lengths, buffers = read_head(views[starts[0]])
    beside = views[starts[0] + 1 :]
    check([len(b) for b in beside] == lengths[len(buffers) :], "frames")
    said["envelope"] = [bytes(view) for view in views[: starts[0]]]
    buffers += beside
    if secrets is not None:
        topic = said["envelope"][-1] if said["envelope"] else b""
        verify(said["signature"], topic, buffers, secrets)
    if said["compression"] is not None:
        buffers = decompress(*said["compression"], buffers)
    name, most, texts = SERIALIZERS[views[starts[0]][3]]
    if name == "array":
        return said | {"payload": buffers[0]}
    check(buffers and len(buffers) <= (most or len(buffers)), "buffers")
    said["buffers"] = buffers
    if name == "record":
        if said["type"] is not None:
            schema = said["type"].encode()
            said["value"] = read_record(schema, said["fingerprint"], buffers[0])
        return said
    check(said["type"] != "" and re.fullmatch(texts, said["type"] or "", re.DOTALL), "buffers")
    if name in ("msgpack", "user"):
        said["value"] = value = read_tree(buffers[0], buffers[1:], read_array)
        pair = type(value) is list and len(value) == 2
        check(name == "msgpack" or (pair and are_buffers(value[1])), "tree")
    return said
