"""Mutate messages at random: ``python -m fuzz --minutes 60 --seed 1``, or replay files.

Exits with 1 at the first exception that is not documented, at a hang and when memory or references
grow; what a crash left is in the file of ``--last``, which can be replayed.
"""

import argparse
import faulthandler
import random
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import framewire

from .files import ROOT, load
from .mutate import mutated
from .receive import ALL, Receiver, way_for
from .seeds import seeds
from .watch import Growth, Last, Patience

BATCH = 1000  # messages of one stream of random numbers, which --first can begin at
EACH = 64  # messages, after which it is checked that the next is intact


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="messages to replay, instead")
    parser.add_argument("--minutes", type=float, help="how long; without it, until --messages")
    parser.add_argument("--messages", type=int, default=100_000, help="how many, without --minutes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first batch")
    parser.add_argument("--over", default="inproc", help="inproc, tcp or ipc:PATH")
    parser.add_argument("--last", type=Path, default=ROOT / "build" / "fuzz" / "last.frames")
    parser.add_argument("--every", type=float, default=60, help="seconds between two lines")
    return parser.parse_args(arguments)


def replay(receiver: Receiver, paths: list[Path]) -> Counter[str]:
    """Each file in each way."""
    outcomes: Counter[str] = Counter()
    for path in paths:
        frames = load(path)
        for way in ALL.values():
            outcomes[receiver.outcome(frames, way)] += 1
        receiver.check_next()
    return outcomes


class Run:
    """Mutated messages, a batch at a time; `outcomes` and `ways` count them."""

    def __init__(self, receiver: Receiver, seed: int, last: Last | None = None) -> None:
        self.outcomes: Counter[str] = Counter()
        self.ways: Counter[str] = Counter()
        self._receiver, self._seed, self._last = receiver, seed, last
        self._seeds = seeds(receiver.found)
        self._patience = Patience()

    def batch(self, number: int, size: int = BATCH) -> None:
        order = random.Random(f"{self._seed} {number}")
        many = len(self._seeds)
        for i in range(size):
            other = self._seeds[int(order.random() * many)]
            frames = mutated(self._seeds[int(order.random() * many)], other, order)
            name, way = way_for(order)
            if self._last is not None:
                self._last.note(frames)
            self._patience.again()
            try:
                outcome = self._receiver.outcome(frames, way)
                if i % EACH == 0:
                    self._receiver.check_next()
            except Exception:
                print(f"batch {number}, message {i}, received as {name!r}:", frames)
                raise
            self.outcomes[outcome] += 1
            self.ways[name] += 1

    def close(self) -> None:
        self._patience.close()


def line(run: Run, started: float, growth: str) -> str:
    count, seconds = run.outcomes.total(), time.monotonic() - started
    return f"{count:,} messages, {seconds:.0f} s, {count / seconds:,.0f} a second; {growth}"


def fuzz(receiver: Receiver, options: argparse.Namespace) -> None:
    last = Last(options.last)
    run = Run(receiver, options.seed, last)
    watched = {"codec": receiver.there.codec, "socket": receiver.there, "rows": receiver.rows}
    watched |= {"rows' dtype": receiver.rows.dtype, "DecodeError": framewire.DecodeError}
    watched |= {f"way {i}": way for i, way in enumerate(ALL.values())}
    growth = Growth(watched)
    started = shown = time.monotonic()
    number = options.first
    while True:
        run.batch(number)
        number += 1
        now = time.monotonic()
        done = run.outcomes.total()
        is_over = now - started > options.minutes * 60 if options.minutes else False
        is_over = is_over or (not options.minutes and done >= options.messages)
        if is_over or now - shown > options.every:
            print(f"batch {number}:", line(run, started, growth.check()), flush=True)
            shown = now
        if is_over:
            break
    run.close()
    last.close()
    for counter in (run.outcomes, run.ways):
        print(", ".join(f"{name}: {count:,}" for name, count in counter.most_common()))


def main() -> int:
    options = parsed()
    faulthandler.enable()
    warnings.simplefilter("error")  # a peer causes none
    print(f"framewire over {options.over}, transport {framewire.transport}")
    receiver = Receiver(options.over)
    try:
        if options.files:
            print(dict(replay(receiver, options.files)))
        else:
            fuzz(receiver, options)
    finally:
        receiver.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
