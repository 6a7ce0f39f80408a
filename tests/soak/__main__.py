"""Mixed traffic between many processes, with random faults, and an account of every message.

``python -m tests.soak [--minutes 30] [--seed N] [--json FILE]``, on Linux, from the root of the
project. Each link is two processes (`peer.py`). Peers are killed and started again, stopped and
continued, and sent a signal whose handler raises in the middle of a call; they close sockets with
messages in flight, terminate contexts, and ask for what must be refused; hostile peers send foreign
and mutated messages, and bytes that are not ZeroMQ's. Exits with 1 unless nothing was torn, came
twice or out of order, was lost where ZeroMQ's own rules do not allow it, or leaked.
"""

import argparse
import dataclasses
import json
import os
import random
import signal
import socket as sockets
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import zmq

from . import messages
from .tally import COUNTERS, Setup, Tally

ROOT = Path(__file__).parents[2]
GROWTH = 48_000_000  # bytes that a process's memory may grow by, from its first minute on
SAMPLES = 5.0  # seconds from one look at memory and descriptors to the next


@dataclass(frozen=True)
class Link:
    name: str
    kinds: tuple[str, str]  # who sends first, who answers or receives
    over: str
    binds: int  # which of the two
    manner: str = "message"
    flavour: str = "socket"
    transport: str = "libzmq"
    faulty: bool = True
    strangers: bool = False

    @property
    def signals(self) -> bool:
        """May a handler raise in it? docs/design.md says where it may tear a message."""
        return self.faulty and self.flavour == "socket" and self.transport == "libzmq"

    @property
    def strict(self) -> bool:
        """Does nothing get lost between two messages that come?

        Not if a PUSH is bound: while a receiver goes and the next one comes, it deals out to both.
        """
        return self.kinds[0] == "PUSH" and self.binds == 1


LINKS = [
    Link("calm", ("PUSH", "PULL"), "ipc", 1, faulty=False),
    Link("values", ("PUSH", "PULL"), "tcp", 1, strangers=True),
    Link("batches", ("PUSH", "PULL"), "ipc", 1, "many"),
    Link("rows", ("PUSH", "PULL"), "tcp", 0, "rows"),
    Link("topics", ("PUB", "SUB"), "tcp", 0),
    Link("requests", ("REQ", "REP"), "ipc", 1),
    Link("routed", ("DEALER", "ROUTER"), "tcp", 1, strangers=True),
    Link("asyncio", ("PUSH", "PULL"), "tcp", 1, "many", "asyncio"),
    Link("pyzmq transport", ("PUSH", "PULL"), "tcp", 1, transport="pyzmq"),
]
if find_spec("gevent"):
    LINKS.append(Link("green", ("PUSH", "PULL"), "ipc", 1, flavour="green"))


@dataclass
class Life:
    """One process, from its start to its end."""

    link: Link
    side: int
    process: "subprocess.Popen[bytes]"
    tally: Tally
    since: float
    samples: list[tuple[float, int, int]] = field(default_factory=list)  # s, bytes, descriptors
    stopped: bool = False

    @property
    def who(self) -> str:
        return f"{self.link.name} {self.link.kinds[self.side]}"


class Soak:
    def __init__(self, folder: Path, seed: int, links: list[Link]) -> None:
        self.folder, self.rng = folder, random.Random(seed)
        self.events = folder / "events"
        self.events.touch()
        self.endpoints = {link: self.endpoint(link) for link in links}
        self.lives: dict[tuple[Link, int], Life] = {}
        self.ended: list[Life] = []
        self.faults: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()  # by link
        self.problems: list[str] = []
        self.start = time.monotonic()

    def endpoint(self, link: Link) -> str:
        if link.over == "ipc":
            return f"ipc://{self.folder}/{link.name.replace(' ', '-')}"
        while True:  # below those that the system gives out for connections
            port = self.rng.randint(20_000, 32_000)
            with sockets.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)):
                    return f"tcp://127.0.0.1:{port}"

    def begin(self, link: Link, side: int) -> None:
        spawn = len(self.ended) + len(self.lives) + 1
        setup = Setup(
            link=link.name,
            kind=link.kinds[side],
            endpoint=self.endpoints[link],
            bind=link.binds == side,
            flavour=link.flavour,
            manner=link.manner,
            faulty=link.faulty,
            strangers=link.strangers,
            spawn=spawn,
            seed=self.rng.randrange(1 << 32),
            tally=str(self.folder / f"tally-{spawn}"),
            events=str(self.events),
        )
        tally = Tally(Path(setup.tally))
        command = [sys.executable, "-X", "faulthandler", "-m", "tests.soak.peer"]
        process = subprocess.Popen(
            [*command, json.dumps(dataclasses.asdict(setup))],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "FRAMEWIRE_TRANSPORT": link.transport},
        )
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            self.problems.append(f"{link.name}: a peer did not start")
        life = Life(link, side, process, tally, time.monotonic())
        self.lives[link, side] = life

    def end(self, life: Life, killed: bool = False) -> None:
        """Account for a process that has ended, or is to be killed."""
        if killed:
            life.process.kill()
        status = life.process.wait()
        if status != (-signal.SIGKILL if killed else 0):
            self.problems.append(f"{life.who}: ended with status {status}")
        for pipe in (life.process.stdin, life.process.stdout):
            if pipe:
                pipe.close()
        del self.lives[life.link, life.side]
        self.ended.append(life)

    # ---- faults

    def fault(self) -> None:
        """One of them, to one process."""
        life = self.rng.choice([life for life in self.lives.values() if life.link.faulty])
        what = self.rng.choice(("kill", "stop", "signal", "signal", "signal"))
        if what == "kill":
            self.end(life, killed=True)
            self.begin(life.link, life.side)
            self.kills[life.link.name] += 1
        elif what == "stop":
            life.process.send_signal(signal.SIGCONT if life.stopped else signal.SIGSTOP)
            life.stopped = not life.stopped
        elif life.link.signals:
            life.process.send_signal(signal.SIGUSR1)
        else:
            return
        self.faults[what] += 1

    def go_on(self) -> None:
        for life in self.lives.values():
            life.process.send_signal(signal.SIGCONT)
            life.stopped = False

    def strangers(self, context: "zmq.Context[Any]", golden: list[list[bytes]]) -> None:
        """Hostile messages to each link that is to bear them, from sockets of a moment."""
        link = self.rng.choice([link for link in self.endpoints if link.strangers])
        host, port = self.endpoints[link].removeprefix("tcp://").split(":")
        if self.rng.random() < 0.1:
            try:
                with sockets.create_connection((host, int(port)), timeout=1) as connection:
                    connection.sendall(self.rng.randbytes(200))
            except OSError:
                pass
            self.faults["bytes that are not ZeroMQ's"] += 1
            return
        kind = zmq.PUSH if link.kinds[1] == "PULL" else zmq.DEALER
        with context.socket(kind) as hostile:
            hostile.linger, hostile.sndtimeo = 200, 500
            hostile.connect(self.endpoints[link])
            for _ in range(self.rng.randint(1, 20)):
                try:
                    hostile.send_multipart(messages.hostile(self.rng, golden))
                except zmq.Again:
                    break
                self.faults["hostile messages"] += 1

    # ---- watching

    def watch(self) -> None:
        now = time.monotonic() - self.start
        for life in list(self.lives.values()):
            if life.process.poll() is not None:
                self.end(life)
                self.begin(life.link, life.side)
                continue
            life.samples.append((now, resident(life.process.pid), open_files(life.process.pid)))

    def run(self, seconds: float) -> None:
        golden = messages.golden_messages()
        for link in self.endpoints:
            for side in (1, 0):
                self.begin(link, side)
        until, look = time.monotonic() + seconds, 0.0
        with zmq.Context() as context:
            while time.monotonic() < until:
                time.sleep(self.rng.uniform(0, 0.15))
                self.fault()
                if any(link.strangers for link in self.endpoints):
                    self.strangers(context, golden)
                if time.monotonic() > look + SAMPLES:
                    look = time.monotonic()
                    self.watch()
        self.finish()

    def finish(self) -> None:
        """Senders stop, then receivers take what is there, then senders may go."""
        self.go_on()
        for side in (0, 1):
            lives = [life for life in self.lives.values() if life.side == side]
            for life in lives:
                life.process.terminate()
            for life in lives:
                self.wait(lambda life=life: life.tally.ending, life)
        for side in (1, 0):
            for life in [life for life in self.lives.values() if life.side == side]:
                assert life.process.stdin is not None
                if side == 0:
                    life.process.stdin.close()
                done = self.wait(lambda life=life: life.process.poll() is not None, life)
                self.end(life, killed=not done)

    def wait(self, condition: Any, life: Life) -> bool:
        limit = time.monotonic() + 60
        while not condition():
            if life.process.poll() is not None:
                return True
            if time.monotonic() > limit:
                self.problems.append(f"{life.who}: does not end")
                return False
            time.sleep(0.02)
        return True

    def close(self) -> None:
        for life in self.lives.values():
            life.process.kill()
            life.process.wait()

    # ---- the account

    def read_events(self) -> None:
        """What peers wrote down: what is wrong, and what is missing without an interruption."""
        skipped: dict[int, set[int]] = defaultdict(set)
        gaps = []
        strict = {link.name.replace(" ", "-") for link in self.endpoints if link.strict}
        for line in self.events.read_text().splitlines():
            what, link, *rest = line.split(" ")
            if what == "skip":
                skipped[int(rest[0])].update(range(int(rest[1]), int(rest[2])))
            elif what == "gap":
                gaps.append((link, *map(int, rest)))
            else:
                self.problems.append(line)
        for link, life, first, last, _, interrupted in gaps:
            lost = set(range(first, last)) - skipped[life]
            if lost and not interrupted and link in strict:
                self.problems.append(f"{link}: missing without a reason: {life} {sorted(lost)[:5]}")

    def report(self) -> dict[str, Any]:
        totals = {link: Counter[str]() for link in self.endpoints}
        for life in self.ended:
            for name, number in life.tally.all().items():
                totals[life.link][f"{name} {life.side}"] += number
        self.read_events()
        links = {link.name: self.summary(link, totals[link]) for link in self.endpoints}
        memory = [self.memory(life) for life in self.ended if len(life.samples) > 3]
        return {
            "seconds": round(time.monotonic() - self.start),
            "processes": len(self.ended),
            "faults": dict(self.faults),
            "links": links,
            "memory": memory,
            "problems": self.problems,
        }

    def summary(self, link: Link, total: "Counter[str]") -> dict[str, Any]:
        """The counts of a link, and why messages were lost."""
        both = {name: total[f"{name} 0"] + total[f"{name} 1"] for name in COUNTERS}
        asks = link.kinds[0] in ("REQ", "DEALER")
        received = total["received 0"] if asks else total["received 1"]
        lost = total["sent 0"] - received
        ends = self.kills[link.name] + both["reopened"]
        if link.kinds[0] == "PUB":
            why = "PUB drops for a subscriber that is slow or not there"
        elif lost > 0:
            why = f"queued when one of {ends} peers was killed, or closed its socket"
        else:
            why = "" if lost == 0 else "sent by calls that a handler interrupted as they returned"
        for name in ("torn", "late", "mismatched", "leaked"):
            if both[name]:
                self.problems.append(f"{link.name}: {name} {both[name]}")
        if not link.faulty and lost:
            self.problems.append(f"{link.name}: {lost} lost, though nothing ended")
        if received < 100:
            self.problems.append(f"{link.name}: only {received} came through")
        names = "refused rejected interrupted foreign torn late mismatched leaked"
        counts = {name: both[name] for name in f"{names} reopened terminated".split()}
        return {
            "sent": total["sent 0"],
            "received": received,
            "lost": lost,
            "why": why,
        } | counts

    def memory(self, life: Life) -> dict[str, Any]:
        """Over the life of a process; it may not grow after its first minute."""
        settled = [each for each in life.samples if each[0] > life.samples[0][0] + 60]
        if len(settled) > 8:
            quarter = len(settled) // 4
            begin, late = settled[:quarter], settled[-quarter:]
            grown = min(each[1] for each in late) - max(each[1] for each in begin)
            if grown > GROWTH:
                self.problems.append(f"{life.who}: memory grew by {grown / 1e6:.0f} MB")
            more = min(each[2] for each in late) - max(each[2] for each in begin)
            if more > 10:
                self.problems.append(f"{life.who}: {more} descriptors more")
        return {"who": life.who, "samples": life.samples, "objects": life.tally.objects}


def resident(pid: int) -> int:
    """Bytes."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:
        return 0


def open_files(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except FileNotFoundError:
        return 0


def show(report: dict[str, Any]) -> None:
    print(f"{report['seconds']} s, {report['processes']} processes; faults: {report['faults']}\n")
    for name, link in report["links"].items():
        print(
            f"{name:16}",
            *(f"{key} {value}" for key, value in link.items() if key != "why"),
        )
        if link["why"]:
            print(f"{'':16} lost: {link['why']}")
    print("\nresident MB and descriptors of the processes that lived longest, over time (s)")
    longest = sorted(report["memory"], key=lambda each: -len(each["samples"]))[:12]
    for each in longest:
        step = max(1, len(each["samples"]) // 6)
        points = [
            f"{at:.0f}: {size / 1e6:.0f}, {files}" for at, size, files in each["samples"][::step]
        ]
        print(f"  {each['who']:24} {'; '.join(points)}")
    for problem in report["problems"][:50]:
        print("PROBLEM", problem)
    print(f"\n{len(report['problems'])} problems")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--json", type=Path, help="a file for the report")
    parser.add_argument("--links", nargs="*", default=[link.name for link in LINKS])
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # and all peers are ended
    links = [link for link in LINKS if link.name in options.links]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="framewire-soak-"))
        soak = Soak(Path(folder), options.seed, links)
        stack.callback(soak.close)
        soak.run(60 * options.minutes)
        report = soak.report()
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report))
    return 1 if report["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
