"""Arrays between Python and sockets: the express lane over the codec, in one call.

The codec is `_encode` and `_decode`; this says what users call, and checks what they pass.
"""

from operator import index

import numpy


from ._codec cimport Codec, codec_of, sealing
from ._decode cimport get_array
from ._encode cimport BY_SIZE, PACKED, checked_array, encode_meta, put_array
from ._frames cimport Frames, frames_begin, frames_end, frames_load
from ._ledger cimport (
    Account,
    Sequence,
    count_decoded,
    open_received,
    open_stamp,
    send_stamped,
)
from ._libzmq cimport ZMQ_SNDMORE, direct
from ._manner cimport new_manner
from ._signing cimport verify_loaded
from ._transport cimport frames_receive, frames_send
from ._values cimport put_envelope, put_value

__all__ = ["loads_array", "recv_array", "send_array"]


def send_array(
    socket, A, int flags=0, copy=None, bint track=False, *, topic=None, meta=None, packed=False,
    codec=None
):
    """Send a numpy array as one self-describing message.

    Parameters
    ----------
    socket : zmq.Socket
    A : numpy.ndarray or numpy.generic
        Any shape, of any dtype but object and StringDType. C and Fortran order are kept; another
        layout costs one copy; an axis of stride 0 (`numpy.broadcast_to`) travels once. Subclasses
        travel as plain arrays; masked arrays are refused.
    flags : int
        ``zmq.DONTWAIT``.
    copy : None or bool
        None sends the payload in place if nobody can change it (its memory belongs to bytes or to
        a received message) and copies it otherwise. False sends it in place: do not write to A
        until the tracker is done. True copies. A payload of up to 8 KiB is always copied, into the
        frame of the head.
    track : bool
        Return a `MessageTracker`, done when libzmq has released every frame.
    topic : str or bytes, optional
        Sent as a frame before the head, str as UTF-8. On a ROUTER: the peer's routing id, without
        which libzmq drops the message.
    meta : object, optional
        Anything that MessagePack carries, by msgspec: tuples come back as lists, dates as text;
        read with `recv_message`.
    packed : bool
        Put the payload into the frame of the head whatever its size, for ZMQ_CONFLATE and for the
        sockets that take no message of several frames. That is a copy.
    codec : Codec, optional
        Its `stamp`, `key` and `compression`; no other field changes how an array is sent.

    Returns
    -------
    MessageTracker or None

    Raises
    ------
    TypeError
        A is no array, or its dtype, `topic` or `meta` cannot be sent.
    ValueError
        ``zmq.SNDMORE`` (a head describes a whole message); a topic that begins with the magic, but
        on ROUTER; `meta` with an integer of over 64 bits or that contains itself.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's ``send``. No peer sees part of the message.

    Notes
    -----
    Wire format: "The head". In place, A's buffer is held (PEP 3118) until libzmq
    releases it.
    """
    cdef Frames frames
    cdef Codec chosen = None
    cdef Sequence sequence = None
    if flags & ZMQ_SNDMORE:
        raise ValueError("SNDMORE: a head describes a whole message, nothing can follow an array")
    if copy is not None:
        copy = bool(copy)  # before anything is looked at: this may run Python
    if sealing or codec is not None:
        chosen = codec_of(socket, codec)
    encoded = encode_meta(meta)
    frames_begin(&frames, not direct, track)
    try:
        if topic is not None:
            put_envelope(&frames, socket, None, topic)
        if chosen is not None and chosen.stamps:
            sequence = open_stamp(&frames, socket, chosen)
        if chosen is not None and chosen.compressor is not None:
            manner = new_manner(socket, topic, copy, meta, packed, chosen)
            put_value(&frames, checked_array(A), "array", manner)
        else:
            put_array(&frames, checked_array(A), copy, encoded, 0, PACKED if packed else BY_SIZE)
        if sequence is not None:
            return send_stamped(&frames, socket, flags, sequence)
        return frames_send(&frames, socket, flags)
    finally:
        frames_end(&frames)


cdef tuple as_shape(object shape):
    return tuple([index(n) for n in (shape if isinstance(shape, (tuple, list)) else (shape,))])


cdef int check_out(object out) except -1:
    if not isinstance(out, numpy.ndarray) or isinstance(out, numpy.ma.MaskedArray):
        raise TypeError(f"out must be a numpy array, not {type(out).__name__}")
    if not out.flags.writeable:
        raise ValueError("out is read-only")
    return 0


def recv_array(
    socket, int flags=0, copy=None, bint track=False, *, out=None, dtype=None, shape=None,
    codec=None
):
    """Receive an array: a message of `send_array`, or of the recipe in the pyzmq documentation.

    Parameters
    ----------
    socket : zmq.Socket
    flags : int
        ``zmq.DONTWAIT``.
    copy : None or bool
        None or False: a read-only array. A payload of over 8 KiB is a view of the received
        message, which it keeps alive: beyond the next receive, the socket and the context. True:
        writable memory of your own, copied unless the message is provably nobody else's.
    track : bool
        Ignored; the recipe has it.
    out : numpy.ndarray, optional
        Receive into this writable array of the same dtype and shape, any strides. It is returned.
    dtype : dtype, optional
        Refuse an array of any other dtype.
    shape : int or tuple of int, optional
        Refuse an array of any other shape; -1 stands for any length.
    codec : Codec, optional
        What to accept; the socket's, if it has one, else the process's.

    Returns
    -------
    numpy.ndarray
        With ``flags.aligned``. A broadcast array comes back with its zero strides, read-only, or
        with ``copy=True`` written out; at most 1 GiB of it, but with `out`. Values are not looked
        at: a bool may be neither 0 nor 1, a str may hold code points that there are not.

    Raises
    ------
    TypeError, ValueError
        `out` is no array or read-only; nothing was received.
    DecodeError
        The message is not what it claims to be, or no array (code ``foreign``).
    SchemaError
        It is a value of another serializer, or not of the dtype or shape that was asked for.
    RefusedError
        The codec does not allow arrays.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's ``recv``.

    Notes
    -----
    Whatever the error, the whole message has been consumed and the next one is intact. Topics and
    other envelope frames are dropped: `recv_message` shows them.
    """
    cdef Frames frames
    cdef Codec chosen
    cdef Account account = None
    if copy is not None:
        copy = bool(copy)
    if out is not None:
        check_out(out)
    if dtype is not None:
        dtype = numpy.dtype(dtype)
    if shape is not None:
        shape = as_shape(shape)
    frames_begin(&frames, not direct, False)
    try:
        frames_receive(&frames, socket, flags, True)
        chosen = codec_of(socket, codec)
        if chosen.stamps:
            account = open_received(&frames, socket, chosen)
        array = get_array(&frames, socket, chosen, copy, out, dtype, shape)
        if account is not None:
            count_decoded(account)
        return array
    finally:
        frames_end(&frames)


def loads_array(frames, *, copy=None, out=None, dtype=None, shape=None, codec=None):
    """The array of frames that came by another way than a socket: `recv_array` without one.

    Parameters
    ----------
    frames : buffer, or iterable of buffers
        Contiguous, bytes-like; envelope frames may stand before the head. Payloads of over 8 KiB
        are not copied: the array aliases its frame and holds its buffer.
    copy, out, dtype, shape, codec
        As for `recv_array`; ``copy=True`` always copies.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError, DecodeError, SchemaError
        As for `recv_array`; BufferError for a buffer that is not contiguous.
    """
    cdef Frames list_of_frames
    cdef Codec chosen = codec_of(None, codec)
    if copy is not None:
        copy = bool(copy)
    if out is not None:
        check_out(out)
    if dtype is not None:
        dtype = numpy.dtype(dtype)
    if shape is not None:
        shape = as_shape(shape)
    frames_begin(&list_of_frames, True, False)
    try:
        frames_load(&list_of_frames, frames)
        if chosen.signs:
            verify_loaded(&list_of_frames, chosen)
        return get_array(&list_of_frames, None, chosen, copy, out, dtype, shape)
    finally:
        frames_end(&list_of_frames)
