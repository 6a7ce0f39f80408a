"""`framewire.Socket` under tornado, pollers, authenticators, monitors and proxies."""

import asyncio
import threading

import numpy as np
import pytest
import zmq
import zmq.asyncio
import zmq.auth
from loops import run, soon
from zmq.auth.asyncio import AsyncioAuthenticator
from zmq.auth.thread import ThreadAuthenticator
from zmq.utils.monitor import parse_monitor_message, recv_monitor_message

import framewire
import framewire.asyncio

ARRAY = np.arange(3)


def test_zmq_stream(connect):
    """Frames that a stream hands on; direct calls beside it, with `flush` after each."""
    pytest.importorskip("tornado", reason="tornado is not installed")
    from zmq.eventloop.zmqstream import ZMQStream

    async def main():
        here, there = connect(zmq.PAIR, zmq.PAIR, "tcp")
        stream = ZMQStream(there)
        got = asyncio.Queue()
        stream.on_recv(lambda frames: got.put_nowait(framewire.loads_array(frames)), copy=False)
        for i in range(300):
            here.send_array(ARRAY + i)
            there.send_array(ARRAY, zmq.DONTWAIT)  # processes the socket's events
            stream.flush()
            assert (await soon(got.get()) == ARRAY + i).all()
            assert (here.recv_array() == ARRAY).all()
        stream.send_multipart(framewire.dumps(ARRAY))
        stream.flush()
        assert (here.recv_array() == ARRAY).all()
        stream.close()

    run(main())


def test_poller(connect, over):
    here, there = connect(zmq.PUSH, zmq.PULL, over)
    poller = zmq.Poller()
    poller.register(there, zmq.POLLIN)
    for i in range(100):
        assert poller.poll(0) == []
        here.send_array(ARRAY)
        here.send_value(i)
        for receive in (there.recv_array, there.recv_value):
            assert dict(poller.poll(5000)) == {there: zmq.POLLIN}
            receive(zmq.DONTWAIT)
    assert there.poll(0) == 0
    assert zmq.select([there], [here], [], 0)[:2] == ([], [here])


@pytest.mark.parametrize("poller", [zmq.asyncio.Poller, framewire.asyncio.Poller])
def test_asyncio_poller(connect, poller):
    async def main():
        here, there = connect(zmq.PUSH, zmq.PULL, "tcp")
        polling = poller()
        polling.register(there, zmq.POLLIN)
        for i in range(100):
            waiting = asyncio.ensure_future(polling.poll(5000))
            await asyncio.sleep(0)
            here.send_value(i)
            assert dict(await soon(waiting)) == {there: zmq.POLLIN}
            assert there.recv_value(zmq.DONTWAIT) == i

    run(main())


def keys(folder):
    for name in ("server", "client", "stranger"):
        zmq.auth.create_certificates(folder, name)
    return {
        name: zmq.auth.load_certificate(folder / f"{name}.key_secret")
        for name in ("server", "client", "stranger")
    }


def secured(context, pairs, folder):
    """A server that takes the client only: it, the client, and a stranger."""
    server, client, stranger = context.socket(zmq.PULL), *(context.socket(zmq.PUSH) for _ in "ab")
    for socket, who in ((server, "server"), (client, "client"), (stranger, "stranger")):
        socket.linger = 0
        socket.curve_publickey, socket.curve_secretkey = pairs[who]
    server.curve_server = True
    server.bind("tcp://127.0.0.1:*")
    for socket in (client, stranger):
        socket.curve_serverkey = pairs["server"][0]
        socket.connect(server.last_endpoint)
    return server, client, stranger


def allow_client(authenticator, folder):
    allowed = folder / "allowed"
    allowed.mkdir()
    (allowed / "client.key").write_bytes((folder / "client.key").read_bytes())
    authenticator.configure_curve(domain="*", location=str(allowed))


needs_curve = pytest.mark.skipif(not zmq.has("curve"), reason="libzmq without CURVE")


@needs_curve
def test_thread_authenticator(ctx, tmp_path):
    pairs = keys(tmp_path)
    authenticator = ThreadAuthenticator(ctx)
    authenticator.start()
    try:
        allow_client(authenticator, tmp_path)
        server, client, stranger = secured(ctx, pairs, tmp_path)
        server.rcvtimeo = 10_000
        stranger.setsockopt(zmq.SNDTIMEO, 300)
        with pytest.raises(zmq.Again):
            stranger.send_array(ARRAY)
            server.rcvtimeo = 300
            server.recv_array()
        server.rcvtimeo = 10_000
        client.send_array(ARRAY)
        assert (server.recv_array() == ARRAY).all()
    finally:
        authenticator.stop()


@needs_curve
def test_asyncio_authenticator(tmp_path):
    async def main():
        pairs = keys(tmp_path)
        with framewire.asyncio.Context() as context:
            authenticator = AsyncioAuthenticator(context)
            authenticator.start()
            allow_client(authenticator, tmp_path)
            server, client, stranger = secured(context, pairs, tmp_path)
            refused = asyncio.ensure_future(stranger.send_array(ARRAY))
            await soon(client.send_array(ARRAY))
            assert (await soon(server.recv_array()) == ARRAY).all()
            server.rcvtimeo = 300
            with pytest.raises(zmq.Again):
                await server.recv_array()
            refused.cancel()
            authenticator.stop()
            for socket in (server, client, stranger):
                socket.close(0)

    run(main())


def test_monitor(ctx):
    here, there = ctx.socket(zmq.PUSH), ctx.socket(zmq.PULL)
    monitor = there.get_monitor_socket()
    monitor.rcvtimeo = 10_000
    assert type(monitor) is framewire.Socket
    there.bind("tcp://127.0.0.1:*")
    here.connect(there.last_endpoint)
    here.send_array(ARRAY)
    assert (there.recv_array() == ARRAY).all()
    events = []
    while zmq.EVENT_HANDSHAKE_SUCCEEDED not in events:
        events.append(recv_monitor_message(monitor)["event"])
    assert zmq.EVENT_LISTENING in events
    there.disable_monitor()
    monitor.close(0)


def test_asyncio_monitor():
    async def main():
        with framewire.asyncio.Context() as context:
            with context.socket(zmq.PUSH) as here, context.socket(zmq.PULL) as there:
                monitor = there.get_monitor_socket()
                there.bind("tcp://127.0.0.1:*")
                here.connect(there.last_endpoint)
                events = []
                while zmq.EVENT_HANDSHAKE_SUCCEEDED not in events:
                    frames = await soon(monitor.recv_multipart())
                    events.append(parse_monitor_message(frames)["event"])
                there.disable_monitor()
                monitor.close(0)

    run(main())


def test_proxy(ctx, quick):
    """A steerable proxy in a thread, between framewire's sockets."""
    front, back, control = (ctx.socket(kind) for kind in (zmq.PULL, zmq.PUSH, zmq.PAIR))
    for socket, name in ((front, "front"), (back, "back"), (control, "control")):
        socket.bind(f"inproc://{name}")
    here, there, steering = (quick(ctx.socket(kind)) for kind in (zmq.PUSH, zmq.PULL, zmq.PAIR))
    for socket, name in ((here, "front"), (there, "back"), (steering, "control")):
        socket.connect(f"inproc://{name}")
    proxy = threading.Thread(target=zmq.proxy_steerable, args=(front, back, None, control))
    proxy.start()
    for i in range(100):
        here.send_array(ARRAY + i)
        assert (there.recv_array() == ARRAY + i).all()
    steering.send(b"TERMINATE")
    proxy.join(10)
    assert not proxy.is_alive()
    for socket in (front, back, control):
        socket.close(0)
