"""cloudpickle: also functions, lambdas and classes that the receiver cannot import.

Buffers, and what it takes to receive it, as `pickle`.
"""

from collections.abc import Sequence
from typing import Any

import cloudpickle  # type: ignore

from .pickle import dump_out_of_band, load_out_of_band
from .registry import register


def dumps(value: Any) -> tuple[None, list[Any]]:
    """Pickle a value, with the code that it needs."""
    return dump_out_of_band(cloudpickle.dumps, value)


def loads(header: str | None, frames: Sequence[memoryview]) -> Any:
    """Unpickle a value. Its large buffers are the frames themselves, read-only."""
    return load_out_of_band(cloudpickle.loads, header, frames)


register("cloudpickle", dumps, loads, unsafe=True)
