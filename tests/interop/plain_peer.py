"""A peer that knows only pyzmq: does what it is told, by pyzmq's calls, and sends the outcome back.

Argument: the endpoint to connect to. Each request is a list in JSON, by REP: what to do with the
PAIR socket, and the arguments. Replies with what the call gave, as text.
"""

import json
import sys

import zmq

requests, link = sys.argv[1:]
context = zmq.Context()
control, pair = context.socket(zmq.REP), context.socket(zmq.PAIR)
for socket in (control, pair):
    socket.linger = 0
    socket.rcvtimeo = socket.sndtimeo = 60_000
control.connect(requests)
pair.connect(link)


def shown(value):
    if isinstance(value, zmq.Frame):
        return ["Frame", value.bytes.hex(), value.more, value.get("Socket-Type")]
    if isinstance(value, list):
        return [shown(each) for each in value]
    return value.hex() if isinstance(value, bytes) else repr(value)


def frames(value):
    """JSON has no bytes: they come as hexadecimal text."""
    return [bytes.fromhex(each) for each in value]


while True:
    what, *arguments = json.loads(control.recv())
    if what == "stop":
        break
    result = None
    if what == "echo":
        pair.send_multipart(pair.recv_multipart(copy=False), copy=False)
    elif what == "modules":
        result = [
            name for name in sys.modules if name.startswith(("framewire", "msgspec", "numpy"))
        ]
    elif what == "send_multipart":
        pair.send_multipart(frames(arguments[0]))
    elif what == "send_serialized":
        pair.send_serialized(arguments[0], frames)
    elif what == "send":
        pair.send(frames(arguments)[0])
    elif what == "send_pyobj":
        pair.send_pyobj(*arguments)
    elif what == "recv_serialized":
        result = pair.recv_serialized(list)
    elif what == "recv_into":
        target = bytearray(10)
        result = [pair.recv_into(target), bytes(target)]
    else:
        result = getattr(pair, what)(*arguments)
    control.send(json.dumps(shown(result)).encode())
