"""Many messages in one call: values, each prepared before the first of its chunk is sent, or rows.

Rows of an array need no Python: the bytes of one head stand before the payload of each.
"""

from operator import length_hint

import numpy
import zmq as pyzmq

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EAGAIN, EINTR, ENOMEM
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

cimport numpy as np

from ._codec cimport codec_of
from ._encode cimport array_head, checked_array, is_inline
from ._frames cimport (
    Frames,
    frames_begin,
    frames_clear,
    frames_end,
    frames_room,
    frames_slice,
    frames_span,
)
from ._libzmq cimport ZMQ_DONTWAIT, ZMQ_SNDMORE, direct, socket_handle, zmq, zmq_msg_t
from ._manner cimport Manner, new_manner
from ._rows cimport Rows, rows_of
from ._transport cimport frames_send, raise_received, send_message, tell_event_loop
from ._unfinished cimport is_unfinished
from ._values cimport put_envelope, put_value

__all__ = ["send_many"]

cdef enum:
    CHUNK = 1024         # messages that are prepared before they are sent,
    CHUNK_BYTES = 8 << 20  # or so many bytes
    HELD = 1024          # rows that are sent with the GIL, if that needs no waiting,
    RUN = 1 << 20        # and then without, before signals are looked at


# Messages on their way out: values that were prepared, or rows.
cdef struct Outgoing:
    Py_ssize_t count     # messages
    Py_ssize_t sent
    bint lost            # one was accepted in part, and its peer died
    bint interrupted     # by a signal, in a place where that could not be looked at
    Frames frames        # of all messages; of one row
    Py_ssize_t *ends     # where each message's frames end; NULL for rows
    Rows rows
    Frames envelope      # what stands before each row,
    const uint8_t *head  # and in the frame with it
    size_t head_size


def send_many(
    socket, values, int flags=0, copy=None, *, serializer=None, topic=None, meta=None, packed=False,
    codec=None
):
    """Send many values, or the rows of an array, each as a message of its own.

    Parameters
    ----------
    socket : zmq.Socket
    values : iterable or numpy.ndarray
        Values as for `send_value`. Of an array of one or more dimensions, each ``values[i]`` is a
        message: an array of shape ``values.shape[1:]``.
    flags : int
        ``zmq.DONTWAIT``: send what there is room for.
    copy, serializer, meta, packed, codec
        As for `send_value`, for each message.
    topic : str or bytes, optional
        As for `send_value`: the same for each message.

    Returns
    -------
    int
        How many messages were sent. It is less than all only with ``zmq.DONTWAIT``, or when there
        was no room for one for the socket's SNDTIMEO: ``values[n:]`` are still to be sent. Of an
        iterator more has been taken than was sent: up to 1024 values are prepared at a time.

    Raises
    ------
    TypeError, ValueError, ImportError, Exception
        As for `send_value`; also for a str or bytes, and an array of no dimensions.
    zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's ``send``. No peer sees part of a message.

    Notes
    -----
    Values are prepared in chunks of up to 1024, or 8 MiB; if one cannot be sent, nothing of its
    chunk is. What is raised after the first value was asked for has the attribute ``sent``: how
    many messages were sent before. The GIL is released only where the queue is full, and for the
    rest of a chunk then; for rows of up to 8 KiB, once for all but the first thousand.
    """
    cdef Manner manner
    cdef np.ndarray rows
    if flags & ZMQ_SNDMORE:
        raise ValueError("SNDMORE: a head describes a whole message, nothing can follow a value")
    if isinstance(values, (str, bytes, bytearray, memoryview)):
        raise TypeError(f"values is an iterable of values, not a {type(values).__name__}")
    manner = new_manner(socket, topic, copy, meta, packed, codec_of(socket, codec))
    if isinstance(values, numpy.ndarray) and not isinstance(values, numpy.ma.MaskedArray):
        rows = checked_array(values)
        if rows.ndim == 0:
            raise TypeError("an array of no dimensions has no rows")
        if direct and is_template(rows, serializer, manner):
            return send_rows(socket, rows, flags, manner)
        values = each_row(rows)
    return send_values(socket, values, flags, serializer, manner)


def each_row(rows):
    for i in range(len(rows)):
        yield rows[i, ...]


cdef bint is_template(np.ndarray rows, object serializer, Manner manner) except -1:
    """Can every row be sent as the same head with the row's bytes behind it?"""
    cdef np.ndarray row
    if serializer is None:
        serializer = manner.codec.serializer
    if np.PyArray_DIM(rows, 0) == 0 or serializer not in ("auto", "array"):
        return False
    row = rows[0, ...]
    return np.PyArray_IS_C_CONTIGUOUS(row) and is_inline(np.PyArray_NBYTES(row), manner.place)


# ---- rows

cdef Py_ssize_t send_rows(object socket, np.ndarray rows, int flags, Manner manner) except -1:
    cdef Outgoing out
    cdef np.ndarray row = rows[0, ...]
    cdef bytes head = array_head(row, manner.meta)
    rows_of(&out.rows, rows, row)
    out.head, out.head_size = <const uint8_t *>PyBytes_AS_STRING(head), PyBytes_GET_SIZE(head)
    out.count, out.sent, out.ends = out.rows.count, 0, NULL
    frames_begin(&out.frames, False, False)
    frames_begin(&out.envelope, False, False)
    try:
        put_envelope(&out.envelope, socket, None, manner.topic)
        send_all(&out, socket, flags)
        return out.sent
    except BaseException as error:
        error.sent = out.sent
        raise
    finally:
        frames_end(&out.envelope)
        frames_end(&out.frames)


cdef int prepare_row(Outgoing *out) noexcept nogil:
    """The frames of the next row, into the empty list. Returns 0 or an errno."""
    cdef Frames *frames = &out.frames
    cdef zmq_msg_t *msg
    cdef uint8_t *data
    while frames.count < out.envelope.count:
        msg = &frames.msgs[frames.count]  # there are as few as a list has room for
        zmq.msg_init(msg)
        zmq.msg_copy(msg, &out.envelope.msgs[frames.count])
        frames.count += 1
    msg = &frames.msgs[frames.count]
    if zmq.msg_init_size(msg, out.head_size + out.rows.size) != 0:
        return ENOMEM
    frames.count += 1
    data = <uint8_t *>zmq.msg_data(msg)
    memcpy(data, out.head, out.head_size)
    memcpy(data + out.head_size, out.rows.data + out.sent * out.rows.stride, out.rows.size)
    return 0


cdef int send_some_rows(
    Outgoing *out, Py_ssize_t limit, void *handle, int flags
) noexcept nogil:
    """Send up to `limit` rows. Returns 0 or the errno that ended it."""
    cdef Frames *frames = &out.frames
    cdef int error = 0
    while limit > 0 and out.sent < out.count:
        error = prepare_row(out)
        if error == 0:
            error = send_message(frames, frames.count, handle, flags, &out.interrupted)
        if error:
            break
        frames.count = frames.first = 0
        out.sent += 1
        limit -= 1
    out.lost = error != 0 and frames.first > 0
    while frames.count > frames.first:
        frames.count -= 1
        zmq.msg_close(&frames.msgs[frames.count])
    frames.count = frames.first = 0
    return error


# ---- values

cdef Py_ssize_t send_values(
    object socket, object values, int flags, object serializer, Manner manner
) except -1:
    cdef Outgoing out
    cdef Py_ssize_t ends[CHUNK]
    cdef Py_ssize_t total = 0
    cdef bint more = True
    out.count, out.sent, out.ends = 0, 0, ends
    frames_begin(&out.frames, not direct, False)
    try:
        frames_room(&out.frames, min(length_hint(values), CHUNK))
        iterator = iter(values)
        while more and out.sent == out.count:
            total += out.sent
            out.count = out.sent = 0
            frames_clear(&out.frames)
            more = prepare_values(&out, socket, iterator, serializer, manner)
            send_all(&out, socket, flags)
        return total + out.sent
    except BaseException as error:
        error.sent = total + out.sent
        raise
    finally:
        frames_end(&out.frames)


cdef bint prepare_values(
    Outgoing *out, object socket, object iterator, object serializer, Manner manner
) except -1:
    """The frames of the next chunk of values, into the empty list. Are there perhaps more?"""
    cdef Frames *frames = &out.frames
    cdef size_t room = CHUNK_BYTES
    cdef size_t size
    cdef Py_ssize_t i = 0
    for value in iterator:
        if manner.topic is not None:
            put_envelope(frames, socket, None, manner.topic)
        put_value(frames, value, serializer, manner)
        out.ends[out.count] = frames.count
        out.count += 1
        size = 0
        while i < frames.count:
            size += frames_span(frames, i).size
            i += 1
        if out.count == CHUNK or size >= room:
            return True
        room -= size
    return False


cdef int send_prepared(Outgoing *out, void *handle, int flags) noexcept nogil:
    """Send the values of a chunk. Returns 0 or the errno that ended it."""
    cdef Frames *frames = &out.frames
    cdef Py_ssize_t before
    cdef int error
    while out.sent < out.count:
        before = frames.first
        error = send_message(frames, out.ends[out.sent], handle, flags, &out.interrupted)
        if error:
            out.lost = frames.first > before
            return error
        out.sent += 1
    return 0


# ---- both

cdef int send_all(Outgoing *out, object socket, int flags) except -1:
    """Send what is not sent yet; out.sent says how far there was room."""
    try:
        if out.sent < out.count and (not direct or is_unfinished(socket)):
            send_singly(out, socket, flags)
        if direct:
            send_directly(out, socket, flags)
        PyErr_CheckSignals()  # here what it raises can say how many were sent
    finally:
        tell_event_loop(socket)
    return 0


cdef int send_singly(Outgoing *out, object socket, int flags) except -1:
    """By `frames_send`: all through pyzmq, or only the one that ends a message begun before."""
    cdef Frames part
    cdef Frames *frames = &out.frames
    while True:
        if out.ends == NULL:
            raise_received(prepare_row(out))
            frames_slice(&part, frames, 0, frames.count)
        else:
            frames_slice(&part, frames, frames.first, out.ends[out.sent] - frames.first)
        try:
            frames_send(&part, socket, flags)
        except pyzmq.Again:
            if part.first > 0:
                raise
            return 0
        finally:
            frames.first += part.first
        out.sent += 1
        if out.ends == NULL:
            frames_clear(frames)
        if direct or out.sent == out.count:
            return 0


cdef int send_directly(Outgoing *out, object socket, int flags) except -1:
    cdef bint held = not out.frames.foreign
    cdef void *handle
    cdef int error
    out.lost = out.interrupted = False
    while out.sent < out.count:
        handle = socket_handle(socket)
        if held:
            error = send_some(out, HELD, handle, flags | ZMQ_DONTWAIT)
        else:
            with nogil:
                error = send_some(out, RUN, handle, flags)
        if out.interrupted or error == EINTR:
            PyErr_CheckSignals()
            out.interrupted = False
        if out.lost:
            raise_received(error)
        if error == EAGAIN and (not held or flags & ZMQ_DONTWAIT):
            return 0
        if error != EINTR and error != EAGAIN:
            raise_received(error)
        held = held and error == EINTR
    return 0


cdef inline int send_some(
    Outgoing *out, Py_ssize_t limit, void *handle, int flags
) noexcept nogil:
    if out.ends == NULL:
        return send_some_rows(out, limit, handle, flags)
    return send_prepared(out, handle, flags)
