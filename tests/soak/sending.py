"""How a process of the soak sends: what and how is random, and each number is accounted for."""

import asyncio
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import zmq

from . import messages
from .life import Living, Raised


@dataclass
class Plan:
    """A call that sends messages, from `first` on."""

    name: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    first: int
    count: int = 1
    writable: list[Any] = field(default_factory=list)  # what may be written again after the call
    result: Any = None

    def call(self, socket: Any) -> Any:
        return getattr(socket, self.name)(*self.arguments, **self.options)


class Sending(Living):
    def plan(self, flags: int | None = None) -> Plan:
        """What to send next, and how."""
        rng, number = self.rng, self.number
        if flags is None:
            flags = rng.choice((0, zmq.DONTWAIT))
        several = self.setup.kind in ("PUSH", "PUB")  # not one request at a time
        if several and (self.setup.manner == "rows" or rng.random() < 0.2):
            return self.plan_many(flags)
        name = rng.choice([*messages.VALUES] + ["raw"] * (self.setup.manner == "message"))
        options: dict[str, Any] = {
            "flags": flags,
            "copy": rng.choice((None, True, False)),
        }
        options["track"] = rng.random() < 0.3
        if name == "raw":
            return Plan("send_raw", (messages.frames(self.life, number),), options, number)
        if several and rng.random() < 0.3:
            options["topic"] = rng.choice((b"", b"topic", "tópico" * 20))
        if rng.random() < 0.2:
            options["meta"] = {"n": number}
        if name == "slot" and self.pool.free:
            options["copy"] = False
            value = messages.slot(self.life, number, self.pool.acquire(0))
        else:
            value = messages.VALUES[name](self.life, number)
        call = "send_array" if name == "array" and rng.random() < 0.7 else "send_value"
        return Plan(call, (value,), options, number, writable=[value] if name == "array" else [])

    def plan_many(self, flags: int) -> Plan:
        rng, count = self.rng, self.rng.randint(1, 40)
        numbers = range(self.number, self.number + count)
        values: Any
        if self.setup.manner == "rows" or rng.random() < 0.5:
            values = messages.rows(self.life, numbers)
        else:
            names = [name for name in messages.VALUES if name != "slot"]
            values = [messages.VALUES[rng.choice(names)](self.life, n) for n in numbers]
            values = values if rng.random() < 0.5 else iter(values)
        return Plan("send_many", (values,), {"flags": flags}, self.number, count)

    @contextmanager
    def sending(self, plan: Plan) -> Iterator[None]:
        """Account for a call that sends: which numbers are used up, and what is in flight."""
        sent = 0
        try:
            yield
            sent = plan.result if plan.name == "send_many" else 1
            self.tally.refused += plan.count - sent
        except (zmq.Again, asyncio.TimeoutError) as error:
            sent = getattr(error, "sent", 0)
            self.tally.refused += 1
        except Raised as error:
            self.tally.interrupted += 1
            sent = getattr(error, "sent", 0)
            # the call may have returned, and what it returned is gone
            self.event("skip", self.life, self.number + sent, self.number + plan.count)
            self.number += plan.count - sent
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                self.tally.sent += getattr(error, "sent", 0)
                raise
            self.tally.refused += 1
        self.number += sent
        self.tally.sent += sent
        self.keep(plan)

    def keep(self, plan: Plan) -> None:
        """Write to what may be written to: a message in which that shows is torn."""
        if plan.options.get("copy") is not False:
            for each in plan.writable:
                each[:] = -1
        elif plan.result is not None and plan.options.get("track"):
            self.flights.append((plan.result, plan.writable))
        else:
            self.watched += [weakref.ref(each) for each in plan.writable]
        waiting = []
        for tracker, arrays in self.flights:
            if tracker.done:
                for each in arrays:
                    each[:] = -1
            else:
                waiting.append((tracker, arrays))
        self.flights = waiting
        if len(self.watched) > 300:
            self.watched = [gone for gone in self.watched if gone() is not None]

    def send(self) -> None:
        if len(self.flights) > 50:
            self.sleep(0.01)
        if self.rng.random() < 0.05:
            self.misuse()
        if self.rng.random() < 0.1:
            self.sleep(self.rng.uniform(0, 0.02))
        plan = self.plan()
        with self.sending(plan):
            plan.result = self.interruptible(lambda: plan.call(self.socket))

    def misuse(self) -> None:
        """What must be refused, and leaves nothing behind."""
        bad = self.rng.choice(messages.bad_values())
        try:
            if self.rng.random() < 0.3:
                self.socket.send_many([np.zeros(3), bad], zmq.DONTWAIT, copy=False)
            else:
                self.socket.send_value(bad, copy=False, topic=None)
        except (TypeError, ValueError, messages.Mine):
            self.tally.rejected += 1
        else:
            self.event("wrong", f"{type(bad)} was sent")
