"""JSON text, as the standard library writes and reads it."""

from typing import Any

from .._json import json_dumps, json_loads
from .registry import register

__all__: list[str] = []


def dumps(value: Any) -> tuple[None, list[bytes]]:
    return None, [json_dumps(value)]


def loads(header: str | None, frames: list[memoryview]) -> Any:
    return json_loads(bytes(frames[0]))


register("json", dumps, loads)
