"""pyzmq's calls on sockets of every type, over every transport, a plain peer on one side."""

import threading
from contextlib import suppress

import pytest
import zmq
import zmq.auth
from outcomes import queued
from zmq.auth.thread import ThreadAuthenticator

import framewire

LARGE = b"l" * 100_000
MESSAGES = [[b"one"], [b""], [b"a", b"", b"c"], [b"big", LARGE], [b"%d" % n for n in range(30)]]
SIDES = ["ours bound", "ours connected", "both ours"]


@pytest.fixture(params=SIDES)
def linked(request, connect, ctx, context, over, tmp_path, quick):
    """Connect two sockets, of which one at least is framewire's: (bound, connected)."""

    def make(bound, connected, setup=lambda here, there: None):
        shared = framewire.Context.shadow(context.underlying)
        contexts = {
            "ours bound": (shared, context),
            "ours connected": (context, shared),
            "both ours": (shared, shared),
        }[request.param]
        here, there = (
            quick(context.socket(kind))
            for context, kind in zip(contexts, (bound, connected), strict=True)
        )
        setup(here, there)
        here.bind("tcp://127.0.0.1:*" if over == "tcp" else f"{over}://{tmp_path}/socket")
        there.connect(here.last_endpoint)
        opened.extend([here, there])
        return here, there

    opened = []
    yield make
    for socket in opened:
        socket.close(0)


def exchange(here, there):
    """Every message, by each way to send and to receive a message."""
    for message in MESSAGES:
        for copy in (True, False):
            here.send_multipart(message, copy=copy)
            assert there.recv_multipart() == message
            here.send_multipart(message)
            assert [bytes(frame) for frame in there.recv_multipart(copy=copy)] == message
            here.send_multipart(message[:-1] or [b"first"], zmq.SNDMORE, copy=copy)
            here.send(message[-1], copy=copy)
            got = [there.recv()]
            while there.getsockopt(zmq.RCVMORE):
                got.append(there.recv(copy=copy))
            assert [bytes(frame) for frame in got] == [*(message[:-1] or [b"first"]), message[-1]]


@pytest.mark.parametrize(
    ("bound", "connected"),
    [
        (zmq.PULL, zmq.PUSH),
        (zmq.PAIR, zmq.PAIR),
        (zmq.DEALER, zmq.DEALER),
    ],
)
def test_one_way(linked, bound, connected):
    here, there = linked(bound, connected)
    exchange(there, here)
    if bound != zmq.PULL:
        exchange(here, there)


def test_request_and_reply(linked):
    rep, req = linked(zmq.REP, zmq.REQ)
    for message in MESSAGES:
        req.send_multipart(message)
        with pytest.raises(zmq.ZMQError) as caught:
            req.send(b"again")
        assert caught.value.errno == zmq.EFSM
        assert rep.recv_multipart() == message
        rep.send(b"begun", zmq.SNDMORE)
        rep.send_multipart(message, copy=False)
        with pytest.raises(zmq.ZMQError) as caught:
            rep.send(b"again")
        assert caught.value.errno == zmq.EFSM
        assert req.recv_multipart() == [b"begun", *message]
    req.send_json({"a": [1]})
    rep.send_json(rep.recv_json())
    assert req.recv_json() == {"a": [1]}


def test_dealer_and_router(linked):
    router, dealer = linked(
        zmq.ROUTER, zmq.DEALER, lambda _, dealer: dealer.set(zmq.IDENTITY, b"me")
    )
    for message in MESSAGES:
        dealer.send_multipart(message)
        assert router.recv_multipart() == [b"me", *message]
        router.send_multipart([b"me", *message], copy=False)
        assert dealer.recv_multipart() == message
        router.send(b"me", zmq.SNDMORE)
        router.send_multipart(message)
        assert dealer.recv_multipart() == message
    dealer.send_pyobj([1])
    identity = router.recv()
    router.send(identity, zmq.SNDMORE)
    router.send_pyobj(router.recv_pyobj() * 2)
    assert dealer.recv_pyobj() == [1, 1]
    router.send_multipart([b"nobody", b"is lost"])
    router.router_mandatory = 1
    with pytest.raises(zmq.ZMQError) as caught:
        router.send_multipart([b"nobody", b"is there"])
    assert caught.value.errno == zmq.EHOSTUNREACH
    router.send_multipart([b"me", b"next"])
    assert dealer.recv_multipart() == [b"next"]


def test_publish_and_subscribe(linked):
    publisher, subscriber = linked(zmq.XPUB, zmq.SUB)
    subscriber.subscribe(b"t")
    assert publisher.recv() == b"\1t"
    for message in MESSAGES:
        publisher.send_multipart([b"other", *message])
        publisher.send_multipart([b"topic", *message], copy=False)
        publisher.send(b"t", zmq.SNDMORE)
        publisher.send_multipart(message)
        assert subscriber.recv_multipart() == [b"topic", *message]
        assert subscriber.recv_multipart() == [b"t", *message]
    publisher.send_string("text with a topic")
    assert subscriber.recv_string() == "text with a topic"
    assert not subscriber.poll(0)


def test_subscriptions_as_messages(linked):
    publisher, subscriber = linked(zmq.PUB, zmq.XSUB)
    subscriber.send(b"\1a")
    subscriber.send_multipart([b"\1b"])
    for _ in range(500):  # subscriptions take a moment, and PUB does not say
        publisher.send_multipart([b"b", LARGE])
        if subscriber.poll(10):
            break
    assert subscriber.recv_multipart() == [b"b", LARGE]


@pytest.mark.parametrize("ours", [True, False])
def test_stream(ctx, context, quick, ours):
    """STREAM speaks plain TCP: a routing id and a piece of the stream; empty ones connect."""
    server = quick((ctx if ours else context).socket(zmq.STREAM))
    client = quick((context if ours else ctx).socket(zmq.STREAM))
    server.bind("tcp://127.0.0.1:*")
    client.connect(server.last_endpoint)
    to_server, nothing = client.recv_multipart()
    to_client, empty = server.recv_multipart()
    assert nothing == empty == b""
    client.send(to_server, zmq.SNDMORE)
    client.send(b"question", zmq.SNDMORE)
    assert server.recv_multipart() == [to_client, b"question"]
    server.send_multipart([to_client, b"answer"])
    assert client.recv_multipart() == [to_server, b"answer"]
    server.send_multipart([to_client, b"more"], copy=False)
    assert client.recv_multipart() == [to_server, b"more"]


# ---- security


def plain(server, client, keys, good):
    server.plain_server = True
    client.plain_username = b"user"
    client.plain_password = b"right" if good else b"wrong"


def curve(server, client, keys, good):
    (server_public, server_secret), (client_public, client_secret) = keys
    server.curve_server = True
    server.curve_secretkey, server.curve_publickey = server_secret, server_public
    client.curve_serverkey = server_public if good else client_public
    client.curve_publickey, client.curve_secretkey = client_public, client_secret


def null(server, client, keys, good):
    server.zap_domain = b"global"
    if not good:
        client.plain_username, client.plain_password = b"user", b"right"


@pytest.fixture
def authenticator(context):
    """A ZAP handler in the context of the server."""
    handler = ThreadAuthenticator(context)
    handler.start()
    handler.configure_plain("*", {"user": "right"})
    handler.configure_curve("*", zmq.auth.CURVE_ALLOW_ANY)
    yield handler
    handler.stop()


@pytest.mark.parametrize("ours", ["server", "client", "both"])
@pytest.mark.parametrize("mechanism", [null, plain, curve])
def test_security(context, authenticator, quick, mechanism, ours):
    """Both ways, and a frame says who sent it; a peer without the right key gets nothing."""
    if mechanism is curve and not zmq.has("curve"):
        pytest.skip("a libzmq without CURVE")
    keys = [zmq.curve_keypair() for _ in range(2)] if mechanism is curve else None
    shared = framewire.Context.shadow(context.underlying)
    for good in (True, False):
        with (
            (context if ours == "client" else shared).socket(zmq.DEALER) as server,
            (context if ours == "server" else shared).socket(zmq.DEALER) as client,
        ):
            quick(server)
            quick(client)
            mechanism(server, client, keys, good)
            server.bind("tcp://127.0.0.1:*")
            client.connect(server.last_endpoint)
            if good:
                exchange(client, server)
                exchange(server, client)
                client.send_multipart([b"a", LARGE])
                user = {null: "anonymous", plain: "user"}.get(mechanism) or keys[1][0].decode()
                for frame in server.recv_multipart(copy=False):
                    assert frame["Socket-Type"] == "DEALER"
                    assert frame["Peer-Address"] == "127.0.0.1"
                    assert frame["User-Id"] == user
            else:
                with suppress(zmq.Again):  # libzmq may have given up the connection by now
                    client.send_multipart([b"a", LARGE], zmq.DONTWAIT)
                assert not server.poll(100)


# ---- types that have no multipart messages


@pytest.mark.skipif(not zmq.has("draft"), reason="libzmq without its draft socket types")
@pytest.mark.parametrize(
    ("bound", "connected"),
    [("SERVER", "CLIENT"), ("RADIO", "DISH"), ("SCATTER", "GATHER"), ("CHANNEL", "CHANNEL")],
)
def test_single_frames(ctx, quick, bound, connected):
    here, there = (quick(ctx.socket(getattr(zmq, kind))) for kind in (bound, connected))
    here.bind("tcp://127.0.0.1:*")
    there.connect(here.last_endpoint)
    if bound == "RADIO":
        there.join("group")
        for _ in range(500):
            here.send(b"x", group="group")
            if there.poll(10):
                break
        frame = there.recv(copy=False)
        assert (frame.bytes, frame.group) == (b"x", "group")
    elif bound == "SERVER":
        there.send(b"question")
        frame = here.recv(copy=False)
        here.send(b"answer", routing_id=frame.routing_id)
        assert (frame.bytes, there.recv()) == (b"question", b"answer")
    else:
        here.send_json([1])
        assert there.recv_json() == [1]
    with pytest.raises(zmq.ZMQError):
        here.send_multipart([b"a", b"b"])


def test_each_thread_with_sockets_of_its_own(context, quick):
    """Four senders, one receiver: every message whole and in the order of its sender."""
    shared = framewire.Context.shadow(context.underlying)
    pull = quick(shared.socket(zmq.PULL))
    pull.bind("inproc://threads")

    def work(number):
        with quick(shared.socket(zmq.PUSH)) as push:
            push.linger = 1000
            push.connect("inproc://threads")
            for i in range(500):
                push.send_multipart([b"%d" % number, b"%d" % i, b"x" * (i % 90)], copy=i % 2)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    seen = {b"%d" % number: [] for number in range(4)}
    for _ in range(4 * 500):
        number, i, rest = pull.recv_multipart()
        assert rest == b"x" * (int(i) % 90)
        seen[number].append(int(i))
    for thread in threads:
        thread.join(10)
    assert all(numbers == list(range(500)) for numbers in seen.values())
    assert queued(pull) == []
    pull.close(0)
