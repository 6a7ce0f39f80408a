"""Read framewire messages with the standard library alone (docs/wire-format.md). Copy this file."""

import io
import json
import re
import struct
from math import prod
from typing import Any

INLINE, FORTRAN, BROADCAST, META, TYPE = 0x0001, 0x0002, 0x0010, 0x0080, 0x0100
TEXTS = "|b1 |i1 <i2 <i4 <i8 |u1 <u2 <u4 <u8 <f2 <f4 <f8 <c8 <c16 <f80 <c160 <f128 <c256".split()
CODES = dict(enumerate(TEXTS, 1))
CODES |= {n: ">" + t[1:] for n, t in enumerate(TEXTS, 129) if t[0] == "<"}
SIZES = {t: min(int(t[2:]), 16 if t[1] == "f" else 32) for t in CODES.values()} | {"bfloat16": 2}
SIZES |= {f"float8_e{x}": 1 for x in "3m4 4m3 4m3b11fnuz 4m3fn 4m3fnuz 5m2 5m2fnuz 8m0fnu".split()}
OTHER = r"(\|[SV]|[<>]U)(0|[1-9][0-9]*)|[<>][mM]8(\[([1-9][0-9]*)?([YMWDhms]|[munpfa]s)\])?"
MSGPACK = "bB bH bI xB xH xI nf nd nB nH nI nQ nb nh ni nq x x x x x sB sH sI lH lI mH mI".split()


def check(good: object, error: str) -> None:
    if not good:
        raise ValueError(error)


def unpack(data: io.BytesIO) -> Any:
    """The next msgpack value. An extension, timestamps included, comes as (type, bytes)."""
    code = data.read(1)[0]
    if not 0x80 <= code < 0xE0 or code in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}.get(code, code - 2 * (code & 0x80))
    kind, *form = list(MSGPACK[code - 0xC4] if code >= 0xC4 else "mlss"[(code >> 4) - 8])
    size = 1 << (code - 0xD4 & 31) if code >= 0xC4 else code & (15 if code < 0xA0 else 31)
    if form:  # the size, or the number itself, follows the code
        (size,) = struct.unpack(">" + form[0], data.read(struct.calcsize(form[0])))
    if kind == "m":
        return {unpack(data): unpack(data) for _ in range(size)}
    if kind == "l":
        return [unpack(data) for _ in range(size)]
    if kind == "x":
        return struct.unpack(f"b{size}s", data.read(size + 1))
    value: Any = size if kind == "n" else struct.unpack(f"{size}s", data.read(size))[0]
    return value.decode() if kind == "s" else value


def itemsize(form: Any) -> int:
    """Bytes of one element of a type string, an extension's name, a structure or a sub-array."""
    if isinstance(form, dict):
        ends = [at + itemsize(x) for at, x in zip(form["offsets"], form["formats"], strict=True)]
        check(min([0, *form["offsets"]]) == 0 and max([0, *ends]) <= form["itemsize"], "")
        return int(form["itemsize"])
    if isinstance(form, list):
        return itemsize(form[0]) * prod(form[1])
    found = re.fullmatch(OTHER, form)
    return int(found[2] or 8) * (4 if form[1] == "U" else 1) if found else SIZES[form]


def read(frames: list[Any]) -> dict[str, Any]:
    """Check a message and take it apart. From a ROUTER pass frames[1:]: frame 0 is never a head."""
    views = [memoryview(frame).cast("B") for frame in frames]
    starts = [i for i, view in enumerate(views) if bytes(view[:2]) == b"\xc1F"]
    check(starts, "foreign")
    head, buffers = views[starts[0]], views[starts[0] + 1 :]
    check(len(head) >= 16, "truncated")
    version, serializer, flags, code, ndim, size = struct.unpack_from("<BBHBBQ", head, 2)
    check(version == 1, "version")
    check(serializer == 1, "serializer")
    check(not flags & ~(INLINE | FORTRAN | BROADCAST | META | TYPE), "flags")
    check(code == 0 or code in CODES, "dtype")
    check((code == 0) == bool(flags & TYPE), "flags")
    check(ndim <= 64, "ndim")
    n = ndim + bool(flags & BROADCAST)
    check(len(head) >= (at := 16 + 8 * n), "truncated")
    words = struct.unpack_from(f"<{n}Q", head, 16)
    shape, mask, parts = words[:ndim], sum(words[ndim:]), {META: b"", TYPE: b""}
    axes = [i for i in range(64) if mask >> i & 1]
    check(bool(axes) == n - ndim and all(i < ndim and shape[i] > 1 for i in axes), "section")
    for flag in [flag for flag in parts if flags & flag]:
        count, at = int.from_bytes(head[at : at + 8], "little"), at + 8
        end = at + (count + 7 & ~7)
        check(end <= len(head), "truncated")
        check(not any(head[at + count : end]), "section")
        parts[flag], at = bytes(head[at : at + count]), end
    stage = "description"
    try:
        text, meta = parts[TYPE].decode(), io.BytesIO(parts[META])
        dtype = CODES[code] if code else json.loads(text) if text[:1] == "{" else text
        check((width := itemsize(dtype)) < 2**31 and text not in CODES.values(), "")
        stage = "metadata"
        value = unpack(meta) if flags & META else None
        check(not meta.read(), "")
    except (LookupError, RecursionError, TypeError, ValueError, struct.error):
        raise ValueError(stage) from None
    check(prod([width or 1, *filter(None, shape)]) < 2**63, "shape")
    check(prod([width, *(1 if i in axes else n for i, n in enumerate(shape))]) == size, "payload")
    left = len(head) - at - (size if flags & INLINE else 0)
    check(left == 0, "trailing" if left > 0 else "truncated")
    check([len(b) for b in buffers] == ([] if flags & INLINE else [size]), "frames")
    array = {"dtype": dtype, "shape": shape, "order": "CF"[flags >> 1 & 1], "broadcast": axes}
    envelope, payload = [bytes(v) for v in views[: starts[0]]], buffers[0] if buffers else head[at:]
    return array | {"envelope": envelope, "meta": value, "payload": payload}
