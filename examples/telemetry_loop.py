"""A clock-paced producer of records, and a ring that keeps the last of them: how much can pass?

    python telemetry_loop.py [--seconds 10]

Two processes, PUB to SUB over tcp on loopback. The producer sends what its clock says is due: one
record a message, then blocks of up to 1000 records a message. For each way, short trials find the
highest rate at which nothing is lost; then it runs for some seconds at that rate, or, where that
loses something after all, at a lower one. A PUB drops what does not fit its queue, and stamps show
it as a gap.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

import framewire
import framewire.zmq as zmq

BLOCK = 1000  # records, at most, in a message
QUEUE = 200_000  # messages
TRIAL = 0.4  # seconds, at most
PAUSE = 0.0002  # seconds that the producer sleeps when nothing is due
STAMPED = framewire.Codec(stamp=True)


class Sample(framewire.Record):
    seq: framewire.u32
    t: framewire.f64
    value: framewire.f32


def produce(endpoint: str) -> None:
    """Read orders from standard input, and print what came of each: both as JSON, a line each."""
    with zmq.Context(codec=STAMPED) as context, context.socket(zmq.PUB) as socket:
        socket.sndhwm = QUEUE
        socket.connect(endpoint)
        for line in sys.stdin:
            print(json.dumps(run(socket, **json.loads(line))), flush=True)


def run(socket: framewire.Socket, blocks: bool, rate: float, seconds: float) -> dict[str, float]:
    """Send `rate` records a second, as the clock says."""
    rows = np.zeros(BLOCK, Sample.dtype)
    wanted = int(rate * seconds)
    sent = 0
    start, busy = time.perf_counter(), time.process_time()
    while sent < wanted and time.perf_counter() - start < 2 * seconds:
        now = time.perf_counter() - start
        due = min(int(now * rate), wanted) - sent
        if due <= 0:
            time.sleep(PAUSE)
            continue
        count = min(due, BLOCK)
        rows["seq"][:count] = np.arange(sent, sent + count, dtype="u4")
        rows["t"][:count] = now
        if blocks:
            socket.send_array(rows[:count])
        else:
            socket.send_many(rows[:count])
        sent += count
    took = time.perf_counter() - start
    return {"sent": sent, "took": took, "busy": (time.process_time() - busy) / took}


@dataclass
class Result:
    """What came of a run."""

    rate: float  # records a second
    lost: int  # records
    gaps: int  # messages
    producer: float  # how busy it was: 1 is one core
    receiver: float

    def __str__(self) -> str:
        return (
            f"{self.rate / 1e6:6.3f} M records/s, {self.lost} lost, {self.gaps} gaps; busy:"
            f" producer {self.producer:.0%}, receiver {self.receiver:.0%} of a core"
        )


class Receiver:
    """The other end: a ring, and the producer's process."""

    def __init__(self, context: framewire.Context, blocks: bool) -> None:
        self.blocks = blocks
        self.socket = context.socket(zmq.SUB)
        self.socket.rcvhwm = QUEUE
        self.socket.subscribe(b"")
        self.socket.bind("tcp://127.0.0.1:*")
        self.ring = framewire.Ring(self.socket, Sample, 100_000, blocks=blocks, batch=10_000)
        endpoint = self.socket.last_endpoint.decode()
        self.producer = subprocess.Popen(
            [sys.executable, __file__, "--produce", endpoint],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.poller = zmq.Poller()
        self.poller.register(self.producer.stdout, zmq.POLLIN)
        while not self.run(1000, 0.1).rate:
            pass  # until the subscription has arrived

    def close(self) -> None:
        self.producer.stdin.close()
        self.producer.wait()
        self.socket.close()

    def run(self, rate: float, seconds: float) -> Result:
        """Let the producer send so many records a second, and receive them."""
        before, gaps, busy = self.ring.total, self._gaps(), time.process_time()
        order = {"blocks": self.blocks, "rate": rate, "seconds": seconds}
        print(json.dumps(order), file=self.producer.stdin, flush=True)
        start = time.perf_counter()
        while not self.poller.poll(0):
            self.ring.receive(timeout=5)
        busy = (time.process_time() - busy) / (time.perf_counter() - start)
        done = json.loads(self.producer.stdout.readline())
        while self.ring.receive(timeout=50):
            pass
        came = self.ring.total - before
        lost = done["sent"] - came
        return Result(came / done["took"], lost, self._gaps() - gaps, done["busy"], busy)

    def best_rate(self, trial: float) -> float:
        """The highest rate of short runs in which the producer kept up and nothing was lost."""
        rate = 50_000.0
        for step in (2.0, 1.25):
            while True:
                result = self.run(rate * step, trial)
                if result.lost or result.gaps or result.rate < 0.95 * rate * step:
                    break
                rate *= step
        return rate

    def _gaps(self) -> int:
        return self.socket.stats().total.gaps


def measure(context: framewire.Context, blocks: bool, seconds: float) -> Result:
    receiver = Receiver(context, blocks)
    rate = 0.9 * receiver.best_rate(min(TRIAL, seconds / 5))
    result = receiver.run(rate, seconds)
    while result.lost or result.gaps:
        print(f"  {result}: slower", flush=True)
        rate *= 0.8
        result = receiver.run(rate, seconds)
    last = receiver.ring.snapshot(1000)
    assert (np.diff(last["seq"]) == 1).all()
    receiver.close()
    return result


def main(seconds: float) -> None:
    with zmq.Context(codec=STAMPED) as context:
        for blocks, what in ((False, "one record a message:"), (True, f"up to {BLOCK} a message:")):
            print(f"{what:<22} {measure(context, blocks, seconds)}", flush=True)


def parse() -> Any:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10, help="of each way (default: 10)")
    parser.add_argument("--produce", metavar="ENDPOINT", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    options = parse()
    if options.produce:
        produce(options.produce)
    else:
        main(options.seconds)
