"""The golden messages that are trees, by themselves or as the header and frames of a user's."""

import json
import struct
from dataclasses import dataclass
from typing import Any

from wire import GAIN, IDS, INLINE, Golden, array_head, elements, head, section, value_head

MSGPACK, USER = IDS["msgpack"], IDS["user"]
NUMBERS = elements("d", 3)


@dataclass(frozen=True, eq=False)  # so that it can be a key of a dict
class Tree:
    """A value in a tree: its bytes, its form in expect.txt, and the buffers that it takes."""

    data: bytes
    form: Any
    buffers: tuple[bytes, ...] = ()


def pack(value: Any) -> Tree:
    """None, a number, a text, bytes, a list, or a dict, of these and of trees; none is long."""
    if isinstance(value, Tree):
        return value
    if isinstance(value, list):
        items = [pack(item) for item in value]
        return Tree(bytes([0x90 | len(items)]) + data_of(items), forms_of(items), taken_by(items))
    if isinstance(value, dict):
        items = [pack(each) for item in value.items() for each in item]
        forms = forms_of(items)
        form = {"map": [list(pair) for pair in zip(forms[::2], forms[1::2], strict=True)]}
        return Tree(bytes([0x80 | len(value)]) + data_of(items), form, taken_by(items))
    if isinstance(value, str):
        return Tree(bytes([0xA0 | len(value.encode())]) + value.encode(), value)
    if isinstance(value, bytes):
        return Tree(bytes([0xC4, len(value)]) + value, {"bin": value.hex()})
    if isinstance(value, float):
        return Tree(b"\xcb" + struct.pack(">d", value), value)
    if value is None or isinstance(value, bool):
        return Tree({None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value], value)
    assert -32 <= value < 128
    return Tree(struct.pack("b", value), value)


def data_of(items: list[Tree]) -> bytes:
    return b"".join(item.data for item in items)


def forms_of(items: list[Tree]) -> list[Any]:
    return [item.form for item in items]


def taken_by(items: list[Tree]) -> tuple[bytes, ...]:
    return sum((item.buffers for item in items), ())


def ext(kind: int, content: bytes, form: Any = None, buffers: tuple[bytes, ...] = ()) -> Tree:
    if len(content) in (1, 2, 4, 8, 16):
        start = bytes([0xD3 + len(content).bit_length()])
    elif len(content) < 256:
        start = bytes([0xC7, len(content)])
    else:
        start = b"\xc8" + struct.pack(">H", len(content))
    return Tree(start + struct.pack("b", kind) + content, form, buffers)


def array(code, dtype, shape, data, *, inline=True, **how) -> Tree:
    """An array. `dtype`: what its dtype is called in expect.txt."""
    _, packed = array_head(code, shape, len(data), inline=inline, **how)
    axes = [i for i in range(64) if how.get("mask", 0) >> i & 1]
    order = "F" if how.get("fortran") else "C"
    form = {"ext": 1, "dtype": dtype, "shape": list(shape), "order": order, "broadcast": axes}
    form |= {"scalar": how.get("scalar", False), "hex": data.hex()}
    return ext(1, packed + data * inline, form, () if inline else (data,))


def pair_of(form: str) -> dict[str, Any]:
    """A structure of two fields."""
    size = int(form[2:])
    names = {"names": ["a", "b"], "formats": [form, form]}
    return names | {"offsets": [0, size], "itemsize": 2 * size}


def masked(data: Tree, mask: Tree, fill: Tree | None) -> Tree:
    items = [data, mask, pack(fill)]
    form = {"ext": 2, "data": data.form, "mask": mask.form, "fill": items[2].form}
    return ext(2, data_of(items), form, taken_by(items))


def beside(kind: int, data: bytes) -> Tree:
    """bytes, a bytearray or another buffer, as the next buffer."""
    form = [{"bin": data.hex()}, {"ext": 4, "hex": data.hex()}, {"ext": 5, "hex": data.hex()}]
    return ext(3, bytes([kind]), form[kind], (data,))


def items_of(kind: int, *values: Any) -> Tree:
    """A tuple, set or frozenset."""
    items = pack(list(values))
    forms = items.form if kind == 6 else sorted(items.form, key=as_json)
    return ext(kind, items.data, {"ext": kind, "items": forms}, items.buffers)


def thing(name: str, header: Any, frames: list[Any]) -> Tree:
    """An object of a class that was registered under a name."""
    items = [pack(name), pack(header), pack(frames)]
    form = dict(zip(("ext", "name", "header", "frames"), (18, *forms_of(items)), strict=True))
    return ext(18, data_of(items), form, taken_by(items))


def as_json(form: Any) -> str:
    return json.dumps(form, separators=(",", ":"), sort_keys=True)


def nested(levels: int) -> Tree:
    tree = pack(None)
    for _ in range(levels):
        tree = pack([tree])
    return tree


ROW = array(12, "<f8", (3,), NUMBERS)
FAR = array(12, "<f8", (3,), NUMBERS, inline=False)
MASK = array(1, "|b1", (3,), b"\0\1\0")
FILL = array(12, "<f8", (), NUMBERS[:8], scalar=True)
VOID = array(0, "|V3", (2,), b"abcdef", text="|V3")


def scalars() -> dict[str, Tree]:
    """One tree for each of the simple extensions, and what can be written in several ways."""
    wide = b"\xde\x00\x01\xdb\x00\x00\x00\x01a\xdd\x00\x00\x00\x02\xcf" + struct.pack(">Q", 7)
    wide += b"\xd3" + struct.pack(">q", -7)
    spans = [(1, 2, 3), (-1, 86399, 999_999), (0, 0, 0)]
    datetimes = ["2026-01-02T03:04:05", "2026-01-02T03:04:05.000006+02:00", "0001-01-01T00:00:00"]
    decimals = ["1.10", "-0E-7", "NaN", "Infinity", "3.141592653589793238462643383279"]
    identifier = bytes(range(16))
    dashed = "00010203-0405-0607-0809-0a0b0c0d0e0f"
    lone = "a\ud800"
    return {
        "nil": pack(None),
        "plain": pack([None, True, False, 0, 127, -1, -32, 0.5, "text", "é", b"\0\xff", [], {}]),
        "floats": pack([float("inf"), -0.0, 1e300, Tree(b"\xca\x3f\0\0\0", 0.5)]),
        "wide": Tree(wide, {"map": [["a", [7, -7]]]}),
        "long": Tree(b"\xdc\x00\x10" + b"\x07" * 16, [7] * 16),
        "keys": pack({2: 1, -1: 2, 0.5: 3, None: 4, True: 5, b"b": 6, "s": 7} | {"": 8}),
        "keys-extensions": pack(
            {ext(15, identifier, {"ext": 15, "value": dashed}): 1, items_of(6, 1, "a"): 2}
        ),
        "bytearray": pack(
            [ext(4, b"abc", {"ext": 4, "hex": "616263"}), ext(4, b"", {"ext": 4, "hex": ""})]
        ),
        "buffer": ext(5, b"abc", {"ext": 5, "hex": "616263"}),
        "tuple": items_of(6, 1, items_of(6), [2]),
        "set": items_of(7, 1, "a", None, items_of(8, 2)),
        "frozenset": items_of(8, 3, 1, 2),
        "int": pack(
            [ext(9, n.to_bytes(9, "little", signed=True), n) for n in (2**64, -(2**63) - 1)]
        ),
        "int-small": pack([ext(9, b"\xff", -1), ext(9, bytes(40), 0)]),
        "text": pack([ext(10, lone.encode("utf-8", "surrogatepass"), lone)]),
        "datetime": pack([ext(11, t.encode(), {"ext": 11, "value": t}) for t in datetimes]),
        "date": ext(12, b"2026-01-02", {"ext": 12, "value": "2026-01-02"}),
        "time": ext(13, b"03:04:05.000006", {"ext": 13, "value": "03:04:05.000006"}),
        "timedelta": pack(
            [ext(14, struct.pack("<3q", *n), {"ext": 14, "value": list(n)}) for n in spans]
        ),
        "uuid": ext(15, identifier, {"ext": 15, "value": dashed}),
        "decimal": pack([ext(16, t.encode(), {"ext": 16, "value": t}) for t in decimals]),
        "complex": ext(17, struct.pack("<2d", 1.5, -2.0), {"ext": 17, "value": [1.5, -2.0]}),
        "levels-64": nested(64),
    }


def with_arrays() -> dict[str, Tree]:
    """Trees with arrays and buffers, in them and beside them."""
    big = array(0x8C, ">f8", (3,), elements("d", 3, ">"))
    spread = array(5, "<i8", (4, 3), NUMBERS, mask=1, inline=False)
    column = array(12, "<f8", (3, 2), NUMBERS * 2, fortran=True, inline=False)
    return {
        "array": ROW,
        "array-beside": FAR,
        "array-empty": array(12, "<f8", (0,), b""),
        "array-scalar": FILL,
        "key-scalar": pack({FILL: 1}),
        "array-kinds": pack([big, VOID, spread, column]),
        "masked": masked(ROW, MASK, FILL),
        "masked-beside": masked(FAR, array(1, "|b1", (3,), b"\0\1\0", inline=False), None),
        "masked-struct": masked(
            array(0, pair_of("<i2"), (2,), b"abcdefgh", text=pair_of("<i2")),
            array(0, pair_of("|b1"), (2,), b"\0\1\1\0", text=pair_of("|b1")),
            None,
        ),
        "beside": pack([beside(0, b"bytes"), beside(1, b"bytearray"), beside(2, b"any other")]),
        "beside-empty": beside(0, b""),
        "object": thing("geometry.Point", {"unit": "K"}, []),
        "object-frames": thing(
            "geometry.Points",
            FAR,
            [b"in the tree", beside(1, b"beside"), ext(5, b"", {"ext": 5, "hex": ""})],
        ),
        # taken depth first: "1" in the map's key order, before the array that follows the map
        "order": pack(
            [
                {"x": beside(0, b"1"), "y": items_of(6, beside(1, b"two"), FAR)},
                masked(FAR, MASK, FILL),
                thing("a.B", beside(0, b"header"), [beside(2, b"frame")]),
                beside(0, b"the last"),
            ]
        ),
    }


def good(golden: Golden) -> None:
    value = golden.value
    for name, tree in (scalars() | with_arrays()).items():
        buffers = [tree.data, *tree.buffers]
        value(f"tree-{name}", MSGPACK, buffers, seen={"tree": as_json(tree.form)})
    orders = with_arrays()["order"]
    buffers = [orders.data, *orders.buffers]
    for layout in ("packed", "frames"):
        value(
            f"tree-order-{layout}",
            MSGPACK,
            buffers,
            layout=layout,
            seen={"tree": as_json(orders.form)},
        )
    tree = pack({"t": ext(12, b"2026-01-02", {"ext": 12, "value": "2026-01-02"}), "x": FAR})
    buffers = [tree.data, *tree.buffers]
    value("tree-example", MSGPACK, buffers, seen={"tree": as_json(tree.form)})
    tree = pack({"row": FAR})
    buffers = [tree.data, *tree.buffers]
    value(
        "tree-topic",
        MSGPACK,
        buffers,
        seen={"tree": as_json(tree.form)},
        envelope=[b"temp"],
        meta=GAIN,
    )
    value("tree-frame", MSGPACK, [ROW.data], layout="frames", seen={"tree": as_json(ROW.form)})
    for name, tree in [
        ("plain", pack([None, []])),
        (
            "frames",
            pack([{"unit": "K", "row": FAR}, [b"here", beside(0, b"beside"), beside(1, b"")]]),
        ),
    ]:
        buffers = [tree.data, *tree.buffers]
        value(f"user-{name}", USER, buffers, text="zipped", seen={"tree": as_json(tree.form)})


def bad(golden: Golden) -> None:
    with_meta = array_head(12, (3,), 24, meta=GAIN)[1] + NUMBERS
    stamped = array_head(12, (3,), 24, stamp=(1, 2, 3))[1] + NUMBERS
    two = array(1, "|b1", (2,), b"\0\1")
    row = ROW.data[3:]  # without the extension's own bytes
    assert row.startswith(b"\xc1F")
    far = array_head(12, (3,), 24, inline=False)[1]
    trees = {
        "empty": b"",
        "c1": b"\xc1",
        "cut-text": b"\xa3ab",
        "cut-int": b"\xcd\x01",
        "cut-list": b"\x92\xc0",
        "cut-map": b"\x81\xa1a",
        "cut-ext": b"\xc7\x05\x04ab",
        "count-list": b"\xdd\xff\xff\xff\xff",
        "count-map": b"\xdf\xff\xff\xff\xff",
        "count-text": b"\xdb\xff\xff\xff\xff",
        "count-ext": b"\xc9\xff\xff\xff\xff\x04",
        "trailing": b"\xc0\xc0",
        "utf8": b"\xa1\xff",
        "utf8-surrogate": b"\xa3\xed\xa0\x80",
        "key-list": pack({pack([1]): 1}),
        "key-map": b"\x81\x80\xc0",
        "key-array": pack({ROW: 1}),
        "key-bytearray": pack({ext(4, b"a"): 1}),
        "key-tuple": pack({items_of(6, [1]): 1}),
        "ext-0": ext(0, b"a"),
        "ext-19": ext(19, b"a"),
        "ext-127": ext(127, b"a"),
        "ext-timestamp": ext(-1, bytes(4)),
        "array-empty": ext(1, b""),
        "array-meta": ext(1, with_meta),
        "array-stamp": ext(1, stamped),
        "array-magic": ext(1, b"\0" + row[1:]),
        "array-short": ext(1, row[:-1]),
        "array-trailing": ext(1, row + b"\0"),
        "array-far-trailing": [ext(1, far + b"\0", None, (NUMBERS,))],
        "array-dtype": ext(1, head(19, (3,), 24, flags=INLINE) + NUMBERS),
        "array-payload": ext(1, head(12, (3,), 16, flags=INLINE) + NUMBERS[:16]),
        "array-description": ext(1, head(0, (), 1, flags=257, sections=section(b"|O")) + b"a"),
        "array-json": ext(1, value_head(3, [2])[1] + b"[]"),
        "array-no-buffer": Tree(FAR.data, None),
        "array-buffer-short": Tree(FAR.data, None, (NUMBERS[:-1],)),
        "array-buffer-long": Tree(FAR.data, None, (NUMBERS + b"\0",)),
        "masked-shape": masked(ROW, two, FILL),
        "masked-dtype": masked(ROW, ROW, FILL),
        "masked-list": ext(2, data_of([pack([1]), MASK, FILL])),
        "masked-fill": masked(ROW, MASK, ROW),
        "masked-fill-int": ext(2, ROW.data + MASK.data + b"\1"),
        "masked-two": ext(2, ROW.data + MASK.data),
        "masked-four": ext(2, ROW.data + MASK.data + b"\xc0\xc0"),
        "beside-kind": ext(3, b"\3", None, (b"a",)),
        "beside-empty": ext(3, b"", None, (b"a",)),
        "beside-two": ext(3, b"\0\0", None, (b"a",)),
        "beside-none": ext(3, b"\0"),
        "left-over": Tree(b"\xc0", None, (b"a",)),
        "left-over-empty": Tree(b"\xc0", None, (b"",)),
        "left-over-second": pack([beside(0, b"a"), Tree(b"\xc0", None, (b"a",))]),
        "tuple-int": ext(6, b"\1"),
        "tuple-empty": ext(6, b""),
        "tuple-two": ext(6, b"\x90\x90"),
        "tuple-cut": pack([ext(6, b"\x92\1"), 2]),
        "set-map": ext(7, b"\x80"),
        "set-list": items_of(7, [1]),
        "frozenset-list": items_of(8, [1]),
        "int-empty": ext(9, b""),
        "text-utf8": ext(10, b"\xff"),
        "datetime": ext(11, b"2026-13-01T00:00:00"),
        "datetime-text": ext(11, "now é".encode()),
        "date": ext(12, b"2026-02-30"),
        "date-time": ext(12, b"03:04:05"),
        "time": ext(13, b"25:00:00"),
        "timedelta-size": ext(14, bytes(16)),
        "timedelta-days": ext(14, struct.pack("<3q", 10**9, 0, 0)),
        "timedelta-seconds": ext(14, struct.pack("<3q", 0, 86400, 0)),
        "timedelta-microseconds": ext(14, struct.pack("<3q", 0, 0, -1)),
        "uuid": ext(15, bytes(15)),
        "decimal": ext(16, b"1,5"),
        "complex": ext(17, bytes(15)),
        "object-name": ext(18, data_of(list(map(pack, [1, None, []])))),
        "object-frames": ext(18, data_of(list(map(pack, ["a.B", None, [1]])))),
        "object-no-frames": ext(18, data_of(list(map(pack, ["a.B", None])))),
        "object-map": ext(18, data_of(list(map(pack, ["a.B", None, {}])))),
    }
    for name, tree in trees.items():
        tree = Tree(tree, None) if isinstance(tree, bytes) else pack(tree)
        golden.value(f"bad-tree-{name}", MSGPACK, [tree.data, *tree.buffers], error="tree")
    for name, tree in [
        ("nil", pack(None)),
        ("one", pack([None])),
        ("three", pack([None, [], []])),
        ("frames", pack([None, {}])),
        ("text", pack([None, ["a"]])),
        ("left-over", pack([None, [Tree(pack(b"a").data, None, (b"a",))]])),
    ]:
        buffers = [tree.data, *tree.buffers]
        golden.value(f"bad-tree-user-{name}", USER, buffers, text="zipped", error="tree")
    for name, start in [("list", b"\x91"), ("map", b"\x81\1")]:
        golden.value(f"bad-limit-{name}", MSGPACK, [start * 20_000 + b"\xc0"], error="limit")
    deep = pack([])
    for _ in range(5000):
        deep = ext(6, b"\x91" + deep.data)
    golden.value("bad-limit-tuple", MSGPACK, [deep.data], error="limit")
