"""Each of pyzmq's calls on sockets that cannot do it, on plain sockets, and by its signature."""

import inspect
import threading

import pytest
import zmq
from outcomes import RECEIVES, SENDS, failed, outcome, queued

import framewire

CALLS = {**SENDS, **RECEIVES}
NAMES = [*CALLS, "send_unicode", "recv_unicode", "recv_into"]
FLAGS = [0, zmq.DONTWAIT]


def each_outcome(socket, names=CALLS):
    """Every call, blocking and not: it fails, or the socket could do it."""
    return {
        (name, flags): outcome(getattr(socket, name), *CALLS[name], flags=flags)
        for name in names
        for flags in FLAGS
    }


def test_closed_socket(alike):
    def act(here, there):
        here.close()
        return each_outcome(here)

    assert set(alike(act).values()) == {(zmq.ZMQError, zmq.ENOTSOCK)}


@pytest.mark.parametrize("kind", [zmq.PUSH, zmq.PULL, zmq.PUB, zmq.SUB, zmq.DEALER])
def test_nobody_is_there(ctx, context, kind):
    """Again after no time, ENOTSUP in the wrong direction; a PUB drops what it is given."""
    expected, found = (each.socket(kind) for each in (context, ctx))
    for socket in (expected, found):
        socket.rcvtimeo = socket.sndtimeo = 1
    assert each_outcome(found) == each_outcome(expected)


@pytest.mark.parametrize(("first", "second"), [(zmq.REQ, RECEIVES), (zmq.REP, SENDS)])
def test_wrong_state(alike, first, second):
    """A REQ that has asked nothing, a REP that was asked nothing: the wire stays usable."""

    def act(here, there):
        seen = each_outcome(here, second)
        requester, replier = (here, there) if first == zmq.REQ else (there, here)
        requester.send(b"question")
        seen["while asking"] = outcome(requester.send, b"again")
        seen["question"] = outcome(replier.recv)
        seen["while answering"] = outcome(replier.recv)
        replier.send_multipart([b"an", b"swer"])
        seen["answer"] = outcome(requester.recv_multipart)
        return seen

    found = alike(act, first, zmq.REP if first == zmq.REQ else zmq.REQ)
    assert found["recv" if first == zmq.REQ else "send", 0] == (zmq.ZMQError, zmq.EFSM)


def after_termination(context):
    socket = context.socket(zmq.PAIR)
    socket.linger = 0
    socket.rcvtimeo = socket.sndtimeo = 5000
    thread = threading.Thread(target=context.term)
    thread.start()
    try:
        with pytest.raises(zmq.ContextTerminated):
            socket.recv()
        return each_outcome(socket)
    finally:
        socket.close()
        thread.join(10)


def test_terminated_context():
    found = after_termination(framewire.Context())
    assert found == after_termination(zmq.Context())
    assert set(found.values()) == {(zmq.ContextTerminated, zmq.ETERM)}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("thing", [object(), None, 5, zmq.PUSH])
def test_functions_need_a_socket(name, thing):
    with pytest.raises(TypeError):
        getattr(framewire, name)(thing, *CALLS[name])


@pytest.mark.parametrize("over", ["inproc", "tcp"])
def test_functions_on_plain_sockets(connect, context, over):
    """framewire.send(socket, …) on a socket that was there before framewire."""
    here, there = connect(over=over, context=context)
    assert type(here) is zmq.Socket
    for name, arguments in SENDS.items():
        getattr(framewire, name)(here, *arguments)
        getattr(zmq.Socket, name)(here, *arguments)
        ours, theirs = there.recv_multipart(), there.recv_multipart()
        assert ours == theirs
    for send, receive in zip(SENDS, RECEIVES, strict=True):
        expected = []
        for call in (zmq.Socket, framewire):
            getattr(there, send)(*SENDS[send])
            expected.append(outcome(getattr(call, receive), here, *RECEIVES[receive]))
        assert expected[0] == expected[1]
        assert not failed(expected[0])
    there.send(b"abc")
    target = bytearray(5)
    assert framewire.recv_into(here, target) == 3
    assert target == b"abc\0\0"


# ---- signatures


def parameters(function):
    """Names, kinds and defaults, without the socket."""
    found = list(inspect.signature(function).parameters.values())[1:]
    return [(each.name, each.kind, each.default) for each in found]


@pytest.mark.parametrize("name", NAMES)
def test_signature(name):
    found = parameters(getattr(framewire.Socket, name))
    if name == "recv_pyobj":
        assert found.pop() == ("globals", inspect.Parameter.KEYWORD_ONLY, None)
    if name == "recv_into" and not hasattr(zmq.Socket, name):
        pytest.skip("this pyzmq has none")
    expected = parameters(getattr(zmq.Socket, name))
    if name == "recv" and expected[0][2] is inspect.Parameter.empty:
        pytest.skip("this pyzmq does not tell its defaults")
    assert found == expected


@pytest.mark.parametrize("name", CALLS)
def test_arguments_by_name(alike, name):
    """As a method, each call takes the names that pyzmq documents."""
    names = [each[0] for each in parameters(getattr(framewire.Socket, name))]
    given = dict(zip(names, CALLS[name], strict=False))

    def act(here, there):
        there.send_json([1])
        if name == "recv_pyobj":
            queued(here)
            there.send_pyobj([1])
        found = outcome(getattr(here, name), **given, flags=0)
        return {"result": found, "wire": queued(there)}

    assert not failed(alike(act)["result"])


@pytest.mark.parametrize("name", CALLS)
def test_missing_arguments(alike, name):
    """No arguments at all, one too many, an unknown name."""

    def act(here, there):
        here.rcvtimeo = 1
        call = getattr(here, name)
        seen = {"too many": outcome(call, *CALLS[name], 0, True, False, None, None, None)}
        if CALLS[name]:
            seen["none"] = outcome(call)
        if name.startswith("recv"):
            seen["unknown"] = outcome(call, *CALLS[name], unknown=1)
        return seen

    alike(act)
