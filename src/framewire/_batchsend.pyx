"""Many messages in one call: values, each prepared before the first of its chunk is sent, or rows.

Rows of an array need no Python: the bytes of one head stand before the payload of each.
"""

from operator import length_hint

import numpy
import zmq as pyzmq

from .records import class_of_dtype, records_of

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EAGAIN, EINTR, ENOMEM
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cimport numpy as np

from ._c cimport fw_stamp_store, fw_stamp_t
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
from ._ledger cimport (
    Sequence,
    count_sent,
    ledger_of,
    next_stamp,
    restamp,
    schema_not_sent,
    size_of,
)
from ._libzmq cimport ZMQ_DONTWAIT, ZMQ_POLLOUT, ZMQ_SNDMORE, direct, socket_handle, zmq, zmq_msg_t
from ._manner cimport Manner, new_manner
from ._recordio cimport record_head
from ._records cimport schema_of
from ._rows cimport Rows, rows_of
from ._transport cimport frames_send, raise_received, send_message
from ._unfinished cimport is_unfinished
from ._values cimport put_envelope, put_value
from ._waiting cimport Turn, begin_turn, breathe, is_green, tell_event_loop, wait_turn

__all__ = ["send_many"]

cdef enum:
    CHUNK = 1024         # messages that are prepared before they are sent,
    CHUNK_BYTES = 8 << 20  # or so many bytes
    HELD = 1024          # rows that are sent with the GIL, if that needs no waiting,
    RUN = 1 << 20        # and then without, before signals are looked at


# What a prepared value is, once it was sent, to the sender's statistics.
cdef struct Prepared:
    uint64_t size        # bytes in all frames
    uint32_t frames
    uint32_t in_place

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
    size_t stamp_at      # where in it a stamp goes, or 0
    size_t row_size      # bytes of such a message
    fw_stamp_t stamp     # of the row; of the first of the values,
    bint stamped         # if they have one
    Prepared *prepared   # of values


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
        message: a record, if it is a structured array of one dimension, else an array of shape
        ``values.shape[1:]``.
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
    if serializer is None:
        serializer = manner.codec.serializer
    if isinstance(values, numpy.ndarray) and not isinstance(values, numpy.ma.MaskedArray):
        rows = checked_array(values)
        if rows.ndim == 0:
            raise TypeError("an array of no dimensions has no rows")
        records = are_records(rows, serializer)
        if direct and is_template(rows, records, serializer, manner):
            return send_rows(socket, rows, records, flags, manner)
        values = records_of(rows) if records else each_row(rows)
    return send_values(socket, values, flags, serializer, manner)


def each_row(rows):
    for i in range(len(rows)):
        yield rows[i, ...]


cdef bint are_records(np.ndarray rows, object serializer) except -1:
    return rows.ndim == 1 and rows.dtype.names is not None and serializer in ("auto", "record")


cdef bint is_template(
    np.ndarray rows, bint records, object serializer, Manner manner
) except -1:
    """Can every row be sent as the same head with the row's bytes behind it?"""
    cdef np.ndarray row
    if np.PyArray_DIM(rows, 0) == 0 or not (records or serializer in ("auto", "array")):
        return False
    if records and manner.codec.schemas:  # some heads have it
        return False
    row = rows[0, ...]
    return np.PyArray_IS_C_CONTIGUOUS(row) and is_inline(np.PyArray_NBYTES(row), manner.place)


cdef Sequence sequence_for(object socket, Frames *envelope, Manner manner):
    """The numbers for messages that have this envelope; None if they are not counted."""
    return ledger_of(socket).sequence_of(envelope) if manner.codec.stamps else None


# ---- rows

cdef Py_ssize_t send_rows(
    object socket, np.ndarray rows, bint records, int flags, Manner manner
) except -1:
    cdef Outgoing out
    cdef np.ndarray row = rows[0, ...]
    cdef bint stamped = manner.codec.stamps and not is_unfinished(socket)
    cdef Sequence sequence
    cdef bytes head
    if records:
        schema = schema_of(class_of_dtype(rows.dtype))
        head = record_head(schema, manner.meta, stamped, &out.stamp_at)
    else:
        head = array_head(row, manner.meta, stamped, &out.stamp_at)
    rows_of(&out.rows, rows, row)
    out.head, out.head_size = <const uint8_t *>PyBytes_AS_STRING(head), PyBytes_GET_SIZE(head)
    out.count, out.sent, out.ends = out.rows.count, 0, NULL
    frames_begin(&out.frames, False, False)
    frames_begin(&out.envelope, False, False)
    try:
        put_envelope(&out.envelope, socket, None, manner.topic)
        sequence = sequence_for(socket, &out.envelope, manner)
        out.row_size = size_of(&out.envelope) + out.head_size + out.rows.size
        send_all(&out, socket, flags, sequence)
        return out.sent
    except BaseException as error:
        error.sent = out.sent
        raise
    finally:
        frames_end(&out.envelope)
        frames_end(&out.frames)


cdef int prepare_row(Outgoing *out, Sequence sequence) noexcept nogil:
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
    if out.stamp_at:
        next_stamp(sequence, &out.stamp)
        fw_stamp_store(data + out.stamp_at, &out.stamp)
    memcpy(data + out.head_size, out.rows.data + out.sent * out.rows.stride, out.rows.size)
    return 0


cdef int send_some_rows(
    Outgoing *out, Py_ssize_t limit, void *handle, int flags, Sequence sequence
) noexcept nogil:
    """Send up to `limit` rows. Returns 0 or the errno that ended it."""
    cdef Frames *frames = &out.frames
    cdef int error = 0
    while limit > 0 and out.sent < out.count:
        error = prepare_row(out, sequence)
        if error == 0:
            error = send_message(frames, frames.count, handle, flags, &out.interrupted)
        if error:
            break
        frames.count = frames.first = 0
        count_one(out, sequence)
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
    cdef Prepared prepared[CHUNK]
    cdef Py_ssize_t total = 0
    cdef bint more = True
    cdef Sequence sequence = None
    out.count, out.sent, out.ends, out.prepared = 0, 0, ends, prepared
    frames_begin(&out.frames, not direct, False)
    try:
        put_envelope(&out.frames, socket, None, manner.topic)
        sequence = sequence_for(socket, &out.frames, manner)
        frames_clear(&out.frames)
        frames_room(&out.frames, min(length_hint(values), CHUNK))
        iterator = iter(values)
        while more and out.sent == out.count:
            total += out.sent
            out.count = out.sent = 0
            frames_clear(&out.frames)
            begin_stamps(&out, socket, sequence)
            more = prepare_values(&out, socket, iterator, serializer, manner)
            send_all(&out, socket, flags, sequence)
        return total + out.sent
    except BaseException as error:
        error.sent = total + out.sent
        raise
    finally:
        for _ in range(out.count - out.sent if manner.counted else 0):
            schema_not_sent(socket, manner.topic, manner.counted)
        frames_end(&out.frames)


cdef int begin_stamps(Outgoing *out, object socket, Sequence sequence) except -1:
    """Number the values of a chunk from the first on that was not sent."""
    out.stamped = sequence is not None and not is_unfinished(socket)
    if out.stamped:
        out.stamp.sender = sequence.sender
        out.stamp.sequence = sequence.next
    return 0


cdef bint prepare_values(
    Outgoing *out, object socket, object iterator, object serializer, Manner manner
) except -1:
    """The frames of the next chunk of values, into the empty list. Are there perhaps more?"""
    cdef Frames *frames = &out.frames
    cdef Prepared *one
    cdef size_t room = CHUNK_BYTES
    cdef Py_ssize_t in_place = 0
    cdef Py_ssize_t i = 0
    for value in iterator:
        one = &out.prepared[out.count]
        if manner.topic is not None:
            put_envelope(frames, socket, None, manner.topic)
        frames.stamped = out.stamped
        if out.stamped:
            frames.stamp = out.stamp
            frames.stamp.sequence += out.count
        put_value(frames, value, serializer, manner)
        out.ends[out.count] = frames.count
        out.count += 1
        one.frames = <uint32_t>(frames.count - i)
        one.in_place = <uint32_t>(frames.in_place - in_place)
        in_place = frames.in_place
        one.size = 0
        while i < frames.count:
            one.size += frames_span(frames, i).size
            i += 1
        if out.count == CHUNK or one.size >= room:
            return True
        room -= one.size
    return False


cdef int send_prepared(Outgoing *out, void *handle, int flags, Sequence sequence) noexcept nogil:
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
        count_one(out, sequence)
    return 0


# ---- both

cdef void count_one(Outgoing *out, Sequence sequence) noexcept nogil:
    """One more message was sent."""
    cdef Prepared *one
    cdef fw_stamp_t stamp
    if sequence is not None and out.ends == NULL:
        count_sent(
            sequence, &out.stamp if out.stamp_at else NULL, out.row_size, out.envelope.count + 1, 0
        )
    elif sequence is not None:
        one = &out.prepared[out.sent]
        stamp.sequence = out.stamp.sequence + out.sent
        count_sent(
            sequence, &stamp if out.stamped else NULL, one.size, one.frames - one.in_place,
            one.in_place,
        )
    out.sent += 1


cdef int send_all(Outgoing *out, object socket, int flags, Sequence sequence) except -1:
    """Send what is not sent yet; out.sent says how far there was room."""
    cdef Turn turn
    cdef Py_ssize_t before
    if flags & ZMQ_DONTWAIT or not is_green(socket):
        send_round(out, socket, flags, sequence, False)
        return 0
    begin_turn(&turn, ZMQ_POLLOUT, False)
    while out.sent < out.count:
        breathe(socket)
        renumber(out, socket, sequence)
        before = out.sent
        if send_round(out, socket, flags | ZMQ_DONTWAIT, sequence, True):
            if out.sent > before:
                begin_turn(&turn, ZMQ_POLLOUT, False)
            if not wait_turn(&turn, socket):
                return 0
    return 0


cdef int renumber(Outgoing *out, object socket, Sequence sequence) except -1:
    """Stamp values anew that were prepared before other greenlets sent what has their numbers."""
    cdef Frames part
    cdef Py_ssize_t at = out.frames.first
    cdef Py_ssize_t i
    if out.ends == NULL or not out.stamped or out.stamp.sequence + out.sent == sequence.next:
        return 0
    out.stamp.sequence = sequence.next - out.sent
    for i in range(out.sent, out.count):
        frames_slice(&part, &out.frames, at, out.ends[i] - at)
        part.stamped = True
        part.stamp = out.stamp
        part.stamp.sequence += i
        restamp(&part, socket)
        at = out.ends[i]
    return 0


cdef bint send_round(
    Outgoing *out, object socket, int flags, Sequence sequence, bint briefly
) except -1:
    """Send as far as there is room, or `briefly`, only some. Was there too little room?"""
    cdef bint full = False
    try:
        if out.sent < out.count and (not direct or is_unfinished(socket)):
            full = send_singly(out, socket, flags, sequence)
        if direct and not full:
            full = send_directly(out, socket, flags, sequence, briefly)
        PyErr_CheckSignals()  # here what it raises can say how many were sent
    finally:
        tell_event_loop(socket)
    return full


cdef bint send_singly(Outgoing *out, object socket, int flags, Sequence sequence) except -1:
    """By `frames_send`: all through pyzmq, or only the one that ends a message begun before."""
    cdef Frames part
    cdef Frames *frames = &out.frames
    while True:
        if out.ends == NULL:
            raise_received(prepare_row(out, sequence))
            frames_slice(&part, frames, 0, frames.count)
        else:
            frames_slice(&part, frames, frames.first, out.ends[out.sent] - frames.first)
        try:
            frames_send(&part, socket, flags)
        except pyzmq.Again:
            if part.first > 0:
                raise
            return True
        finally:
            frames.first += part.first
        count_one(out, sequence)
        if out.ends == NULL:
            frames_clear(frames)
        if direct or out.sent == out.count:
            return False


cdef bint send_directly(
    Outgoing *out, object socket, int flags, Sequence sequence, bint briefly
) except -1:
    cdef bint held = not out.frames.foreign
    cdef void *handle
    cdef int error
    out.lost = out.interrupted = False
    while out.sent < out.count:
        handle = socket_handle(socket)
        if held:
            error = send_some(out, HELD, handle, flags | ZMQ_DONTWAIT, sequence)
        else:
            with nogil:
                error = send_some(out, RUN, handle, flags, sequence)
        if out.interrupted or error == EINTR:
            PyErr_CheckSignals()
            out.interrupted = False
        if out.lost:
            raise_received(error)
        if error == EAGAIN and (not held or flags & ZMQ_DONTWAIT):
            return True
        if error != EINTR and error != EAGAIN:
            raise_received(error)
        held = held and error == EINTR
        if briefly:
            break
    return False


cdef inline int send_some(
    Outgoing *out, Py_ssize_t limit, void *handle, int flags, Sequence sequence
) noexcept nogil:
    if out.ends == NULL:
        return send_some_rows(out, limit, handle, flags, sequence)
    return send_prepared(out, handle, flags, sequence)
