"""dill's pickles with large arrays beside them, and the same arrays from them as from dill's own.

dill pickles arrays by numpy's oldest way: what comes back can be written to, and is of native byte
order, whatever was sent.
"""

# dill knows its own picklers by "dill" in the name of their module.

import io
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..serializers.pickle import SMALL

try:
    import dill  # type: ignore
except ImportError as error:
    raise ImportError("osBrain's agents by dill need it: pip install 'framewire[dill]'") from error

__all__ = ["dumps", "rebuild"]


def rebuild(
    data: bytearray, dtype: "np.dtype[Any]", shape: tuple[int, ...], order: Any
) -> NDArray[Any]:
    """An array, in this memory if it is of native byte order."""
    array = np.frombuffer(data, dtype).reshape(shape, order=order)
    if dtype.byteorder in "=|":
        return array
    return array.astype(dtype.newbyteorder("="), order="K")


class _Pickler(dill.Pickler):  # type: ignore[misc]
    """`dill.dumps(value, -1)`, but for arrays of over 8 KiB."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, 5, buffer_callback=self._stays)
        self.large: list[memoryview] = []
        self._array: Any = None  # the one that comes next, and what stands for it
        self._stand_in: pickle.PickleBuffer | None = None

    def _stays(self, buffer: pickle.PickleBuffer) -> bool:
        """Does a buffer stay in the pickle? All but those of arrays."""
        if buffer is not self._stand_in:
            return True
        self.large.append(memoryview(self._array.ravel("K").view(np.uint8)))
        return False

    def reducer_override(self, value: Any) -> Any:
        if type(value) is not np.ndarray or value.nbytes <= SMALL:
            return NotImplemented
        if value.dtype.hasobject or not value.flags.forc:
            return NotImplemented
        self._array = value
        self._stand_in = pickle.PickleBuffer(bytearray())  # can be written to, unlike the array
        order = "C" if value.flags.c_contiguous else "F"
        return rebuild, (self._stand_in, value.dtype, value.shape, order)


def dumps(value: Any) -> tuple[bytes, list[memoryview]]:
    """The pickle of a value, and its large arrays."""
    file = io.BytesIO()
    pickler = _Pickler(file)
    pickler.dump(value)
    return file.getvalue(), pickler.large
