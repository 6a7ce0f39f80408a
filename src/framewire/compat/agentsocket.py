"""Sockets that speak with osBrain's agents.

An agent's message is one frame, and nothing in it tells the serializer: the address does.
A publication is the topic, the byte 0x80 and the payload; with the serializer raw, the topic and
the payload.
"""

import importlib
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import zmq

from .._codec import Codec, codec_for
from .._json import json_dumps, json_loads
from .._raw import recv_raw, send_raw
from ..errors import DecodeError
from ..functional import serialize
from ..message import Message
from ..serializers.registry import by_name
from ..socket import Context
from .joined import PICKLES, is_joined, load
from .keyed import refuse_key

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["TWINS", "AgentSocket"]

SERIALIZERS = ("raw", "json", *PICKLES)
SEPARATOR = b"\x80"
_FIND_SEPARATOR = re.compile(SEPARATOR).search  # memoryviews have no find
TWINS = {"REQ": "REP", "REP": "REQ", "PUSH": "PULL", "PULL": "PUSH", "PUB": "SUB", "SUB": "PUB"}


class AgentSocket:
    """A socket whose other ends are osBrain's agents. `connect` and `bind` make them.

    Attributes
    ----------
    socket : framewire.Socket
        For options, and to wait for (`zmq.Poller`). What it sends and receives is as it travels. Of
        a context of pyzmq's own it is a `zmq.Socket`, for which framewire has functions.
    kind : str
        "REQ", "REP", "PUSH", "PULL", "PUB" or "SUB".
    serializer : str
        "raw", "json", "pickle", "cloudpickle" or "dill".
    address : osbrain.AgentAddress
        What `connect` was given; or, of `bind`, what agents connect to.
    """

    def __init__(
        self, kind: str | int, serializer: str, context: "zmq.Context[Any] | None"
    ) -> None:
        if isinstance(kind, int):
            kind = zmq.SocketType(kind).name
        if kind not in TWINS:
            raise ValueError(f"{kind!r} is none of {', '.join(TWINS)}; channels are not supported")
        if serializer not in SERIALIZERS:
            raise ValueError(f"{serializer!r} is none of {', '.join(SERIALIZERS)}")
        if serializer in PICKLES:
            by_name(serializer)  # ImportError if it is not installed
        self.kind = str(kind)
        self.serializer = str(serializer)
        self.address: Any = None
        self._topics: Counter[bytes] = Counter()  # what libzmq counts, too
        context = Context.instance() if context is None else context
        self.socket: zmq.Socket[Any] = context.socket(getattr(zmq, self.kind))
        self._codecs: tuple[Any, Any] = (None, None)  # the socket's, and what `_codec` makes of it

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
        TypeError
            By raw: what is no contiguous buffer, as text is none.
        ValueError
            A topic that contains the byte 0x80, where that separates it from the payload: also in
            UTF-8 it may. Or one for another kind of socket. Or the socket's codec has a key:
            agents' messages cannot be signed.
        Exception
            What the serializer raises. Nothing has been sent.
        zmq.Again, zmq.ContextTerminated, zmq.ZMQError
            As pyzmq's ``send``.
        """
        if flags & zmq.SNDMORE:
            raise ValueError("SNDMORE: an agent's message is one frame")
        if topic is not None:
            self._check_kind("PUB", "a topic is")
        refuse_key(self.socket, "agents' messages")
        payload = self._dumps(value)
        if self.kind == "PUB":
            payload = b"".join([self._as_topic(topic or b""), self._separator, payload])
        send_raw(self.socket, [payload], flags)

    def recv(self, flags: int = 0) -> Any:
        """Receive a value: of an agent, or (but for raw) of framewire's `send_value`.

        Of these the socket's codec takes its own, and the pickle that is `serializer`.

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
        ValueError
            The socket's codec has a key, which agents' messages are not signed by. Nothing was
            received.
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
        self._check_kind("SUB", "topics are")
        return self._receive(flags)

    def send_recv(self, value: Any) -> Any:
        """Send a request, and receive its reply. On REQ sockets only."""
        self._check_kind("REQ", "send_recv is")
        self.send(value)
        return self.recv()

    def subscribe(self, topic: str | bytes) -> None:
        """Subscribe to topics that begin with this one; ValueError as for `send`.

        Subscriptions are counted, as everywhere in ZeroMQ: undo each.
        """
        self._check_kind("SUB", "topics are")
        topic = self._as_topic(topic)
        self.socket.setsockopt(zmq.SUBSCRIBE, topic)
        self._topics[topic] += 1

    def unsubscribe(self, topic: str | bytes) -> None:
        """Undo one `subscribe`; nothing happens if there was none, as in ZeroMQ."""
        self._check_kind("SUB", "topics are")
        topic = self._as_topic(topic)
        self.socket.setsockopt(zmq.UNSUBSCRIBE, topic)
        self._topics -= Counter([topic])  # keeps what is over 0

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

    def _check_kind(self, kind: str, what: str) -> None:
        if self.kind != kind:
            raise ValueError(f"{what} for {kind}, not for {self.kind}")

    def _as_topic(self, topic: str | bytes) -> bytes:
        if not isinstance(topic, (str, bytes)):
            raise TypeError(f"a topic is str or bytes, not {type(topic).__name__}")
        topic = topic.encode() if isinstance(topic, str) else topic
        if self._separator and self._separator in topic:
            raise ValueError(f"the topic {topic!r} contains 0x80, which is where agents end it")
        return topic

    def _receive(self, flags: int) -> tuple[bytes, Any]:
        refuse_key(self.socket, "agents' messages")
        frames = recv_raw(self.socket, flags)
        message = None if self.serializer == "raw" else self._framewires(frames)
        if message is not None:
            return message.topic or b"", message.value
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

    def _framewires(self, frames: list[memoryview]) -> Message | None:
        """The message, if it is one of framewire's own."""
        try:
            message = Message(frames, self.socket, None, self._codec(), None)
        except DecodeError as error:
            # no head: a topic may begin like one; what is only over a limit, or refused, is a head
            if self.kind == "SUB" and len(frames) == 1 and type(error) is DecodeError:
                return None
            raise
        return None if message.serializer is None else message

    def _codec(self) -> Codec:
        """The socket's, which also takes the pickle that the address says."""
        codec = codec_for(self.socket, None)
        if self._codecs[0] is not codec:
            allow = (codec.allow or frozenset()) | {self.serializer}.intersection(PICKLES)
            self._codecs = codec, codec_for(self.socket, Codec(allow=allow))
        own: Codec = self._codecs[1]
        return own

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
            # `send_raw` looks at a whole frame itself
            return serialize(value, "raw", "raise")[1][0] if self.kind == "PUB" else value
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
