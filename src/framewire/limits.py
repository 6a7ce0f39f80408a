"""How much of a receiver a message may ask for."""

from dataclasses import dataclass

__all__ = ["Limits"]

DEEPEST = 512  # of any limit on depth: the tree codec recurses in C


@dataclass(frozen=True)
class Limits:
    """Limits of a `Codec`; a message beyond one is a `LimitError`.

    Parameters
    ----------
    depth : int
        Containers inside each other, 1 to 512. It holds for sending too, with a ValueError. Each
        takes up to 1 KiB of the thread's stack.
    keys : int
        Keys of dicts, and items of sets, that are neither text, bytes nor numbers below 2**61, in a
        message that is received. A sender can have those collide: so many of them take about a
        second to read, and twice as many four times as long.
    """

    depth: int = 128
    keys: int = 20_000

    def __post_init__(self) -> None:
        if type(self.depth) is not int or type(self.keys) is not int or self.keys < 0:
            raise TypeError("limits are integers that are not negative")
        if not 1 <= self.depth <= DEEPEST:
            raise ValueError(f"a depth of {self.depth}: it is from 1 to {DEEPEST}")
