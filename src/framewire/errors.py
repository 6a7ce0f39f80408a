"""Exceptions of the receiving side: ValueErrors with a code and, where known, an offset."""

from typing import Any

__all__ = ["DecodeError", "LimitError", "RefusedError", "SchemaError", "SignatureError"]


class DecodeError(ValueError):
    """A message is not what it claims to be. It was consumed whole; the next one is intact.

    Attributes
    ----------
    code : str
        What is wrong, in one word: one of the names in "How to read" in the wire format, or
        ``mismatch``, ``limit``, ``refused``; of a recording, one in "How to read" there.
    offset : int or None
        Where in the head, or in the recording, in bytes, if that is known.
    """

    def __init__(self, message: str, code: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.offset = offset

    def __reduce__(self) -> tuple[type["DecodeError"], tuple[Any, ...]]:
        return type(self), (str(self), self.code, self.offset)


class RefusedError(DecodeError):
    """The message is well-formed, but this receiver does not take it; the text names what would."""


class LimitError(DecodeError):
    """The message asks for more than a limit allows.

    Attributes
    ----------
    limit : str or None
        The field of `Limits`; None for a bound that is fixed.
    """

    def __init__(
        self, message: str, code: str, offset: int | None = None, limit: str | None = None
    ) -> None:
        super().__init__(message, code, offset)
        self.limit = limit

    def __reduce__(self) -> tuple[type["DecodeError"], tuple[Any, ...]]:
        return type(self), (str(self), self.code, self.offset, self.limit)


class SchemaError(DecodeError):
    """The message is well-formed, but not what the receiver asked for; the text shows both."""


class SignatureError(DecodeError):
    """The message is not signed by a key of the receiver's, or came before: code ``replay``."""
