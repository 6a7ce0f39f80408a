"""Receives what producer.c sends: records as instances of a class, arrays as numpy arrays.

    consumer.py ENDPOINT COUNT

binds a PULL socket and ends after COUNT records and their arrays.
"""

import sys

import framewire
import framewire.zmq as zmq
from framewire import f32, f64, u32


class Imu(framewire.Record):
    seq: u32
    t: f64
    temp: f32


def main(endpoint: str, count: int) -> None:
    codec = framewire.Codec(stamp=True)  # counts the gaps in what comes
    with zmq.Context() as context, context.socket(zmq.PULL, codec=codec) as socket:
        socket.bind(endpoint)
        warmest = last = None
        arrays = 0
        for _ in range(count + count // 10):
            value = socket.recv_value()
            if isinstance(value, Imu):
                last = value
                warmest = max(warmest or value, value, key=lambda imu: imu.temp)
            else:
                arrays += 1
                samples = value
        print("warmest:", warmest)
        print("last:", last)
        if arrays:
            print(arrays, "arrays; of the last one", samples.dtype, samples.shape, samples[-1])
        counts = socket.stats().total
        print(
            counts.received, "messages,", counts.latency.count, "with a stamp;", counts.gaps, "gaps"
        )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
