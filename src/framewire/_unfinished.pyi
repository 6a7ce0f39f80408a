from typing import Any

__all__ = ["has_begun"]

def has_begun(socket: Any) -> bool: ...
