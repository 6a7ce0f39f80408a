"""dill: also functions, lambdas, classes, and most else that a session has made.

Buffers, and what it takes to receive it, as `pickle`; but subclasses of arrays are copied.
"""

import io
from collections.abc import Sequence
from typing import Any

import dill  # type: ignore
import numpy as np

from .pickle import dump_out_of_band, load_out_of_band
from .registry import register


class _Pickler(dill.Pickler):  # type: ignore[misc]
    def reducer_override(self, value: Any) -> Any:
        """numpy's own way for arrays: dill's copies them."""
        return value.__reduce_ex__(5) if type(value) is np.ndarray else NotImplemented


def _dump(value: Any, **settings: Any) -> bytes:
    file = io.BytesIO()
    _Pickler(file, **settings).dump(value)
    return file.getvalue()


def dumps(value: Any) -> tuple[None, list[Any]]:
    """Pickle a value, with the code that it needs."""
    return dump_out_of_band(_dump, value)


def loads(header: str | None, frames: Sequence[memoryview]) -> Any:
    """Unpickle a value. Its large buffers are the frames themselves, read-only."""
    return load_out_of_band(dill.loads, header, frames)


register("dill", dumps, loads, unsafe=True)
