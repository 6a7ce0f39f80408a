from collections.abc import Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

__all__ = ["BufferPool", "Slot"]

@final
class Slot:
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class BufferPool:
    def __new__(
        cls, shape: int | Sequence[int], dtype: npt.DTypeLike = ..., slots: int = 8
    ) -> BufferPool: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def slots(self) -> int: ...
    @property
    def free(self) -> int: ...
    def acquire(self, timeout: float | None = None) -> npt.NDArray[Any]: ...
