from typing import Literal

__all__ = ["transport"]

transport: Literal["libzmq", "pyzmq"]
