from collections.abc import Sequence
from enum import Enum
from typing import Any, Final, Self, final

from typing_extensions import disjoint_base

from ._cells import Cell

__all__ = ["MISSING", "Member", "Schema", "fingerprint_of"]

class _Missing(Enum):
    MISSING = 0

MISSING: Final = _Missing.MISSING

@disjoint_base
class Member(Cell):
    name: str
    default: Any
    offset: int
    def __new__(
        cls,
        label: str,
        form: Any,
        dtype: Any,
        kind: type | None,
        name: str,
        index: int,
        offset: int,
        default: Any,
    ) -> Self: ...

@final
class Schema:
    name: str
    text: str
    form: Any
    dtype: Any
    fields: tuple[Any, ...]
    fingerprint: int
    itemsize: int
    versions: bytes
    older: dict[int, tuple[int, int]]
    def __new__(
        cls,
        name: str,
        form: Any,
        text: str,
        fields: Sequence[Member],
        dtype: Any,
        itemsize: int,
        older: dict[int, tuple[int, int]],
        versions: bytes,
    ) -> Self: ...

def fingerprint_of(text: str) -> int: ...
