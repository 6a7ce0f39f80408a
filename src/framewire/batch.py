"""What `recv_many` gives."""

from collections.abc import Iterator
from typing import Any

from .errors import DecodeError

__all__ = ["Batch"]


class Batch:
    """Messages that one call received. `len`, iteration and indices are those of `values`.

    Attributes
    ----------
    values : list or numpy.ndarray
        The values of the messages that could be read, in the order in which they came; with `out`,
        the view of it that was filled.
    errors : list of (int, DecodeError)
        The others: which message of the batch, counted from 0, and what is wrong with it.
    """

    __slots__ = ("errors", "values")

    def __init__(self, values: Any, errors: list[tuple[int, DecodeError]]) -> None:
        self.values = values
        self.errors = errors

    def __len__(self) -> int:
        return len(self.values)

    def __bool__(self) -> bool:
        """Did any message come, readable or not?"""
        return len(self.values) > 0 or bool(self.errors)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)

    def __getitem__(self, index: Any) -> Any:
        return self.values[index]

    def __repr__(self) -> str:
        return f"<Batch of {len(self.values)}, {len(self.errors)} errors>"
