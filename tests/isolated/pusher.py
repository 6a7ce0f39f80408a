"""A sender that will be killed. Arguments: the endpoint, its first number, how it sends."""

import sys

import numbered
import zmq

endpoint, number, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
push = zmq.Context().socket(zmq.PUSH)
push.linger = 0
push.sndhwm = 2
push.sndbuf = 4096
push.sndtimeo = 60_000
push.connect(endpoint)
while True:
    numbered.SENDS[how](push, number, 0)
    number += 1
