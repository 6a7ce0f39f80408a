"""What MessagePack has no type for, as the content of an extension and back.

docs/wire-format.md, "Trees": the extensions 4, 5 and 9 to 17. One way to write each, and only what
is written so is read.
"""

import datetime
import decimal
import re
import struct
import uuid
from collections.abc import Callable
from typing import Any

import msgspec

__all__ = ["GETS", "PUTS", "as_fields"]

BYTEARRAY, BUFFER, INT, TEXT = 4, 5, 9, 10
DATETIME, DATE, TIME, TIMEDELTA, UUID, DECIMAL, COMPLEX = range(11, 18)

_FINE_OFFSET = re.compile(r"[+-]\d\d:\d\d:\d\d\.\d{6}", re.ASCII)
_DECIMALS = decimal.Context()  # of the process's, nothing here depends


def _put_datetime(value: datetime.datetime) -> bytes:
    # subclasses, such as pandas', by the method of the base, and only what that can say
    if value != value or getattr(value, "nanosecond", False):
        raise TypeError("a time that is none, or finer than a microsecond, cannot be sent")
    return datetime.datetime.isoformat(value).encode()


def _put_timedelta(value: datetime.timedelta) -> bytes:
    if value != value or getattr(value, "nanoseconds", False):
        raise TypeError("a time that is none, or finer than a microsecond, cannot be sent")
    return struct.pack("<3q", value.days, value.seconds, value.microseconds)


def _get_timedelta(content: bytes) -> datetime.timedelta:
    days, seconds, microseconds = struct.unpack("<3q", content)
    if not (0 <= seconds < 86400 and 0 <= microseconds < 1_000_000):
        raise ValueError("seconds or microseconds out of range")
    return datetime.timedelta(days, seconds, microseconds)


def _get_iso(cls: Any, content: bytes) -> Any:
    text = content.decode("ascii")
    value = cls.fromisoformat(text)
    if value.isoformat() != text and _FINE_OFFSET.fullmatch(text[-16:]):
        # CPython takes an offset of less than a second for none
        sign, hours, minutes, seconds = text[-16], text[-15:-13], text[-12:-10], text[-9:]
        offset = datetime.timedelta(
            hours=int(hours), minutes=int(minutes), microseconds=round(float(seconds) * 1e6)
        )
        zone = datetime.timezone(-offset if sign == "-" else offset)
        value = cls.fromisoformat(text[:-16]).replace(tzinfo=zone)
    if value.isoformat() != text:
        raise ValueError(f"not as isoformat() writes it: {text[:50]!r}")
    return value


def _get_decimal(content: bytes) -> decimal.Decimal:
    value = decimal.Decimal(content.decode("ascii"))
    if _DECIMALS.to_sci_string(value).encode() != content:
        raise ValueError("not as it is written")
    return value


def _get_int(content: bytes) -> int:
    if not content:
        raise ValueError("a number of no bytes")
    return int.from_bytes(content, "little", signed=True)


# By type, datetime before its base date: the extension, and what makes its content.
PUTS: dict[type, tuple[int, Callable[[Any], bytes]]] = {
    datetime.datetime: (DATETIME, _put_datetime),
    datetime.date: (DATE, lambda value: datetime.date.isoformat(value).encode()),
    datetime.time: (TIME, lambda value: datetime.time.isoformat(value).encode()),
    datetime.timedelta: (TIMEDELTA, _put_timedelta),
    uuid.UUID: (UUID, lambda value: value.bytes),
    decimal.Decimal: (DECIMAL, lambda value: _DECIMALS.to_sci_string(value).encode()),
    complex: (COMPLEX, lambda value: struct.pack("<2d", value.real, value.imag)),
}

# By extension: the value of a content. ValueError, ArithmeticError or struct.error if it is none.
GETS: dict[int, Callable[[bytes], Any]] = {
    BYTEARRAY: bytearray,
    BUFFER: memoryview,
    INT: _get_int,
    TEXT: lambda content: content.decode("utf-8", "surrogatepass"),
    DATETIME: lambda content: _get_iso(datetime.datetime, content),
    DATE: lambda content: _get_iso(datetime.date, content),
    TIME: lambda content: _get_iso(datetime.time, content),
    TIMEDELTA: _get_timedelta,
    UUID: lambda content: uuid.UUID(bytes=content),
    DECIMAL: _get_decimal,
    COMPLEX: lambda content: complex(*struct.unpack("<2d", content)),
}


def as_fields(value: msgspec.Struct) -> Any:
    """A Struct as msgspec would encode it: a dict or, if it is array_like, a list."""
    config: Any = value.__struct_config__
    values = [getattr(value, name) for name in value.__struct_fields__]
    if config.array_like:
        return values if config.tag is None else [config.tag, *values]
    pairs = zip(value.__struct_encode_fields__, values, strict=True)
    fields = {name: each for name, each in pairs if each is not msgspec.UNSET}
    return fields if config.tag is None else {config.tag_field: config.tag, **fields}
