"""Sockets that speak with osBrain's agents, and faster (de)serializers for the agents themselves.

`connect` and `bind` give a socket that an agent takes for another agent's: REQ/REP, PUSH/PULL and
PUB/SUB, by each of osBrain's serializers. `install` is for the agents' side. docs/osbrain.md has
the whole of it.

An agent's message is one frame, and nothing in it tells the serializer: the address does.
A publication is the topic, the byte 0x80 and the payload; with the serializer raw, the topic and
the payload.
"""

import importlib
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zmq

from .._json import json_dumps, json_loads
from .._raw import recv_raw, send_raw
from ..errors import DecodeError
from ..message import recv_message
from ..serializers.registry import by_name
from ..socket import Context
from .joined import PICKLES, dump, is_joined, load

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["AgentSocket", "bind", "connect", "install", "uninstall"]

SERIALIZERS = ("raw", "json", *PICKLES)
SEPARATOR = b"\x80"
_FIND_SEPARATOR = re.compile(SEPARATOR).search  # memoryviews have no find
TWINS = {"REQ": "REP", "REP": "REQ", "PUSH": "PULL", "PULL": "PUSH", "PUB": "SUB", "SUB": "PUB"}


class AgentSocket:
    """A socket whose other ends are osBrain's agents. `connect` and `bind` make them.

    Attributes
    ----------
    socket : framewire.Socket
        For options, and to wait for (`zmq.Poller`). What it sends and receives is as it travels.
    kind : str
        "REQ", "REP", "PUSH", "PULL", "PUB" or "SUB".
    serializer : str
        "raw", "json", "pickle", "cloudpickle" or "dill".
    address : osbrain.AgentAddress
        What `connect` was given; or, of `bind`, what agents connect to.
    """

    def __init__(self, kind: str, serializer: str, context: "zmq.Context[Any] | None") -> None:
        if kind not in TWINS:
            raise ValueError(f"{kind!r} is none of {', '.join(TWINS)}; channels are not supported")
        if serializer not in SERIALIZERS:
            raise ValueError(f"{serializer!r} is none of {', '.join(SERIALIZERS)}")
        if serializer in PICKLES:
            by_name(serializer)  # ImportError if it is not installed
        self.kind = str(kind)
        self.serializer = str(serializer)
        self.address: Any = None
        self._topics: set[bytes] = set()
        context = Context.instance() if context is None else context
        self.socket: zmq.Socket[Any] = context.socket(getattr(zmq, self.kind))

    def send(self, value: Any, topic: str | bytes | None = None, flags: int = 0) -> None:
        """Send a value, as an agent does.

        Parameters
        ----------
        value : object
            What the serializer takes; for raw, any contiguous buffer.
        topic : str or bytes, optional
            Of a publication; str as UTF-8.
        flags : int
            ``zmq.DONTWAIT``.

        Raises
        ------
        ValueError
            A topic that contains the byte 0x80, where that separates it from the payload: also in
            UTF-8 it may. Or one for another kind of socket.
        Exception
            What the serializer raises. Nothing has been sent.
        zmq.Again, zmq.ContextTerminated, zmq.ZMQError
            As pyzmq's ``send``.
        """
        if flags & zmq.SNDMORE:
            raise ValueError("SNDMORE: an agent's message is one frame")
        if topic is not None and self.kind != "PUB":
            raise ValueError(f"a topic is for PUB, not for {self.kind}")
        payload = self._dumps(value)
        if self.kind == "PUB":
            payload = b"".join([self._as_topic(topic or b""), self._separator, payload])
        send_raw(self.socket, [payload], flags)

    def recv(self, flags: int = 0) -> Any:
        """Receive a value: of an agent, or (but for raw) of framewire's `send_value`.

        Parameters
        ----------
        flags : int
            ``zmq.DONTWAIT``.

        Returns
        -------
        object
            With the serializer raw, a read-only memoryview: `bytes` makes a copy. Raw publications
            come as ``(topic, value)``, see `recv_topic`, since nothing else tells where the topic
            ends.

        Raises
        ------
        DecodeError
            The message is none of these, or the value cannot be decoded, or the socket's codec does
            not take it. It has been consumed, the next is intact. On a REP socket answer it all the
            same, before the next request can be received.
        zmq.Again, zmq.ContextTerminated, zmq.ZMQError
            As pyzmq's ``recv``.
        """
        topic, value = self._receive(flags)
        return (topic, value) if self.kind == "SUB" and self.serializer == "raw" else value

    def recv_topic(self, flags: int = 0) -> tuple[bytes, Any]:
        """Receive a publication with its topic: a pair. On SUB sockets only.

        With the serializer raw, the topic is the longest that was subscribed to and that the
        message begins with; the value is what follows. Parameters and errors as for `recv`.
        """
        if self.kind != "SUB":
            raise ValueError(f"topics are for SUB, not for {self.kind}")
        return self._receive(flags)

    def send_recv(self, value: Any) -> Any:
        """Send a request, and receive its reply. On REQ sockets only."""
        self.send(value)
        return self.recv()

    def subscribe(self, topic: str | bytes) -> None:
        """Subscribe to topics that begin with this one; ValueError as for `send`."""
        topic = self._as_topic(topic)
        self.socket.setsockopt(zmq.SUBSCRIBE, topic)
        self._topics.add(topic)

    def unsubscribe(self, topic: str | bytes) -> None:
        """Undo `subscribe`; KeyError if there was none."""
        topic = self._as_topic(topic)
        self._topics.remove(topic)
        self.socket.setsockopt(zmq.UNSUBSCRIBE, topic)

    def close(self, linger: int | None = None) -> None:
        """Close the socket; see `zmq.Socket.close`."""
        self.socket.close(linger)

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<AgentSocket {self.kind} {self.serializer} {self.address}>"

    @property
    def _separator(self) -> bytes:
        return b"" if self.serializer == "raw" else SEPARATOR

    def _as_topic(self, topic: str | bytes) -> bytes:
        if not isinstance(topic, (str, bytes)):
            raise TypeError(f"a topic is str or bytes, not {type(topic).__name__}")
        topic = topic.encode() if isinstance(topic, str) else topic
        if self._separator and self._separator in topic:
            raise ValueError(f"the topic {topic!r} contains 0x80, which is where agents end it")
        return topic

    def _receive(self, flags: int) -> tuple[bytes, Any]:
        if self.serializer == "raw":
            frames = recv_raw(self.socket, flags)
        else:
            message = recv_message(self.socket, flags)
            if message.serializer is not None:
                return message.topic or b"", message.value
            frames = message.frames
        if len(frames) != 1:
            raise DecodeError(f"{len(frames)} frames: an agent's message is one", "foreign")
        topic, payload = self._split(frames[0]) if self.kind == "SUB" else (b"", frames[0])
        try:
            return topic, self._loads(payload)
        except MemoryError:
            raise
        except Exception as error:  # each serializer has its own
            text = f"not by {self.serializer}, or something that it refuses: {error!r}"
            raise DecodeError(text, "payload") from error

    def _split(self, frame: memoryview) -> tuple[bytes, memoryview]:
        if self.serializer == "raw":
            matching = [topic for topic in self._topics if frame[: len(topic)] == topic]
            topic = max(matching, key=len, default=b"")
            return topic, frame[len(topic) :]
        found = _FIND_SEPARATOR(frame)
        if found is None:
            raise DecodeError("a publication without a separator: by raw, perhaps", "foreign")
        return bytes(frame[: found.start()]), frame[found.end() :]

    def _dumps(self, value: Any) -> Any:
        if self.serializer == "raw":
            return value
        if self.serializer == "json":
            return json_dumps(value)
        return importlib.import_module(self.serializer).dumps(value, -1)

    def _loads(self, payload: memoryview) -> Any:
        if self.serializer == "raw":
            return payload
        if self.serializer == "json":
            return json_loads(bytes(payload))
        if is_joined(payload):
            return load(payload)
        return by_name(self.serializer).loads(None, [payload])


def _subscribe(agents: AgentSocket, topics: str | bytes | Iterable[str | bytes]) -> None:
    topics = [topics] if isinstance(topics, (str, bytes)) else list(topics)
    if agents.kind == "SUB":
        for topic in topics or [b""]:
            agents.subscribe(topic)
    elif topics:
        raise ValueError(f"topics are for SUB, not for {agents.kind}")


def connect(
    address: Any,
    topics: str | bytes | Iterable[str | bytes] = (),
    *,
    context: "zmq.Context[Any] | None" = None,
) -> AgentSocket:
    """Connect to an agent.

    Parameters
    ----------
    address : osbrain.AgentAddress
        What the agent's ``bind`` returned, or its ``addr(alias)``: kind and serializer are taken
        from it. For the publications of a SYNC_PUB channel, its ``sender``.
    topics : str or bytes, or iterable of them
        What to subscribe to, where the agent publishes: all topics that begin with one of these.
        Everything, if there are none.
    context : zmq.Context, optional
        `framewire.Context.instance()` by default.

    Returns
    -------
    AgentSocket
        Of the kind that the address wants: a SUB for a PUB.

    Raises
    ------
    TypeError, ValueError
        No address of a server, or one of a channel; a topic that contains the separator, or for
        something else than publications.
    ImportError
        The address's serializer is not installed here.

    Warnings
    --------
    The address is your choice of a serializer. With pickle, which is osBrain's default, cloudpickle
    or dill **whoever can send to this socket can run any code in this process**: connect to agents
    that you trust with that, over networks that you trust, or have them bind with json or raw.
    """
    if not all(hasattr(address, name) for name in ("transport", "address", "kind", "serializer")):
        raise TypeError(f"not an AgentAddress: {address!r}; channels are not supported")
    if address.role != "server" or address.transport == "inproc":
        raise ValueError(f"{address!r}: what is connected to is a server, in another process")
    agents = AgentSocket(TWINS.get(address.kind, address.kind), address.serializer, context)
    try:
        agents.address = address
        _subscribe(agents, topics)
        agents.socket.connect(f"{address.transport}://{address.address}")
    except BaseException:
        agents.close(0)
        raise
    return agents


def bind(
    kind: str,
    serializer: str,
    topics: str | bytes | Iterable[str | bytes] = (),
    *,
    endpoint: str = "tcp://127.0.0.1:*",
    context: "zmq.Context[Any] | None" = None,
) -> AgentSocket:
    """Bind a socket that agents connect to, by its ``address``.

    Parameters
    ----------
    kind : str
        "REQ", "REP", "PUSH", "PULL", "PUB" or "SUB": of this socket.
    serializer : str
        "raw", "json", "pickle", "cloudpickle" or "dill". Agents take theirs from the address.
    topics : str or bytes, or iterable of them
        What a SUB subscribes to: see `connect`. Publishers hear of it when this socket next
        receives or polls.
    endpoint : str
        ``tcp://`` with an IP address, or ``ipc://``.
    context : zmq.Context, optional
        `framewire.Context.instance()` by default.

    Returns
    -------
    AgentSocket
        Its ``address`` is an `osbrain.AgentAddress`, for ``agent.connect``.

    Raises
    ------
    ValueError
        No such kind, serializer or transport; a topic that contains the separator, or for another
        kind than SUB.
    ImportError
        osBrain, or the serializer, is not installed.
    zmq.ZMQError
        As pyzmq's ``bind``.

    Warnings
    --------
    With the pickles, **whoever can send to this socket can run any code in this process**; see
    `connect`.
    """
    osbrain = _osbrain()
    transport = endpoint.partition("://")[0]
    if transport not in ("tcp", "ipc"):
        raise ValueError(f"{endpoint!r}: agents in other processes have tcp and ipc")
    agents = AgentSocket(kind, serializer, context)
    try:
        _subscribe(agents, topics)
        agents.socket.bind(endpoint)
        endpoint = agents.socket.getsockopt_string(zmq.LAST_ENDPOINT)
        where: Any = endpoint.partition("://")[2]
        where = Path(where) if transport == "ipc" else where  # as osBrain has it
        agents.address = osbrain.AgentAddress(transport, where, kind, "server", serializer)
    except BaseException:
        agents.close(0)
        raise
    return agents


def _osbrain() -> Any:
    try:
        return importlib.import_module("osbrain")
    except ImportError as error:
        raise ImportError(f"{error}: pip install 'framewire[osbrain]'") from error


# ---- the agents' side

_originals: dict[str, tuple[Any, Any]] = {}  # while `install` holds


def install() -> None:
    """Let this process's agents send large arrays past pickle, by pickle, cloudpickle and dill.

    Those that are started from now on, by ``run_agent``, where processes are forked; elsewhere, and
    for an agent that runs already, call it there: in ``on_init``, or by
    ``agent.execute_as_function(install)``. A message with arrays of over 8 KiB then is written by
    one copy of each, and read by another; all values are the same as without, arrays can be written
    to. Other messages are the pickles that they were. See `uninstall`.

    Notes
    -----
    Agents without it read such messages too, if they can import framewire, and others fail with
    ModuleNotFoundError. So install framewire everywhere before you call this anywhere.
    """
    agent = _osbrain().agent
    for name in PICKLES:
        if name not in _originals:
            calls = agent._serialize_calls[name], agent._deserialize_calls[name]
            _originals[name] = calls
            agent._serialize_calls[name] = partial(dump, name)
            agent._deserialize_calls[name] = partial(_load, calls[1])


def uninstall() -> None:
    """Undo `install`, for agents that are started from now on."""
    while _originals:
        name, calls = _originals.popitem()
        agent = _osbrain().agent
        agent._serialize_calls[name], agent._deserialize_calls[name] = calls


def _load(original: Any, message: bytes | memoryview) -> Any:
    return load(message) if is_joined(message) else original(message)
