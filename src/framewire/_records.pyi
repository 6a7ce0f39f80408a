from collections.abc import Sequence
from enum import Enum
from typing import Any, Final, Self, final

from typing_extensions import disjoint_base

from ._cells import Cell

__all__ = ["MISSING", "Field", "RecordBase", "Schema", "fingerprint_of", "restore"]

class _Missing(Enum):
    MISSING = 0

MISSING: Final = _Missing.MISSING

@final
class Field(Cell):
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
    def __get__(self, instance: Any, owner: Any = None, /) -> Any: ...

@final
class Schema:
    name: str
    text: str
    form: Any
    dtype: Any
    fields: tuple[Field, ...]
    fingerprint: int
    itemsize: int
    versions: bytes
    older: dict[int, tuple[int, int]]
    def __new__(
        cls,
        name: str,
        form: Any,
        text: str,
        fields: Sequence[Field],
        dtype: Any,
        itemsize: int,
        older: dict[int, tuple[int, int]],
        versions: bytes,
    ) -> Self: ...

@disjoint_base
class RecordBase:
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def pack(self) -> bytes: ...
    def pack_into(self, buffer: Any, offset: int = 0) -> int: ...
    @classmethod
    def unpack(cls, buffer: Any) -> Self: ...
    @classmethod
    def unpack_from(cls, buffer: Any, offset: int = 0) -> Self: ...
    def to_dict(self) -> dict[str, Any]: ...
    def replace(self, **changes: Any) -> Self: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

def fingerprint_of(text: str) -> int: ...
def restore(cls: type, data: bytes, fingerprint: int) -> Any: ...
