"""A registered type of another module than those that it holds."""

from typing import Any

import framewire


@framewire.register_generic
class Outer:
    def __init__(self, inner: Any) -> None:
        self.inner = inner
