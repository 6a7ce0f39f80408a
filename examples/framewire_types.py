"""Read the types of framewire messages, and records: a part of framewire_reader.py."""

import json
import re
import struct
from collections.abc import Callable
from math import prod
from typing import Any

from framewire_tree import check

TEXTS = "|b1 |i1 <i2 <i4 <i8 |u1 <u2 <u4 <u8 <f2 <f4 <f8 <c8 <c16 <f80 <c160 <f128 <c256".split()
CODES = dict(enumerate(TEXTS, 1))
CODES |= {n: ">" + t[1:] for n, t in enumerate(TEXTS, 129) if t[0] == "<"}
SIZES = {t: min(int(t[2:]), 16 if t[1] == "f" else 32) for t in CODES.values()} | {"bfloat16": 2}
SIZES |= {f"float8_e{x}": 1 for x in "3m4 4m3 4m3b11fnuz 4m3fn 4m3fnuz 5m2 5m2fnuz 8m0fnu".split()}
OTHER = r"(\|[SV]|[<>]U)(0|[1-9][0-9]*)|[<>][mM]8(\[([1-9][0-9]*)?([YMWDhms]|[munpfa]s)\])?"
STRUCT = dict(
    zip("b1 i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split(), "?bhiqBHIQefdfd", strict=True)
)
KEYS = ["names", "formats", "offsets", "itemsize"]


def guarded(stage: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """function(*arguments), whose errors all mean the same."""
    try:
        return function(*arguments)
    except (LookupError, RecursionError, TypeError, ValueError, struct.error):
        raise ValueError(stage) from None


def check_counts(numbers: Any) -> None:
    check(type(numbers) is list and all(type(n) is int and n >= 0 for n in numbers))


def itemsize(form: Any, tails: bool | None = None) -> int:
    """Bytes of one element. `tails`: of a schema, not a dtype, and are there to be any here?"""
    if isinstance(form, dict):
        check_counts(form["offsets"])
        check_counts([form["itemsize"]])
        sizes = [itemsize(x, tails and not isinstance(x, dict)) for x in form["formats"]]
        ends = [at + size for at, size in zip(form["offsets"], sizes, strict=True)]
        check(max([0, *ends]) <= form["itemsize"])
        if tails is not None:
            names = form["names"]
            check(list(form) == KEYS and type(names) is type(form["formats"]) is list)
            check(all(type(name) is str and name for name in names))
            check(len(names) == len(set(names)) == len(ends))
        return int(form["itemsize"])
    if isinstance(form, list):
        inner, shape = form
        check_counts(shape)
        check(tails is None or not isinstance(inner, list))
        return itemsize(inner, tails and False) * prod(shape)
    found = re.fullmatch(OTHER, form)
    if found:
        return int(found[2] or 8) * (4 if form[1] == "U" else 1)
    return 8 if tails and form in ("str", "bytes") else SIZES[form]


def read_dtype(code: int, description: bytes) -> tuple[Any, int]:
    text = description.decode()
    dtype = CODES[code] if code else json.loads(text) if text[:1] == "{" else text
    check((width := itemsize(dtype)) < 2**31 and text not in CODES.values())
    return dtype, width


def fingerprint_of(text: bytes) -> int:
    """The FNV-1a hash of a schema, of 64 bits."""
    value = 0xCBF29CE484222325
    for byte in text:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def read_schema(text: bytes, fingerprint: int) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(text)
    canonical = json.dumps(schema, separators=(",", ":"), ensure_ascii=False).encode()
    check(type(schema) is dict and canonical == text and fingerprint_of(text) == fingerprint)
    check(itemsize(schema, True) < 2**31)
    return schema


def read_record(text: bytes, fingerprint: int, record: memoryview) -> dict[str, Any]:
    """The fields of a record whose schema is `text`; those of a sub-array are one flat list."""
    schema = guarded("schema", read_schema, text, fingerprint)
    check(len(record) >= (end := schema["itemsize"]), "truncated")

    def tail(at: int) -> bytes:
        nonlocal end
        offset, length = struct.unpack_from("<II", record, at)
        check(end <= offset and offset + length <= len(record), "tail")
        end = offset + length
        return bytes(record[offset:end])

    def read(form: Any, at: int) -> Any:
        if isinstance(form, dict):
            fields = zip(form["names"], form["formats"], form["offsets"], strict=True)
            return {name: read(each, at + offset) for name, each, offset in fields}
        size = itemsize(form, True)
        if isinstance(form, list):
            return [read(form[0], i) for i in range(at, at + size, itemsize(form[0], True) or 1)]
        if form[1:] in STRUCT and form in SIZES:
            number = form[0].replace("|", "<") + STRUCT[form[1:]] * (1 + (form[1] == "c"))
            values = struct.unpack_from(number, record, at)
            return complex(*values) if len(values) == 2 else values[0]
        content = tail(at) if form in ("str", "bytes") else bytes(record[at : at + size])
        if form[:2] == "|S":
            content = content.rstrip(b"\0")
        return guarded("payload", content.decode) if form == "str" else content

    return dict(read(schema, 0))
