"""osBrain: what its agents gain by `framewire.compat.osbrain.install`, in a request and its reply.

As a program, ``python -m benchmarks.agents HOW SERIALIZER SIZE COUNT``: prints the seconds of one.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from .report import interleave, lacks, measured
from .results import Case

SIZES = {1_000: 4000, 1_000_000: 1000}  # bytes of an array: how many requests
HOW = ("agents-fw", "agents-osbrain")
SETTINGS = {
    # on the loopback only
    "PYRO_NS_BCHOST": "127.0.0.1",
    "PYRO_NS_BCPORT": "0",
    # glibc keeps what is freed: to get a megabyte from the kernel anew takes longer than to copy
    # it, and whether glibc does depends on which block lies last
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
}


def measure(how: str, serializer: str, size: int, count: int) -> float:
    """Seconds a request, between two agents in processes of their own."""
    import psutil

    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.agents", how, serializer, str(size), str(count)],
            env=os.environ | SETTINGS | {"XDG_RUNTIME_DIR": folder},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith("seconds: "):
                    return float(line.split()[1])
        finally:
            for each in [*psutil.Process(process.pid).children(recursive=True), process]:
                with suppress(psutil.NoSuchProcess):
                    each.kill()  # agents too
            process.communicate()
    raise RuntimeError("the agents came to no end")


def run(rounds: int, scale: int) -> Iterator[Case]:
    if lacks("osBrain", "osbrain", "psutil"):
        return
    for serializer in ("pickle", "dill"):
        if lacks(f"osBrain by {serializer}", serializer):
            continue
        for size, count in SIZES.items():
            jobs = {key: partial(measure, key, serializer, size, count // scale) for key in HOW}
            yield measured(
                f"osBrain: a request with a {size} B array, and it back, by {serializer}, ipc",
                interleave(jobs, rounds),
                shown="time",
            )


def main(how: str, serializer: str, size: str, count: str) -> None:
    import numpy as np
    from osbrain import Agent, run_agent, run_nameserver

    from framewire.compat.osbrain import install

    class Peer(Agent):  # type: ignore[misc]
        def reply(self, message: object) -> object:
            return message

        def ask(self, array: object, count: int) -> float:
            begin = time.perf_counter()
            for _ in range(count):
                self.send_recv("rep", array)
            return (time.perf_counter() - begin) / count

    if how == "agents-fw":
        install()
    run_nameserver()
    asking, replying = (run_agent(name, base=Peer) for name in ("asking", "replying"))
    asking.connect(replying.bind("REP", handler="reply", serializer=serializer), "rep")
    array = np.arange(int(size) // 8)
    asking.ask(array, int(count) // 10)
    print("seconds:", asking.ask(array, int(count)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
