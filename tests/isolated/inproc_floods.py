"""Floods over inproc in one thread: what is freed where must not wait for the GIL."""

import sys

import numpy as np
import zmq

import framewire

context = zmq.Context()
push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
push.sndhwm = pull.rcvhwm = 0
pull.rcvtimeo = push.sndtimeo = 20_000
pull.bind("inproc://flood")
push.connect("inproc://flood")

if sys.argv[1] == "framewire":
    array = np.arange(8192)
    for _ in range(3000):
        framewire.send_array(push, array, copy=False)
    for _ in range(3000):
        assert (framewire.recv_array(pull) == array).all()
elif sys.argv[1] == "framewire to pyzmq":
    data = bytes(64 * 1024)
    for _ in range(3000):
        framewire.send_raw(push, data, copy=False)
    for _ in range(3000):
        assert pull.recv() == data
else:
    size = int(sys.argv[1])
    for copy in (False, True):
        for _ in range(3000):
            push.send(bytes(size), copy=False)
        for _ in range(3000):
            (frame,) = framewire.recv_raw(pull)
            assert len(frame) == size
            if copy:
                frame.release()
    # and forwarded, by reference
    for _ in range(3000):
        push.send_multipart([bytes(size)] * 2, copy=False)
    for _ in range(3000):
        framewire.send_raw(push, framewire.recv_raw(pull), copy=False)
    for _ in range(3000):
        assert [len(frame) for frame in framewire.recv_raw(pull)] == [size, size]
push.close()
pull.close()
context.term()
