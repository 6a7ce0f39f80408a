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
    elif how == "wait at exit":
        framewire.send_array(push, array, copy=False)
        tracker = framewire.send_raw(push, bytes(100_000), copy=False, track=True)
        framewire.release()
        with context.socket(zmq.PULL) as late:
            late.bind("inproc://late")
            push.connect("inproc://late")
        try:
            tracker.wait(0.2)
        except zmq.NotDone:
            pass


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
    assert how.endswith("at exit")
    push.connect(f"tcp://127.0.0.1:{port}")
    for _ in range(100):
        framewire.send_array(push, array.copy(), copy=False)
