"""How a process of the soak receives, and how it checks what came."""

from typing import Any

import numpy as np
import zmq

import framewire

from . import messages
from .life import WAIT, Living, Raised


class Receiving(Living):
    def receive(self) -> None:
        """One call, and what it gives is checked."""
        if self.rng.random() < 0.02:
            self.sleep(self.rng.uniform(0, 0.05))
        try:
            got = self.interruptible(self.take_one_or_many)
        except zmq.Again:
            if self.rng.random() < 0.2:
                self.sleep(0.002)
            return
        except framewire.DecodeError:
            self.count_foreign(1)
            return
        except Raised as error:
            self.tally.interrupted += 1
            self.take(getattr(error, "batch", ()))
            self.interrupted = True  # what was read, or returned, as the handler raised is gone
        else:
            self.take(got)

    def take_one_or_many(self) -> Any:
        if self.setup.manner == "rows":
            return self.socket.recv_many(None, self.rng.choice((0, WAIT)), out=self.rows)
        if self.setup.manner == "many" and self.rng.random() < 0.7:
            return self.socket.recv_many(self.rng.randint(1, 60), self.rng.choice((0, WAIT)))
        return self.socket.recv_message(self.rng.choice((0, zmq.DONTWAIT)))

    def take(self, got: Any) -> None:
        """Check a message, or a batch."""
        if isinstance(got, framewire.message.Message):
            self.check_message(got)
            return
        for value in got:
            self.check(messages.Fixed(*value.tolist()) if isinstance(value, np.void) else value)
        self.count_foreign(len(getattr(got, "errors", ())))

    def check_message(self, message: Any) -> None:
        if message.serializer is None and (found := messages.raw_identity(message.frames)):
            right = messages.frames(*found) == [bytes(frame) for frame in message.frames]
            self.account(*found, right, "raw")
            return
        try:
            value, meta = message.value, message.meta
        except ValueError:
            self.count_foreign(1)
        else:
            self.check(value, meta)

    def check(self, value: Any, meta: Any = None) -> None:
        found = messages.identity(value)
        if found is None:
            self.count_foreign(1)
            return
        kind, life, number = found
        right = messages.same(value, messages.VALUES[kind](life, number))
        self.account(life, number, right and meta in (None, {"n": number}), kind)

    def account(self, life: int, number: int, right: bool, kind: str) -> None:
        if not right:
            self.tally.torn += 1
            self.event("torn", self.setup.kind, life, number, kind)
        self.tally.received += 1
        last = self.last.get(life, number - 1)
        if number <= last:
            self.tally.late += 1
            self.event("late", self.setup.kind, life, number, "after", last)
        elif number > last + 1:
            self.tally.missing += number - last - 1
            if self.setup.kind == "PULL":
                self.event("gap", life, last + 1, number, self.life, int(self.interrupted))
        self.last[life] = max(last, number)
        self.interrupted = False  # not by a stranger's: the gap shows in the next of the sender's

    def count_foreign(self, count: int) -> None:
        self.tally.foreign += count
        if count and not self.setup.strangers:
            self.event(
                "wrong",
                self.setup.kind,
                "a message that cannot be read, and no strangers",
            )
