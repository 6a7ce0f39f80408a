"""Fuzz the receive path, guided by coverage: libFuzzer, by way of Atheris.

    fuzz/run 3600        # builds what it needs, runs for an hour, adds to fuzz/corpus

Arguments are libFuzzer's. Inputs are messages in files, as the golden ones. The extension has to be
built with clang's -fsanitize=fuzzer-no-link, which `tests/sanitized --guided` does.
"""

import random
import sys
import warnings

import atheris

with atheris.instrument_imports(include=["framewire"]):
    import framewire  # noqa: F401

from .files import pack, unpack
from .mutate import mutated
from .receive import ALL, Receiver
from .seeds import seeds

WAYS = ("value", "message", "array, copied", "many, as rows")
TYPED = tuple(name for name in ALL if name.startswith("value, as"))
EACH = 256  # inputs, after which it is checked that the next message is intact


class Target:
    """What libFuzzer calls."""

    def __init__(self) -> None:
        self._receiver = Receiver()
        self._seeds = seeds(self._receiver.found)
        self._count = 0

    def one(self, data: bytes) -> None:
        frames = unpack(data)
        for name in (*WAYS, TYPED[len(data) % len(TYPED)]):
            self._receiver.outcome(frames, ALL[name])
        self._count += 1
        if self._count % EACH == 0:
            self._receiver.check_next()

    def mutate(self, data: bytes, most: int, seed: int) -> bytes:
        """As the other harness does, or one frame as libFuzzer does, which watches comparisons."""
        order = random.Random(seed)
        frames = unpack(data)
        if order.random() < 0.5:
            frames = mutated(frames, order.choice(self._seeds), order)
        else:
            which = order.randrange(len(frames))
            room = max(1, most - sum(map(len, frames)))
            frames[which] = bytes(atheris.Mutate(frames[which], len(frames[which]) + room))
        changed = pack(frames)
        return changed if len(changed) <= most else data[:most]


def main() -> None:
    warnings.simplefilter("error")
    target = Target()
    program = f"{sys.executable} -m fuzz.guided"  # which -merge=1 starts again
    atheris.Setup([program, *sys.argv[1:]], target.one, custom_mutator=target.mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
