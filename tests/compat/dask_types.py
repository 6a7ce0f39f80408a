"""Registered types that workers import."""

import copyreg
from typing import Any

import numpy as np

import framewire


@framewire.register_generic
class Model:
    def __init__(self, weights: Any, name: str = "a model") -> None:
        self.weights = weights
        self.name = name


class Spectrum:
    def __init__(self, values: Any) -> None:
        self.values = values


@framewire.serialize.register(Spectrum)
def dump_spectrum(spectrum: Spectrum) -> Any:
    return {}, [spectrum.values]


@framewire.deserialize.register(Spectrum)
def load_spectrum(header: Any, frames: Any) -> Spectrum:
    return Spectrum(np.frombuffer(frames[0]))


class Named(Spectrum):
    """What the functions do not know of."""


class Sent:
    """Registered to be written, and not to be read."""


framewire.serialize.register(Sent, lambda value: (vars(value), []))


# ---- with hooks that a pickle asks


class Hooked:
    def __init__(self) -> None:
        self.given, self.told = 5, None


@framewire.register_generic
class Reduces(Hooked):
    def __reduce__(self) -> Any:
        return Reduces, (), {"told": "by __reduce__"}


@framewire.register_generic
class ReducesEx(Hooked):
    def __reduce_ex__(self, protocol: Any) -> Any:
        return ReducesEx, (), {"told": "by __reduce_ex__"}


@framewire.register_generic
class Gets(Hooked):
    def __getstate__(self) -> Any:
        return {"told": "by __getstate__"}


@framewire.register_generic
class Sets(Hooked):
    def __setstate__(self, state: Any) -> None:
        self.told = "by __setstate__"


@framewire.register_generic
class Makes(Hooked):
    def __new__(cls, told: Any = None) -> Any:
        made = super().__new__(cls)
        made.asked = told
        return made

    def __getnewargs__(self) -> Any:
        return ("by __getnewargs__",)


@framewire.register_generic
class MakesEx(Makes):
    def __getnewargs_ex__(self) -> Any:
        return (), {"told": "by __getnewargs_ex__"}


@framewire.register_generic
class Copied(Hooked):
    pass


copyreg.pickle(Copied, lambda value: (Copied, (), {"told": "by copyreg"}))


class Inherits(Gets):
    """Not registered itself."""


HOOKED = [Reduces, ReducesEx, Gets, Sets, Makes, MakesEx, Copied, Inherits]
