"""Write the golden files, from the text of docs/wire-format.md and not with the library.

NAME.frames is one message: u32 number of frames, then for each u32 length and the bytes, all
little-endian. expect.txt says what a reader finds in each: `key value` lines, a block a message.

    python make.py [directory]

wire.py: what they are made of; values.py, trees.py and records.py: the messages that are no arrays;
sealed.py: what is signed or compressed, by the secrets in wire.py.

A block for an array has no `serializer`. One for any other message has the lengths of its buffers
and, one after the other, their bytes. A record's has the length of the fixed part and the offsets
of the slots, by its schema, whether that is in the message or not; and `fields`, its value.
`tree` is the value of the tree, or of the [header, frames]. Both are JSON with sorted keys; what
JSON has no type for is an object:

    {"map": [[key, value], …]}, {"bin": hex}, and for extensions {"ext": type, …} with
    1: "dtype", "shape", "order", "broadcast" (a list of axes), "scalar", "hex" (the payload)
    2: "data", "mask", "fill"        4, 5: "hex"        6, 7, 8: "items", those of sets sorted
    11 to 17: "value"                18: "name", "header", "frames"

A block for a compressed message has the method, the raw lengths, and `plain`, what the buffers
were, one after the other; one for a signed message the key, the epoch and the code.

A buffer beside the tree is shown as if it were in it, integers and texts as such, a timedelta and
a complex number as lists of their numbers.
"""

import math
import struct
import sys
from pathlib import Path

import records
import sealed
import trees
import values
from wire import (
    BROADCAST,
    GAIN,
    INLINE,
    META,
    PACKED,
    TYPE,
    Golden,
    elements,
    head,
    section,
    struct_of,
)

# for an array, and SIGNED without a stamp
UNKNOWN = {"packed": PACKED, "buffers": 0x0020, "0400": 0x0400, "0800": 0x0800, "8000": 0x8000}
SHAPES = {"0d": (), "1d": (3,), "2d": (2, 3)}


def f80(n: int) -> bytes:
    """2**n in x87 extended precision, padded to 16 bytes."""
    return struct.pack("<QHHI", 1 << 63, 16383 + n, 0, 0)


def f128(n: int) -> bytes:
    """2**n in IEEE binary128."""
    return struct.pack("<QQ", 0, (16383 + n) << 48)


# code: name, and how the n-th element looks; with struct, "<" and ">" are the two byte orders
NUMBERS = {
    1: ("bool", "?"),
    2: ("i8", "b"),
    3: ("i16", "h"),
    4: ("i32", "i"),
    5: ("i64", "q"),
    6: ("u8", "B"),
    7: ("u16", "H"),
    8: ("u32", "I"),
    9: ("u64", "Q"),
    10: ("f16", "e"),
    11: ("f32", "f"),
    12: ("f64", "d"),
    13: ("c64", "ff"),
    14: ("c128", "dd"),
}
LONG = {
    15: ("f80", f80),
    16: ("c160", lambda n: f80(n) + f80(n + 1)),
    17: ("f128", f128),
    18: ("c256", lambda n: f128(n) + f128(n + 1)),
}


def good(golden: Golden) -> None:
    array = golden.array
    for name, shape in SHAPES.items():
        count = math.prod(shape)
        for code, (kind, form) in NUMBERS.items():
            array(f"{kind}-{name}", code, shape, elements(form, count))
        for code, (kind, element) in LONG.items():
            array(f"{kind}-{name}", code, shape, b"".join(map(element, range(count))))
    for code, (kind, form) in NUMBERS.items():
        if struct.calcsize("<" + form) > 1:
            array(f"{kind}-big", 0x80 | code, (3,), elements(form, 3, ">"))

    array("fortran", 12, (2, 3), elements("d", 6), fortran=True)
    array("fortran-big-meta", 0x83, (2, 2, 2), elements("h", 8, ">"), fortran=True, meta=GAIN)
    array("broadcast-first", 5, (4, 3), elements("q", 3), mask=1)
    array("broadcast-last", 5, (3, 4), elements("q", 3), mask=2)
    array("broadcast-scalar", 4, (1000, 1000), elements("i", 1), mask=3)
    array("broadcast-meta", 12, (2, 3, 2), elements("d", 3), mask=5, meta=GAIN)
    array("empty-1d", 12, (0,), b"")
    array("empty-3d", 4, (2, 0, 5), b"")
    array("dims-64", 6, (1,) * 64, b"\x07")
    array("meta", 12, (3,), elements("d", 3), meta=GAIN)
    array("meta-nil", 12, (), elements("d", 1), meta=b"\xc0")
    array("scalar", 12, (), elements("d", 1), scalar=True)
    array("scalar-meta", 4, (), elements("i", 1), scalar=True, meta=GAIN)
    array("packed", 6, (90, 100), bytes(n % 251 for n in range(9000)))
    array("topic", 11, (3,), elements("f", 3), envelope=[b"temp"])
    array("topic-empty", 11, (3,), elements("f", 3), envelope=[b""])
    array("routing", 11, (3,), elements("f", 3), envelope=[b"\x00\x01\x02\x03\x04", b""], meta=GAIN)
    array("frame-small", 8, (4,), elements("I", 4), inline=False)
    array("frame-topic", 8, (4,), elements("I", 4), inline=False, envelope=[b"temp"], meta=GAIN)
    array("frame-large", 6, (90, 100), bytes(n % 251 for n in range(9000)), inline=False)

    described = [
        ("bytes", "|S3", 3, (2,), b"ab\0cde"),
        ("bytes-empty", "|S0", 0, (2,), b""),
        ("str", "<U2", 8, (2,), "a\0éñ".encode("utf-32-le")),
        ("str-big", ">U2", 8, (1,), "hé".encode("utf-32-be")),
        ("void", "|V5", 5, (1,), b"12345"),
        ("datetime", "<M8[ns]", 8, (2,), elements("q", 2)),
        ("datetime-25s", ">M8[25s]", 8, (2,), elements("q", 2, ">")),
        ("timedelta", "<m8[D]", 8, (2, 2), elements("q", 4)),
        ("timedelta-bare", "<m8", 8, (), elements("q", 1)),
        ("bfloat16", "bfloat16", 2, (2,), b"\x80\x3f\x00\x40"),
        ("float8", "float8_e4m3fn", 1, (3,), b"\x38\x40\x44"),
        ("struct", struct_of(a="<i4", b=">f8"), 12, (2,), bytes(range(24))),
        ("struct-meta", struct_of(a="<i4", b=">f8"), 12, (), bytes(range(12))),
        ("struct-empty", struct_of(), 0, (3,), b""),
        ("struct-sub", struct_of(a=["<u2", [2, 3]], b="|b1"), 13, (1,), bytes(12) + b"\1"),
        ("struct-time", struct_of(t="<M8[us]", s="|S4", z="bfloat16"), 14, (1,), bytes(range(14))),
        ("struct-long", struct_of(x="<f80"), 16, (1,), f80(1)),
        (
            "struct-nested",
            struct_of(head=struct_of(x="<u2", y="|V1"), rows=[struct_of(z="<c8"), [2]]),
            19,
            (1,),
            bytes(range(19)),
        ),
        (
            "struct-overlap",
            {"names": ["word", "low"], "formats": ["<u4", "|u1"], "offsets": [0, 0], "itemsize": 8},
            8,
            (2,),
            bytes(range(16)),
        ),
        (
            "struct-titles",
            struct_of(a="<i4", b="<i4") | {"titles": ["the first", None]},
            8,
            (1,),
            elements("i", 2),
        ),
        (
            "struct-aligned",
            {"names": ["a", "b"], "formats": ["|u1", "<f8"], "offsets": [0, 8], "itemsize": 16}
            | {"aligned": True},
            16,
            (1,),
            bytes(8) + elements("d", 1),
        ),
        ("scalar-datetime", "<M8[us]", 8, (), elements("q", 1)),
        ("struct-unicode", struct_of(température="<f4"), 4, (1,), elements("f", 1)),
    ]
    for name, text, itemsize, shape, data in described:
        meta = GAIN if name.endswith("-meta") else None
        scalar = name.startswith("scalar-")
        array(name, 0, shape, data, text=text, itemsize=itemsize, meta=meta, scalar=scalar)
    array("struct-broadcast", 0, (5, 2), bytes(range(8)), text="|V4", itemsize=4, mask=1)
    array("datetime-frame", 0, (2,), elements("q", 2), text="<M8[s]", itemsize=8, inline=False)


def bad(golden: Golden) -> None:
    bad, array = golden.bad, golden.array
    data = elements("d", 3)
    plain = head(12, (3,), 24, flags=INLINE) + data
    meta = head(12, (3,), 24, flags=INLINE | META, sections=section(GAIN)) + data
    text = head(0, (), 3, flags=INLINE | TYPE, sections=section(b"|S3")) + b"abc"

    bad("empty", "magic", 0, b"")
    bad("one-byte", "magic", 0, b"\xc1")
    bad("recipe", "magic", 0, b'{"dtype": "float64", "shape": [3]}')
    for name, cut, offset in [("magic", 2, 2), ("fixed", 15, 15), ("shape", 23, 23)]:
        bad(name, "truncated", offset, plain[:cut])
    bad("payload", "truncated", 8, plain[:-1])
    bad("meta-length", "truncated", 24, meta[:31])
    bad("meta-content", "truncated", 24, meta[:40])
    bad("type-padding", "truncated", 16, text[:28])
    bad("broadcast", "truncated", 24, head(12, (2,), 8, flags=BROADCAST, sections=bytes(7)))
    for name, size in [("huge", 2**64 - 1), ("huge-63", 2**63), ("long", 1000)]:
        sections = struct.pack("<Q", size) + bytes(8)
        frame = head(12, (3,), 24, flags=INLINE | META, sections=sections) + data
        bad(f"section-{name}", "truncated", 24, frame)
    for version in (0, 2, 255):
        bad(str(version), "version", 2, head(12, (3,), 24, flags=INLINE, version=version) + data)
    for serializer in (0, 13, 254):
        frame = head(12, (3,), 24, flags=INLINE, serializer=serializer) + data
        bad(str(serializer), "serializer", 3, frame)
    for name, flag in UNKNOWN.items():
        bad(name, "flags", 4, head(12, (3,), 24, flags=INLINE | flag) + data)
    bad("no-type", "flags", 4, head(0, (3,), 24, flags=INLINE) + data)
    sections = section(b"<f8")
    frame = head(12, (3,), 24, flags=INLINE | TYPE, sections=sections) + data
    bad("type-and-code", "flags", 4, frame)
    for code in (19, 127, 0x80, 0x81, 0x82, 0x86, 0xFF):
        bad(f"{code:02x}", "dtype", 6, head(code, (3,), 24, flags=INLINE) + data)
    bad("65", "ndim", 7, head(6, (1,) * 65, 1, flags=INLINE) + b"x")
    bad("255", "ndim", 7, head(6, (), 1, flags=INLINE, ndim=255) + b"x")
    bad("scalar", "ndim", 7, head(12, (3,), 24, flags=INLINE | 0x0008) + data)
    for name, shape in [
        ("product", (2**32, 2**32)),
        ("itemsize", (2**60,)),
        ("wraps-to-0", (2**63, 2)),
        ("beside-0", (0, 2**63)),
    ]:
        bad(name, "shape", 16, head(12, shape, 0, flags=INLINE))
    sections = struct.pack("<Q", 3)
    frame = head(12, (2**31, 2**31), 8, flags=INLINE | BROADCAST, sections=sections) + data[:8]
    bad("broadcast", "shape", 16, frame)
    bad("short", "payload", 8, head(12, (3,), 16, flags=INLINE) + data[:16])
    bad("long", "payload", 8, head(12, (3,), 32, flags=INLINE) + data + data[:8])
    sections = struct.pack("<Q", 1)
    bad("broadcast", "payload", 8, head(12, (3,), 24, flags=17, sections=sections) + data)
    for name, shape, mask in [("mask-0", (3,), 0), ("axis-1", (3,), 2), ("length-1", (1,), 1)]:
        sections = struct.pack("<Q", mask)
        bad(name, "section", 24, head(12, shape, 8, flags=17, sections=sections) + data[:8])
    sections = struct.pack("<Q", 1)
    bad("length-0", "section", 24, head(12, (0,), 8, flags=17, sections=sections) + data[:8])
    sections = section(GAIN)[:-1] + b"\1"
    frame = head(12, (3,), 24, flags=INLINE | META, sections=sections) + data
    bad("meta-padding", "section", 24, frame)
    sections = section(b"|S3")[:-1] + b"\1"
    bad("type-padding", "section", 16, head(0, (), 3, flags=257, sections=sections) + b"abc")
    bad("inline", "trailing", len(plain), plain + b"\0")
    bad("own-frame", "trailing", 24, head(12, (3,), 24) + b"\0")
    bad("type", "trailing", len(text), text + b"\0")

    # what only a look past the head can find
    frame = head(12, (3,), 24)
    for name, frames in [
        ("none", [frame]),
        ("two", [frame, data[:8], data[8:]]),
        ("short", [frame, data[:-1]]),
        ("long", [frame, data + b"\0"]),
        ("inline", [plain, b""]),
    ]:
        golden.write(f"bad-frames-{name}", frames, envelope=0, error="frames")
    for name, content in [
        ("empty", b""),
        ("two", b"\1\2"),
        ("cut", b"\xa4gai"),
        ("c1", b"\xc1"),
        ("utf8", b"\xa1\xff"),
        ("count", b"\xdd\xff\xff\xff\xff"),
        ("deep", b"\x91" * 20_000),
    ]:
        array(f"bad-metadata-{name}", 12, (3,), data, meta=content, error="metadata")
    for name, content, n in [
        ("empty", "", 1),
        ("unknown", "float9", 1),
        ("object", "|O", 8),
        ("object-8", "|O8", 8),
        ("coded", "<f8", 8),
        ("no-order", "S3", 3),
        ("unit", "<M8[parsec]", 8),
        ("unit-zero", "<M8[0s]", 8),
        ("huge", "|S2147483648", 1),
        ("endless", "|S" + "9" * 5000, 1),
        ("not-json", "{", 1),
        ("deep", '{"formats":' + "[" * 20_000, 1),
        ("no-offsets", {"names": ["a"], "formats": ["|u1"], "itemsize": 1}, 1),
        ("counts", struct_of(a="<i4") | {"offsets": [0, 4]}, 4),
        ("outside", struct_of(a="<i4") | {"offsets": [1]}, 4),
        ("before", struct_of(a="<i4") | {"offsets": [-1]}, 4),
        ("field-object", struct_of(a="|O") | {"itemsize": 8}, 8),
    ]:
        array(f"bad-description-{name}", 0, (), bytes(n), text=content, error="description")
    for name, shape, size, error in [
        ("described", (2,), 15, "payload"),
        ("described", (2**60,), 0, "shape"),
    ]:
        array(f"bad-{error}-{name}", 0, shape, bytes(size), text="<M8[s]", itemsize=8, error=error)


def main() -> None:
    here = Path(__file__).parent
    golden = Golden(Path(sys.argv[1]) if len(sys.argv) > 1 else here)
    good(golden)
    bad(golden)
    for module in (values, trees, records, sealed):
        module.good(golden)
        module.bad(golden)
    (golden.directory / "expect.txt").write_bytes(
        "".join(f"{line}\n" for line in golden.lines).encode()
    )


if __name__ == "__main__":
    main()
