"""Ways to gevent's sockets that leave a program as it is: `framewire.zmq.green`, and `install`."""

import subprocess
import sys

import numpy as np
import pytest
import zmq
import zmq.green
from greenlets import LIMIT, pair, waiting

import framewire
import framewire.green as green
import framewire.zmq.green as drop_in


def test_every_name():
    ours = {"Context": green.Context, "Socket": green.Socket, "Poller": green.Poller}
    for name in {*zmq.green.__all__, *dir(zmq.green)}:
        if not name.startswith("__"):
            assert getattr(drop_in, name) is ours.get(name, getattr(zmq.green, name)), name
    assert framewire.zmq.green is drop_in
    with pytest.raises(AttributeError):
        drop_in.nonsense  # noqa: B018


PROGRAM = """
import gevent
import framewire.zmq.green as zmq

with zmq.Context() as context, context.socket(zmq.REQ) as req, context.socket(zmq.REP) as rep:
    rep.bind("tcp://127.0.0.1:*")
    req.connect(rep.last_endpoint)

    def serve():
        poller = zmq.Poller()
        poller.register(rep, zmq.POLLIN)
        assert dict(poller.poll(20_000)) == {rep: zmq.POLLIN}
        rep.send_json(rep.recv_json() + [2])

    with gevent.Timeout(30):
        serving = gevent.spawn(serve)
        req.send_json([1])
        print(req.recv_json(), type(req).__module__, type(req).__name__)
        serving.get()
"""


def run(program):
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_program_with_one_import_changed():
    assert run(PROGRAM) == "[1, 2] framewire.green Socket\n"


def test_a_program_that_installs():
    program = "import framewire\n" + PROGRAM.replace(
        "import framewire.zmq.green as zmq", "framewire.install()\nimport zmq.green as zmq"
    )
    assert run(program) == "[1, 2] framewire.green Socket\n"


def test_install_does_not_import_gevent():
    """But when gevent is there at another call, its sockets are covered."""
    assert (
        run("""
import sys, framewire
framewire.install()
print("gevent" in sys.modules, "framewire.green" in sys.modules)
import zmq.green as zmq
framewire.install()
with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
    print(type(socket).__name__, type(socket).__module__)
framewire.uninstall()
with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
    print(type(socket).__module__)
""")
        == "False False\nSocket framewire.green\nzmq.green.core\n"
    )


def test_of_a_socket_that_exists():
    with pair(zmq.PUSH, zmq.PULL, module=zmq.green) as (push, pull):
        receiving = waiting(green.Socket.shadow(pull.underlying).recv_array)
        framewire.send_array(push, np.arange(3))
        assert receiving.get(timeout=LIMIT).tolist() == [0, 1, 2]
