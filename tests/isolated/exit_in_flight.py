"""The interpreter exits while frames are in flight, in one of several ways."""

import atexit
import sys
import threading
import time

import zmq

how = sys.argv[1]


def at_exit():
    """Runs after framewire's own handler, which was registered later."""
    if how == "destroy at exit":
        context.destroy(linger=0)
    elif how == "pool at exit":
        try:
            pool.acquire()  # what libzmq has will not come back
        except TimeoutError:
            sys.kept.pop()
        assert (pool.acquire() == 2).all()
    elif how == "wait at exit":
        framewire.send_array(push, array, copy=False)
        tracker = framewire.send_raw(push, bytes(100_000), copy=False, track=True)
        framewire.release()
        with context.socket(zmq.PULL) as late:
            late.bind("inproc://late")
            push.connect("inproc://late")
        try:
            before.wait()  # libzmq has it for good
        except zmq.NotDone:
            pass
        assert before.done is (framewire.transport == "pyzmq")
        assert tracker.done, "sent in place, though nothing would let go of it"


atexit.register(at_exit)

import numpy as np  # noqa: E402

import framewire  # noqa: E402

context = zmq.Context()
push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
push.sndhwm = pull.rcvhwm = 0
port = pull.bind_to_random_port("tcp://127.0.0.1")
array = np.zeros(100_000)


def forever(call, *args):
    def loop():
        while True:
            call(*args)

    threading.Thread(target=loop, daemon=True).start()


if how == "unread":
    pull.bind("inproc://unread")
    push.connect("inproc://unread")
    for _ in range(100):
        framewire.send_array(push, array, copy=False)
elif how == "no peer":
    push.connect("tcp://127.0.0.1:1")
    for _ in range(100):
        framewire.send_array(push, array, copy=False)
elif how == "being read":
    push.connect(f"tcp://127.0.0.1:{port}")
    for _ in range(200):
        framewire.send_array(push, array.copy(), copy=False)
    framewire.recv_array(pull)
elif how == "receiver blocked":
    forever(framewire.recv_array, pull)
    time.sleep(0.02)
elif how == "receiver at work":
    push.connect(f"tcp://127.0.0.1:{port}")
    forever(framewire.recv_array, pull)
    for _ in range(100):
        framewire.send_array(push, array.copy(), copy=False)
elif how == "sender at work":
    push.sndhwm = 10
    push.connect(f"tcp://127.0.0.1:{port}")
    forever(lambda: framewire.send_array(push, array.copy(), copy=False))
    for _ in range(20):
        framewire.recv_array(pull)
elif how == "waiting":
    push.connect("tcp://127.0.0.1:1")
    forever(framewire.send_raw(push, bytes(100_000), copy=False, track=True).wait)
    time.sleep(0.02)
elif how == "pool":
    push.connect("tcp://127.0.0.1:1")
    pool = framewire.BufferPool(100_000, slots=4)
    for _ in range(3):
        framewire.send_array(push, pool.acquire(), copy=False)
    sys.kept = pool.acquire()
    del pool
elif how == "pool at exit":
    push.connect("tcp://127.0.0.1:1")
    pool = framewire.BufferPool(100_000, slots=3)
    sys.kept = [pool.acquire() for _ in range(3)]
    for number in range(3):
        sys.kept[number][:] = number
        if number < 2:
            framewire.send_array(push, sys.kept[number], copy=False)
elif how == "pool waited for":
    pool = framewire.BufferPool(100_000, slots=2)
    sys.kept = pool.acquire(), pool.acquire()
    for _ in range(3):
        forever(pool.acquire)
    time.sleep(0.02)
elif how == "pool at work":
    push.connect(f"tcp://127.0.0.1:{port}")
    pool = framewire.BufferPool(100_000, slots=2)
    forever(lambda: framewire.send_array(push, pool.acquire(), copy=False))
    for _ in range(20):
        framewire.recv_array(pull)
elif how == "views kept":
    push.connect(f"tcp://127.0.0.1:{port}")
    framewire.send_array(push, array, copy=False)
    sys.kept = framewire.recv_array(pull), framewire.send_raw(push, [bytes(10_000)], track=True)
elif how == "term":
    push.connect(f"tcp://127.0.0.1:{port}")
    for _ in range(100):
        framewire.send_array(push, array.copy(), copy=False)
    context.destroy(linger=0)
else:
    assert how in ("destroy at exit", "wait at exit")
    push.connect(f"tcp://127.0.0.1:{port}")
    for _ in range(100):
        framewire.send_array(push, array.copy(), copy=False)
    nowhere = context.socket(zmq.PUSH)
    nowhere.connect("tcp://127.0.0.1:1")
    before = framewire.send_raw(nowhere, bytes(100_000), copy=False, track=True)
