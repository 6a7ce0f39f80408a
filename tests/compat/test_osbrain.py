"""framewire.compat.osbrain, with live agents of the osbrain package in their own processes."""

import pytest
from live import RICH, VALUE, assert_same, comparable, heard, waited

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

        waited(lambda: pub.send(value, "c") or proxy.get_attr("received"))
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


@pytest.mark.parametrize("serializer", ["json", "pickle"])
def test_topics_that_begin_as_heads_do(agents, agent, open_socket, serializer):
    proxy = agents[agent]
    address = proxy.bind("PUB", "out", serializer=serializer)
    with (
        open_socket(connect, address, b"\xc1F") as sub,
        open_socket(bind, "PUB", serializer) as pub,
    ):
        hear(lambda value: proxy.send("out", value, topic=b"\xc1F"), sub, [1, 2])
        for topic in (b"\xc1F", b"\xc1Fx", b"\xc1F\x01\x00\x03"):
            proxy.send("out", VALUE, topic=topic)
            assert sub.recv_topic() == (topic, VALUE)
        proxy.connect(pub.address, "sub", handler={b"\xc1F": "keep"})
        came = heard(proxy, lambda: pub.send(VALUE, topic), lambda end: pub.send(end, topic))
        assert came == [VALUE] * len(came) != []


def test_channels_publications(agents, agent, open_socket):
    channel = agents[agent].bind("SYNC_PUB", "channel", handler="reply")
    with open_socket(connect, channel.sender, channel.uuid + b"t") as sub:
        hear(lambda value: agents[agent].send("channel", value, topic="t"), sub, [1, 2])
        agents[agent].send("channel", VALUE, topic="tt")
        assert sub.recv_topic() == (channel.uuid + b"tt", VALUE)
    with pytest.raises(TypeError, match="no channel"):
        connect(channel)
    with pytest.raises(ValueError, match="channels"):
        connect(channel.receiver)
