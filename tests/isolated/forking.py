"""A fork with sends in flight, and threads asleep on trackers: both processes go on."""

import os
import sys
import threading
import warnings
import weakref

import numpy as np
import zmq

import framewire

# CPython 3.12 and later: threads and fork do not go together. Here they must.
warnings.simplefilter("ignore", DeprecationWarning)


class Owner(np.ndarray):
    pass


def use(name):
    """A context, sockets, in-place sends and trackers of this process."""
    with zmq.Context() as context:
        push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
        pull.rcvtimeo = 10_000
        push.connect(f"tcp://127.0.0.1:{pull.bind_to_random_port('tcp://127.0.0.1')}")
        for number in range(20):
            array = np.full(50_000, number).view(Owner)
            gone = weakref.ref(array)
            tracker = framewire.send_array(push, array, copy=False, track=True)
            del array
            received = framewire.recv_array(pull)
            tracker.wait(10)
            assert tracker.done
            assert gone() is None, f"{name}: still held"
            assert (received == number).all()
        push.close()
        pull.close()


context = zmq.Context()
push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
pull.bind("inproc://forking")
push.connect("inproc://forking")
pull.rcvtimeo = 10_000
trackers = [
    framewire.send_array(push, np.full(50_000, i), copy=False, track=True) for i in range(50)
]
sleepers = [threading.Thread(target=each.wait, args=(30,)) for each in trackers[-3:]]
for sleeper in sleepers:
    sleeper.start()
pool = framewire.BufferPool(50_000, slots=4)
kept = [pool.acquire() for _ in range(3)]
for i in range(3):
    kept[i][:] = 100 + i
if framewire.transport == "libzmq":
    framewire.send_array(push, kept.pop(), copy=False)  # in flight until the end


def use_pool():
    """What was in flight stays taken in a child; the rest is this process's alone."""
    assert [int(array[0]) for array in kept] == [100 + i for i in range(len(kept))]
    assert pool.free == 1
    pool.acquire(0)[:] = -1
    sleeper = threading.Timer(0.1, kept.pop)
    sleeper.start()
    held = [pool.acquire(20), pool.acquire(20)]
    assert [int(array[0]) for array in held] == [-1, 100 + len(kept)]
    sleeper.join()


use("parent before")
for how in ("_exit", "exit") * 5:
    child = os.fork()
    if child == 0:
        use("child")
        use_pool()
        if how == "_exit":
            os._exit(0)
        framewire.release()
        sys.exit(0)
    framewire.recv_array(pull)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
for _ in range(40):
    framewire.recv_array(pull)
if framewire.transport == "libzmq":
    assert pool.free == 1
    assert (framewire.recv_array(pull) == 102).all()
    assert pool.free == 2
for tracker in trackers:
    tracker.wait(10)
for sleeper in sleepers:
    sleeper.join(10)
    assert not sleeper.is_alive()
use("parent after")
context.destroy(linger=0)
