"""A receiver that will be killed: reports what is not a whole message, or not after the one before.

Arguments: the endpoint to connect to, the file for reports (appended to), the file for counts, and
what reads: "zmq", which is plain pyzmq, or "framewire".
"""

import os
import sys

import numbered
import zmq

endpoint, reports, counts, reader = sys.argv[1:]
if reader == "framewire":
    from framewire import recv_raw as receive
else:
    receive = zmq.Socket.recv_multipart
out = os.open(counts, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def report(frames):
    with open(reports, "a") as file:
        file.write(f"after {last}: {[bytes(frame[:24]) for frame in frames]}\n")


pull = zmq.Context().socket(zmq.PULL)
pull.rcvhwm = 2
pull.rcvbuf = 4096
pull.rcvtimeo = 60_000
pull.connect(endpoint)
last = -1
while True:
    frames = receive(pull)
    if frames == [b"stop"]:
        break
    number = numbered.number_of(frames)
    if number is None or number <= last:
        report(frames)
    else:
        last = number
    os.write(out, b".")
