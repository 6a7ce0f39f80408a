"""The golden messages that are no arrays: their heads and buffers; trees.py has the trees."""

import struct

from wire import (
    BROADCAST,
    BUFFERS,
    FORTRAN,
    GAIN,
    IDS,
    INLINE,
    META,
    PACKED,
    SCALAR,
    Golden,
    head,
    packed_up,
    section,
    value_head,
)

RAW, MSGPACK = IDS["raw"], IDS["msgpack"]
PICKLE = b"\x80\x05K\x01."  # 1


def good(golden: Golden) -> None:
    value = golden.value
    for name, text in [("any", None), ("bytes", "bytes"), ("bytearray", "bytearray")]:
        value(f"raw-{name}", RAW, [b"any bytes"], text=text)
        value(f"raw-{name}-frame", RAW, [b"any bytes"], layout="frames", text=text)
    value("raw-empty", RAW, [b""])
    value("raw-table", RAW, [b"any bytes"], table=True)
    value("raw-packed", RAW, [b"any bytes"], layout="packed")
    value("raw-topic", RAW, [b"any bytes"], envelope=[b"temp"], meta=GAIN, text="bytes")
    value("json", 3, ['{"é": [1, 2.5, null]}'.encode()], meta=GAIN)
    value("json-frame", 3, [b"[]"], layout="frames", envelope=[b"temp"])
    for name in ("pickle", "cloudpickle", "dill"):
        value(name, IDS[name], [PICKLE])
    buffers = [PICKLE, b"abc", b"", bytes(range(16))]
    value("pickle-buffers", IDS["pickle"], buffers, meta=GAIN)
    value("pickle-packed", IDS["pickle"], buffers, layout="packed", meta=GAIN)
    value("pickle-frames", IDS["pickle"], buffers, layout="frames", meta=GAIN)
    value("protobuf", IDS["protobuf"], [b"\x08\x96\x01"], text="geometry.v1.Point")
    value("protobuf-empty", IDS["protobuf"], [b""], text="Empty")
    value("flatbuffers", IDS["flatbuffers"], [b"\x04\0\0\0"], text="Monster", layout="frames")
    value("capnp", IDS["capnp"], [bytes(16)], text="0xd1b2c3a4e5f60718")
    value("capnp-segments", IDS["capnp"], [bytes(8), bytes(16), bytes(8)], text="0x1")
    for text in ("table", "batch", "pandas"):
        value(f"arrow-{text}", IDS["arrow"], [b"\xff\xff\xff\xff\0\0\0\0"], text=text)


def bad(golden: Golden) -> None:
    bad_heads(golden)
    bad_buffers(golden)


def bad_heads(golden: Golden) -> None:
    def bad(name, error, offset, frame):
        golden.bad(name, error, offset, frame, serializer=MSGPACK)

    def raw(flags, payload, sections=b"", data=b"", *, code=0, shape=(), serializer=MSGPACK):
        packed = head(code, shape, payload, flags=flags, sections=sections, serializer=serializer)
        return packed + data

    def table(*lengths):
        return section(struct.pack(f"<{len(lengths)}Q", *lengths))

    inside = INLINE | BUFFERS
    for name, flag in [("fortran", FORTRAN), ("scalar", SCALAR), ("broadcast", BROADCAST)]:
        bad(f"value-{name}", "flags", 4, raw(INLINE | flag, 1, data=b"\1"))
    for name, flag in [("0400", 0x0400), ("0800", 0x0800), ("8000", 0x8000)]:
        bad(f"value-{name}", "flags", 4, raw(INLINE | flag, 1, data=b"\1"))
    bad("packed-alone", "flags", 4, raw(PACKED, 1))
    bad("packed-no-table", "flags", 4, raw(PACKED | INLINE, 1, data=b"\1"))
    bad("packed-no-inline", "flags", 4, raw(PACKED | BUFFERS, 1, table(1)))
    bad("value", "dtype", 6, raw(INLINE, 1, data=b"\1", code=6))
    bad("value", "ndim", 7, raw(INLINE, 1, data=b"\1", shape=(1,)))
    bad("value", "truncated", 8, raw(INLINE, 2, data=b"\1"))
    bad("value", "trailing", 17, raw(INLINE, 1, data=b"\1\0"))
    bad("value-frame", "trailing", 16, raw(0, 1, data=b"\1"))
    bad("value-63", "payload", 8, raw(0, 2**63))
    bad("table-length", "truncated", 16, raw(inside, 1, bytes(7)))
    bad("table-content", "truncated", 16, raw(inside, 1, table(1, 2)[:-1]))
    for name, size in [("huge", 2**64 - 8), ("huge-63", 2**63), ("long", 1000)]:
        sections = struct.pack("<Q", size) + bytes(8)
        bad(f"table-{name}", "truncated", 16, raw(inside, 0, sections))
    bad("table-odd", "section", 16, raw(inside, 1, section(b"\1" + bytes(11)), b"\1"))
    sections = section(GAIN)[:-1] + b"\1"
    bad("value-meta-padding", "section", 16, raw(INLINE | META, 1, sections, b"\1"))
    bad("table-none", "section", 16, raw(inside, 0, table()))
    bad("table-short", "payload", 8, raw(inside, 3, table(1, 1), b"\1"))
    bad("table-wraps", "payload", 8, raw(inside, 1, table(1, 2**63, 2**63), b"\1"))
    bad("table-wraps-63", "payload", 8, raw(inside, 2**63, table(1, 2**63 - 1), b"\1"))
    bad("table-first", "truncated", 8, raw(inside, 12, table(10, 2), bytes(9)))
    bad("table-first", "trailing", 50, raw(inside, 12, table(10, 2), bytes(12)))
    packed = inside | PACKED
    data = packed_up([b"\1\2\3", b"\4", b""])
    lengths = table(3, 1, 0)
    bad("packed", "truncated", 8, raw(packed, 4, lengths, data[:-1]))
    bad("packed-more", "trailing", 64, raw(packed, 4, lengths, data + b"\0"))
    for at in (3, 7, 15):
        spoiled = bytearray(data)
        spoiled[at] = 0x80
        bad(f"packed-{at}", "section", 48, raw(packed, 4, lengths, bytes(spoiled)))


def bad_buffers(golden: Golden) -> None:
    """What only a look past the head can find."""
    data, more = b"\xa1a", b"beside"
    whole = value_head(MSGPACK, [2], "frames")[1]
    both = value_head(MSGPACK, [2, 6], "inline")[1] + data
    apart = value_head(MSGPACK, [2, 6], "frames")[1]
    all_in = value_head(MSGPACK, [2, 6], "packed")[1] + packed_up([data, more])
    for name, frames in [
        ("value-none", [whole]),
        ("value-two", [whole, data, b""]),
        ("value-long", [whole, data + b"\0"]),
        ("table-none", [both]),
        ("table-short", [both, more[:-1]]),
        ("table-more", [both, more, b""]),
        ("table-swapped", [apart, more, data]),
        ("packed", [all_in, more]),
    ]:
        golden.write(f"bad-frames-{name}", frames, envelope=0, serializer=MSGPACK, error="frames")

    for name, buffers, text in [
        ("raw", [b"a", b"b"], None),
        ("raw", [], None),
        ("raw", [b"a"], "str"),
        ("json", [b"1", b"2"], None),
        ("json", [b"1"], "text"),
        ("msgpack", [], None),
        ("msgpack", [b"\1"], "int"),
        ("pickle", [], None),
        ("pickle", [PICKLE], "int"),
        ("cloudpickle", [], None),
        ("dill", [PICKLE], ""),
        ("protobuf", [b"", b""], "a.B"),
        ("protobuf", [b""], None),
        ("flatbuffers", [], "A"),
        ("flatbuffers", [b""], None),
        ("capnp", [], "0x1"),
        ("capnp", [bytes(8)], None),
        ("capnp", [bytes(8)], "Point"),
        ("arrow", [b"", b""], "table"),
        ("arrow", [b""], None),
        ("arrow", [b""], "polars"),
        ("user", [], "zipped"),
        ("user", [b"\x92\xc0\x90"], None),
        ("user", [b"\x92\xc0\x90"], ""),
    ]:
        kind = {None: "no-type", "": "empty-type"}.get(text, text)
        label = f"bad-buffers-{name}-{len(buffers)}-{kind}"
        layout = "inline" if buffers else "frames"
        golden.value(label, IDS[name], buffers, layout=layout, text=text, error="buffers")
