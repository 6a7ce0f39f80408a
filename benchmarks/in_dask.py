"""dask.distributed's arrays, by framewire and by dask's own: in a process, and in a cluster."""

import operator
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from .one_thread import seconds
from .report import AtLeast, interleave, lacks, measured
from .results import Case

SIZES = {128: "128 B", 1024: "1 KiB", 8192: "8 KiB", 65536: "64 KiB", 1 << 20: "1 MiB"}
CONTRACT = 65536  # bytes: up to this size framewire is to be 1.5 times as fast
KEYS = ("in-dask-fw", "in-dask")
MANY, SMALL, LARGE = 500, 1024, 64 << 20  # arrays, and bytes of one


def run(rounds: int, scale: int) -> Iterator[Case]:
    if lacks("dask", "distributed"):
        return
    del scale  # the time of a round is fixed
    yield from one_process(rounds)
    yield from between_processes(rounds)


@contextmanager
def switched(key: str, client: Any = None) -> Iterator[None]:
    """framewire in place of dask's own, or not."""
    from framewire.compat import dask

    if key != "in-dask-fw":
        yield
        return
    dask.register(client)
    try:
        yield
    finally:
        dask.unregister(client)


def there_and_back(key: str, array: np.ndarray) -> float:
    """Seconds to serialize and deserialize."""
    from distributed.protocol import deserialize, serialize

    with switched(key):
        names = {"serialize": serialize, "deserialize": deserialize, "x": array}
        return seconds("deserialize(*serialize(x))", names)


def whole_message(key: str, array: np.ndarray) -> float:
    """The same as a message between dask's processes is made and read, in frames."""
    from distributed.protocol import dumps, loads, to_serialize

    with switched(key):
        names = {"dumps": dumps, "loads": loads, "x": {"x": to_serialize(array)}}
        return seconds("loads(dumps(x))", names)


def one_process(rounds: int) -> Iterator[Case]:
    for size, title in SIZES.items():
        array = np.arange(size // 8).astype("f8")
        took = interleave({key: partial(there_and_back, key, array) for key in KEYS}, rounds)
        target = {"in-dask": AtLeast(1.5)} if size <= CONTRACT else {}
        yield measured(f"dask: {title} array, serialize + deserialize", took, target, shown="time")
    masked = np.ma.array(np.arange(1024.0), mask=np.arange(1024) % 3 == 0)
    took = interleave({key: partial(there_and_back, key, masked) for key in KEYS}, rounds)
    yield measured("dask: 8 KiB masked array, serialize + deserialize", took, shown="time")
    array = np.arange(1024.0)
    took = interleave({key: partial(whole_message, key, array) for key in KEYS}, rounds)
    yield measured("dask: a message with an array of 8 KiB, dumps + loads", took, shown="time")


def make(count: int, size: int) -> list[np.ndarray]:
    return [np.full(size // 8, float(i)) for i in range(count)]


def add_up(arrays: list[np.ndarray]) -> float:
    return sum(float(array.sum()) for array in arrays)


def cluster_jobs(client: Any, count: int, size: int) -> dict[str, Callable[[], float]]:
    """By what is done with so many arrays, a job that does it, and returns the seconds it took."""
    from distributed import wait

    first, second = list(client.run(int))[:2]
    keep = partial(client.submit, workers=[first], pure=False)

    def timed(action: Callable[[], Any]) -> float:
        begin = time.perf_counter()
        action()
        return time.perf_counter() - begin

    def gathered() -> float:
        made = keep(make, count, size)
        each = [keep(operator.getitem, made, i) for i in range(count)]
        wait(each)
        return timed(lambda: client.gather(each))

    def moved() -> float:
        made = keep(make, count, size)
        wait(made)
        return timed(lambda: client.submit(add_up, made, workers=[second], pure=False).result())

    return {"gathered": gathered, "from worker to worker": moved}


def between_processes(rounds: int) -> Iterator[Case]:
    """What a user of a cluster gains: no target, since sockets and scheduling take nearly all."""
    from distributed import Client, LocalCluster

    options = {"threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=2, processes=True, **options) as cluster, Client(cluster) as client:
        for count, size in ((MANY, SMALL), (1, LARGE)):
            for what, job in cluster_jobs(client, count, size).items():

                def on(key: str, job: Callable[[], float] = job) -> float:
                    with switched(key, client):
                        job()  # connections, caches
                        return min(job() for _ in range(3))

                took = interleave({key: partial(on, key) for key in KEYS}, rounds)
                title = f"{count} arrays of 1 KiB" if count > 1 else "an array of 64 MiB"
                yield measured(
                    f"dask: {title} {what} in a cluster of two workers",
                    took,
                    shown="time",
                )
