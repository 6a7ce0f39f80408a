"""Subclasses of framewire.Socket: their overrides are asked whenever pyzmq would ask them."""

import pytest
import zmq
from outcomes import RECEIVES, SENDS, queued

import framewire


def counting(name):
    """A method that notes its call and goes on."""

    def method(self, *args, **kwargs):
        self.calls.append(name)
        return getattr(super(self.counted, self), name)(*args, **kwargs)

    return method


def made(base, names, *, mixin=False):
    """A subclass of `base` that counts the calls of some methods, by itself or by a mixin."""
    body = {name: counting(name) for name in names}
    if mixin:
        counted = type("Mixin", (), body)
        cls = type("Counting", (counted, base), {"calls": []})
    else:
        cls = counted = type("Counting", (base,), {**body, "calls": []})
    cls.counted = counted
    return cls


def pair_of(connect, context, cls):
    here, there = connect(context=context)
    ours = [cls.shadow(socket.underlying) for socket in (here, there)]
    return *ours, here, there


OVERRIDES = [
    ["send"],
    ["recv"],
    ["send_multipart"],
    ["recv_multipart"],
    ["_deserialize"],
    ["send", "recv"],
    ["send_multipart", "_deserialize"],
    ["send", "recv", "send_multipart", "recv_multipart", "_deserialize"],
    ["send", "send_json"],
    ["recv_multipart", "recv_serialized"],
    ["send_json"],
    ["recv_pyobj"],
    [],
]


@pytest.mark.parametrize("mixin", [False, True])
@pytest.mark.parametrize("names", OVERRIDES, ids=str)
def test_overrides_are_asked(context, connect, names, mixin):
    """Call by call, as often as with pyzmq's Socket as the base."""
    counted = {}
    for base in (zmq.Socket, framewire.Socket):
        cls = made(base, names, mixin=mixin)
        here, there, *_ = pair_of(connect, context, cls)
        for (send, sent), (receive, how) in zip(SENDS.items(), RECEIVES.items(), strict=True):
            cls.calls.clear()
            getattr(here, send)(*sent)
            sending = list(cls.calls)
            getattr(there, receive)(*how)
            counted.setdefault(send, []).append((sending, cls.calls[len(sending) :]))
        for name in ("unicode", "string"):
            cls.calls.clear()
            getattr(here, f"send_{name}")("text")
            assert getattr(there, f"recv_{name}")() == "text"
            counted.setdefault(name, []).append(list(cls.calls))
    for call, (plain, ours) in counted.items():
        assert ours == plain, call
    if "send" in names:
        assert counted["send_json"][1][0][-1] == "send"


def test_overrides_further_down(context, connect):
    """A subclass of a subclass, which overrides more, or nothing."""
    first = made(framewire.Socket, ["recv"])

    class More(first):
        def send(self, *args, **kwargs):
            self.calls.append("send")
            return super().send(*args, **kwargs)

    for cls, calls in ((type("Same", (first,), {}), ["recv"]), (More, ["send", "recv"])):
        first.calls.clear()
        here, there, *_ = pair_of(connect, context, cls)
        here.send_json([1])
        assert there.recv_json() == [1]
        assert first.calls == calls


def test_an_override_changes_what_is_sent(connect):
    """The point of overriding: JSON by way of a send that frames, and back."""

    class Framing(framewire.Socket):
        def send(self, data, flags=0, **how):
            return super().send(b"<" + bytes(data) + b">", flags, **how)

        def recv(self, *args, **how):
            return super().recv(*args, **how)[1:-1]

    class FramingContext(framewire.Context):
        _socket_class = Framing

    with FramingContext() as context:
        here, there = connect(context=context)
        here.send_json({"a": 1})
        here.send_multipart([b"a", b"b"])
        here.send_string("text")
        assert there.recv_json() == {"a": 1}
        assert there.recv_multipart() == [b"a", b"b"]
        assert queued(zmq.Socket.shadow(there.underlying)) == [[b"<text>"]]
        context.destroy(linger=0)


def test_a_deserialize_that_defers(pair):
    """As in pyzmq's futures: `_deserialize` decides when, and gets the bytes and the function."""

    class Later(framewire.Socket):
        def _deserialize(self, recvd, load):
            return recvd, lambda: load(recvd)

    here = pair[0]
    later = Later.shadow(pair[1].underlying)
    here.send_json([1])
    here.send_string("text")
    here.send_pyobj({1, 2})
    here.send_multipart([b"a", b"b"])
    for receive, data, value in [
        (later.recv_json, b"[1]", [1]),
        (later.recv_string, b"text", "text"),
        (later.recv_pyobj, None, {1, 2}),
        (lambda: later.recv_serialized(b"".join), [b"a", b"b"], b"ab"),
    ]:
        received, load = receive()
        assert data is None or received == data
        assert load() == value


class Station(framewire.Socket):
    """A user's own socket: attributes, options, methods, and a constructor."""

    name = "nobody"
    _note = ""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.made = True

    def report(self, value):
        self.send_multipart([self.name.encode(), b"%d" % value])

    def read(self):
        name, value = self.recv_multipart()
        return name.decode(), int(value)


Station.made = False


class Stations(framewire.Context):
    _socket_class = Station


def test_a_socket_class_of_ones_own(connect, over):
    with Stations() as context:
        here, there = connect(zmq.PUSH, zmq.PULL, over, context=context)
        assert type(here) is Station
        assert here.made
        here.name = "north"
        assert (here.name, there.name, Station.name) == ("north", "nobody", "nobody")
        here.report(5)
        assert there.read() == ("north", 5)
        here.linger = 5
        assert here.getsockopt(zmq.LINGER) == 5
        with pytest.raises(AttributeError):
            here.nonsense  # noqa: B018
        with pytest.raises(AttributeError):
            here.nonsense = 5
        context.destroy(linger=0)


@pytest.mark.skipif(zmq.pyzmq_version_info() < (25,), reason="pyzmq has it from 25 on")
def test_socket_class_argument(ctx, context):
    for each in (ctx, context):
        for cls in (Station, framewire.Socket, zmq.Socket):
            with each.socket(zmq.PAIR, socket_class=cls) as socket:
                assert type(socket) is cls


def test_a_socket_made_by_its_class(ctx):
    with Station(ctx, zmq.PAIR, copy_threshold=5) as socket:
        assert (socket.copy_threshold, socket.made) == (5, True)


def test_a_plain_subclass_mixed_in(context, connect):
    """A subclass that pyzmq's users already have, put before framewire's Socket."""

    class Compressed(zmq.Socket):
        def send(self, data, flags=0, **how):
            return super().send(bytes(data)[::-1], flags, **how)

    class Both(Compressed, framewire.Socket):
        pass

    here, _, _, there = pair_of(connect, context, Both)
    here.send_string("abc")
    here.send_multipart([b"abc", b"def"])
    assert queued(there) == [[b"cba"], [b"cba", b"fed"]]
