"""Sockets that cannot hang, and what a round trip must keep."""

import gc
import itertools
import signal
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import zmq
from signatures import SIGNED

import framewire

TIMEOUT = 5000  # ms: nothing here takes as long, and nothing waits longer
_names = itertools.count()

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in what a script runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _quick(socket: Any) -> Any:
    socket.linger = 0
    socket.rcvtimeo = socket.sndtimeo = TIMEOUT
    return socket


def _connect(
    context: zmq.Context[Any],
    over: str,
    bound: int,
    connected: int,
    folder: Any,
    routing_id: bytes,
    hwm: int | None = None,
) -> tuple[Any, Any]:
    name = next(_names)
    here = _quick(context.socket(bound))
    there = _quick(context.socket(connected))
    if hwm is not None:  # else the context's
        here.hwm = there.hwm = hwm
    if routing_id:
        there.routing_id = routing_id
    here.bind(
        {
            "inproc": f"inproc://{name}",
            "ipc": f"ipc://{folder}/{name}",
            "tcp": "tcp://127.0.0.1:*",
        }[over]
    )
    there.connect(here.last_endpoint)
    return here, there


@pytest.fixture
def ctx() -> Iterator[framewire.Context]:
    context = framewire.Context()
    yield context
    context.destroy(linger=0)


@pytest.fixture
def context() -> Iterator[zmq.Context[Any]]:
    """A context of pyzmq's own sockets; afterwards nothing of it is held any more."""
    context: zmq.Context[Any] = zmq.Context()
    yield context
    context.destroy(linger=0)
    framewire.release()


@pytest.fixture
def link(context: zmq.Context[Any]) -> Callable[..., tuple[Any, Any]]:
    """Connect a PUSH and a PULL socket of pyzmq's own."""

    def make(over: str = "inproc") -> tuple[Any, Any]:
        push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
        pull.rcvtimeo = push.sndtimeo = 20_000
        if over == "tcp":
            push.connect(f"tcp://127.0.0.1:{pull.bind_to_random_port('tcp://127.0.0.1')}")
        else:
            pull.bind("inproc://link")
            push.connect("inproc://link")
        return push, pull

    return make


@pytest.fixture
def quick() -> Callable[[Any], Any]:
    """Make a socket that cannot hang."""
    return _quick


@pytest.fixture
def narrow(ctx: framewire.Context) -> tuple[framewire.Socket, framewire.Socket]:
    """A PUSH and a PULL between which there is room for a few messages."""
    push, pull = _quick(ctx.socket(zmq.PUSH)), _quick(ctx.socket(zmq.PULL))
    push.sndhwm = pull.rcvhwm = 5
    pull.bind("inproc://narrow")
    push.connect("inproc://narrow")
    return push, pull


@pytest.fixture
def connect(
    ctx: framewire.Context, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[Any, Any]]:
    """Connect two framewire sockets: (bound, connected)."""

    def connect(
        bound: int = zmq.PAIR,
        connected: int = zmq.PAIR,
        over: str = "inproc",
        *,
        context: Any = ctx,
        routing_id: bytes = b"",
        hwm: int | None = None,
    ) -> tuple[Any, Any]:
        folder = tmp_path_factory.mktemp("s")
        return _connect(context, over, bound, connected, folder, routing_id, hwm)

    return connect


@pytest.fixture
def alike(
    ctx: framewire.Context, context: zmq.Context[Any], connect: Callable[..., tuple[Any, Any]]
) -> Callable[..., Any]:
    """Do the same with two sockets of pyzmq's own and two of framewire's; compare each step.

    The steps are a dict by name; what is reported are the ones that differ.
    """

    def alike(act: Callable[[Any, Any], dict[Any, Any]], *kinds: int, over: str = "inproc") -> Any:
        expected, found = (
            act(*connect(*kinds, over=over, context=each)) for each in (context, ctx)
        )
        assert expected.keys() == found.keys()
        differ = {key: (expected[key], found[key]) for key in found if expected[key] != found[key]}
        assert not differ, "pyzmq's and framewire's outcome differ"
        return expected

    return alike


@pytest.fixture(params=["inproc", "ipc", "tcp"])
def over(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def wide(connect: Callable[..., tuple[Any, Any]]) -> Callable[..., tuple[Any, Any]]:
    """Two connected PAIR sockets whose queues hold many messages."""

    def make(over: str = "inproc", *, codec: Any = None) -> tuple[Any, Any]:
        here, there = connect(over=over, hwm=20_000)
        here.codec = there.codec = codec
        return here, there

    return make


@pytest.fixture
def signed(connect: Callable[..., tuple[Any, Any]]) -> Callable[..., tuple[Any, Any]]:
    """`connect`, of sockets whose codec has a key."""

    def make(*kinds: int, **how: Any) -> tuple[Any, Any]:
        sockets = connect(*kinds, **how)
        for each in sockets:
            each.codec = SIGNED
        return sockets

    return make


@pytest.fixture
def pair(connect: Callable[..., tuple[Any, Any]]) -> tuple[Any, Any]:
    """Two connected PAIR sockets over inproc."""
    return connect()


@pytest.fixture(scope="module")
def module_pair() -> Iterator[tuple[Any, Any]]:
    """Two PAIR sockets for all examples of a property."""
    with framewire.Context() as context:
        here, there = _connect(context, "tcp", zmq.PAIR, zmq.PAIR, None, b"")
        yield here, there
        context.destroy(linger=0)


def _compare(got: np.ndarray[Any, Any], sent: np.ndarray[Any, Any]) -> None:
    assert got.shape == sent.shape
    if sent.dtype.names is not None:  # padding is nobody's
        for name in sent.dtype.names:
            _compare(got[name], sent[name])
    elif sent.dtype.char in "gG":  # so are the last 6 bytes of an 80-bit float
        np.testing.assert_array_equal(got, sent)
    else:
        # squeezed: tobytes of numpy 2.2 takes 32 dimensions
        assert got.squeeze().tobytes() == sent.squeeze().tobytes()


@pytest.fixture(scope="session")
def assert_same() -> Callable[[Any, Any], None]:
    """What came is what was sent: dtype, shape and every bit, as a plain aligned array."""

    def assert_same(got: Any, sent: Any) -> None:
        sent = np.asarray(sent)
        assert type(got) is np.ndarray
        assert got.dtype == sent.dtype
        assert got.dtype.isalignedstruct == sent.dtype.isalignedstruct
        assert got.flags.aligned
        _compare(got, sent)

    return assert_same


def pytest_collection_finish():
    """What collects garbage in a test looks at what that test made, not at all that is imported."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items):
    """Through pyzmq's own calls framewire sends nothing in place: see docs/design.md."""
    if framewire.transport == "pyzmq":
        for item in items:
            if item.get_closest_marker("in_place"):
                item.add_marker(pytest.mark.skip(reason="pyzmq's transport copies"))
