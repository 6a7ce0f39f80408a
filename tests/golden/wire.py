"""What the golden files are made of: heads, sections, and the files themselves."""

import hashlib
import hmac
import json
import math
import struct
import zlib
from pathlib import Path
from typing import Any

INLINE, FORTRAN, PACKED, SCALAR = 0x0001, 0x0002, 0x0004, 0x0008
BROADCAST = VERSIONS = 0x0010
BUFFERS, STAMP, META, TYPE = 0x0020, 0x0040, 0x0080, 0x0100
COMPRESSED, SIGNED = 0x0200, 0x0400
EPOCH = 0xE0E1E2E3E4E5E6E7
SECRETS = {1: bytes(range(32)), 2: b"another secret of 27 bytes."}
IDS = {"raw": 2, "json": 3, "msgpack": 4, "record": 5}
IDS |= {
    "pickle": 6,
    "cloudpickle": 7,
    "dill": 8,
    "protobuf": 9,
    "flatbuffers": 10,
    "capnp": 11,
    "arrow": 12,
}
IDS |= {"user": 255}
GAIN = b"\x82\xa4gain\x02\xa4unit\xa1K"  # {"gain": 2, "unit": "K"}


def elements(form: str, count: int, order: str = "<") -> bytes:
    """1, 2, 3 … in a format of struct; alternating for a bool, (1, 2), (2, 3) … for a complex."""
    if form == "?":
        return bytes(n % 2 for n in range(count))
    values = (range(n, n + len(form)) for n in range(1, count + 1))
    return b"".join(struct.pack(order + form, *value) for value in values)


def struct_of(**fields):
    """A structured dtype, packed, as the type section describes it."""
    ends = [0]
    for form in fields.values():
        ends.append(ends[-1] + width(form))
    formats = {"names": list(fields), "formats": list(fields.values())}
    return formats | {"offsets": ends[:-1], "itemsize": ends[-1]}


def width(form) -> int:
    if isinstance(form, dict):
        return form["itemsize"]
    if isinstance(form, list):
        return width(form[0]) * math.prod(form[1])
    odd = {"bfloat16": 2, "<f80": 16, "|O": 8, "<U2": 8, "<M8[us]": 8, "str": 8, "bytes": 8}
    return odd[form] if form in odd else int(form.lstrip("|<>biufcSV"))


def section(content: bytes) -> bytes:
    return struct.pack("<Q", len(content)) + content + bytes(-len(content) % 8)


def head(code, shape, payload, *, flags=0, sections=b"", version=1, serializer=1, ndim=None):
    ndim = len(shape) if ndim is None else ndim
    fixed = struct.pack("<2sBBHBBQ", b"\xc1F", version, serializer, flags, code, ndim, payload)
    return fixed + struct.pack(f"<{len(shape)}Q", *shape) + sections


def compact(value) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def described(text) -> str:
    return compact(text) if isinstance(text, dict) else text


def last_sections(stamp=None, meta=None, text=None, compression=None, key=None):
    """The flags and the bytes of what any message may have.

    `compression` is a method and the raw lengths. With `key` there is room for the code: `signed`.
    """
    flags, sections = 0, b""
    if stamp is not None:
        flags |= STAMP
        sections += struct.pack("<3Q", *stamp)
    if meta is not None:
        flags |= META
        sections += section(meta)
    if text is not None:
        flags |= TYPE
        sections += section(text if isinstance(text, bytes) else described(text).encode())
    if compression is not None:
        flags |= COMPRESSED
        sections += section(struct.pack(f"<{len(compression)}Q", *compression))
    if key is not None:
        flags |= SIGNED
        sections += struct.pack("<2Q32x", key, EPOCH)
    return flags, sections


def signed(packed, envelope, buffers, key) -> bytes:
    """A head with its code, if it has a key."""
    if key is None:
        return packed
    topic = envelope[-1] if envelope else b""
    text = struct.pack("<Q", len(topic)) + topic + packed[:-32] + b"".join(buffers)
    return packed[:-32] + hmac.digest(SECRETS.get(key, b""), text, hashlib.sha256)


def seals(buffers, compression=None, key=None, code=b"", **how) -> dict[str, Any]:
    """What expect.txt says of compression, with what the buffers were, and of a signature."""
    expect: dict[str, Any] = {}
    if compression is not None:
        expect |= {"compression": compression[0], "raw": numbers(compression[1:])}
        pairs = zip(buffers, compression[1:], strict=True)
        plain = [data if len(data) == size else zlib.decompress(data) for data, size in pairs]
        expect["plain"] = b"".join(plain).hex()
    if key is not None:
        expect |= {"key": key, "epoch": EPOCH, "code": code[-32:].hex()}
    return expect


def array_head(
    code,
    shape,
    payload,
    *,
    inline=True,
    fortran=False,
    scalar=False,
    mask=0,
    **last,
):
    """The flags and the head of an array. `last`: see last_sections."""
    flags = INLINE * inline | FORTRAN * fortran | SCALAR * scalar | BROADCAST * (mask != 0)
    sections = struct.pack("<Q", mask) if mask else b""
    also, more = last_sections(**last)
    return flags | also, head(code, shape, payload, flags=flags | also, sections=sections + more)


LAYOUTS = {"frames": 0, "inline": INLINE, "packed": INLINE | PACKED}


def value_head(
    serializer,
    lengths,
    layout="inline",
    *,
    table=False,
    fingerprint=None,
    versions=(),
    **last,
):
    """The flags and the head of anything else. `table`: the lengths, even if it is only one."""
    flags, sections = LAYOUTS[layout], b""
    if versions:
        flags |= VERSIONS
        sections += section(struct.pack(f"<{len(versions)}Q", *versions))
    if table or len(lengths) != 1 or layout == "packed":
        flags |= BUFFERS
        sections += section(struct.pack(f"<{len(lengths)}Q", *lengths))
    also, more = last_sections(**last)
    how = {"flags": flags | also, "sections": sections + more, "serializer": serializer, "ndim": 0}
    words = () if fingerprint is None else (fingerprint,)
    return flags | also, head(0, words, sum(lengths), **how)


def packed_up(buffers) -> bytes:
    """Buffers one after the other, each at a multiple of 8."""
    packed = b""
    for buffer in buffers:
        packed += bytes(-len(packed) % 8) + buffer
    return packed


def numbers(values) -> str | None:
    """Numbers as expect.txt has them, or None."""
    return None if values is None else " ".join(map(str, values))


class Golden:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lines: list[str] = []

    def write(self, name: str, frames: list[bytes], **expect) -> None:
        packed = struct.pack("<I", len(frames))
        packed += b"".join(struct.pack("<I", len(frame)) + frame for frame in frames)
        (self.directory / f"{name}.frames").write_bytes(packed)
        self.lines.append(f"name {name}")
        self.lines += [f"{key} {value}" for key, value in expect.items() if value is not None]
        self.lines.append("")

    def array(
        self,
        name,
        code,
        shape,
        data,
        *,
        itemsize=None,
        inline=True,
        envelope=(),
        error=None,
        **how,
    ):
        """A whole message. `error` is one that only a look past the head can find."""
        flags, packed = array_head(code, shape, len(data), inline=inline, **how)
        packed = signed(packed, envelope, [data], how.get("key"))
        meta, text, mask = how.get("meta"), how.get("text"), how.get("mask", 0)
        frames = [packed + data] if inline else [packed, data]
        expect = {"envelope": len(envelope)}
        if error is None:
            expect |= {"flags": f"0x{flags:04x}", "dtype": f"0x{code:02x}", "ndim": len(shape)}
            expect |= {"shape": " ".join(map(str, shape)), "mask": f"0x{mask:x}"}
            expect |= {"stamp": numbers(how.get("stamp"))}
            expect |= {"meta": meta and meta.hex(), "type": text and described(text)}
            expect |= {"itemsize": itemsize, "size": len(packed), "payload": len(data)}
            expect |= {"data": data.hex() if len(data) <= 256 else None}
            expect |= seals([data], code=packed, **how)
        else:
            expect |= {"itemsize": itemsize, "error": error}
        self.write(name, [*envelope, *frames], **expect)

    def value(
        self,
        name,
        serializer,
        buffers,
        *,
        layout="inline",
        envelope=(),
        error=None,
        seen=None,
        **how,
    ):
        """A message that is no array. `seen`: what else a reader sees. `error`: as for `array`."""
        inside = {"frames": 0, "inline": 1, "packed": len(buffers)}[layout]
        flags, packed = value_head(serializer, list(map(len, buffers)), layout, **how)
        packed = signed(packed, envelope, buffers, how.get("key"))
        meta, text = how.get("meta"), how.get("text")
        frames = [packed + packed_up(buffers[:inside])] if inside else [packed]
        expect = {"envelope": len(envelope), "serializer": serializer}
        if error is None:
            expect |= {"flags": f"0x{flags:04x}", "size": len(packed)}
            expect |= {"payload": sum(map(len, buffers))}
            expect |= {"buffers": " ".join(str(len(buffer)) for buffer in buffers)}
            expect |= {"stamp": numbers(how.get("stamp"))}
            expect |= {"meta": meta and meta.hex(), "type": text and described(text)}
            expect |= {"data": b"".join(buffers).hex()}
            expect |= seals(buffers, code=packed, **how)
        else:
            expect |= {"error": error}
        expect |= seen or {}
        self.write(name, [*envelope, *frames, *buffers[inside:]], **expect)

    def bad(self, name, error, offset, frame, serializer=None):
        """A head that is refused; `serializer` if it is not that of an array."""
        expect = {"envelope": 0, "serializer": serializer, "error": error, "offset": offset}
        self.write(f"bad-{error}-{name}", [frame], **expect)
