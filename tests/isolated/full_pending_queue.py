"""The interpreter's queue of pending calls is full as buffers are let go: later ones come through.

The main thread sleeps in C meanwhile, so that nothing empties the queue.
"""

import ctypes
import threading
import time
import weakref

import numpy as np
import zmq

import framewire


class Owner(np.ndarray):
    pass


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
def nothing(argument):
    return 0


def let_go_of_one():
    array = np.zeros(100_000, "u1").view(Owner)
    framewire.send_array(push, array, copy=False)
    watched.append(weakref.ref(array))
    del array
    pull.recv_multipart()


def work():
    time.sleep(0.3)
    for _ in range(10_000):
        if ctypes.pythonapi.Py_AddPendingCall(nothing, None) != 0:
            break
    else:
        raise SystemExit("the queue never fills")
    full.append(True)
    let_go_of_one()


watched, full = [], []
context = zmq.Context()
push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
pull.bind("inproc://full")
push.connect("inproc://full")
thread = threading.Thread(target=work)
thread.start()
# in C and without the GIL, while the other thread fills the queue
ctypes.CDLL(None).usleep(900_000)
thread.join()
assert full
let_go_of_one()
deadline = time.monotonic() + 10
while any(gone() is not None for gone in watched) and time.monotonic() < deadline:
    time.sleep(0.001)
assert [gone() for gone in watched] == [None, None]
context.destroy(linger=0)
