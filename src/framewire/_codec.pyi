from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias, final

import zmq

from .errors import LimitError
from .limits import Limits
from .signing import Keys

__all__ = [
    "SAFE",
    "Codec",
    "as_codec",
    "codec_for",
    "default_codec",
    "note_codec",
    "set_default_codec",
]

SAFE: frozenset[str]

_Names: TypeAlias = str | Sequence[str]

@final
class Codec:
    serializer: _Names | None
    allow: frozenset[str] | None
    limits: Limits | None
    compression: str | None
    key: Keys | None
    stamp: bool | None
    stamps: bool
    schema: int | None
    def __new__(
        cls,
        serializer: _Names | None = None,
        *,
        allow: Iterable[str] | None = None,
        limits: Limits | None = None,
        compression: str | None = None,
        key: bytes | Mapping[int, bytes] | Keys | None = None,
        stamp: bool | None = None,
        schema: int | None = None,
    ) -> Codec: ...

def default_codec() -> Codec: ...
def set_default_codec(
    codec: Codec | _Names | None = None, *, serializer: _Names | None = None
) -> None: ...
def as_codec(codec: Any, serializer: _Names | None = None) -> Codec | None: ...
def note_codec(codec: Codec | None, above: Codec | None) -> Codec | None: ...
def limit_error(name: str, what: int, most: int) -> LimitError: ...
def codec_for(socket: zmq.Socket[Any] | None, codec: Codec | _Names | None) -> Codec: ...
