"""How much of a receiver a message may ask for."""

from dataclasses import dataclass

__all__ = ["Limits"]

DEEPEST = 512  # of any limit on depth: the tree codec recurses in C, by 512 bytes of stack a level


@dataclass(frozen=True)
class Limits:
    """Limits of a `Codec`; a message beyond one is a `LimitError`.

    Parameters
    ----------
    depth : int
        Containers inside each other, 1 to 512. It holds for sending too, with a ValueError. Each
        takes half a KiB of the thread's stack.
    """

    depth: int = 128

    def __post_init__(self) -> None:
        if not 1 <= self.depth <= DEEPEST:
            raise ValueError(f"a depth of {self.depth}: it is from 1 to {DEEPEST}")
