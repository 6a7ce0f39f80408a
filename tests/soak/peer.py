"""One process of the soak: a socket that is used, closed, terminated and interrupted at random.

``python -m tests.soak.peer SETUP``, where SETUP is a `Setup` in JSON; `__main__` starts them. What
a peer counts is in a file that it shares with the soak, so that it outlives a SIGKILL. SIGTERM asks
it to come to an end: a sender stops sending and keeps its socket until its standard input is
closed, a receiver takes what is there.
"""

import asyncio
import json
import os
import signal
import sys
import time
import warnings

import zmq

import framewire

from .life import WAIT, Raised
from .receiving import Receiving
from .sending import Sending
from .tally import Setup


class Peer(Sending, Receiving):
    """Sends, or receives, or asks and answers, for as long as it lives."""

    def request(self) -> None:
        """Send, and take the reply to it (REQ), or those that are there (DEALER)."""
        plan = self.plan(0 if self.setup.kind == "REQ" else None)
        before = self.number
        with self.sending(plan):
            plan.result = self.interruptible(lambda: plan.call(self.socket))
        if self.setup.kind == "REQ" and self.number == before:
            return
        try:
            flags = 0 if self.setup.kind == "REQ" else zmq.DONTWAIT
            message = self.interruptible(lambda: self.socket.recv_message(flags))
        except zmq.Again:
            return
        except Raised:
            self.tally.interrupted += 1
            self.interrupted = True
            return
        except zmq.ZMQError as error:  # REQ: it was interrupted, and has sent nothing
            if error.errno != zmq.EFSM:
                raise
            return
        self.check_message(message)
        if self.setup.kind == "REQ" and self.last.get(self.life) not in (before, None):
            self.tally.mismatched += self.last[self.life] != before

    def reply(self) -> None:
        """Send back what came: read and written anew, or its frames as they are."""
        try:
            self.tally.received += self.interruptible(self.receive_and_reply)
        except framewire.DecodeError:
            self.count_foreign(1)
        except zmq.Again:  # REP finds out by the next call
            pass
        except Raised:
            self.tally.interrupted += 1
        except (
            TypeError,
            ValueError,
        ):  # a stranger's, which cannot be sent back as a value
            self.count_foreign(1)
        except zmq.ZMQError as error:
            if error.errno == zmq.EFSM:  # REP: interrupted between the two
                self.close()
                self.open()
            elif error.errno != zmq.EHOSTUNREACH:
                raise
            self.tally.refused += 1

    def receive_and_reply(self) -> int:
        message = self.socket.recv_message()
        if message.serializer is None or self.rng.random() < 0.5:
            self.socket.send_raw([*message.envelope, *message.frames])
            return 1
        try:
            value, meta = message.value, message.meta
        except ValueError:
            self.count_foreign(1)
            return 0
        self.socket.send_value(value, envelope=message.envelope, meta=meta)
        return 1

    # ---- the life of a peer

    def act(self) -> None:
        kind = self.setup.kind
        if kind in ("PUSH", "PUB"):
            self.send()
        elif kind in ("REQ", "DEALER"):
            self.request()
        elif kind in ("REP", "ROUTER"):
            self.reply()
        else:
            self.receive()

    def run(self) -> None:
        self.open()
        while not self.stopping and os.getppid() == self.parent:
            if self.setup.faulty and time.monotonic() > self.due:
                if self.setup.flavour == "socket" and self.rng.random() < 0.5:
                    self.terminate(self.act)
                else:
                    self.close()
                self.open()
            self.act()
        self.end()

    def end(self) -> None:
        """Take what is there, or keep what is on its way until the others have it."""
        self.tally.ending = 1
        if self.setup.kind in ("PULL", "SUB"):
            received, quiet = -1, 0
            while quiet < 10:
                quiet = quiet + 1 if received == self.tally.received else 0
                received = self.tally.received
                self.socket.poll(WAIT)
                self.receive()
        elif self.setup.kind in ("PUSH", "PUB"):
            sys.stdin.read()
        self.close()


class AsyncPeer(Peer):
    """The same by coroutines, with time limits that cancel them instead of signals."""

    async def send_async(self) -> None:
        plan = self.plan()
        with self.sending(plan):
            call = plan.call(self.socket)
            if plan.name == "send_many":  # cancelled, it would not say how many it has sent
                plan.result = await call
            else:
                plan.result = await asyncio.wait_for(call, self.rng.choice((0.001, 0.05, 1)))
        await asyncio.sleep(self.rng.choice((0, 0, 0, 0.01)))

    async def receive_async(self) -> None:
        limit = self.rng.choice((0.001, 0.05, 1))
        try:
            if self.rng.random() < 0.5:
                self.take(await self.socket.recv_many(self.rng.randint(1, 60), 1000 * limit))
            else:
                self.take(await asyncio.wait_for(self.socket.recv_message(), limit))
        except (zmq.Again, asyncio.TimeoutError):
            pass

    async def run_async(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.on_term)
        act = self.send_async if self.setup.kind == "PUSH" else self.receive_async
        self.open()
        while not self.stopping and os.getppid() == self.parent:
            if self.setup.faulty and time.monotonic() > self.due:
                self.close()
                self.open()
            await act()
        self.tally.ending = 1
        if self.setup.kind == "PUSH":
            await asyncio.to_thread(sys.stdin.read)
        else:
            received, quiet = -1, 0
            while quiet < 10:
                quiet = quiet + 1 if received == self.tally.received else 0
                received = self.tally.received
                await self.receive_async()
                await asyncio.sleep(WAIT / 1000)
        self.close()

    def run(self) -> None:
        asyncio.run(self.run_async())


def main() -> None:
    setup = Setup(**json.loads(sys.argv[1]))
    flows = 3 if setup.flavour == "green" and setup.kind == "PUSH" else 1
    warnings.simplefilter("ignore", UserWarning)  # zmq.green's own calls have no time limits
    peers = [(AsyncPeer if setup.flavour == "asyncio" else Peer)(setup, i) for i in range(flows)]
    signal.signal(signal.SIGTERM, lambda *_: [peer.on_term() for peer in peers])
    signal.signal(signal.SIGUSR1, peers[0].on_signal)
    print("ready", flush=True)
    if flows == 1:
        peers[0].run()
        return
    import gevent

    for peer in peers:
        peer.alone = False
    gevent.joinall([gevent.spawn(peer.run) for peer in peers], raise_error=True)


if __name__ == "__main__":
    main()
