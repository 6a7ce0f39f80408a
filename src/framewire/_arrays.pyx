"""Arrays between Python and sockets: the express lane over the codec, in one call.

The codec is `_encode` and `_decode`; this says what users call, and checks what they pass.
"""

from operator import index

import numpy

from cpython.buffer cimport PyObject_CheckBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8String
from libc.stdint cimport uint8_t

from ._buffers cimport Buffer
from ._c cimport FW_FLAG_META, fw_head_match, fw_head_t
from ._decode cimport find_head, get_array, read_head, takes_routing_id
from ._encode cimport put_array
from ._frames cimport Frames, Span, frames_begin, frames_copy, frames_end, frames_load
from ._libzmq cimport ZMQ_SNDMORE, direct
from ._transport cimport frames_receive, frames_send

__all__ = ["dumps", "loads", "parse_head", "recv_array", "send_array"]


cdef int put_topic(Frames *frames, object topic, object socket) except -1:
    if isinstance(topic, str):
        topic = PyUnicode_AsUTF8String(topic)  # a subclass may have an encode of its own
    elif not isinstance(topic, bytes):
        raise TypeError(f"topic must be str or bytes, not {type(topic).__name__}")
    cdef const char *data = PyBytes_AS_STRING(topic)
    cdef size_t size = PyBytes_GET_SIZE(topic)
    if fw_head_match(<const uint8_t *>data, size) and not takes_routing_id(socket):
        raise ValueError("a topic cannot begin with C1 46: it would be taken for the head")
    return frames_copy(frames, data, size)


def send_array(socket, A, int flags=0, copy=None, bint track=False, *, topic=None, meta=None):
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
        Sent as a frame before the head, str as UTF-8. On a ROUTER: the peer's routing id.
    meta : object, optional
        Anything that MessagePack carries; read with `recv_message`.

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
    if flags & ZMQ_SNDMORE:
        raise ValueError("SNDMORE: a head describes a whole message, nothing can follow an array")
    if copy is not None:
        copy = bool(copy)  # before anything is looked at: this may run Python
    frames_begin(&frames, not direct, track)
    try:
        if topic is not None:
            put_topic(&frames, topic, socket)
        put_array(&frames, A, copy, meta)
        return frames_send(&frames, socket, flags)
    finally:
        frames_end(&frames)


def dumps(A, *, copy=None, meta=None):
    """The frames of an array, without a socket: for files and other transports.

    Parameters
    ----------
    A, copy, meta
        As for `send_array`. What is not copied is aliased by the result.

    Returns
    -------
    list of bytes and memoryview
        The head, and, over 8 KiB, the payload: read-only, one-dimensional.

    Raises
    ------
    TypeError, ValueError
        As for `send_array`.
    """
    cdef Frames frames
    if copy is not None:
        copy = bool(copy)
    frames_begin(&frames, True, False)
    try:
        put_array(&frames, A, copy, meta)
        return [
            memoryview(each) if type(each) is Buffer else each for each in <list>frames.objects
        ]
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
    socket, int flags=0, copy=None, bint track=False, *, out=None, dtype=None, shape=None
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
        It is not of the dtype or shape that was asked for.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's ``recv``.

    Notes
    -----
    Whatever the error, the whole message has been consumed and the next one is intact. Topics and
    other envelope frames are dropped: `recv_message` shows them.
    """
    cdef Frames frames
    if out is not None:
        check_out(out)
    if dtype is not None:
        dtype = numpy.dtype(dtype)
    if shape is not None:
        shape = as_shape(shape)
    frames_begin(&frames, not direct, False)
    try:
        frames_receive(&frames, socket, flags, True)
        return get_array(&frames, socket, copy, out, dtype, shape)
    finally:
        frames_end(&frames)


def loads(frames, *, copy=None, out=None, dtype=None, shape=None):
    """The array of frames that `dumps` made, or that came by another way.

    Parameters
    ----------
    frames : buffer, or iterable of buffers
        Contiguous, bytes-like; envelope frames may stand before the head. Payloads of over 8 KiB
        are not copied: the array aliases its frame and holds its buffer.
    copy, out, dtype, shape
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
    if out is not None:
        check_out(out)
    if dtype is not None:
        dtype = numpy.dtype(dtype)
    if shape is not None:
        shape = as_shape(shape)
    if PyObject_CheckBuffer(frames):
        frames = (frames,)
    frames_begin(&list_of_frames, True, False)
    try:
        frames_load(&list_of_frames, frames)
        return get_array(&list_of_frames, None, copy, out, dtype, shape)
    finally:
        frames_end(&list_of_frames)


def parse_head(frames, socket=None):
    """Find and check the head of a message.

    Parameters
    ----------
    frames : iterable of buffers
    socket : zmq.Socket, optional
        Where they came from: on a ROUTER or STREAM the first one is a routing id.

    Returns
    -------
    tuple of (int, bytes or None) or None
        The index of the head and its metadata as msgpack; None if the message has no head.

    Raises
    ------
    DecodeError
        The head is malformed.
    """
    cdef Frames list_of_frames
    cdef fw_head_t head
    cdef Span frame
    cdef Span payload
    cdef Py_ssize_t at
    frames_begin(&list_of_frames, True, False)
    try:
        frames_load(&list_of_frames, frames)
        at = find_head(&list_of_frames, socket, &frame)
        if at < 0:
            return None
        read_head(&list_of_frames, at, frame, &head, &payload)
        return at, head.meta[:head.meta_size] if head.flags & FW_FLAG_META else None
    finally:
        frames_end(&list_of_frames)
