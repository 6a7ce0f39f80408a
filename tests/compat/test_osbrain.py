"""framewire.compat.osbrain, with live agents of the osbrain package in their own processes."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import zmq
from live import LARGE, RICH, VALUE, assert_same, comparable, waited

import framewire
from framewire.compat import joined
from framewire.compat.osbrain import bind, connect

VALUES = {
    "raw": [b"", b"a\x80b\xff", bytes(100_000)],
    "json": [VALUE, None, "text", [], 1.5],
    "pickle": [VALUE, RICH, None],
    "cloudpickle": [VALUE, RICH, None],
    "dill": [VALUE, RICH, None],
}
SERIALIZERS = pytest.mark.parametrize("serializer", VALUES)
TRANSPORTS = pytest.mark.parametrize("transport", ["tcp", "ipc"])


@pytest.fixture(params=["plain", "installed"])
def agent(agents, request):
    """An agent, with its sockets closed afterwards."""
    proxy = agents[request.param]
    yield request.param
    proxy.close_all()
    proxy.take()


# ---- the three patterns


@TRANSPORTS
@SERIALIZERS
def test_push_to_an_agent(agents, agent, open_socket, serializer, transport):
    address = agents[agent].bind("PULL", handler="keep", transport=transport, serializer=serializer)
    with open_socket(connect, address) as push:
        assert push.kind == "PUSH"
        for value in VALUES[serializer]:
            push.send(value)
        assert_same(agents.received(agent, len(VALUES[serializer])), VALUES[serializer])


@TRANSPORTS
@SERIALIZERS
def test_pull_from_an_agent(agents, agent, open_socket, serializer, transport):
    address = agents[agent].bind("PUSH", "out", transport=transport, serializer=serializer)
    with open_socket(connect, address) as pull:
        for value in VALUES[serializer]:
            agents[agent].send("out", value)
            assert_same(pull.recv(), value)


@TRANSPORTS
@SERIALIZERS
def test_requests_to_an_agent(agents, agent, open_socket, serializer, transport):
    address = agents[agent].bind("REP", handler="reply", transport=transport, serializer=serializer)
    with open_socket(connect, address) as req:
        for value in VALUES[serializer]:
            assert_same(req.send_recv(value), value)


@TRANSPORTS
@SERIALIZERS
def test_publications_of_an_agent(agents, agent, open_socket, serializer, transport):
    address = agents[agent].bind("PUB", "out", transport=transport, serializer=serializer)
    with open_socket(connect, address, ["a", b"b\xff", "ü"]) as sub:
        hear(lambda value: agents[agent].send("out", value, topic="a"), sub, VALUES[serializer])
        for topic in ("a", "other", b"b\xff", "ü", "about"):
            for value in VALUES[serializer]:
                agents[agent].send("out", value, topic=topic)
                if topic == "other":
                    continue
                topic = topic.encode() if isinstance(topic, str) else topic
                # by raw, only what was subscribed to is known
                rest = topic[1:] if topic == b"about" and serializer == "raw" else b""
                expected = (topic[: len(topic) - len(rest)], rest + value if rest else value)
                came = sub.recv_topic()
                assert_same(came, expected)
                assert type(came[0]) is bytes
        agents[agent].send("out", VALUES[serializer][0], topic="a")
        assert_same(
            sub.recv(), (b"a", VALUES["raw"][0]) if serializer == "raw" else VALUES[serializer][0]
        )


def hear(publish, sub, values):
    """Publish one value until the subscription has reached the publisher, then another."""

    def heard():
        publish(values[0])
        return sub.socket.poll(10)

    waited(heard)
    publish(values[1])
    while comparable(sub.recv_topic()[1]) != comparable(values[1]):
        pass


@SERIALIZERS
@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:*", "ipc"])
def test_agents_connect(agents, agent, open_socket, serializer, endpoint, tmp_path):
    """To sockets of ours: all kinds, by the address that `bind` made."""
    proxy = agents[agent]

    def bound(kind, **settings):
        where = f"ipc://{tmp_path}/{kind}" if endpoint == "ipc" else endpoint
        return open_socket(bind, kind, serializer, endpoint=where, **settings)

    values = VALUES[serializer]
    with bound("PULL") as pull:
        proxy.connect(pull.address, "push")
        for value in values:
            proxy.send("push", value)
            assert_same(pull.recv(), value)
    with bound("PUSH") as push:
        proxy.connect(push.address, "pull", handler="keep")
        for value in values:
            push.send(value)
        assert_same(agents.received(agent, len(values)), values)
    with bound("REQ") as req:
        proxy.connect(req.address, "rep", handler="reply")
        for value in values:
            assert_same(req.send_recv(value), value)
        agents.received(agent, len(values))
    with bound("REP") as rep:
        proxy.connect(rep.address, "req")
        for value in values:
            proxy.after(0, "ask", "req", value)
            assert_same(rep.recv(), value)
            rep.send(value)
            assert_same(agents.received(agent), [value])
    with bound("SUB", topics="t") as sub:
        proxy.connect(sub.address, "pub")
        hear(lambda value: proxy.send("pub", value, topic="t"), sub, values)
        for value in values:
            proxy.send("pub", value, topic="t")
            assert_same(sub.recv_topic(), (b"t", value))


@SERIALIZERS
def test_agents_subscribe(agents, agent, open_socket, serializer):
    proxy = agents[agent]
    with open_socket(bind, "PUB", serializer) as pub:
        handlers = {"a": "keep_with_topic", b"ab": "keep_with_topic", "c": "keep"}
        proxy.connect(pub.address, "sub", handler=handlers)
        value = VALUES[serializer][-1]

        def heard():
            pub.send(value, "c")
            return proxy.get_attr("received")

        waited(heard)
        pub.send(value, b"ab")
        waited(lambda: type(proxy.get_attr("received")[-1]) is tuple)
        came = [each for each in proxy.take() if type(each) is tuple]
        for topic in ("", "d", "a"):
            pub.send(value, topic)
        pub.send(value)
        came += agents.received(agent)
        whole = {topic: topic + value if serializer == "raw" else value for topic in (b"ab", b"a")}
        expected = [(b"a", whole[b"ab"]), (b"ab", whole[b"ab"]), (b"a", whole[b"a"])]
        assert_same(came, expected)


def test_channels_publications(agents, agent, open_socket):
    channel = agents[agent].bind("SYNC_PUB", "channel", handler="reply")
    with open_socket(connect, channel.sender, channel.uuid + b"t") as sub:
        hear(lambda value: agents[agent].send("channel", value, topic="t"), sub, [1, 2])
        agents[agent].send("channel", VALUE, topic="tt")
        assert sub.recv_topic() == (channel.uuid + b"tt", VALUE)
    with pytest.raises(TypeError, match="channels"):
        connect(channel)
    with pytest.raises(ValueError, match="channels"):
        connect(channel.receiver)


# ---- what is refused


@pytest.fixture
def address(osbrain):
    def address(kind, serializer, port=1, role="server"):
        return osbrain.AgentAddress("tcp", f"127.0.0.1:{port}", kind, role, serializer)

    return address


def test_topics_with_the_separator(address, ctx):
    with (
        bind("PUB", "pickle", context=ctx) as pub,
        connect(address("PUB", "json"), context=ctx) as sub,
    ):
        for topic in (b"a\x80", "À", b"\x80", "x\u0100"):
            for refused in (
                lambda topic=topic: pub.send(1, topic),
                lambda topic=topic: sub.subscribe(topic),
                lambda topic=topic: connect(address("PUB", "dill"), topic, context=ctx),
                lambda topic=topic: bind("SUB", "dill", ["a", topic], context=ctx),
            ):
                with pytest.raises(ValueError, match="0x80"):
                    refused()
        for topic in (1, None, bytearray(b"a")):
            with pytest.raises(TypeError):
                sub.subscribe(topic)
    with bind("PUB", "raw", context=ctx) as pub:
        pub.send(b"fine", b"a\x80")  # nothing separates there


def test_connect_needs_no_osbrain(open_socket, ctx, quick):
    push = quick(ctx.socket(zmq.PUSH))
    push.bind("tcp://127.0.0.1:*")
    where = push.last_endpoint.decode().removeprefix("tcp://")
    address = SimpleNamespace(
        transport="tcp", address=where, kind="PUSH", role="server", serializer="json"
    )
    with open_socket(connect, address) as pull:
        push.send(b"[1]")
        assert pull.recv() == [1]


def test_what_cannot_be_asked_for(address, ctx):
    for wrong, error in (
        ("tcp://127.0.0.1:1", TypeError),
        (None, TypeError),
        (address("PUB", "json", role="client"), ValueError),
    ):
        with pytest.raises(error):
            connect(wrong, context=ctx)
    with pytest.raises(ValueError, match="topics are for SUB"):
        connect(address("PULL", "json"), "topic", context=ctx)
    for kind, serializer in (("ROUTER", "json"), ("PUB", "msgpack"), ("SYNC_PUB", "json")):
        with pytest.raises(ValueError, match="is none of"):
            bind(kind, serializer, context=ctx)
    for endpoint in ("inproc://a", "127.0.0.1:1", "udp://127.0.0.1:1"):
        with pytest.raises(ValueError, match="tcp and ipc"):
            bind("PUB", "json", endpoint=endpoint, context=ctx)
    with connect(address("PULL", "json"), context=ctx) as push:
        with pytest.raises(ValueError, match="topic"):
            push.send(1, "topic")
        with pytest.raises(ValueError, match="SNDMORE"):
            push.send(1, flags=zmq.SNDMORE)
        with pytest.raises(ValueError, match="SUB"):
            push.recv_topic()
        with pytest.raises(TypeError):
            push.send(object())
        assert repr(push) == f"<AgentSocket PUSH json {push.address}>"
    assert push.socket.closed
    with bind("PUSH", "raw", context=ctx) as push, pytest.raises(TypeError):
        push.send([b"two", b"frames"])


@pytest.mark.parametrize("serializer", ["json", *joined.PICKLES])
@pytest.mark.parametrize("kind", ["PULL", "SUB", "REP"])
def test_malformed_messages_consume_one(open_socket, ctx, quick, kind, serializer):
    whole = joined.dump("pickle", LARGE)
    bad = [b"", b"\xff", b"x" * 100, b"\x80", b"\xc1F\0", whole[:-1], whole[:40], b"\x80\x05."]
    frames = [[each] for each in bad] + [[b"N.", b""], [b"", b"", b""]]
    if kind == "SUB":
        frames = [[b"t\x80" + first, *rest] for first, *rest in frames] + [[b"t no separator"]]
    good = b"[1]" if serializer == "json" else pickle.dumps([1])
    with open_socket(bind, kind, serializer, *["t"] * (kind == "SUB")) as ours:
        peer = quick(ctx.socket({"PULL": zmq.PUSH, "SUB": zmq.XPUB, "REP": zmq.REQ}[kind]))
        peer.connect(ours.socket.last_endpoint)
        if kind == "SUB":
            assert subscriptions(peer, ours) == [b"\x01t"]
        for each in frames:
            peer.send_multipart(each)
            with pytest.raises(framewire.DecodeError):
                ours.recv()
            if kind == "REP":
                ours.send("an error")
                peer.recv()
            peer.send(b"t\x80" + good if kind == "SUB" else good)
            assert ours.recv() == [1]
            if kind == "REP":
                ours.send("fine")
                peer.recv()
        with pytest.raises(zmq.Again):
            ours.recv(zmq.DONTWAIT)


def subscriptions(pub, sub, count=1):
    """What a publisher is told, which a bound SUB does when it is looked at."""

    def told():
        sub.socket.poll(0)
        return pub.poll(10)

    return sorted(waited(told) and pub.recv() for _ in range(count))


def test_subscriptions(open_socket, ctx, quick):
    """Several to a socket, as text and bytes, that come and go; by raw the longest is the topic."""
    with open_socket(bind, "SUB", "raw", ["a", b"ab"]) as sub:
        pub = quick(ctx.socket(zmq.XPUB))
        pub.connect(sub.socket.last_endpoint)
        assert subscriptions(pub, sub, 2) == [b"\x01a", b"\x01ab"]
        for message, expected in (
            (b"abc", (b"ab", b"c")),
            (b"ac", (b"a", b"c")),
            (b"a", (b"a", b"")),
        ):
            pub.send(message)
            assert_same(sub.recv(), expected)
        sub.subscribe("c")
        sub.unsubscribe(b"ab")
        assert subscriptions(pub, sub, 2) == [b"\x00ab", b"\x01c"]
        pub.send(b"abc")
        assert_same(sub.recv(), (b"a", b"bc"))
        with pytest.raises(KeyError):
            sub.unsubscribe("never")


def test_framewires_messages_are_received_too(open_socket, ctx, quick):
    """A receiver is replaced first, its senders after it."""
    value = {"array": LARGE, "small": (1, 2)}
    with open_socket(bind, "PULL", "pickle") as pull, open_socket(bind, "SUB", "json", "t") as sub:
        push, pub = (quick(ctx.socket(kind)) for kind in (zmq.PUSH, zmq.XPUB))
        push.connect(pull.socket.last_endpoint)
        pub.connect(sub.socket.last_endpoint)
        subscriptions(pub, sub)
        for _ in range(2):
            push.send_value(value)
            assert_same(pull.recv(), value)
            push.send(pickle.dumps(value))
            assert_same(pull.recv(), value)
            pub.send_value(value, topic="topic")
            assert_same(sub.recv_topic(), (b"topic", value))
            pub.send(b"t\x80[1]")
            assert sub.recv() == [1]
        push.send_value(value, serializer="pickle")
        with pytest.raises(framewire.RefusedError):
            pull.recv()
        pull.socket.codec = framewire.Codec(key=b"of tests, and of nobody")
        push.send(pickle.dumps(value))
        with pytest.raises(framewire.SignatureError):
            pull.recv()


def test_decoders_read_in_place(open_socket, ctx, quick):
    """A publication's payload is not copied out of the frame."""
    with open_socket(bind, "SUB", "raw", "t") as sub:
        pub = quick(ctx.socket(zmq.XPUB))
        pub.connect(sub.socket.last_endpoint)
        subscriptions(pub, sub)
        pub.send(b"t" + LARGE.tobytes())
        _, value = sub.recv()
        assert type(value) is memoryview
        assert value.readonly
        np.testing.assert_array_equal(np.frombuffer(value), LARGE)
