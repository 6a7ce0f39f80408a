"""What the soak sends: values that say whose they are and which one, and that can be made again.

Each is a function of the `life` of the socket that sends it and its `number` there. So a receiver
makes what it should have got, and compares: what differs was torn, or came from a hostile peer.
"""

import datetime
import random
from pathlib import Path
from typing import Any

import numpy as np

from framewire import Record, i64

from ..sameness import same

__all__ = ["same"]

GOLDEN = Path(__file__).parent.parent / "golden"
MAGIC = 0x50414B << 32  # in every life, so that a stranger's number is not taken for one


SHARED = bytes(range(256)) * 200  # sent in place by many messages at once


class Fixed(Record):
    life: i64
    number: i64
    twice: i64


class Reading(Record):
    life: i64
    number: i64
    twice: i64
    text: str


def size_of(number: int) -> int:
    """Mostly a few items; every seventh some thousand, which is sent in place."""
    return 2000 + number * 7919 % 20_000 if number % 7 == 0 else 4 + number % 60


def array(life: int, number: int) -> Any:
    made = np.full(size_of(number), number, np.int64)
    made[0], made[2] = life, len(made)
    return made


def tree(life: int, number: int) -> Any:
    return {
        "life": life,
        "number": number,
        "array": array(life, number),
        "nested": [
            (1.5, None, {"text": f"número {number}"}),
            {number, -1},
            1 << (number % 200),
        ],
        "bytes": SHARED if number % 5 == 0 else b"%d " % number,
        "when": datetime.datetime(2026, 1, 1) + datetime.timedelta(seconds=number),
        "complex": complex(number, 1),
        "strided": np.arange(number, number + 40.0)[::2],
    }


def record(life: int, number: int) -> Any:
    return Reading(life, number, 2 * number, "r" * (number % 300))


def plain(life: int, number: int) -> Any:
    return [life, number, "text " * (number % 9), float(number), None, True]


def fixed(life: int, number: int) -> Any:
    return Fixed(life, number, 2 * number)


def rows(life: int, numbers: range) -> Any:
    """Many of them, as an array."""
    made = np.zeros(len(numbers), Fixed.dtype)
    made["life"], made["number"] = life, numbers
    made["twice"] = 2 * made["number"]
    return made


def slot(life: int, number: int, memory: Any = None) -> Any:
    """With an array in the memory of a pool."""
    memory = np.empty(POOLED, np.int64) if memory is None else memory
    memory[:] = number
    return {"life": life, "number": number, "slot": memory}


POOLED = 3000  # items
VALUES = {
    "array": array,
    "tree": tree,
    "Reading": record,
    "Fixed": fixed,
    "plain": plain,
    "slot": slot,
}


def frames(life: int, number: int) -> list[bytes]:
    """A message without a head, of several frames, short and long."""
    label = b"raw:%d:%d:" % (life, number)
    parts = [label + b"%d" % index for index in range(1 + number % 5)]
    parts[-1] += b"." * (20_000 if number % 3 == 0 else 20)
    return parts


def identity(value: Any) -> "tuple[str, int, int] | None":
    """Which kind of value it is, whose, and which one; None for a stranger's."""
    try:
        if type(value) is np.ndarray and value.dtype == np.int64:
            found = "array", int(value[0]), int(value[1])
        elif isinstance(value, Record):
            found = type(value).__name__, value.life, value.number
        elif isinstance(value, dict):
            found = (
                "slot" if "slot" in value else "tree",
                value["life"],
                value["number"],
            )
        else:
            found = "plain", value[0], value[1]
        _, life, number = found
        mine = type(life) is type(number) is int and life >> 32 == MAGIC >> 32
        return found if mine and found[0] in VALUES else None
    except (TypeError, ValueError, LookupError, AttributeError):  # a stranger's
        return None


def raw_identity(parts: list[Any]) -> "tuple[int, int] | None":
    first = bytes(parts[0][:80]).split(b":") if parts else []
    if len(first) < 4 or first[0] != b"raw" or not (first[1] + first[2]).isdigit():
        return None
    return int(first[1]), int(first[2])


# ---- what must be refused, by the sender or by the receiver


class Mine(Exception):
    pass


class Raises:
    """A value whose serializer fails: `__reduce__` is asked by pickle only."""

    def __reduce__(self) -> Any:
        raise Mine


def bad_values() -> list[Any]:
    """What no sender takes, by what it should raise."""
    endless: list[Any] = [np.zeros(2000)]
    endless.append(endless)
    return [
        object(),
        {"a": [np.zeros(3000), object()]},
        np.array([object()]),
        endless,
        {"a": Raises()},
        [b"x" * 20_000, (lambda: None)],
    ]


def golden_messages() -> list[list[bytes]]:
    """The frames of all golden messages, good and bad; golden/make.py says how they are kept."""
    messages = []
    for path in sorted(GOLDEN.glob("*.frames")):
        data, at, parts = path.read_bytes(), 4, []
        while at < len(data):
            size = int.from_bytes(data[at : at + 4], "little")
            parts.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        messages.append(parts)
    return messages


def hostile(rng: random.Random, golden: list[list[bytes]]) -> list[bytes]:
    """A foreign message, or a mutated one."""
    if rng.random() < 0.3:
        return [rng.randbytes(rng.choice((0, 1, 5, 100, 9000))) for _ in range(rng.randint(1, 6))]
    parts = [bytearray(part) for part in rng.choice(golden)]
    for part in parts:
        for _ in range(rng.randint(0, 3)):
            if part:
                part[rng.randrange(len(part))] = rng.randrange(256)
        if rng.random() < 0.2:
            del part[rng.randrange(len(part) + 1) :]
    if rng.random() < 0.2:
        parts.insert(rng.randint(0, len(parts)), bytearray(rng.randbytes(8)))
    return [bytes(part) for part in parts]
