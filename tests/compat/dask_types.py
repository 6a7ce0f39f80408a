"""A registered type that workers import."""

from typing import Any

import framewire


@framewire.register_generic
class Model:
    def __init__(self, weights: Any, name: str = "a model") -> None:
        self.weights = weights
        self.name = name
