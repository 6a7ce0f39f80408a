"""The sockets of a process of the soak: opened, closed, terminated, and what is left of them."""

import gc
import importlib
import os
import random
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zmq

import framewire

from . import messages
from .tally import Setup, Tally

WAIT = 200  # ms that a call may block: so long a peer takes to see that it is to end


class Raised(BaseException):
    """By the handler of SIGUSR1, in a call of framewire."""


@contextmanager
def quiet() -> Iterator[None]:
    """Without signals: pyzmq takes a context for terminated when one has interrupted that."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


class Living:
    def __init__(self, setup: Setup, flow: int = 0) -> None:
        self.setup, self.flow = setup, flow
        self.rng = random.Random(setup.seed * 100 + flow)
        self.tally = Tally(Path(setup.tally))
        self.module = importlib.import_module(f"framewire.{setup.flavour}")
        self.generation = 0
        self.parent = os.getppid()  # without it this process ends too
        self.stopping = self.armed = self.interrupted = False
        self.ending: threading.Thread | None = None  # what terminates the context
        self.pool = framewire.BufferPool(messages.POOLED, "i8", 3)
        self.rows = np.empty(100, messages.Fixed.dtype)
        self.alone = True  # is it the only one in this process?
        self.sleep = time.sleep
        if setup.flavour == "green":
            self.sleep = importlib.import_module("gevent").sleep
        self.flights: list[
            tuple[Any, Any]
        ] = []  # trackers, and what is in place until they are done
        self.watched: list[weakref.ref[Any]] = []  # what was sent in place and dropped
        self.start = sys.getrefcount(messages.SHARED), descriptors()
        self.objects: list[int] = []

    def open(self) -> None:
        self.generation += 1
        self.life = messages.MAGIC + (self.setup.spawn * 10 + self.flow) * 10_000 + self.generation
        self.number = 0
        self.last: dict[int, int] = {}  # of each sender's life: the number that came last
        self.due = time.monotonic() + self.rng.uniform(1, 8)
        codec = framewire.Codec(stamp=True) if self.generation % 2 else None
        self.context = self.module.Context()
        self.socket = socket = self.context.socket(getattr(zmq, self.setup.kind), codec=codec)
        socket.hwm = self.rng.choice((2, 5, 50))
        socket.linger = 0
        socket.rcvtimeo = socket.sndtimeo = WAIT
        if self.setup.kind == "SUB":
            socket.subscribe(b"")
        elif self.setup.kind == "ROUTER":
            socket.router_mandatory = True
        elif self.setup.kind == "REQ":
            socket.req_relaxed = socket.req_correlate = True
        while True:
            try:
                (socket.bind if self.setup.bind else socket.connect)(self.setup.endpoint)
                return
            except zmq.ZMQError as error:  # the one before has not let go of it yet
                if error.errno != zmq.EADDRINUSE:
                    raise
                self.sleep(0.05)

    def close(self) -> None:
        """Close all, and look for what is left. What libzmq had in place it has no more."""
        with quiet():
            self.close_all()
        self.look_for_leaks()

    def close_all(self) -> None:
        self.check_stamps()
        self.socket.close(self.rng.choice((0, 0, 50)))
        if self.ending is None:
            self.context.term()
        else:  # which terminates it: libzmq aborts where two threads do
            self.ending.join()
            self.ending = None
        self.tally.reopened += 1

    def look_for_leaks(self) -> None:
        self.sleep(0)  # gevent's hub keeps a time limit that has passed until it has its turn
        framewire.release()
        flights, self.flights = self.flights, []
        done = [tracker.done for tracker, _ in flights]
        self.expect(all(done), "a tracker that is not done after its context has ended")
        del flights
        gc.collect()
        self.expect(
            not any(gone() is not None for gone in self.watched),
            "an array is still held",
        )
        self.watched.clear()
        self.expect(self.pool.free == 3, f"{self.pool.free} slots of 3 are free")
        now = sys.getrefcount(messages.SHARED), descriptors()
        if self.setup.flavour == "socket":  # the others' loops have descriptors of their own
            self.expect(now[1] <= self.start[1], f"{now[1]} descriptors, {self.start[1]} before")
        if self.alone:
            self.expect(now[0] == self.start[0], f"{now[0]} references, {self.start[0]} before")
        self.tally.descriptors = now[1]
        self.tally.objects = len(gc.get_objects())
        self.objects.append(self.tally.objects)
        if len(self.objects) > 5:  # what is learned of hostile schemas is bounded
            grown = self.objects[-1] - self.objects[4]
            self.expect(grown < 20_000, f"{grown} objects more than at first")

    def check_stamps(self) -> None:
        if self.socket.codec.stamp and not self.setup.strangers and self.last:
            counts = self.socket.stats().total
            self.expect(counts.duplicates == 0, f"duplicates by their stamps: {counts}")

    def terminate(self, act: Any) -> None:
        """Terminate the context in another thread while a call is under way in this one."""
        context = self.context
        self.ending = threading.Timer(self.rng.uniform(0, 0.1), context.term)
        with quiet():  # which the thread inherits
            self.ending.start()
        try:
            while self.ending is not None:  # else what it did has closed all
                act()
        except zmq.ContextTerminated:
            self.tally.terminated += 1
        if self.ending is not None:
            self.close()

    def event(self, what: str, *details: object) -> None:
        text = " ".join([what, self.setup.link.replace(" ", "-"), *map(str, details)])
        with open(self.setup.events, "ab", buffering=0) as file:
            file.write(text.encode() + b"\n")

    def expect(self, holds: bool, text: str) -> None:
        if not holds:
            self.tally.leaked += 1
            self.event("leak", self.setup.kind, text)

    def interruptible(self, call: Callable[[], Any]) -> Any:
        """Call it. What the handler raises, it raises here."""
        self.armed = True
        try:
            return call()
        finally:
            self.armed = False

    def on_signal(self, *_: object) -> None:
        if self.armed:
            self.armed = False
            raise Raised

    def on_term(self, *_: object) -> None:
        self.stopping = True
