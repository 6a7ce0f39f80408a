from typing import Any

from typing_extensions import disjoint_base

__all__ = ["Cell"]

@disjoint_base
class Cell:
    form: Any
    dtype: Any
    cls: type | None
    label: str
    size: int
