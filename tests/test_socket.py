"""framewire's functions on sockets of every kind: patterns, envelopes, flags, errors of pyzmq."""

import contextlib
import threading

import numpy as np
import pytest
import zmq

import framewire

A = np.arange(12.0).reshape(3, 4)
BIG = np.arange(50_000.0)
MAGIC_ID = b"\xc1\x46 is my name"
SEND = {
    "send_array": lambda socket, flags=0: framewire.send_array(socket, A, flags),
    "send_raw": lambda socket, flags=0: framewire.send_raw(socket, [b"a", b"b"], flags),
}
RECEIVE = {
    "recv_array": framewire.recv_array,
    "recv_raw": framewire.recv_raw,
    "recv_message": framewire.recv_message,
}


# ---- patterns


@pytest.mark.parametrize("array", [A, BIG], ids=["small", "big"])
@pytest.mark.parametrize("routing_id", [b"", b"me", MAGIC_ID, b"\xc1\x46"])
def test_dealer_and_router(connect, over, array, routing_id):
    router, dealer = connect(zmq.ROUTER, zmq.DEALER, over, routing_id=routing_id)
    dealer.send_array(array, meta=1)
    dealer.send_array(array)
    message = router.recv_message()
    assert len(message.envelope) == 1
    assert message.envelope[0] == routing_id or not routing_id
    assert (message.topic, message.serializer, message.meta) == (None, "array", 1)
    np.testing.assert_array_equal(message.value, array)
    np.testing.assert_array_equal(router.recv_array(), array)
    router.send_raw(message.envelope, zmq.SNDMORE)
    router.send_array(message.value)
    reply = dealer.recv_message()
    assert reply.envelope == []
    np.testing.assert_array_equal(reply.value, array)


@pytest.mark.parametrize("routing_id", [b"me", MAGIC_ID])
def test_a_router_answers_by_topic(connect, routing_id):
    """On a ROUTER, `topic` is the routing id: whatever name a peer chose, it can be answered."""
    router, dealer = connect(zmq.ROUTER, zmq.DEALER, routing_id=routing_id)
    dealer.send_array(A)
    router.send_array(A, topic=router.recv_message().envelope[0])
    message = dealer.recv_message()
    assert message.envelope == []
    np.testing.assert_array_equal(message.value, A)


@pytest.mark.parametrize("routing_id", [b"me", MAGIC_ID])
def test_foreign_and_bad_messages_on_a_router(connect, routing_id):
    router, dealer = connect(zmq.ROUTER, zmq.DEALER, routing_id=routing_id)
    for frames in ([b"hello"], [b"", b""], [b"\xc1"]):
        dealer.send_multipart(frames)
        dealer.send_multipart(frames)
        message = router.recv_message()
        assert message.serializer is None
        assert message.frames == [routing_id, *frames]
        with pytest.raises(framewire.DecodeError) as caught:
            router.recv_array()
        assert caught.value.code == "foreign"
    dealer.send_multipart([b"\xc1\x46\x02"])
    dealer.send_array(A, topic="t")
    with pytest.raises(framewire.DecodeError) as caught:
        router.recv_array()
    assert caught.value.code == "truncated"
    message = router.recv_message()
    assert message.envelope == [routing_id, b"t"]


@pytest.mark.parametrize("routing_id", [b"me", MAGIC_ID])
def test_recipe_to_a_router(connect, routing_id):
    router, dealer = connect(zmq.ROUTER, zmq.DEALER, routing_id=routing_id)
    dealer.send_multipart([b'{"dtype": "uint8", "shape": [3]}', b"abc"])
    assert router.recv_array().tobytes() == b"abc"


@pytest.mark.parametrize("array", [A, BIG], ids=["small", "big"])
def test_request_and_reply(connect, over, array):
    rep, req = connect(zmq.REP, zmq.REQ, over)
    for _ in range(3):
        req.send_array(array, topic="t")
        with pytest.raises(zmq.ZMQError) as caught:
            req.send_array(array)
        assert caught.value.errno == zmq.EFSM
        message = rep.recv_message()
        assert message.topic == b"t"
        rep.send_array(message.value * 2)
        np.testing.assert_array_equal(req.recv_array(), array * 2)


def test_reply_to_what_is_no_message(connect):
    rep, req = connect(zmq.REP, zmq.REQ)
    req.send(b"hello")
    with pytest.raises(framewire.DecodeError):
        rep.recv_array()
    rep.send_array(A)
    np.testing.assert_array_equal(req.recv_array(), A)


@pytest.mark.parametrize("routing_id", [b"me", MAGIC_ID])
def test_request_to_a_router(connect, over, routing_id):
    router, req = connect(zmq.ROUTER, zmq.REQ, over, routing_id=routing_id)
    req.send_array(A, meta={"n": 1})
    message = router.recv_message()
    assert message.envelope == [routing_id, b""]
    assert message.meta == {"n": 1}
    router.send_raw([*message.envelope, *message.frames])
    np.testing.assert_array_equal(req.recv_array(), A)


@pytest.mark.parametrize("topic", ["power", b"power", "größe", b"", None])
def test_publish_and_subscribe(connect, over, topic):
    publisher, subscriber = connect(zmq.XPUB, zmq.SUB, over)
    name = (topic.encode() if isinstance(topic, str) else topic) or b""
    subscriber.subscribe(name)
    assert publisher.recv() == b"\1" + name
    for array in (A, BIG):
        publisher.send_array(array, topic="other")
        publisher.send_array(array, topic=topic)
        publisher.send_array(array, topic=name + b"/more")
    for array in (A, BIG):
        topics = [b"other"] * (not name) + [topic if topic is None else name, name + b"/more"]
        for expected in topics:
            message = subscriber.recv_message()
            assert message.topic == expected
            np.testing.assert_array_equal(message.value, array)


def test_an_array_itself_can_be_subscribed_to_by_its_magic(connect):
    publisher, subscriber = connect(zmq.XPUB, zmq.SUB)
    subscriber.subscribe(b"\xc1\x46")
    publisher.recv()
    publisher.send_array(A, topic="topic")
    publisher.send_array(A)
    assert subscriber.recv_message().topic is None


def test_every_subscriber_gets_the_array(ctx, quick):
    publisher = quick(ctx.socket(zmq.XPUB))
    publisher.bind("tcp://127.0.0.1:*")
    subscribers = [quick(ctx.socket(zmq.XSUB)) for _ in range(4)]
    for subscriber in subscribers:
        subscriber.connect(publisher.last_endpoint)
        subscriber.send_raw(b"\1" + str(id(subscriber)).encode())
        publisher.recv()
        subscriber.send_raw(b"\1")
    publisher.recv()
    for _ in range(100):  # the other three subscriptions are no news, and may take a while
        publisher.send_array(BIG, copy=False)
        publisher.send_array(BIG, copy=True)
        if all(subscriber.poll(20) for subscriber in subscribers):
            break
    for subscriber in subscribers:
        own = subscriber.recv_array(copy=True)
        np.testing.assert_array_equal(own, BIG)
        own.fill(0)
        np.testing.assert_array_equal(subscriber.recv_array(), BIG)


def test_push_and_pull_keep_messages_whole(ctx, quick):
    push = quick(ctx.socket(zmq.PUSH))
    push.bind("tcp://127.0.0.1:*")
    pulls = [quick(ctx.socket(zmq.PULL)) for _ in range(3)]
    for pull in pulls:
        pull.connect(push.last_endpoint)
    for n in range(300):
        push.send_array(np.full(n * 20, n), topic=b"t", meta=n)
    seen = set()
    while len(seen) < 300:
        for pull in pulls:
            while pull.poll(10):
                message = pull.recv_message()
                assert message.value.shape == (message.meta * 20,)
                assert (message.value == message.meta).all()
                seen.add(message.meta)
    assert seen == set(range(300))


def test_conflate_keeps_the_last_small_array(ctx, quick):
    pull, push = quick(ctx.socket(zmq.PULL)), quick(ctx.socket(zmq.PUSH))
    pull.conflate = push.conflate = True
    pull.bind("inproc://conflate")
    push.connect("inproc://conflate")
    for n in range(10):
        push.send_array(np.full(100, n))
    assert pull.recv_array()[0] == 9


# ---- flags and errors of pyzmq


@pytest.mark.parametrize("receive", RECEIVE)
def test_nothing_to_receive(pair, receive):
    with pytest.raises(zmq.Again):
        RECEIVE[receive](pair[1], zmq.DONTWAIT)
    pair[1].rcvtimeo = 20
    with pytest.raises(zmq.Again):
        RECEIVE[receive](pair[1])


@pytest.mark.parametrize("send", SEND)
def test_nobody_to_send_to(ctx, quick, send):
    push = quick(ctx.socket(zmq.PUSH))
    with pytest.raises(zmq.Again):
        SEND[send](push, zmq.DONTWAIT)
    push.sndtimeo = 20
    with pytest.raises(zmq.Again):
        SEND[send](push)


@pytest.mark.parametrize("send", SEND)
def test_full_queue(ctx, quick, send):
    push, pull = quick(ctx.socket(zmq.PUSH)), quick(ctx.socket(zmq.PULL))
    push.sndhwm = pull.rcvhwm = 5
    pull.bind("inproc://full")
    push.connect("inproc://full")
    sent = 0
    with contextlib.suppress(zmq.Again):
        while sent < 100:
            SEND[send](push, zmq.DONTWAIT)
            sent += 1
    assert 5 <= sent < 100
    for _ in range(sent):
        assert len(pull.recv_raw(zmq.DONTWAIT)) == (1 if send == "send_array" else 2)
    assert not pull.poll(0)


@pytest.mark.parametrize("call", [*SEND.values(), *RECEIVE.values()], ids=[*SEND, *RECEIVE])
def test_closed_socket(pair, call):
    for socket in pair:
        socket.close()
    with pytest.raises(zmq.ZMQError) as caught:
        call(pair[0])
    assert caught.value.errno == zmq.ENOTSOCK


@pytest.mark.parametrize("receive", RECEIVE)
def test_context_terminated_while_waiting(quick, receive):
    context = framewire.Context()
    socket = quick(context.socket(zmq.PULL))
    socket.bind("inproc://terminated")
    caught = []

    def wait():
        try:
            RECEIVE[receive](socket)
        except zmq.ZMQError as error:
            caught.append(error)
        socket.close()

    thread = threading.Thread(target=wait)
    thread.start()
    context.term()
    thread.join(10)
    assert [type(error) for error in caught] == [zmq.ContextTerminated]


@pytest.mark.parametrize("call", [*SEND.values(), *RECEIVE.values()], ids=[*SEND, *RECEIVE])
@pytest.mark.parametrize("wrong", [None, 3, "socket", b"", object(), zmq.Context])
def test_what_is_no_socket(call, wrong):
    with pytest.raises((TypeError, AttributeError)):
        call(wrong)


@pytest.mark.parametrize(
    ("bound", "connected", "sends", "errno"),
    [(zmq.PUSH, zmq.PULL, False, zmq.ENOTSUP), (zmq.PUB, zmq.SUB, True, zmq.ENOTSUP)],
)
def test_wrong_direction(connect, bound, connected, sends, errno):
    here, there = connect(bound, connected)
    for call in (SEND if sends else RECEIVE).values():
        with pytest.raises(zmq.ZMQError) as caught:
            call(there if sends else here)
        assert caught.value.errno == errno


def test_flags_of_pyzmq(pair):
    pair[0].send_array(A, zmq.DONTWAIT)
    pair[0].send_array(A, flags=zmq.NOBLOCK)
    assert pair[1].recv_array(zmq.DONTWAIT).shape == pair[1].recv_array(flags=0).shape == (3, 4)


@pytest.mark.parametrize("flags", [zmq.SNDMORE, zmq.SNDMORE | zmq.DONTWAIT])
def test_nothing_can_follow_an_array(pair, flags):
    with pytest.raises(ValueError, match="SNDMORE"):
        pair[0].send_array(A, flags)
    pair[0].send_array(BIG)
    assert pair[1].recv_array().shape == BIG.shape


# ---- Socket and Context


def test_sockets_of_a_context(ctx):
    with ctx.socket(zmq.PAIR) as socket:
        assert type(socket) is framewire.Socket
        assert isinstance(socket, zmq.Socket)
        for name in ("send_array", "recv_array", "send_raw", "recv_raw", "recv_message"):
            assert callable(getattr(socket, name))
    assert isinstance(ctx, zmq.Context)


def test_subclasses(connect):
    class Camera(framewire.Socket):
        exposure = 1.0

        def send_array(self, A, **how):
            return super().send_array(A, meta={"exposure": self.exposure}, **how)

    class Cameras(framewire.Context):
        _socket_class = Camera

    with Cameras() as context:
        here, there = connect(context=context)
        assert type(here) is Camera
        here.send_array(A, topic="t")
        message = there.recv_message()
        assert (message.topic, message.meta) == (b"t", {"exposure": 1.0})
        np.testing.assert_array_equal(message.value, A)
        context.destroy(linger=0)


def test_functions_on_plain_sockets(connect, context, over):
    here, there = connect(over=over, context=context)
    assert type(here) is zmq.Socket
    tracker = framewire.send_array(here, A, topic="t", track=True)
    tracker.wait(5)
    framewire.send_array(here, BIG)
    framewire.send_raw(here, [b"a", BIG])
    assert framewire.recv_message(there).topic == b"t"
    np.testing.assert_array_equal(framewire.recv_array(there), BIG)
    assert [frame.nbytes for frame in framewire.recv_raw(there)] == [1, BIG.nbytes]


def test_a_shadow_is_the_socket(pair):
    shadow = framewire.Socket.shadow(pair[0].underlying)
    shadow.send_array(A)
    framewire.send_raw(zmq.Socket.shadow(pair[0].underlying), b"raw")
    assert pair[1].recv_array().shape == (3, 4)
    assert pair[1].recv_raw() == [b"raw"]


def test_pyzmq_calls_go_on_as_before(pair):
    here, there = pair
    here.send_json({"a": 1})
    here.send_array(A)
    here.send_pyobj([1, 2])
    here.send_string("text")
    assert there.recv_json() == {"a": 1}
    assert there.recv_array().shape == (3, 4)
    assert there.recv_pyobj() == [1, 2]
    assert there.recv_string() == "text"


def test_names():
    for name in framewire.__all__:
        assert getattr(framewire, name) is not None
    assert framewire.transport in ("libzmq", "pyzmq")
    assert framewire.__version__
