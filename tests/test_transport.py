"""Errors, flags, signals and message boundaries: on real sockets, within one process."""

import itertools
import signal
import threading
import time
from contextlib import contextmanager, suppress

import numpy as np
import pytest
import zmq

import framewire

LONG = 20_000  # milliseconds: what should not be waited for
BIG = np.arange(5000.0)  # in a frame of its own
SMALL = np.arange(6, dtype="i2")  # in the frame of the head


@pytest.fixture
def context():
    context = zmq.Context()
    yield context
    context.destroy(linger=0)


@pytest.fixture
def link(context, tmp_path):
    """Make two connected sockets with the same options, the first one bound."""
    count = itertools.count()

    def make(first, second, over="inproc", **options):
        sockets = context.socket(first), context.socket(second)
        for socket in sockets:
            for name, value in options.items():
                socket.set(getattr(zmq, name.upper()), value)
        if over == "tcp":
            address = f"tcp://127.0.0.1:{sockets[0].bind_to_random_port('tcp://127.0.0.1')}"
        else:
            address = f"{over}://{tmp_path}/{next(count)}"
            sockets[0].bind(address)
        sockets[1].connect(address)
        return sockets

    return make


@contextmanager
def signals(number, handler, delays):
    """Send signals to the main thread after each of the delays, in seconds."""
    main = threading.main_thread().ident
    before = signal.signal(number, handler)
    stop = threading.Event()

    def send():
        for delay in delays:
            if stop.wait(delay):
                return
            signal.pthread_kill(main, number)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        signal.signal(number, before)


SENDS = {
    "send_array": lambda socket, flags=0: framewire.send_array(socket, BIG, flags),
    "send_array small": lambda socket, flags=0: framewire.send_array(socket, SMALL, flags),
    "send_array in place": lambda socket, flags=0: framewire.send_array(
        socket, BIG, flags, copy=False, track=True
    ),
    "send_raw": lambda socket, flags=0: framewire.send_raw(socket, [b"a", b"b"], flags),
}
RECEIVES = {
    "recv_array": framewire.recv_array,
    "recv_raw": framewire.recv_raw,
    "recv_message": framewire.recv_message,
}
each_send = pytest.mark.parametrize("send", SENDS.values(), ids=SENDS)
each_receive = pytest.mark.parametrize("receive", RECEIVES.values(), ids=RECEIVES)
each_call = pytest.mark.parametrize(
    ("kind", "call"),
    [(zmq.PUSH, send) for send in SENDS.values()] + [(zmq.PULL, r) for r in RECEIVES.values()],
    ids=[*SENDS, *RECEIVES],
)


# ---- what is no open socket


@each_call
@pytest.mark.parametrize("thing", [object(), None, 5, "inproc://x", zmq.PUSH])
def test_not_a_socket(kind, call, thing):
    with pytest.raises(TypeError):
        call(thing)


@each_call
def test_closed_socket(context, kind, call):
    socket = context.socket(kind)
    socket.close()
    for flags in (0, zmq.DONTWAIT):
        with pytest.raises(zmq.ZMQError) as caught:
            call(socket, flags)
        assert caught.value.errno == zmq.ENOTSOCK


@each_call
def test_closed_by_a_signal_handler(context, kind, call):
    socket = context.socket(kind)
    socket.set(zmq.RCVTIMEO, LONG)
    socket.set(zmq.SNDTIMEO, LONG)
    with signals(signal.SIGUSR1, lambda *_: socket.close(0), [0.2]):
        with pytest.raises(zmq.ZMQError) as caught:
            call(socket)
    assert caught.value.errno == zmq.ENOTSOCK
    assert socket.closed


@each_call
def test_terminated_context(kind, call):
    """Another thread terminates the context while this one blocks, and then calls again."""
    context = zmq.Context()
    socket = context.socket(kind)
    socket.set(zmq.RCVTIMEO, LONG)
    socket.set(zmq.SNDTIMEO, LONG)
    socket.linger = 0
    thread = threading.Timer(0.2, context.term)
    thread.start()
    try:
        with pytest.raises(zmq.ContextTerminated):
            call(socket)
        with pytest.raises(zmq.ContextTerminated):
            call(socket, zmq.DONTWAIT)
    finally:
        socket.close()
        thread.join()


@pytest.mark.parametrize(("send", "kind"), [(True, zmq.PULL), (False, zmq.PUSH)])
def test_wrong_direction(context, send, kind):
    socket = context.socket(kind)
    with pytest.raises(zmq.ZMQError) as caught:
        framewire.send_array(socket, BIG) if send else framewire.recv_array(socket)
    assert caught.value.errno == zmq.ENOTSUP


def test_wrong_state(context):
    """REQ before its reply, REP before its request."""
    with pytest.raises(zmq.ZMQError) as caught:
        framewire.send_array(context.socket(zmq.REP), BIG)
    assert caught.value.errno == zmq.EFSM
    with pytest.raises(zmq.ZMQError) as caught:
        framewire.recv_array(context.socket(zmq.REQ))
    assert caught.value.errno == zmq.EFSM


# ---- what would block


@each_call
def test_dontwait(context, kind, call):
    with pytest.raises(zmq.Again):
        call(context.socket(kind), zmq.DONTWAIT)


@each_call
@pytest.mark.parametrize("timeout", [0, 50])
def test_timeout(context, kind, call, timeout):
    socket = context.socket(kind)
    socket.set(zmq.RCVTIMEO, timeout)
    socket.set(zmq.SNDTIMEO, timeout)
    start = time.monotonic()
    with pytest.raises(zmq.Again):
        call(socket)
    assert time.monotonic() - start >= timeout / 1000 - 0.01


@each_call
def test_ctrl_c(context, kind, call):
    socket = context.socket(kind)
    socket.set(zmq.RCVTIMEO, LONG)
    socket.set(zmq.SNDTIMEO, LONG)
    with pytest.raises(KeyboardInterrupt):
        with signals(signal.SIGINT, signal.default_int_handler, [0.2]):
            call(socket)
    assert not socket.closed


@each_call
def test_handler_that_returns(context, kind, call):
    """The call goes on, and the timeout still ends it."""
    seen = []
    socket = context.socket(kind)
    socket.set(zmq.RCVTIMEO, 500)
    socket.set(zmq.SNDTIMEO, 500)
    with signals(signal.SIGUSR1, lambda *_: seen.append(1), [0.1, 0.1]):
        with pytest.raises(zmq.Again):
            call(socket)
    assert seen


def test_a_message_after_a_signal(link):
    """A blocked receive that a handler interrupted receives what comes later, and the other way."""
    push, pull = link(zmq.PUSH, zmq.PULL, sndhwm=1, rcvhwm=1, rcvtimeo=LONG, sndtimeo=LONG)

    def handler(*_):
        framewire.send_raw(push, [b"from", b"the", b"handler"])

    with signals(signal.SIGUSR1, handler, [0.2]):
        assert framewire.recv_raw(pull) == [b"from", b"the", b"handler"]
    while True:
        try:
            framewire.send_raw(push, [b"x", b"y"], zmq.DONTWAIT)
        except zmq.Again:
            break
    with signals(signal.SIGUSR1, lambda *_: framewire.recv_raw(pull), [0.2]):
        framewire.send_raw(push, [b"last", b"one"])
    received = [framewire.recv_raw(pull)]
    while received[-1] != [b"last", b"one"]:
        assert received[-1] == [b"x", b"y"]
        received.append(framewire.recv_raw(pull))


def test_blocked_call_lets_other_threads_run(link):
    push, pull = link(zmq.PUSH, zmq.PULL, rcvtimeo=LONG)

    def send():
        time.sleep(0.1)
        framewire.send_array(push, BIG)

    thread = threading.Thread(target=send)
    thread.start()
    received = framewire.recv_array(pull)
    thread.join()
    assert (received == BIG).all()


# ---- message boundaries


@pytest.mark.parametrize("over", ["inproc", "ipc", "tcp"])
def test_full_queue(link, over):
    """HWM 1: of multi-frame messages, some are refused with Again; none torn, none glued."""
    push, pull = link(zmq.PUSH, zmq.PULL, over, sndhwm=1, rcvhwm=1, sndbuf=4096, rcvbuf=4096)
    pull.rcvtimeo = LONG
    accepted, refused, received = [], 0, []
    for number in range(3000):
        frames = [b"%d" % number] * (1 + number % 7)
        frames[1:2] = [bytearray(b"%d" % number * 4000)]
        try:
            framewire.send_raw(push, frames, zmq.DONTWAIT, copy=[None, True, False][number % 3])
            accepted.append(frames)
        except zmq.Again:
            refused += 1
            with suppress(zmq.Again):  # libzmq may refuse before it looks what was taken
                received.append(framewire.recv_raw(pull, zmq.DONTWAIT))
    while len(received) < len(accepted):
        received.append(framewire.recv_raw(pull))
    assert refused
    assert received == accepted
    with pytest.raises(zmq.Again):
        framewire.recv_raw(pull, zmq.DONTWAIT)


@pytest.mark.parametrize("frames", [1, 2, 4, 5, 8, 9, 100, 1000])
@pytest.mark.parametrize("over", ["inproc", "tcp"])
def test_many_frames(link, over, frames):
    push, pull = link(zmq.PUSH, zmq.PULL, over, rcvtimeo=LONG)
    message = [b"%d" % i * (i % 3 * 5000) for i in range(frames)]
    framewire.send_raw(push, message)
    push.send_multipart(message)
    framewire.send_raw(push, tuple(message), track=True)
    assert framewire.recv_raw(pull) == message
    assert framewire.recv_raw(pull) == message
    assert pull.recv_multipart() == message


def test_topic_and_sndmore(link):
    push, pull = link(zmq.PUSH, zmq.PULL, rcvtimeo=LONG)
    framewire.send_raw(push, b"one", zmq.SNDMORE)
    framewire.send_raw(push, [b"two", b"three"], zmq.SNDMORE)
    framewire.send_array(push, BIG, topic="topic")
    framewire.send_array(push, SMALL)
    message = framewire.recv_message(pull)
    assert message.envelope == [b"one", b"two", b"three", b"topic"]
    assert (message.value == BIG).all()
    assert (framewire.recv_array(pull) == SMALL).all()


@pytest.mark.parametrize("by", ["framewire", "pyzmq"])
def test_routing_id_by_hand(link, by):
    router, dealer = link(zmq.ROUTER, zmq.DEALER, rcvtimeo=LONG)
    for array in (BIG, SMALL):
        framewire.send_array(dealer, array)
        identity, *_ = framewire.recv_raw(router)
        if by == "framewire":
            framewire.send_raw(router, identity, zmq.SNDMORE)
        else:
            router.send(identity, zmq.SNDMORE)
        framewire.send_array(router, array)
        assert (framewire.recv_array(dealer) == array).all()
    # what pyzmq begins, framewire finishes, and the other way; nothing is left over
    framewire.send_raw(router, identity, zmq.SNDMORE)
    router.send_multipart([b"a", b"b"])
    framewire.send_array(router, BIG, topic=bytes(identity))
    assert framewire.recv_raw(dealer) == [b"a", b"b"]
    assert (framewire.recv_array(dealer) == BIG).all()


def test_router_mandatory(context):
    """No such peer: an error for the first frame, and nothing of the message stays behind."""
    router, dealer = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    router.router_mandatory = 1
    dealer.routing_id = b"known"
    dealer.rcvtimeo = LONG
    router.bind("inproc://mandatory")
    dealer.connect("inproc://mandatory")
    for flags in (0, zmq.DONTWAIT):
        with pytest.raises(zmq.ZMQError) as caught:
            framewire.send_array(router, BIG, flags, topic=b"unknown")
        assert caught.value.errno == zmq.EHOSTUNREACH
        framewire.send_array(router, SMALL, topic=b"known")
        assert (framewire.recv_array(dealer) == SMALL).all()


def test_array_refuses_sndmore(link):
    push, pull = link(zmq.PUSH, zmq.PULL, rcvtimeo=LONG)
    with pytest.raises(ValueError, match="SNDMORE"):
        framewire.send_array(push, BIG, zmq.SNDMORE)
    framewire.send_array(push, SMALL)
    assert (framewire.recv_array(pull) == SMALL).all()


def test_nothing_is_sent_to_a_full_queue_by_sndmore(link):
    """A message begun with SNDMORE is refused at its first frame, and then not in the middle."""
    push, pull = link(zmq.PUSH, zmq.PULL, sndhwm=1, rcvhwm=1, rcvtimeo=LONG, sndtimeo=100)
    sent = 0
    with pytest.raises(zmq.Again):
        for sent in itertools.count():
            framewire.send_raw(push, b"%d" % sent, zmq.SNDMORE)
            framewire.send_array(push, BIG)
    for number in range(sent):
        message = framewire.recv_message(pull)
        assert message.envelope == [b"%d" % number]
        assert (message.value == BIG).all()
    framewire.send_array(push, SMALL)
    assert (framewire.recv_array(pull) == SMALL).all()


def test_context_terminated_in_the_middle():
    """A message begun with SNDMORE cannot go on; closing works, and nobody sees its beginning."""
    context = zmq.Context()
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    push.linger = pull.linger = 0
    push.bind("inproc://middle")
    pull.connect("inproc://middle")
    framewire.send_raw(push, [b"whole"])
    framewire.send_raw(push, b"begun", zmq.SNDMORE)
    assert framewire.recv_raw(pull, zmq.DONTWAIT) == [b"whole"]
    with pytest.raises(zmq.Again):
        framewire.recv_raw(pull, zmq.DONTWAIT)
    thread = threading.Thread(target=context.term)
    thread.start()
    with pytest.raises(zmq.ContextTerminated):
        framewire.recv_array(pull)
    with pytest.raises(zmq.ContextTerminated):  # libzmq does not look before each send
        for _ in range(10_000):
            with suppress(zmq.Again):
                framewire.send_array(push, BIG, zmq.DONTWAIT, copy=False)
    push.close()
    pull.close()
    thread.join(30)
    assert not thread.is_alive()
