"""The golden messages that are compressed, or signed, or both; by the secrets of wire.py."""

import struct

from wire import (
    BUFFERS,
    COMPRESSED,
    GAIN,
    IDS,
    INLINE,
    SIGNED,
    STAMP,
    Golden,
    array_head,
    elements,
    head,
    section,
    struct_of,
    value_head,
)

RAW, MSGPACK = 2, 4
ZLIB, ZSTD = 1, 2
NOW = (0xFEDCBA9876543210, 3, 1767225600000000000)
# What zlib makes of them. Any implementation reads it; not every one writes just this.
ZEROS = bytes.fromhex("78da6360a00c000000400001")  # 64 of them
STEPS = bytes.fromhex("78da6364626661a42106002d6000f1")  # 1, 2, 3, 4, 24 times
TREE = bytes.fromhex("78da6b5c9878874183814800006fb10288")  # {"a": [0] * 40}, of 46 bytes


def good(golden: Golden) -> None:
    good_signed(golden)
    good_compressed(golden)


def good_signed(golden: Golden) -> None:
    how = {"stamp": NOW, "key": 1}
    array, value = golden.array, golden.value
    array("signed-array", 12, (3,), elements("d", 3), **how)
    array("signed-array-topic", 12, (3,), elements("d", 3), envelope=[b"temp"], meta=GAIN, **how)
    array("signed-array-frame", 4, (2, 2), elements("i", 4), inline=False, envelope=[b"t"], **how)
    array("signed-described", 0, (2,), elements("q", 2), text="<M8[s]", itemsize=8, **how)
    value("signed-raw", RAW, [b"any bytes"], text="bytes", stamp=NOW, key=2)
    value("signed-raw-empty", RAW, [b""], **how)
    value("signed-raw-routing", RAW, [b"any"], layout="frames", envelope=[b"\0id", b""], **how)
    value("signed-json", IDS["json"], [b"[1]"], meta=GAIN, **how)
    for layout in ("frames", "inline", "packed"):
        buffers = [b"\x80\x05N.", b"abc", b"", bytes(range(16))]
        value(f"signed-pickle-{layout}", IDS["pickle"], buffers, layout=layout, **how)


def good_compressed(golden: Golden) -> None:
    array, value = golden.array, golden.value
    array("zlib-array", 6, (64,), ZEROS, compression=(ZLIB, 64))
    array("zlib-array-frame", 6, (8, 12), STEPS, inline=False, compression=(ZLIB, 96), meta=GAIN)
    array("zlib-array-fortran", 8, (6, 4), STEPS, fortran=True, compression=(ZLIB, 96))
    array("zlib-array-broadcast", 6, (5, 64), ZEROS, mask=1, compression=(ZLIB, 64))
    array("zlib-array-as-it-was", 8, (3,), elements("I", 3), compression=(ZLIB, 12))
    text = struct_of(a="<i4", b=">f8")
    how = {"text": text, "itemsize": 12, "compression": (ZLIB, 96)}
    array("zlib-described", 0, (8,), STEPS, **how)
    value("zlib-raw", RAW, [ZEROS], text="bytes", compression=(ZLIB, 64))
    value("zlib-raw-empty", RAW, [b""], compression=(ZSTD, 0))
    buffers = [b"\x80\x05N.", ZEROS, b"", STEPS]
    for layout in ("frames", "inline", "packed"):
        name = f"zlib-pickle-{layout}"
        value(name, IDS["pickle"], buffers, layout=layout, compression=(ZLIB, 4, 64, 0, 96))
    seen = {"tree": '{"map":[["a",[' + ",".join(["0"] * 40) + "]]]}"}
    value("zlib-tree", MSGPACK, [TREE], compression=(ZLIB, 46), seen=seen)
    value("zlib-tree-topic", MSGPACK, [TREE], envelope=[b"t"], compression=(ZLIB, 46), seen=seen)
    array("zlib-signed", 6, (64,), ZEROS, compression=(ZLIB, 64), stamp=NOW, key=1)
    how = {"compression": (ZLIB, 46), "stamp": NOW, "key": 2, "seen": seen, "meta": GAIN}
    value("zlib-tree-signed", MSGPACK, [TREE], layout="frames", envelope=[b"t"], **how)


def bad(golden: Golden) -> None:
    bad_heads(golden)
    bad_streams(golden)
    bad_signatures(golden)


def bad_heads(golden: Golden) -> None:
    def compressed(name, error, offset, *numbers, payload=12, data=ZEROS, flags=0, table=b""):
        words = section(struct.pack(f"<{len(numbers)}Q", *numbers))
        flags |= INLINE | COMPRESSED
        packed = head(0, (), payload, flags=flags, sections=table + words, serializer=RAW)
        golden.bad(f"compression-{name}", error, offset, packed + data, serializer=RAW)

    compressed("none", "section", 16)
    compressed("no-length", "section", 16, ZLIB)
    compressed("lengths", "section", 16, ZLIB, 64, 64)
    compressed("method-0", "section", 8, 0, 64)
    compressed("method-5", "section", 8, 5, 64)
    compressed("method-huge", "section", 8, 2**63, 64)
    compressed("longer", "section", 8, ZLIB, 11)
    compressed("63", "section", 8, ZLIB, 2**63)
    table = section(struct.pack("<2Q", 12, 0))
    how = {"flags": BUFFERS, "table": table}
    compressed("table", "section", 40, ZLIB, 64, **how)
    compressed("wraps", "section", 8, ZLIB, 64, 2**64 - 64, **how)
    for name, sections in [("count", bytes(7)), ("content", section(bytes(16))[:-1])]:
        frame = head(0, (), 0, flags=COMPRESSED, sections=sections, serializer=RAW)
        golden.bad(f"compression-{name}", "truncated", 16, frame, serializer=RAW)
    sections = section(struct.pack("<2QB", ZLIB, 64, 0))
    frame = head(0, (), 0, flags=COMPRESSED, sections=sections, serializer=RAW)
    golden.bad("compression-odd", "section", 16, frame, serializer=RAW)
    packed = array_head(6, (63,), 12, compression=(ZLIB, 64))[1]
    golden.bad("compression", "payload", 8, packed + ZEROS)
    packed = array_head(6, (2**63,), 12, compression=(ZLIB, 2**62))[1]
    golden.bad("compression", "shape", 16, packed + ZEROS)
    for name, cut in [("none", 48), ("code", 1)]:
        packed = array_head(6, (), 1, inline=False, stamp=NOW, key=1)[1]
        golden.bad(f"signature-{name}", "truncated", 40, packed[:-cut])
    packed = array_head(6, (), 1, stamp=NOW, key=1)[1]
    golden.bad("signature", "truncated", 8, packed)
    flags = INLINE | STAMP | SIGNED
    frame = head(6, (), 1, flags=flags, sections=bytes(24 + 48)) + b"\0\0"
    golden.bad("signature", "trailing", 89, frame)


def bad_streams(golden: Golden) -> None:
    how = {"error": "compression"}
    for name, data, size in [
        ("not", b"\0" * 12, 64),
        ("empty", b"", 64),
        ("cut", ZEROS[:-1], 64),
        ("short", ZEROS, 65),
        ("long", ZEROS, 63),
        ("sum", ZEROS[:-1] + b"\2", 64),
        ("more", ZEROS + b"\0", 64),
    ]:
        golden.value(f"bad-compression-{name}", RAW, [data], compression=(ZLIB, size), **how)
    golden.array("bad-compression-array", 6, (64,), b"\0" * 12, compression=(ZLIB, 64), **how)
    text, how = "<M8[s]", {"itemsize": 8, "error": "payload"}
    golden.array("bad-payload-compressed", 0, (7,), ZEROS, text=text, compression=(ZLIB, 64), **how)


def bad_signatures(golden: Golden) -> None:
    """With the secrets of wire.py; without, they are good."""
    how = {"stamp": NOW, "key": 1}
    packed = array_head(12, (3,), 24, **how)[1]
    data = elements("d", 3)
    golden.write("bad-signature-zero", [packed + data], envelope=0, error="signature")
    golden.array("bad-signature-key", 12, (3,), data, stamp=NOW, key=3, error="signature")
    golden.array("bad-signature-none", 12, (3,), data, stamp=NOW, error="signature")
    buffers = {"compression": (ZLIB, 64), "error": "signature"}
    golden.value("bad-signature-not-compressed", RAW, [bytes(12)], key=3, stamp=NOW, **buffers)
    packed = value_head(RAW, [3], "frames", **how)[1]
    expect = {"envelope": 0, "serializer": RAW, "error": "signature"}
    golden.write("bad-signature-frame", [packed, b"any"], **expect)
