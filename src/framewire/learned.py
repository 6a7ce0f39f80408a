"""Whose class a received record is of: one that was defined here, or made of a schema that came."""

import threading
from collections.abc import Sequence
from typing import Any

from ._schema import Schema
from .errors import DecodeError, SchemaError
from .records import DEFINED, OLDER, Record, class_inside, make_class
from .schema import difference, parse_schema

__all__ = ["class_for", "learn", "mismatch"]

_MAX_LEARNED = 256  # schemas
_MAX_LEARNED_TEXT = 1 << 18  # bytes of them all; a class takes some fifty times as much

# Classes made of schemas that came with messages, by fingerprint and by whether a key was asked
# for: what strangers say is not for signed messages. The one used last is last.
_learned: dict[tuple[int, bool], type[Record]] = {}
_learning = threading.Lock()


def class_for(
    fingerprint: int, versions: Sequence[int], schema: bytes | None, signed: bool = False
) -> Any:
    """The class of a message's record: one defined here, or made of the schema that it brings.

    Raises
    ------
    SchemaError
        Nothing is known of it.
    DecodeError
        Code ``schema``: the schema is none, or not that of the fingerprint.
    """
    known = DEFINED.get(fingerprint)
    for each in versions:
        known = known or DEFINED.get(each)
    known = known or OLDER.get(fingerprint)
    if known is None and (fingerprint, signed) not in _learned and schema is not None:
        learn(fingerprint, schema, signed)
    known = known or _recalled((fingerprint, signed))
    if known is None:
        raise SchemaError(
            f"a record of the unknown schema {fingerprint:#018x}: define its class here, or have "
            "the sender's Codec(schema=...) send the schema",
            "mismatch",
        )
    return known


def _recalled(name: tuple[int, bool]) -> Any:
    """A class that was learned, which is now the last to be forgotten; None if there is none."""
    with _learning:
        cls = _learned.pop(name, None)
        if cls is not None:
            _learned[name] = cls
        return cls


def learn(fingerprint: int, text: bytes, signed: bool = False) -> None:
    """Keep the class of a schema that came with a message."""
    name = f"Record_{fingerprint:016x}"
    cls = make_class(parse_schema(fingerprint, text, name, class_inside), learned=True)
    with _learning:
        _learned[fingerprint, signed] = cls
        room = _MAX_LEARNED_TEXT - sum(len(each.schema) for each in _learned.values())
        while len(_learned) > 1 and (len(_learned) > _MAX_LEARNED or room < 0):
            room += len(_learned.pop(next(iter(_learned))).schema)


def mismatch(cls: Any, fingerprint: int, text: bytes | None) -> SchemaError:
    """The error for a record of another schema than the class that was asked for."""
    ours = cls._known_schema()
    theirs: Schema | None = None
    for known in (DEFINED.get(fingerprint), _learned.get((fingerprint, False))):
        if known is not None:
            theirs = known._schema
    if theirs is None and text is not None:
        try:
            theirs = parse_schema(fingerprint, text, "sender's")
        except DecodeError as error:
            return SchemaError(f"a record that is no {ours.name}: {error}", "mismatch")
    if theirs is None:
        return SchemaError(
            f"a record of schema {fingerprint:#018x}, {ours.name} has {ours.fingerprint:#018x}; "
            "with Codec(schema=...) at the sender this would say what differs",
            "mismatch",
        )
    return SchemaError(f"a record that is no {ours.name}: {difference(ours, theirs)}", "mismatch")
