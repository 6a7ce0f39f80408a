"""framewire.compat.osbrain: what its sockets do and refuse by themselves, without agents."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import zmq
from live import LARGE, assert_same, waited

import framewire
from framewire.compat import joined
from framewire.compat.osbrain import bind, connect


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
        with pytest.raises(error, match="AgentAddress"):
            connect(wrong, context=ctx)
    with pytest.raises(ValueError, match="topics are for SUB, not for PUSH"):
        connect(address("PULL", "json"), "topic", context=ctx)
    for kind, serializer in (
        ("ROUTER", "json"),
        (zmq.ROUTER, "json"),
        ("PUB", "msgpack"),
        ("SYNC_PUB", "json"),
    ):
        with pytest.raises(ValueError, match="is none of"):
            bind(kind, serializer, context=ctx)
    for endpoint in ("inproc://a", "127.0.0.1:1", "udp://127.0.0.1:1"):
        with pytest.raises(ValueError, match="tcp and ipc"):
            bind("PUB", "json", endpoint=endpoint, context=ctx)
    with pytest.raises(TypeError, match="an endpoint is a str, not bytes"):
        bind("PUB", "json", endpoint=b"tcp://127.0.0.1:*", context=ctx)
    with connect(address("PULL", "json"), context=ctx) as push:
        with pytest.raises(ValueError, match="topic"):
            push.send(1, "topic")
        with pytest.raises(ValueError, match="SNDMORE"):
            push.send(1, flags=zmq.SNDMORE)
        for call in (push.subscribe, push.unsubscribe, lambda _: push.recv_topic()):
            with pytest.raises(ValueError, match="topics are for SUB, not for PUSH"):
                call("topic")
        with pytest.raises(ValueError, match="send_recv is for REQ, not for PUSH"):
            push.send_recv(1)
        with pytest.raises(TypeError):
            push.send(object())
        assert repr(push) == f"<AgentSocket PUSH json {push.address}>"
    assert push.socket.closed
    with bind(zmq.PULL, "raw", context=ctx) as pull:
        assert (pull.kind, pull.address.kind) == ("PULL", "PULL")


@pytest.mark.parametrize("kind", ["PUSH", "PUB"])
def test_what_raw_takes(open_socket, ctx, quick, kind):
    """Contiguous buffers of bytes, and nothing that would arrive as something else."""
    times = np.arange(3).view("M8[s]")
    with open_socket(bind, kind, "raw") as ours:
        other = quick(ctx.socket(zmq.PULL if kind == "PUSH" else zmq.SUB))
        if kind == "PUB":
            other.subscribe(b"")
        other.connect(ours.socket.last_endpoint)

        def heard():
            ours.send(b"")
            return other.poll(10)

        waited(heard)
        for wrong, error in (
            ("text", TypeError),
            ([b"two", b"frames"], TypeError),
            (3, TypeError),
            (np.array([None]), TypeError),
            (np.ma.masked_array([1], [1]), TypeError),
            (times[::2], (TypeError, ValueError)),
        ):
            with pytest.raises(error, match=r"raw|bytes|text|buffer|pointers|mask"):
                ours.send(wrong)
        for right in (b"x", bytearray(20_000), memoryview(b"abcd").cast("H"), times):
            ours.send(right)
            while not (came := other.recv()):
                pass
            assert came == (times.tobytes() if right is times else bytes(right))


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


@pytest.mark.parametrize("serializer", ["raw", "json"])
def test_subscriptions_are_counted(open_socket, ctx, quick, serializer):
    """As by libzmq: what is subscribed to twice needs to be undone twice, and more does nothing."""
    separator = b"" if serializer == "raw" else b"\x80"
    came = (b"a", b"[1]" if serializer == "raw" else [1])
    with open_socket(bind, "SUB", serializer, ["a", b"a"]) as sub:
        pub = quick(ctx.socket(zmq.XPUB))
        pub.connect(sub.socket.last_endpoint)
        assert subscriptions(pub, sub) == [b"\x01a"]
        sub.unsubscribe("a")
        pub.send(b"a" + separator + b"[1]")
        assert_same(sub.recv_topic(), came)
        sub.unsubscribe("a")
        assert subscriptions(pub, sub) == [b"\x00a"]
        sub.unsubscribe("a")
        sub.unsubscribe("never")
        sub.subscribe("a")
        assert subscriptions(pub, sub) == [b"\x01a"]
        pub.send(b"a" + separator + b"[1]")
        assert_same(sub.recv_topic(), came)
    for change in (sub.subscribe, sub.unsubscribe):
        with pytest.raises(zmq.ZMQError):  # it is closed
            change("b")


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
        push.send_value({1}, serializer="pickle")  # which agents could send as well
        assert pull.recv() == {1}
        pub.send_value({1}, serializer="pickle", topic="topic")
        with pytest.raises(framewire.RefusedError):
            sub.recv()


def test_framewires_pickles(open_socket, ctx, quick):
    """Those of the address, whatever the socket's codec says of others."""
    pytest.importorskip("cloudpickle")
    with open_socket(bind, "PULL", "cloudpickle") as pull:
        push = quick(ctx.socket(zmq.PUSH))
        push.connect(pull.socket.last_endpoint)
        for allow in (None, ["pickle"], ["msgpack"]):
            pull.socket.codec = framewire.Codec(allow=allow)
            for serializer in ("msgpack", "pickle", "cloudpickle"):
                push.send_value({1}, serializer=serializer)
                if serializer in ("cloudpickle", *(allow or ["msgpack"])):
                    assert pull.recv() == {1}
                else:
                    with pytest.raises(framewire.RefusedError, match=serializer):
                        pull.recv()


def test_topics_that_begin_as_heads_do(open_socket, ctx, quick):
    """A lone frame is a head if all of it is one, whatever begins like it is a topic."""
    value = {"a": 1}
    with open_socket(bind, "SUB", "pickle", [b"\xc1F"]) as sub:
        pub = quick(ctx.socket(zmq.XPUB))
        pub.connect(sub.socket.last_endpoint)
        assert subscriptions(pub, sub) == [b"\x01\xc1F"]
        head = bytes(framewire.dumps(np.zeros(3))[0])
        for end in range(2, len(head) - 24):
            pub.send(head[:end] + b"\x80" + pickle.dumps(value))
            assert sub.recv_topic() == (head[:end].partition(b"\x80")[0], value)
        pub.send(head)
        assert_same(sub.recv_topic(), (b"", np.zeros(3)))
        pub.send_value(value)
        assert sub.recv_topic() == (b"", value)
        sub.socket.codec = framewire.Codec(limits=framewire.Limits(size=10))
        pub.send(head)
        with pytest.raises(framewire.LimitError):
            sub.recv()
        pub.send(head[:-1])
        with pytest.raises(framewire.DecodeError, match="without a separator"):
            sub.recv()


@pytest.mark.parametrize("serializer", ["raw", "json", "pickle"])
def test_a_key_is_refused(open_socket, ctx, quick, serializer):
    """Agents sign nothing: nothing is sent, and nothing received."""
    payload = pickle.dumps([1]) if serializer == "pickle" else b"[1]"
    keyed, none = framewire.Codec(key=b"of tests, and of nobody"), framewire.Codec(key={})
    with open_socket(bind, "PULL", serializer) as pull:
        push = open_socket(connect, pull.address)
        push.socket.codec = pull.socket.codec = keyed
        with pytest.raises(ValueError, match="key="):
            push.send(payload)
        with pytest.raises(ValueError, match="key="):
            pull.recv(zmq.DONTWAIT)
        push.socket.codec = none
        push.send(payload if serializer == "raw" else [1])
        assert pull.socket.poll()
        with pytest.raises(ValueError, match="key=") as caught:
            pull.recv()
        assert not isinstance(caught.value, framewire.DecodeError)  # it has not been consumed
        pull.socket.codec = none
        assert_same(pull.recv(), payload if serializer == "raw" else [1])
        push.close()


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
