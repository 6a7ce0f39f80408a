"""100,000 messages of each kind: memory, objects and reference counts return to where they were."""

import gc
import sys
import tracemalloc

import numpy as np
import psutil
import zmq

import framewire

context = zmq.Context()
push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
pull.rcvtimeo = 20_000
if sys.argv[1] == "inproc":
    pull.bind("inproc://leaks")
    push.connect("inproc://leaks")
else:
    push.connect(f"tcp://127.0.0.1:{pull.bind_to_random_port('tcp://127.0.0.1')}")
small, large = np.arange(100.0), np.arange(5000.0)
structured = np.zeros(3, [("a", "i4"), ("b", "f8")])
raw = [b"x" * 10, bytes(20_000), bytearray(20_000)]
target = np.empty_like(large)
pool = framewire.BufferPool(large.shape, large.dtype, 2)
value = {"a": [large, (small, {"b": 2**80})], "c": b"x" * 10_000, "d": {1.5, None}}
bad = {**value, "z": object()}
recipe = [b'{"dtype": "float64", "shape": [100]}', small.tobytes()]


def failing(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except (ValueError, TypeError, zmq.Again):
        return
    raise AssertionError("it should have failed")


def work(number):
    copy = [None, False, True][number % 3]
    framewire.send_array(push, small, topic="topic" * 10, meta={"n": number})
    framewire.recv_array(pull)
    framewire.send_array(push, large, copy=copy, track=number % 2 == 0)
    framewire.recv_array(pull, copy=number % 2 == 1)
    framewire.send_array(push, large, copy=copy)
    framewire.recv_array(pull, out=target)
    framewire.send_array(push, pool.acquire(20), copy=copy, track=number % 2 == 0)
    framewire.recv_array(pull, copy=number % 2 == 1)
    framewire.BufferPool((2, number % 3)).acquire()
    framewire.send_array(push, structured[::2])
    framewire.recv_message(pull).value  # noqa: B018
    framewire.send_raw(push, raw, copy=copy)
    framewire.recv_raw(pull)
    push.send_multipart(recipe)
    framewire.recv_array(pull)
    framewire.send_raw(push, raw)
    failing(framewire.recv_array, pull)  # foreign
    framewire.send_array(push, large, copy=False)
    failing(framewire.recv_array, pull, shape=3)
    failing(framewire.send_array, push, large, copy=False, meta=object())
    failing(framewire.recv_array, pull, zmq.DONTWAIT)
    framewire.loads(framewire.dumps(large))
    framewire.send_value(push, value, copy=copy, track=number % 2 == 0)
    framewire.recv_value(pull, copy=number % 2 == 1)
    framewire.send_value(push, value, packed=True)
    failing(framewire.recv_value, pull, type=int)
    failing(framewire.send_value, push, bad, copy=False)


def settled():
    for _ in range(3):
        framewire.release()
        gc.collect()
    things = [small, large, structured, *raw, target, push, pull, large.dtype, structured.dtype]
    things += [pool, value, bad, value["a"], value["c"]]
    return [sys.getrefcount(thing) for thing in things], len(gc.get_objects())


def rss():
    return psutil.Process().memory_info().rss


for number in range(2000):
    work(number)
before, resident = settled(), rss()
for number in range(12_000):  # 10 messages each
    work(number)
after = settled()
assert all(abs(a - b) <= 4 for a, b in zip(before[0], after[0], strict=True)), (before, after)
assert after[1] - before[1] < 100, (before, after)
assert rss() - resident < 16 << 20, (resident, rss())

tracemalloc.start()
for number in range(200):
    work(number)
settled()
first = tracemalloc.get_traced_memory()[0]
for number in range(1000):
    work(number)
settled()
grown = tracemalloc.get_traced_memory()[0] - first
assert grown < 100_000, grown
context.destroy(linger=0)
