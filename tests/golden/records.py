"""The golden messages that are records, and those of any serializer that have a stamp."""

import json
import struct
from typing import Any

from wire import (
    BUFFERS,
    FORTRAN,
    GAIN,
    IDS,
    INLINE,
    META,
    PACKED,
    SCALAR,
    STAMP,
    VERSIONS,
    Golden,
    compact,
    elements,
    head,
    numbers,
    section,
    struct_of,
    value_head,
)

RECORD = IDS["record"]
FIRST = (0xFEDCBA9876543210, 0, 1_767_225_600_000_000_000)  # at the beginning of 2026
LATER = (1, 2**64 - 1, 2**64 - 1)
POINT = struct_of(x="<f8", n="<i4")
POINT_DATA = struct.pack("<di", 0.5, -7)
LOG = struct_of(seq="<u4", text="str", blob="bytes")
KINDS = struct_of(
    flag="|b1", big=">i2", half="<f2", pair="<c8", text="|S5", code="|S3", raw="|V2", name="<U2"
) | {"itemsize": 39}  # and 8 bytes that no field covers
KINDS_DATA = struct.pack("<?", True) + struct.pack(">h", -2) + struct.pack("<e2f", 1.5, 1, -1)
KINDS_DATA += "hé\0\0".encode() + b"a\0\0" + b"\0\1" + "é\0".encode("utf-32-le") + b"\xff" * 8
KINDS_FIELDS = {"flag": True, "big": -2, "half": 1.5, "pair": 1 - 1j, "text": "hé".encode()}
KINDS_FIELDS |= {"code": b"a", "raw": b"\0\1", "name": "é\0".encode("utf-32-le")}
DEEP = struct_of(at=struct_of(x="<i2", label="|S3"), row=["<u2", [2, 2]], all=[POINT, [2]])


def text_of(schema: Any) -> bytes:
    return schema if isinstance(schema, bytes) else compact(schema).encode()


def fingerprint_of(schema: Any) -> int:
    """FNV-1a of 64 bits."""
    value = 0xCBF29CE484222325
    for byte in text_of(schema):
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def slots_of(schema: dict[str, Any]) -> list[int]:
    """Where the slots of the tails are, in the order of the fields."""
    fields = zip(schema["formats"], schema["offsets"], strict=True)
    return [offset for form, offset in fields if form in ("str", "bytes")]


def as_json(value: Any) -> str:
    """The fields of a record as make.py says that trees are."""

    def form(value: Any) -> Any:
        if isinstance(value, dict):
            return {"map": [[key, form(item)] for key, item in value.items()]}
        if isinstance(value, list):
            return [form(item) for item in value]
        if isinstance(value, bytes):
            return {"bin": value.hex()}
        if isinstance(value, complex):
            return {"ext": 17, "value": [value.real, value.imag]}
        return value

    return json.dumps(form(value), separators=(",", ":"), sort_keys=True)


def log(seq: int, text: str, blob: bytes) -> bytes:
    """A record of LOG."""
    tail = text.encode()
    slots = struct.pack("<4I", 20, len(tail), 20 + len(tail), len(blob))
    return struct.pack("<I", seq) + slots + tail + blob


def tails(*slots: tuple[int, int]) -> bytes:
    """A record of LOG, of 30 bytes: a fixed part of 20, and 10."""
    return bytes(4) + b"".join(struct.pack("<2I", *slot) for slot in slots) + b"0123456789"


def record(golden: Golden, name, schema, data, *, fields=None, sent=None, error=None, **how):
    """A message that is a record. `fields`: what is in it. `sent`: the schema, if it is to be."""
    seen = {}
    if isinstance(schema, dict):
        seen |= {"fixed": schema["itemsize"], "slots": numbers(slots_of(schema)) or None}
    how = {"fingerprint": fingerprint_of(schema)} | how
    if error is None:
        seen |= {"fingerprint": how["fingerprint"], "versions": numbers(how.get("versions"))}
        seen |= {"fields": as_json(fields)}
    text = schema if sent is True else sent
    golden.value(name, RECORD, [data], text=text, seen=seen, error=error, **how)


def good(golden: Golden) -> None:
    def point(name, **how):
        fields = {"x": 0.5, "n": -7}
        record(golden, f"record-{name}", POINT, POINT_DATA, fields=fields, **how)

    older = [fingerprint_of(struct_of(x="<f8"))]
    point("plain")
    point("frame", layout="frames")
    point("topic", envelope=[b"temp"])
    point("meta", meta=GAIN)
    point("stamp", stamp=FIRST)
    point("versions", versions=older)
    point("versions-3", versions=[2**64 - 1, 0, 1], layout="frames")
    point("schema", sent=True)
    point("schema-frame", sent=True, layout="frames")
    everything = {"versions": older, "stamp": LATER, "meta": GAIN, "sent": True}
    point("all", **everything)
    point("all-frame", **everything, layout="frames", envelope=[b"temp", b""])
    for name, schema, data, fields in [
        ("empty", struct_of(), b"", {}),
        ("kinds", KINDS, KINDS_DATA, KINDS_FIELDS),
        ("unicode", struct_of(**{'é"\\\n\x1f\x7f/': "|u1"}), b"\7", {'é"\\\n\x1f\x7f/': 7}),
        ("time", struct_of(t="<M8[us]", z="bfloat16"), bytes(10), {"t": bytes(8), "z": bytes(2)}),
        ("tails", LOG, log(7, "hé", b"\0\xff"), {"seq": 7, "text": "hé", "blob": b"\0\xff"}),
        ("tails-empty", LOG, log(7, "", b""), {"seq": 7, "text": "", "blob": b""}),
        ("tails-gaps", LOG, tails((21, 2), (25, 3)), {"seq": 0, "text": "12", "blob": b"567"}),
        ("longer", POINT, POINT_DATA + b"more", {"x": 0.5, "n": -7}),
        (
            "deep",
            DEEP,
            struct.pack("<h3s4H", -1, b"ok", *range(4)) + 2 * POINT_DATA,
            {"at": {"x": -1, "label": b"ok"}, "row": [0, 1, 2, 3]}
            | {"all": [{"x": 0.5, "n": -7}] * 2},
        ),
        (
            "overlap",
            {"names": ["word", "low"], "formats": ["<u4", "|u1"], "offsets": [0, 0], "itemsize": 8},
            bytes(range(1, 9)),
            {"word": 0x04030201, "low": 1},
        ),
    ]:
        record(golden, f"record-{name}", schema, data, fields=fields, sent=True)
    fields = {"seq": 7, "text": "ok", "blob": b""}
    how = {"versions": [fingerprint_of(struct_of(seq="<u4", text="str"))], "stamp": FIRST}
    record(golden, "record-example", LOG, log(7, "ok", b""), fields=fields, **how)
    good_stamps(golden)


def good_stamps(golden: Golden) -> None:
    array, value = golden.array, golden.value
    array("stamp-array", 12, (3,), elements("d", 3), stamp=FIRST)
    array("stamp-array-frame", 12, (3,), elements("d", 3), stamp=LATER, inline=False, meta=GAIN)
    array("stamp-array-scalar", 12, (), elements("d", 1), stamp=(0, 0, 0), scalar=True)
    array("stamp-broadcast", 5, (4, 3), elements("q", 3), stamp=LATER, mask=1, envelope=[b"temp"])
    array(
        "stamp-struct",
        0,
        (2,),
        bytes(24),
        stamp=FIRST,
        text=struct_of(a="<i4", b=">f8"),
        itemsize=12,
    )
    tree = {"tree": '[1,"a"]'}
    value("stamp-tree", IDS["msgpack"], [b"\x92\1\xa1a"], stamp=FIRST, seen=tree)
    tree = {"tree": '{"bin":"616263"}'}
    for layout in ("inline", "frames", "packed"):
        buffers = [b"\xd4\3\0", b"abc"]
        how = {"layout": layout, "stamp": LATER, "meta": GAIN}
        value(f"stamp-tree-{layout}", IDS["msgpack"], buffers, **how, seen=tree)
    value("stamp-raw", IDS["raw"], [b"any bytes"], stamp=FIRST, text="bytes", envelope=[b"temp"])


def bad(golden: Golden) -> None:
    bad_heads(golden)
    bad_stamps(golden)
    bad_schemas(golden)
    bad_records(golden)


def bad_heads(golden: Golden) -> None:
    def bad(name, error, offset, frame):
        golden.bad(f"record{name}", error, offset, frame, serializer=RECORD)

    def raw(flags, payload, sections=b"", data=b"", *, code=0, ndim=0, fingerprint=b"abcdefgh"):
        words = struct.unpack(f"<{len(fingerprint) // 8}Q", fingerprint)
        how = {"flags": flags, "sections": sections, "serializer": RECORD, "ndim": ndim}
        return head(code, words, payload, **how) + data

    plain = raw(INLINE, 1, data=b"\1")
    versions = section(struct.pack("<2Q", 1, 2))
    for cut in (16, 23):
        bad(f"-{cut}", "truncated", cut, plain[:cut])
    bad("", "truncated", 8, raw(INLINE, 2, data=b"\1"))
    bad("", "trailing", 25, plain + b"\0")
    bad("-frame", "trailing", 24, raw(0, 1, data=b"\1"))
    bad("-63", "payload", 8, raw(0, 2**63))
    for name, flag in [
        ("fortran", FORTRAN),
        ("packed", PACKED),
        ("scalar", SCALAR),
        ("buffers", BUFFERS),
        ("packed-buffers", PACKED | BUFFERS),
        ("0400", 0x0400),
        ("0800", 0x0800),
        ("8000", 0x8000),
    ]:
        sections = section(struct.pack("<Q", 1)) if flag & BUFFERS else b""
        bad(f"-{name}", "flags", 4, raw(INLINE | flag, 1, sections, b"\1"))
    bad("", "dtype", 6, raw(INLINE, 1, data=b"\1", code=6))
    bad("", "ndim", 7, raw(INLINE, 1, data=b"\1", ndim=1))
    for name, error, sections in [
        ("length", "truncated", versions[:7]),
        ("content", "truncated", versions[:-1]),
        ("huge", "truncated", struct.pack("<Q", 2**64 - 8) + bytes(8)),
        ("huge-63", "truncated", struct.pack("<Q", 2**63) + bytes(8)),
        ("none", "section", section(b"")),
        ("odd", "section", section(bytes(12))),
        ("padding", "section", section(bytes(12))[:-1] + b"\1"),
    ]:
        bad(f"-versions-{name}", error, 24, raw(VERSIONS, 0, sections))
    sections = section(GAIN)[:-1] + b"\1"
    bad("-meta-padding", "section", 24, raw(INLINE | META, 1, sections, b"\1"))


def bad_stamps(golden: Golden) -> None:
    stamp = struct.pack("<3Q", *FIRST)
    for name, frame, serializer in [
        ("array", head(12, (3,), 24, flags=STAMP), None),
        ("tree", head(0, (), 1, flags=STAMP, serializer=IDS["msgpack"]), IDS["msgpack"]),
        ("record", value_head(RECORD, [1], "frames", fingerprint=1)[1], RECORD),
    ]:
        frame = frame[:4] + struct.pack("<H", STAMP) + frame[6:]
        for size in (0, 8, 23):
            cut = frame + stamp[:size]
            golden.bad(f"stamp-{name}-{size}", "truncated", len(frame), cut, serializer=serializer)
    frame = head(12, (3,), 24, flags=INLINE | STAMP, sections=stamp) + elements("d", 3)
    golden.bad("stamp", "trailing", len(frame), frame + b"\0")
    golden.bad("stamp", "truncated", 8, frame[:-1])


def bad_schemas(golden: Golden) -> None:
    """What is wrong with a schema, or between it and the head."""

    def bad(name, text, **how):
        text = text_of(text)
        how = {"fingerprint": fingerprint_of(text)} | how
        record(golden, f"bad-schema-{name}", None, bytes(32), sent=text, error="schema", **how)

    def one(form, **changed):
        return {"names": ["a"], "formats": [form], "offsets": [0], "itemsize": 8} | changed

    text = text_of(POINT)
    other = fingerprint_of(POINT) ^ 1
    for name, wrong in [("fingerprint", other), ("fingerprint-0", 0)]:
        bad(name, text, fingerprint=wrong)
    bad("fingerprint-frame", text, fingerprint=other, layout="frames", versions=[other ^ 1])
    bad("empty", b"")
    bad("utf8", b"\xff")
    bad("not-json", b"{")
    bad("cut", text[:-1])
    bad("two", text + text)
    bad("deep", b'{"names":' + b"[" * 20_000)
    for name, value in [("string", "<f8"), ("str", "str"), ("list", []), ("null", None)]:
        bad(name, value)
    bad("dtype", b"<M8[us]")
    bad("spaces", json.dumps(POINT).encode())
    bad("spaces-fingerprint", json.dumps(POINT).encode(), fingerprint=fingerprint_of(POINT))
    bad("escaped", text.replace(b'"x"', b'"\\u0078"'))
    bad("order", dict(reversed(POINT.items())))
    bad("twice", b'{"names":[],' + text[1:])
    bad("titles", POINT | {"titles": [None, None]})
    bad("aligned", POINT | {"aligned": True})
    for key in POINT:
        bad(f"no-{key}", {k: v for k, v in POINT.items() if k != key})
    bad("counts", one("<f8", offsets=[0, 0]))
    bad("name-twice", struct_of(a="<f4", b="<f4") | {"names": ["a", "a"]})
    bad("name-empty", one("<f8", names=[""]))
    bad("name-int", one("<f8", names=[1]))
    bad("name-surrogate", text.replace(b'"x"', b'"\\ud800"'))
    for key, value in [("names", ""), ("formats", {}), ("offsets", {}), ("itemsize", [])]:
        bad(f"{key}-type", struct_of() | {key: value})
    bad("before", one("|u1", offsets=[-1]))
    bad("offset-true", one("|u1", offsets=[True]))
    bad("offset-float", one("|u1", offsets=[0.0]))
    bad("outside", one("<f8", offsets=[1]))
    bad("outside-slot", one("str", itemsize=7))
    bad("outside-bytes", one("|S9"))
    bad("itemsize-before", struct_of() | {"itemsize": -1})
    bad("itemsize-huge", struct_of() | {"itemsize": 2**31})
    for name, form in [
        ("object", "|O"),
        ("unknown", "float9"),
        ("no-order", "f8"),
        ("str-size", "str 8"),
        ("null", None),
        ("int", 8),
        ("list-empty", []),
        ("list-one", ["<f8"]),
        ("list-three", ["<f8", [1], 1]),
        ("list-shape", ["<f8", 1]),
        ("list-map", ["<f8", {}]),
        ("list-negative", ["<f8", [-1, -1]]),
        ("list-true", ["<f8", [True]]),
        ("list-list", [["<f8", [1]], [1]]),
        ("list-str", ["str", [1]]),
        ("list-bytes", [struct_of(a="bytes"), [1]]),
        ("struct-str", struct_of(a="str")),
        ("inner", {"names": ["a"], "formats": ["<f8"], "offsets": [1], "itemsize": 8}),
        ("inner-aligned", struct_of(a="<f8") | {"aligned": True}),
    ]:
        bad(f"form-{name}", one(form))


def bad_records(golden: Golden) -> None:
    """What a look at the record finds, by its schema."""

    def bad(name, error, schema, data, **how):
        record(golden, f"bad-{error}-record-{name}", schema, data, sent=True, error=error, **how)

    bad("fixed", "truncated", POINT, POINT_DATA[:-1])
    bad("fixed-frame", "truncated", POINT, POINT_DATA[:-1], layout="frames")
    bad("fixed-none", "truncated", LOG, b"")
    bad("fixed-tails", "truncated", LOG, tails((20, 0), (20, 0))[:19])
    most = 2**32 - 1
    for name, *slots in [
        ("before", (19, 1), (20, 10)),
        ("before-empty", (0, 0), (0, 0)),
        ("overlap", (20, 5), (24, 6)),
        ("order", (24, 6), (20, 4)),
        ("same", (20, 4), (20, 4)),
        ("long", (20, 4), (24, 7)),
        ("behind", (20, 4), (31, 0)),
        ("wraps", (20, 4), (most, most)),
        ("wraps-to", (20, most - 19), (20, 0)),
    ]:
        golden_name = f"bad-tail-{name}"
        record(golden, golden_name, LOG, tails(*slots), sent=True, error="tail")
    whole = log(7, "ok", b"")
    record(golden, "bad-tail-cut", LOG, whole[:-1], sent=True, error="tail", layout="frames")
    bad("str", "payload", LOG, log(7, "a", b"")[:-1] + b"\xff")
    frame = value_head(RECORD, [12], "frames", fingerprint=fingerprint_of(POINT))[1]
    inside = value_head(RECORD, [12], fingerprint=fingerprint_of(POINT))[1] + POINT_DATA
    for name, frames in [
        ("none", [frame]),
        ("two", [frame, POINT_DATA[:6], POINT_DATA[6:]]),
        ("long", [frame, POINT_DATA + b"\0"]),
        ("inline", [inside, b""]),
    ]:
        name = f"bad-frames-record-{name}"
        golden.write(name, frames, envelope=0, serializer=RECORD, error="frames")
