"""`framewire.Context.instance()` is pyzmq's, with our sockets: libraries use that one."""

import contextlib

import pytest
import zmq
from zmq.auth.thread import ThreadAuthenticator

import framewire
from framewire import zmq as drop_in


@pytest.fixture(autouse=True)
def _fresh():
    yield
    zmq.Context.instance().destroy(linger=0)


def test_one_context_of_libzmq():
    ours, plain = framewire.Context.instance(), zmq.Context.instance()
    assert ours is framewire.Context.instance()
    assert type(ours) is framewire.Context
    assert ours.underlying == plain.underlying
    with ours.socket(zmq.PAIR) as here, plain.socket(zmq.PAIR) as there:
        assert (type(here), type(there)) == (framewire.Socket, zmq.Socket)
        here.rcvtimeo = 5000
        there.bind("inproc://shared")
        here.connect("inproc://shared")
        there.send(b"x")
        assert here.recv() == b"x"


@pytest.mark.parametrize("by", [framewire.Context, zmq.Context])
def test_ends_for_both(by):
    ours, plain = framewire.Context.instance(), zmq.Context.instance()
    sockets = [context.socket(zmq.PUSH) for context in (ours, plain)]
    by.instance().destroy(linger=0)
    assert all(socket.closed for socket in sockets)
    assert plain.closed
    again = framewire.Context.instance()
    assert again is not ours
    assert again.underlying == zmq.Context.instance().underlying
    with again.socket(zmq.PUSH) as socket:
        assert not socket.closed


def test_of_a_subclass():
    class Mine(framewire.Context):
        pass

    assert type(framewire.Context.instance()) is framewire.Context
    assert type(Mine.instance()) is Mine
    assert Mine.instance() is Mine.instance()
    assert type(framewire.Context.instance()) is framewire.Context


def test_authentication_holds(tmp_path):
    """A ThreadAuthenticator asks pyzmq's instance; with two contexts it would never be asked."""
    if not zmq.has("curve"):
        pytest.skip("a libzmq without CURVE")
    context = drop_in.Context.instance()
    authenticator = ThreadAuthenticator()
    authenticator.start()
    authenticator.configure_curve(domain="*", location=str(tmp_path))  # nobody's key
    server_public, server_secret = zmq.curve_keypair()
    try:
        with context.socket(zmq.PULL) as pull, context.socket(zmq.PUSH) as push:
            pull.linger = push.linger = 0
            pull.curve_server, pull.curve_secretkey = True, server_secret
            push.curve_serverkey = server_public
            push.curve_publickey, push.curve_secretkey = zmq.curve_keypair()
            push.connect(f"tcp://127.0.0.1:{pull.bind_to_random_port('tcp://127.0.0.1')}")
            with contextlib.suppress(zmq.Again):
                push.send(b"stranger", zmq.DONTWAIT)
            assert not pull.poll(500)
    finally:
        authenticator.stop()


def test_types_take_arguments():
    """As annotations of typed programs do."""
    assert drop_in.Socket[bytes].__origin__ is framewire.Socket
    assert drop_in.Context[drop_in.Socket].__origin__ is framewire.Context

    class Mine(drop_in.Socket[bytes]):
        pass

    with framewire.Context() as context, Mine(context, zmq.PAIR) as socket:
        assert isinstance(socket, framewire.Socket)
