"""A receiver that will be killed: reads with plain pyzmq, and reports what is not a whole message.

Arguments: the endpoint to connect to, the file for reports (appended to), the file for counts.
"""

import os
import sys

import zmq

endpoint, reports, counts = sys.argv[1:]
out = os.open(counts, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def report(frames):
    with open(reports, "a") as file:
        file.write(f"{[bytes(frame[:24]) for frame in frames]}\n")


def is_whole(frames):
    """Each frame says b"number:index:count:", but a head, which has the number in its metadata."""
    number, _, count = frames[0].split(b":")[:3]
    if len(frames) != int(count):
        return False
    for index, frame in enumerate(frames):
        label = b"%b:%d:%b:" % (number, index, count)
        if not (frame[:2] == b"\xc1\x46" and label in frame) and not frame.startswith(label):
            return False
    return True


pull = zmq.Context().socket(zmq.PULL)
pull.rcvhwm = 2
pull.rcvbuf = 4096
pull.rcvtimeo = 60_000
pull.connect(endpoint)
while True:
    frames = pull.recv_multipart()
    if frames == [b"stop"]:
        break
    if not is_whole(frames):
        report(frames)
    os.write(out, b".")
