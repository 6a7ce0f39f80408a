"""A received message with all that came with it."""

from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import zmq

from ._arrays import loads, parse_head
from ._raw import recv_raw
from .errors import DecodeError

__all__ = ["Message", "recv_message"]

_ROUTING = (zmq.ROUTER, zmq.STREAM)


class Message:
    """One message: its envelope, its head, its payload. `meta` and `value` decode on first use.

    Attributes
    ----------
    envelope : list of bytes
        The frames before the head: a topic, routing ids, the empty delimiter. Empty if foreign.
    topic : bytes or None
        The envelope frame right before the head; None if there is none, and on ROUTER and STREAM,
        where the envelope is the socket's. ``b""`` is a topic.
    serializer : str or None
        ``"array"``; None for a foreign message, one without a head.
    frames : list of memoryview
        The head and what follows it, or all frames if the message is foreign. Read-only; their
        memory lives as long as any view of it.
    """

    def __init__(self, frames: list[memoryview], socket: zmq.Socket[Any], copy: bool | None):
        found = parse_head(frames, socket)
        at, self._meta = found or (0, None)
        self._copy = copy
        self.envelope = [bytes(frame) for frame in frames[:at]]
        self.frames = frames[at:]
        self.serializer = None if found is None else "array"
        routed = bool(self.envelope) and socket.type in _ROUTING
        self.topic = self.envelope[-1] if self.envelope and not routed else None

    @cached_property
    def meta(self) -> Any:
        """The metadata, None if there is none.

        Raises
        ------
        DecodeError
            Code ``metadata``: it is not one MessagePack value.
        """
        if self._meta is None:
            return None
        try:
            return msgspec.msgpack.decode(self._meta)
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
            raise DecodeError(f"the metadata is no MessagePack: {error}", "metadata") from error

    @cached_property
    def value(self) -> np.ndarray[Any, Any]:
        """The array, as `recv_array` gives it; over 8 KiB it is a view of the last of `frames`.

        Raises
        ------
        DecodeError
            Code ``foreign``: the message has no head.
        """
        if self.serializer is None:
            raise DecodeError("the message has no head: look at its frames", "foreign")
        return loads(self.frames, copy=self._copy)

    def __repr__(self) -> str:
        sizes = [len(frame) for frame in self.frames]
        return f"<Message {self.serializer or 'foreign'} envelope={self.envelope} sizes={sizes}>"


def recv_message(socket: zmq.Socket[Any], flags: int = 0, *, copy: bool | None = None) -> Message:
    """Receive one message of any kind, with its envelope and metadata.

    Parameters
    ----------
    socket : zmq.Socket
    flags : int
        ``zmq.DONTWAIT``.
    copy : bool, optional
        For `Message.value`, as for `recv_array`; True always copies.

    Returns
    -------
    Message

    Raises
    ------
    DecodeError
        The message has a head, and that is malformed. The next message is intact.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's ``recv``.
    """
    return Message(recv_raw(socket, flags), socket, copy)
