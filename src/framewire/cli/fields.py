"""FIELD of a message: a path to numbers in its value or its metadata.

``temp`` of a record, a dict or a structured array; ``a.b[2]``; ``[3]`` of an array or a list;
``meta.gain`` of the metadata; ``.`` for the value itself.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

import framewire
from framewire.message import decode_meta

MOST = 100_000  # numbers of one message
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(-?\d{1,18})\]")
_META = "meta"

# What runs nothing that the sender chose, and takes no time that he chose.
SHOWN = framewire.Codec(
    allow=["raw", "array", "json", "msgpack", "record"],
    limits=framewire.Limits(
        size=1 << 28, items=100_000, keys=1000, depth=64, spread=1 << 24, decompressed=1 << 27
    ),
    key={},
)


class Field:
    """A path, parsed.

    Parameters
    ----------
    text
        As the user gave it. ValueError if it is no path.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._steps: list[str | int] = []
        at = len(text) if text == "." else 0
        while at < len(text):
            step = _STEP.match(text, at)
            if step is None:
                raise ValueError(text)
            self._steps.append(step[1] if step[2] is None else int(step[2]))
            at = step.end()
        if not text:
            raise ValueError(text)
        self.of_meta = self._steps[:1] == [_META]

    def numbers(self, frames: Sequence[memoryview], meta: bytes | None) -> Any:
        """The numbers that are there in a message: a sequence or an array, perhaps empty.

        Parameters
        ----------
        frames
            Of the whole message.
        meta
            Its metadata; None if there is none.
        """
        try:
            if self.of_meta:
                value = {} if meta is None else decode_meta(meta)
                steps = self._steps[1:]
            else:
                value = framewire.loads(frames, codec=SHOWN)
                steps = self._steps
            for step in steps:
                value = _inside(value, step)
            return _numbers(value)
        except (LookupError, ValueError, TypeError, RecursionError):
            return ()


def _inside(value: Any, step: str | int) -> Any:
    """What is at a step. LookupError or TypeError if there is nothing."""
    if isinstance(value, framewire.Record):
        return getattr(value, step) if step in _names(value) else _missing(step)
    if isinstance(value, (np.ndarray, np.void, dict, list, tuple)):
        container: Any = value
        return container[step]
    return _missing(step)


def _names(record: framewire.Record) -> list[str]:
    return [field.name for field in type(record).fields]


def _missing(step: str | int) -> Any:
    raise LookupError(step)


def _numbers(value: Any) -> Any:
    """A number, or those of an array, real ones, the last MOST of them."""
    if isinstance(value, (np.ndarray, np.generic)):
        if value.dtype.kind not in "biuf" or value.dtype.names is not None:
            return ()
        return value.flat[-MOST:] if isinstance(value, np.ndarray) else (value.item(),)
    if isinstance(value, enum.Enum):  # of a record
        value = value.value
    if isinstance(value, int) and value.bit_length() > 1000:  # no float can be made of it
        return ()
    return (value,) if isinstance(value, (int, float)) else ()
