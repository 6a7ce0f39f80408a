"""A received message with all that came with it."""

from functools import cached_property
from typing import Any

import msgspec
import zmq

from ._calls import loads_known, parse_head
from ._codec import Codec, codec_for
from ._decode import type_of
from ._raw import recv_raw
from .errors import DecodeError
from .stats import Stamp
from .typed import check_type

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
        Its name; None for a foreign message, one without a head.
    stamp : Stamp or None
        Who sent it, which of his it is, and when; None if the sender's codec has ``stamp=False``.
    frames : list of memoryview
        The head and what follows it, or all frames if the message is foreign. Read-only; their
        memory lives as long as any view of it.
    """

    def __init__(
        self,
        frames: list[memoryview],
        socket: zmq.Socket[Any],
        copy: bool | None,
        codec: Codec,
        type: Any,
    ):
        at: int
        self.serializer: str | None
        self._meta: bytes | None
        at, self.serializer, self._meta, stamp = parse_head(frames, socket, codec) or (
            0,
            None,
            None,
            None,
        )
        self.stamp = None if stamp is None else Stamp(*stamp)
        self._copy = None if copy is None else bool(copy)
        self._codec = codec
        self._type = type
        self.envelope = [bytes(frame) for frame in frames[:at]]
        self.frames = frames[at:]
        kind = type_of(socket)
        routed = bool(self.envelope) and kind in _ROUTING
        self.topic = self.envelope[-1] if self.envelope and not routed else None
        self._context = {"allow": codec.allow, "socket_type": kind, "topic": self.topic}

    @cached_property
    def meta(self) -> Any:
        """The metadata, None if there is none.

        Raises
        ------
        DecodeError
            Code ``metadata``: it is not one MessagePack value.
        """
        return None if self._meta is None else decode_meta(self._meta)

    @cached_property
    def value(self) -> Any:
        """What `recv_value` gives; what is over 8 KiB in it is a view of `frames`.

        Raises
        ------
        RefusedError
            The codec does not allow it.
        DecodeError
            As `recv_value`. Code ``foreign``: the message has no head, look at its frames.
        """
        return loads_known(self.frames, self._codec, self._copy, self._type, self._context)

    def __repr__(self) -> str:
        sizes = [len(frame) for frame in self.frames]
        return f"<Message {self.serializer or 'foreign'} envelope={self.envelope} sizes={sizes}>"


def decode_meta(content: bytes) -> Any:
    """Metadata as it stands in a head. DecodeError if it is not one MessagePack value."""
    try:
        return msgspec.msgpack.decode(content)
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
        raise DecodeError(f"the metadata is no MessagePack: {error}", "metadata") from error


def recv_message(
    socket: zmq.Socket[Any],
    flags: int = 0,
    *,
    type: Any = None,
    copy: bool | None = None,
    codec: Codec | str | None = None,
) -> Message:
    """Receive one message of any kind, with its envelope and metadata.

    Parameters
    ----------
    socket : zmq.Socket
    flags : int
        ``zmq.DONTWAIT``.
    type : type, optional
        For `Message.value`, as for `recv_value`.
    copy : bool, optional
        For `Message.value`, as for `recv_value`; True always copies.
    codec : Codec, optional
        For `Message.value`: what to accept. With ``stamp=True`` the message is counted; what
        `Message.value` raises later is not.

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
    if type is not None:
        check_type(type)
    return Message(recv_raw(socket, flags), socket, copy, codec_for(socket, codec), type)
