"""How much of a receiver a message may ask for."""

from dataclasses import dataclass, fields

__all__ = ["Limits", "check_is_limits"]

DEEPEST = 512  # of any limit on depth: the tree codec recurses in C
LARGEST = 2**63 - 1


@dataclass(frozen=True, kw_only=True, repr=False)
class Limits:
    """Limits of a `Codec`; a message beyond one is a `LimitError`, whose `limit` names the field.

    They hold before anything is allocated for a message beyond what libzmq has received already:
    ``zmq.MAXMSGSIZE`` bounds that.

    Parameters
    ----------
    size : int
        Bytes of payload, in all buffers of a message, as they travel.
    frames : int
        Frames of a message, and buffers in it.
    meta : int
        Bytes of metadata.
    ndim : int
        Dimensions of an array.
    depth : int
        Containers inside each other, 1 to 512. It holds for sending too, with a ValueError. Each
        takes up to 1 KiB of the thread's stack.
    items : int
        Items of all containers in a tree, where a key and its value are two. A list of an item
        takes 64 bytes here, and 2 on the wire.
    keys : int
        Keys of dicts, and items of sets, that are neither text, bytes nor numbers below 2**61, in a
        message that is received; a large one counts as several, the square root of its size. A
        sender can have those collide: so many of them take seconds to read, and twice as many four
        times as long.
    spread : int
        Bytes that the broadcast arrays of a message may be spread out to, and items of no bytes.
    decompressed : int
        Bytes of a compressed message's buffers as they were before.
    expansion : int
        How many times as large as they travel these may be; not asked of the first MiB. It holds
        for sending too: what would shrink more is sent as it is.
    """

    size: int = 1 << 32
    frames: int = 1 << 16
    meta: int = 1 << 18
    ndim: int = 64
    depth: int = 128
    items: int = 1 << 24
    keys: int = 20_000
    spread: int = 1 << 30
    decompressed: int = 1 << 30
    expansion: int = 1000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not int or not 0 <= value <= LARGEST:
                raise TypeError(f"limits are integers from 0 to 2**63 - 1: {field.name}={value!r}")
        if not 1 <= self.depth <= DEEPEST:
            raise ValueError(f"a depth of {self.depth}: it is from 1 to {DEEPEST}")

    def __repr__(self) -> str:
        own = [field for field in fields(self) if getattr(self, field.name) != field.default]
        return f"Limits({', '.join(f'{each.name}={getattr(self, each.name)}' for each in own)})"


def check_is_limits(limits: object) -> None:
    """Raise TypeError for what is given as limits, and is none; None stands for others'."""
    if limits is not None and not isinstance(limits, Limits):
        raise TypeError(f"limits must be Limits, not {type(limits).__name__}")
