"""The code of pyzmq's document "Serializing messages with PyZMQ", corrected so that it runs.

As a program, ``recipes.py ENDPOINT``: a peer that has only pyzmq and numpy. Each message that it
receives by one of these is sent back by the same; a text before it says which.
"""

# What is corrected: `import haslib`; a `self` in `sign`; `zobj`, which is `z`.

import hashlib
import hmac
import pickle
import sys
import zlib

import numpy
import zmq

KEY = b"of the tests, and of nobody else"


def sign(key, msg):
    return hmac.HMAC(key, msg, digestmod=hashlib.sha256).digest()


def send_signed_zipped_pickle(socket, obj, flags=0, *, key, protocol=pickle.HIGHEST_PROTOCOL):
    p = pickle.dumps(obj, protocol)
    z = zlib.compress(p)
    signature = sign(key, z)
    return socket.send_multipart([signature, z], flags=flags)


def recv_signed_zipped_pickle(socket, flags=0, *, key):
    sig, z = socket.recv_multipart(flags)
    correct_signature = sign(key, z)
    if not hmac.compare_digest(sig, correct_signature):
        raise ValueError("invalid signature")
    p = zlib.decompress(z)
    return pickle.loads(p)


def send_zipped_pickle(socket, obj, flags=0, protocol=pickle.HIGHEST_PROTOCOL):
    p = pickle.dumps(obj, protocol)
    z = zlib.compress(p)
    return socket.send(z, flags=flags)


def recv_zipped_pickle(socket, flags=0):
    z = socket.recv(flags)
    p = zlib.decompress(z)
    return pickle.loads(p)


def send_array(socket, A, flags=0, **kwargs):
    md = dict(dtype=str(A.dtype), shape=A.shape)  # noqa: C408
    socket.send_json(md, flags | zmq.SNDMORE)
    return socket.send(A, flags, **kwargs)


def recv_array(socket, flags=0, **kwargs):
    md = socket.recv_json(flags=flags)
    msg = socket.recv(flags=flags, **kwargs)
    A = numpy.frombuffer(msg, dtype=md["dtype"])
    return A.reshape(md["shape"])


def main(endpoint):
    """What came, what it was there, and the same back."""
    with zmq.Context() as context, context.socket(zmq.PAIR) as socket:
        socket.linger = socket.rcvtimeo = socket.sndtimeo = 20_000
        socket.connect(endpoint)
        while (what := socket.recv_string()) != "stop":
            how = {"key": KEY} if what == "signed_zipped_pickle" else {}
            try:
                value = globals()[f"recv_{what}"](socket, **how)
            except ValueError as error:
                socket.send_json(f"ValueError: {error}")
                continue
            about = [value.dtype.str, value.shape, value.tobytes().hex()] if what == "array" else 0
            socket.send_json(about)
            if what == "array" and value.dtype.kind in "mM":
                value = value.view("i8")  # which the document's code cannot always send
            globals()[f"send_{what}"](socket, value, **how)
        socket.send_json([name for name in sys.modules if name.startswith("framewire")])


if __name__ == "__main__":
    main(*sys.argv[1:])
