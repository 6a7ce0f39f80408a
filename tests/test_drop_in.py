"""``import framewire.zmq as zmq``, and `install`: pyzmq's names with framewire's sockets."""

import asyncio
import subprocess
import sys

import numpy as np
import pytest
import zmq
import zmq.asyncio

import framewire
import framewire.zmq.asyncio
import framewire.zmq.green
from framewire import zmq as drop_in

OURS = {
    "Context": framewire.Context,
    "Socket": framewire.Socket,
    "asyncio": framewire.zmq.asyncio,
    "green": framewire.zmq.green,
}


def test_every_name():
    """Also those that pyzmq does not export, such as submodules."""
    assert set(drop_in.__all__) >= set(zmq.__all__)
    for name in {*zmq.__all__, *dir(zmq)}:
        if not name.startswith("__"):
            assert getattr(drop_in, name) is OURS.get(name, getattr(zmq, name)), name
            assert name in dir(drop_in)
    assert drop_in.__version__ == zmq.__version__


def test_no_other_names():
    with pytest.raises(AttributeError):
        drop_in.nonsense  # noqa: B018
    with pytest.raises(ImportError):
        from framewire.zmq import nonsense  # noqa: F401


def test_star_import():
    names = {}
    exec("from framewire.zmq import *", names)
    for name in zmq.__all__:
        assert names[name] is OURS.get(name, getattr(zmq, name, None))
    plain = {}
    exec("from zmq import *", plain)
    assert names.keys() == plain.keys()


def test_a_program_with_one_import_changed(tmp_path):
    """As people write it, from the documentation of pyzmq; in a process of its own."""
    program = f"""
import framewire.zmq as zmq

with zmq.Context() as c, c.socket(zmq.PUSH) as push, zmq.Socket(c, zmq.PULL) as pull:
    push.bind("ipc://{tmp_path}/s")
    pull.connect("ipc://{tmp_path}/s")
    pull.rcvtimeo = 5000
    poller = zmq.Poller()
    poller.register(pull, zmq.POLLIN)
    push.send_json({{"a": [1, 2.5]}})
    assert dict(poller.poll(5000)) == {{pull: zmq.POLLIN}}
    try:
        pull.recv_json()
        pull.recv(zmq.NOBLOCK)
    except zmq.Again as error:
        assert isinstance(error, zmq.ZMQError)
    print(type(push).__module__, type(pull).__name__, zmq.Context.instance())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("framewire.socket Socket <framewire.Context(")


# ---- install


@pytest.fixture
def installed():
    framewire.install()
    yield
    framewire.uninstall()


def kind(context, **how):
    with context, context.socket(zmq.PAIR, **how) as socket:
        return type(socket)


def test_install(installed):
    assert kind(zmq.Context()) is framewire.Socket
    if zmq.pyzmq_version_info() >= (25,):
        assert kind(zmq.Context(), socket_class=zmq.Socket) is zmq.Socket
    assert kind(framewire.Context()) is framewire.Socket
    context = zmq.Context.instance()
    with context.socket(zmq.PAIR) as socket:
        assert type(socket) is framewire.Socket
    framewire.install()
    assert kind(zmq.Context()) is framewire.Socket
    framewire.uninstall()
    assert kind(zmq.Context()) is zmq.Socket
    framewire.uninstall()
    assert kind(zmq.Context()) is zmq.Socket
    assert kind(framewire.Context()) is framewire.Socket


def test_contexts_and_sockets_that_exist():
    """A context follows, its sockets stay as they are."""
    with zmq.Context() as context, context.socket(zmq.PAIR) as before:
        framewire.install()
        try:
            with context.socket(zmq.PAIR) as during:
                assert (type(before), type(during)) == (zmq.Socket, framewire.Socket)
        finally:
            framewire.uninstall()
        with context.socket(zmq.PAIR) as after:
            assert type(after) is zmq.Socket


def test_others_with_a_class_of_their_own(installed):
    class Own(zmq.Socket):
        pass

    class OwnContext(zmq.Context):
        _socket_class = Own

    class OwnAsyncioContext(zmq.asyncio.Context):
        _socket_class = zmq.asyncio.Socket

    async def exchange():
        with OwnAsyncioContext() as context:
            with context.socket(zmq.PAIR) as here, context.socket(zmq.PAIR) as there:
                assert type(here) is zmq.asyncio.Socket
                here.bind("inproc://asyncio")
                there.connect("inproc://asyncio")
                await here.send_json({"a": 1})
                return await asyncio.wait_for(there.recv_json(), 5)

    assert kind(OwnContext()) is Own
    assert asyncio.run(exchange()) == {"a": 1}


def test_installed_sockets_work(installed, over, context, connect):
    here, there = connect(zmq.PUSH, zmq.PULL, over, context=context)
    assert type(here) is type(there) is framewire.Socket
    here.send_multipart([b"a", b"b"])
    here.send_array(np.arange(3))
    assert there.recv_multipart() == [b"a", b"b"]
    assert there.recv_array().tolist() == [0, 1, 2]
