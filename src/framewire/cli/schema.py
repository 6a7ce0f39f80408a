"""Print how a record is laid out: its fields, its C struct and its numpy dtype.

MODULE:CLASS names a class of records, such as telemetry:Imu. The module is looked for in the
working directory too. The C struct is packed; with it, csrc/ of framewire and libzmq, a C or C++
program sends and receives the record (docs/embedding.md).

The status is 1 when there is no such class.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import sys
from typing import Any

from framewire.cli.failure import CommandError
from framewire.cli.text import printable
from framewire.fields import type_of_form
from framewire.records import Record

_NUMBERS = {
    "b1": "uint8_t", "i1": "int8_t", "i2": "int16_t", "i4": "int32_t", "i8": "int64_t",
    "u1": "uint8_t", "u2": "uint16_t", "u4": "uint32_t", "u8": "uint64_t",
    "f4": "float", "f8": "double", "M8": "int64_t", "m8": "int64_t",
}  # fmt: skip
"""The type in C of a form without its byte order."""

_KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if int "
    "long register return short signed sizeof static struct switch typedef union unsigned void "
    "volatile while bool inline class new delete this private public protected template".split()
)


class NoClass(CommandError):
    """There is no such class of records; the text says why, in a line that a terminal can show."""

    def __init__(self, why: str) -> None:
        super().__init__(printable(" ".join(why.split()), 300))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``framewire schema``."""
    parser.add_argument("name", metavar="MODULE:CLASS", help="a class of records")
    parser.add_argument("--json", action="store_true", help="all of it as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print it.

    Returns
    -------
    int
        0.

    Raises
    ------
    NoClass
        There is no such class.
    """
    cls = find_class(arguments.name)
    if arguments.json:
        print(json.dumps(describe(cls), indent=1))
    else:
        print(_text(cls))
    return 0


def find_class(name: str) -> Any:
    """The class of records of ``MODULE:CLASS``, imported. NoClass if there is none."""
    module, _, path = name.partition(":")
    if not module or not path:
        raise NoClass(f"{name!r} is not MODULE:CLASS")
    sys.path.insert(0, "")
    try:
        found: Any = importlib.import_module(module)
    except (Exception, SystemExit) as error:  # the module may raise anything
        raise NoClass(f"importing {module} failed: {type(error).__name__}: {error}") from error
    try:
        for part in path.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise NoClass(str(error) or type(error).__name__) from error
    if not isinstance(found, type) or not issubclass(found, Record) or found._schema is None:
        raise NoClass(f"{name} is no class of records with fields")
    return found


def describe(cls: Any) -> dict[str, Any]:
    """What is printed, for machines."""
    return {
        "name": cls.__name__,
        "schema": cls.schema,
        "fingerprint": f"{cls.fingerprint:#018x}",
        "itemsize": cls.itemsize,
        "fields": [
            {"name": field.name, "form": field.form, "offset": field.offset, "size": field.size}
            for field in cls.fields
        ],
        "dtype": _dtype(cls),
        "c": c_struct(cls),
    }


def _dtype(cls: Any) -> str | None:
    try:
        return str(cls.dtype)
    except TypeError:  # a variable tail
        return None


def _text(cls: Any) -> str:
    rows = [("offset", "bytes", "type", "field")]
    for field in cls.fields:
        form = field.form if isinstance(field.form, str) else json.dumps(field.form)
        size = f"{field.size}+" if field.form in ("str", "bytes") else str(field.size)
        rows.append((str(field.offset), size, form, field.name))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [f"{cls.__name__}: {cls.itemsize} bytes, fingerprint {cls.fingerprint:#018x}", ""]
    for offset, size, form, name in rows:
        cells = f"{offset:>{widths[0]}}  {size:>{widths[1]}}  {form:<{widths[2]}}  {name}"
        lines.append(f"  {cells}")
    dtype = _dtype(cls) or "none: a variable tail has no dtype"
    return "\n".join([*lines, "", f"numpy dtype: {dtype}", "", c_struct(cls)])


# ---- C


def c_struct(cls: Any) -> str:
    """The record's fixed part as a packed struct of C, its fingerprint and its schema."""
    snake = _identifier(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower())
    members = _members([(f.name, f.form, f.offset, f.size) for f in cls.fields], cls.itemsize, 1)
    literal = "".join(map(_escaped, cls.schema.encode()))
    lines = [
        f"/* {cls.__name__}, little-endian; its tails follow the struct. */",
        "#pragma pack(push, 1)",
        "typedef struct {",
        *members,
        f"}} {snake}_t;",
        "#pragma pack(pop)",
        f"#define {snake.upper()}_FINGERPRINT UINT64_C({cls.fingerprint:#018x})",
        f'#define {snake.upper()}_SCHEMA "{literal}"',
    ]
    return "\n".join(lines)


def _members(fields: list[tuple[str, Any, int, int]], itemsize: int, level: int) -> list[str]:
    """The members of a struct; what overlaps another field is only named."""
    indent = "    " * level
    lines = []
    used: set[str] = set()
    at = 0
    for name, form, offset, size in sorted(fields, key=lambda field: field[2]):
        if offset < at:
            lines.append(f"{indent}/* {_identifier(name)} overlaps: {form} at {offset} */")
            continue
        lines += _padding(indent, at, offset)
        lines += _member(_unused(_identifier(name), used), form, size, level)
        at = offset + size
    return lines + _padding(indent, at, itemsize)


def _unused(name: str, used: set[str]) -> str:
    """A member's name that no other has, padding and the slots of tails included."""
    while name in used or re.fullmatch(r"padding_\d+", name):
        name += "_"
    used |= {name, f"{name}_offset", f"{name}_length"}
    return name


def _padding(indent: str, at: int, to: int) -> list[str]:
    return [f"{indent}uint8_t padding_{at}[{to - at}];"] if to > at else []


def _escaped(byte: int) -> str:
    """A byte in a string of C."""
    if byte in b'"\\?':  # a trigraph begins with ??
        return f"\\{byte:c}"
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"


def _identifier(name: str) -> str:
    legal = re.sub(r"\W|^(?=\d)", "_", name, flags=re.ASCII)
    return f"{legal}_" if legal in _KEYWORDS else legal


def _member(name: str, form: Any, size: int, level: int, shape: str = "") -> list[str]:
    """One field. What C has no type for is bytes."""
    indent = "    " * level
    if isinstance(form, list):
        base, lengths = form
        shape = "".join(f"[{n}]" for n in lengths)
        return _member(name, base, _size(base), level, shape)
    if isinstance(form, dict):
        sizes = [_size(each) for each in form["formats"]]
        fields = list(zip(form["names"], form["formats"], form["offsets"], sizes, strict=True))
        inside = _members(fields, form["itemsize"], level + 1)
        return [f"{indent}struct {{", *inside, f"{indent}}} {name}{shape};"]
    if form in ("str", "bytes"):
        where = f"{indent}uint32_t {name}_offset; /* of a tail, from the record's first byte */"
        return [where, f"{indent}uint32_t {name}_length;"]
    if form.startswith("|S"):
        return [f"{indent}char {name}{shape}[{size}]; /* padded with zeros */"]
    kind = _NUMBERS.get(form[1:3])
    if kind is None or form[0] == ">" or form.startswith("<U"):
        return [f"{indent}uint8_t {name}{shape}[{size}]; /* {form} */"]
    return [f"{indent}{kind} {name}{shape};"]


def _size(form: Any) -> int:
    return int(type_of_form(form).dtype.itemsize)
