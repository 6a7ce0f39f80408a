"""The functions of pyzmq's document "Serializing messages with PyZMQ", on its wire.

By the document's names, with its parameters and bytes, so that programs with its code are at the
other end and notice nothing. Any `zmq.Socket` will do. Where the printed code does not run, this is
what it means: docs/pyzmq-recipes.md says where.

On a socket whose codec has a key all raise ValueError, and send and receive nothing: this wire has
no room for such a signature. But `recv_array`, which takes signed arrays of `framewire.send_array`.
"""

import hmac
import pickle
import zlib
from typing import Any

import numpy as np
import zmq
from numpy.typing import NDArray

from .._arrays import recv_array as _recv_array
from .._codec import codec_for
from .._multipart import send, send_multipart
from .._raw import recv_raw
from ..errors import DecodeError, LimitError, SignatureError
from ..recipe import make_header
from .keyed import refuse_key

__all__ = [
    "recv_array",
    "recv_signed_zipped_pickle",
    "recv_zipped_pickle",
    "send_array",
    "send_signed_zipped_pickle",
    "send_zipped_pickle",
]

_MESSAGES = "the messages of pyzmq's document"
_STEP = 1 << 20  # bytes


def send_array(
    socket: zmq.Socket[Any],
    A: NDArray[Any] | np.generic,
    flags: int = 0,
    copy: bool = True,
    track: bool = False,
) -> zmq.MessageTracker | None:
    """Send an array as the document does: dtype and shape as JSON, then the bytes.

    Parameters
    ----------
    socket : zmq.Socket
    A : numpy.ndarray or numpy.generic
        What is not C-contiguous (strided, of Fortran order, broadcast) is copied first, so that its
        bytes are in the order that the receiver takes them for; the document's code sends some of
        these wrongly. Byte order is kept. Subclasses travel as plain arrays.
    flags : int
        ``zmq.DONTWAIT``, ``zmq.SNDMORE``.
    copy : bool
        False sends the bytes in place, if they are 64 KiB or more: do not write to A until the
        tracker is done.
    track : bool
        With ``copy=False``: return a tracker that waits for both frames.

    Returns
    -------
    zmq.MessageTracker or None
        As `zmq.Socket.send`.

    Raises
    ------
    TypeError
        Not an array; one with a mask, which would be lost; or a dtype that cannot be told by its
        ``str``: structures, objects, StringDType, those of other libraries. Nothing has been sent.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's ``send``. No peer sees part of the message.

    See Also
    --------
    framewire.send_array : carries all of these, in one frame where that is faster.
    """
    if not isinstance(A, (np.ndarray, np.generic)):
        raise TypeError(f"an array is sent, not {type(A).__name__}")
    if isinstance(A, np.ma.MaskedArray):
        raise TypeError("a masked array would lose its mask: send its data and its mask")
    refuse_key(socket, _MESSAGES)
    array = np.asarray(A, order="C")
    return send_multipart(socket, [make_header(array), array], flags, copy, track)


def recv_array(
    socket: zmq.Socket[Any], flags: int = 0, copy: bool = True, track: bool = False
) -> NDArray[Any]:
    """Receive an array of `send_array`, of the document's code, or of `framewire.send_array`.

    Parameters
    ----------
    socket : zmq.Socket
    flags : int
        ``zmq.DONTWAIT``.
    copy : bool
        As in the document, True gives a read-only array, and False one that can be written to. It
        says nothing about copies: there is none in either case, but of what is small, and of what
        is to be written to while its memory may be the sender's too (inproc).
    track : bool
        Ignored.

    Returns
    -------
    numpy.ndarray
        It keeps the memory of the message alive.

    Raises
    ------
    framewire.DecodeError
        A ValueError. Neither of these, or not what its header claims. The whole message has been
        consumed.
    framewire.SignatureError
        The socket's codec has a key, and the message is not signed by it, as the document's are
        not. It has been consumed, too.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's ``recv``.
    """
    array: NDArray[Any] = _recv_array(socket, flags, None if copy else True)
    return array


def send_zipped_pickle(
    socket: zmq.Socket[Any], obj: Any, flags: int = 0, protocol: int = pickle.HIGHEST_PROTOCOL
) -> None:
    """Send an object as a pickle that is compressed by zlib.

    Parameters
    ----------
    socket : zmq.Socket
    obj : object
    flags : int
        ``zmq.DONTWAIT``, ``zmq.SNDMORE``.
    protocol : int
        pickle's.

    Raises
    ------
    Exception
        As `pickle.dumps`. Nothing has been sent.
    """
    refuse_key(socket, _MESSAGES)
    send(socket, zlib.compress(pickle.dumps(obj, protocol)), flags)


def recv_zipped_pickle(socket: zmq.Socket[Any], flags: int = 0) -> Any:
    """Receive an object of `send_zipped_pickle`.

    Parameters
    ----------
    socket : zmq.Socket
    flags : int
        ``zmq.DONTWAIT``.

    Returns
    -------
    object
        As `pickle.loads`.

    Raises
    ------
    framewire.LimitError
        It would decompress to more than `Limits.decompressed` of the socket's codec, 1 GiB by
        default.
    framewire.DecodeError
        It is not one frame.
    zlib.error
        It is not compressed, or not whole.
    Exception
        As `pickle.loads`. After each of these the whole message has been consumed.

    Warnings
    --------
    **Whoever can send to this socket can run any code in this process**: a pickle is a program. See
    `recv_signed_zipped_pickle`.
    """
    refuse_key(socket, _MESSAGES)
    frames = recv_raw(socket, flags)
    if len(frames) != 1:
        raise DecodeError(f"{len(frames)} frames: a zipped pickle is one", "foreign")
    limits = codec_for(socket, None).limits
    assert limits is not None  # of a codec that is resolved
    return pickle.loads(_unzip(frames[0], limits.decompressed))


def send_signed_zipped_pickle(
    socket: zmq.Socket[Any],
    obj: Any,
    flags: int = 0,
    *,
    key: bytes,
    protocol: int = pickle.HIGHEST_PROTOCOL,
) -> None:
    """Send an object as a compressed pickle behind its signature, which is a frame of its own.

    Parameters
    ----------
    socket : zmq.Socket
    obj : object
    flags : int
        ``zmq.DONTWAIT``, ``zmq.SNDMORE``.
    key : bytes
        The secret that both ends have, for HMAC-SHA256: 32 bytes of `secrets.token_bytes`, say.
    protocol : int
        pickle's.

    Raises
    ------
    ValueError
        An empty key; or the socket's codec has a key.
    Exception
        As `pickle.dumps`. Nothing has been sent.
    """
    refuse_key(socket, _MESSAGES)
    zipped = zlib.compress(pickle.dumps(obj, protocol))
    send_multipart(socket, [_sign(key, zipped), zipped], flags)


def recv_signed_zipped_pickle(socket: zmq.Socket[Any], flags: int = 0, *, key: bytes) -> Any:
    """Receive an object of `send_signed_zipped_pickle`, if it was signed with this key.

    Parameters
    ----------
    socket : zmq.Socket
    flags : int
        ``zmq.DONTWAIT``.
    key : bytes
        The sender's.

    Returns
    -------
    object
        As `pickle.loads`.

    Raises
    ------
    framewire.SignatureError
        A ValueError, with the document's text, "invalid signature": it is not signed, or with
        another key, or was changed. Nothing was decompressed or unpickled; the whole message has
        been consumed.
    ValueError
        An empty key; or the socket's codec has a key. No message was taken.
    Exception
        As `zlib.decompress` and `pickle.loads`, of what somebody with the key has sent.

    Warnings
    --------
    Whoever has the key can run any code in this process. Whoever can listen can send what they
    heard again: a signature does not say when, or to whom. `Codec(key=…)` notices that.
    """
    _check_key(key)
    refuse_key(socket, _MESSAGES)
    frames = recv_raw(socket, flags)
    if len(frames) != 2 or not hmac.compare_digest(bytes(frames[0]), _sign(key, frames[1])):
        raise SignatureError("invalid signature", "signature")
    return pickle.loads(zlib.decompress(frames[1]))


def _check_key(key: bytes) -> None:
    if not isinstance(key, (bytes, bytearray)):
        raise TypeError(f"a key is bytes, not {type(key).__name__}")
    if not key:
        raise ValueError("the key is empty")


def _sign(key: bytes, data: bytes | memoryview) -> bytes:
    _check_key(key)
    return hmac.digest(key, data, "sha256")


def _unzip(zipped: memoryview, most: int) -> bytearray:
    """`zlib.decompress`, of up to so many bytes, and in little more memory than these."""
    stream = zlib.decompressobj()
    plain = bytearray()
    for at in range(0, len(zipped), _STEP):  # what a step leaves over is copied, by each
        if stream.eof:
            break
        data: Any = zipped[at : at + _STEP]
        more = True
        while more:
            step = stream.decompress(data, _STEP)
            plain += step
            if len(plain) > most:
                text = (
                    f"over {most} bytes as it decompresses: Limits(decompressed=…) could be larger"
                )
                raise LimitError(text, "limit", limit="decompressed")
            data = stream.unconsumed_tail
            more = len(step) == _STEP
    if not stream.eof:
        raise zlib.error("incomplete or truncated stream")
    return plain
