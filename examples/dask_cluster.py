"""A dask cluster that is fed from ZeroMQ: telemetry comes by framewire, and goes on as it is.

A sender, in a process of its own, pushes blocks of readings. This process receives them in place
and scatters them to the workers of a `LocalCluster`, which return statistics and the readings that
stand out. It needs the package distributed.
"""

import logging
import multiprocessing
from typing import Any

import distributed
import numpy as np
import zmq

import framewire
from framewire.compat import dask

READING = np.dtype([("time", "M8[us]"), ("sensor", "u2"), ("value", "f4")])
BLOCKS, READINGS, SENSORS = 20, 10_000, 8
START = np.datetime64("2026-05-17T12:00:00", "us")


def telemetry(block: int) -> np.ndarray:
    """A block of readings: 0 to 1, and one of 100."""
    readings = np.zeros(READINGS, READING)
    at = np.arange(READINGS) + block * READINGS
    readings["time"] = START + at.astype("m8[us]")
    readings["sensor"] = at % SENSORS
    readings["value"] = at % 1000 / 1000
    readings["value"][block] = 100
    return readings


def send(endpoint: str) -> None:
    """What runs at the machine."""
    with framewire.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.connect(endpoint)
        for block in range(BLOCKS):
            socket.send_array(telemetry(block), copy=False)


def statistics(readings: np.ndarray) -> dict[str, Any]:
    """What a worker makes of a block: the means of the sensors, and what stands out."""
    count = np.bincount(readings["sensor"], minlength=SENSORS)
    total = np.bincount(readings["sensor"], readings["value"], SENSORS)
    return {"means": total / count, "high": readings[readings["value"] > 10]}


def main() -> None:
    """Receive, scatter, gather, print."""
    options: dict[str, Any] = {"threads_per_worker": 1, "host": "127.0.0.1"}
    options["dashboard_address"] = "127.0.0.1:0"
    options["silence_logs"] = logging.ERROR  # a busy machine's workers end late
    with (
        distributed.LocalCluster(n_workers=2, **options) as cluster,
        distributed.Client(cluster) as client,
        framewire.Context() as context,
        context.socket(zmq.PULL) as socket,
    ):
        dask.register(client)
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        sender = multiprocessing.get_context("spawn").Process(
            target=send, args=(f"tcp://127.0.0.1:{port}",)
        )
        sender.start()
        futures = []
        for _ in range(BLOCKS):
            readings = socket.recv_array()  # a view of what came, which is what dask sends
            (scattered,) = client.scatter([readings], hash=False)
            futures.append(client.submit(statistics, scattered, pure=False))
        sender.join()

        results = client.gather(futures)
        high = np.concatenate([result["high"] for result in results])
        print(f"{BLOCKS * READINGS} readings in {len(results)} blocks")
        print("workers:", len(client.run(int)))
        print("means:", np.mean([result["means"] for result in results], axis=0).round(2))
        print("stood out:", len(high), high.dtype == READING, high["time"][-1])
        dask.unregister(client)


if __name__ == "__main__":  # the workers import this file
    main()
