"""Many messages in one call: values, each prepared before the first of its chunk is sent.

The rows of an array need no preparation: see `_batchrows`.
"""

from operator import length_hint

import numpy
import zmq as pyzmq

from .records import class_of_dtype, records_of

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cimport numpy as np

from ._batchrows cimport send_rows
from ._c cimport fw_head_parse, fw_head_stamp_offset, fw_head_t, fw_stamp_store, fw_stamp_t
from ._codec cimport codec_of
from ._decode cimport takes_routing_id
from ._encode cimport checked_array, is_inline
from ._frames cimport (
    Frames,
    Span,
    frames_begin,
    frames_clear,
    frames_end,
    frames_room,
    frames_slice,
    frames_span,
)
from ._ledger cimport Sequence, count_sent, ledger_of, open_signature
from ._libzmq cimport ZMQ_SNDMORE, direct
from ._manner cimport Manner, new_manner
from ._outgoing cimport Outgoing, send_all, send_round
from ._recordio cimport schema_in, schema_not_sent, schema_skipped
from ._schema cimport Schema, schema_of
from ._signing cimport sign
from ._transport cimport frames_send, send_message
from ._unfinished cimport is_unfinished
from ._values cimport put_envelope, put_value

__all__ = ["send_many"]

np.import_array()

cdef enum:
    CHUNK = 1024           # messages that are prepared before they are sent,
    CHUNK_BYTES = 8 << 20  # or so many bytes

# A value that was prepared: what it is once it was sent, and what it is for the receiver.
cdef struct Prepared:
    Py_ssize_t end       # of its frames in the list
    Py_ssize_t head      # which of them that is
    uint64_t size        # bytes in all frames
    uint32_t frames
    uint32_t in_place
    uint64_t schema      # the record that was asked for by schema_due, or 0
    bint stamped

cdef struct OutgoingValues:
    Outgoing out         # a chunk
    Prepared *prepared
    bint routed          # the first frame of each is a routing id

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
        if is_template(socket, rows, records, serializer, manner):
            if records and manner.codec.schemas:
                return send_rows_with_schemas(socket, rows, flags, manner)
            return send_rows(socket, rows, records, flags, manner)
        values = records_of(rows) if records else each_row(rows)
    return send_values(socket, values, flags, serializer, manner)


def each_row(rows):
    for i in range(len(rows)):
        yield rows[i, ...]


cdef bint are_records(np.ndarray rows, object serializer) except -1:
    return rows.ndim == 1 and rows.dtype.names is not None and serializer in ("auto", "record")


cdef Py_ssize_t send_rows_with_schemas(
    object socket, np.ndarray rows, int flags, Manner manner
) except -1:
    """Send rows as records: those that a schema is due with as values, the others between them."""
    cdef Schema schema = schema_of(class_of_dtype(rows.dtype))
    cdef int every = manner.codec.schemas
    cdef Py_ssize_t total = 0
    cdef Py_ssize_t run = 0
    cdef Py_ssize_t sent = 0
    while sent == run and total < len(rows):
        run = min(
            schema_in(socket, manner.topic, schema.fingerprint, every), len(rows) - total
        )
        try:
            if run == 0:
                run = 1
                due = records_of(rows[total : total + 1])
                sent = send_values(socket, due, flags, "record", manner)
            else:
                sent = send_rows(socket, rows[total : total + run], True, flags, manner)
                schema_skipped(socket, manner.topic, schema.fingerprint, sent)
        except BaseException as error:
            error.sent += total
            raise
        total += sent
    return total


cdef bint is_template(
    object socket, np.ndarray rows, bint records, object serializer, Manner manner
) except -1:
    """Can every row be sent as the same head with the row's bytes behind it?"""
    cdef np.ndarray row
    if not direct or np.PyArray_DIM(rows, 0) == 0 or not (
        records or serializer in ("auto", "array")
    ):
        return False
    if manner.codec.signs or manner.codec.compressor is not None:
        return False
    if is_unfinished(socket):  # the first one ends a message that was begun
        return False
    row = rows[0, ...]
    return np.PyArray_IS_C_CONTIGUOUS(row) and is_inline(np.PyArray_NBYTES(row), manner.place)


cdef Py_ssize_t send_values(
    object socket, object values, int flags, object serializer, Manner manner
) except -1:
    cdef OutgoingValues batch
    cdef Outgoing *out = &batch.out
    cdef Prepared prepared[CHUNK]
    cdef Py_ssize_t total = 0
    cdef bint more = True
    cdef Sequence sequence = None
    out.count, out.sent, out.send_some = 0, 0, send_some
    out.send_round, out.renumber = send_round_of_values, renumber
    batch.prepared = prepared
    batch.routed = takes_routing_id(socket)
    frames_begin(&out.frames, not direct, False)
    try:
        put_envelope(&out.frames, socket, None, manner.topic)
        if manner.codec.stamps:
            sequence = ledger_of(socket).sequence_of(&out.frames)
        if manner.codec.signs:
            open_signature(&out.frames, sequence, manner.codec)
        frames_clear(&out.frames)
        frames_room(&out.frames, min(length_hint(values), CHUNK))
        iterator = iter(values)
        while more and out.sent == out.count:
            total += out.sent
            out.count = out.sent = 0
            frames_clear(&out.frames)
            more = prepare(&batch, socket, iterator, serializer, manner, sequence)
            if sequence is not None:
                renumber(out, sequence)
            send_all(out, socket, flags, sequence)
        return total + out.sent
    except BaseException as error:
        error.sent = total + out.sent
        raise
    finally:
        try:
            take_back_schemas(&batch, manner)
        finally:  # also without memory for that
            frames_end(&out.frames)


cdef bint prepare(
    OutgoingValues *batch, object socket, object iterator, object serializer, Manner manner,
    Sequence sequence
) except -1:
    """The frames of the next chunk, into the empty list. Are there perhaps more?"""
    cdef Outgoing *out = &batch.out
    cdef Frames *frames = &out.frames
    cdef Prepared *one
    cdef size_t room = CHUNK_BYTES
    cdef Py_ssize_t begin
    cdef Py_ssize_t in_place
    cdef bint continued = is_unfinished(socket)
    if continued and manner.codec.signs:
        raise ValueError(
            "a message that was begun with SNDMORE cannot be signed: end it by send, and give topics "
            "as topic="
        )
    if sequence is not None:
        frames.stamp.sender = sequence.sender
        frames.stamp.sequence = sequence.next
    for value in iterator:
        one = &batch.prepared[out.count]
        begin, in_place = frames.count, frames.in_place
        if manner.topic is not None:
            put_envelope(frames, socket, None, manner.topic)
        one.head = frames.count
        # what ends a message that was begun has none: its topic is not known
        one.stamped = frames.stamped = sequence is not None and not (continued and out.count == 0)
        put_value(frames, value, serializer, manner)
        sign(frames, begin, one.head, frames.count, batch.routed)
        frames.stamp.sequence += one.stamped
        one.schema, manner.counted = manner.counted, 0
        one.end = frames.count
        one.frames = <uint32_t>(frames.count - begin)
        one.in_place = <uint32_t>(frames.in_place - in_place)
        one.size = size_from(frames, begin)
        out.count += 1
        if out.count == CHUNK or one.size >= room:
            return True
        room -= one.size
    return False


cdef uint64_t size_from(Frames *frames, Py_ssize_t begin) noexcept:
    cdef uint64_t size = 0
    cdef Py_ssize_t i
    for i in range(begin, frames.count):
        size += frames_span(frames, i).size
    return size


cdef int renumber(Outgoing *out, Sequence sequence) except -1:
    """Number the values anew that are not sent, if the socket was used since they were prepared."""
    cdef OutgoingValues *batch = <OutgoingValues *>out
    cdef Py_ssize_t i
    cdef fw_head_t head
    cdef Span frame
    cdef Py_ssize_t begin
    cdef uint64_t moved = 0
    for i in range(out.sent, out.count):
        if batch.prepared[i].stamped:
            frame = frames_span(&out.frames, batch.prepared[i].head)
            fw_head_parse(frame.data, frame.size, &head, NULL)
            moved = moved or sequence.next - head.stamp.sequence
            if moved == 0:
                return 0
            head.stamp.sequence += moved
            fw_stamp_store(<uint8_t *>frame.data + fw_head_stamp_offset(&head), &head.stamp)
            begin = batch.prepared[i - 1].end if i > 0 else 0
            sign(&out.frames, begin, batch.prepared[i].head, batch.prepared[i].end, batch.routed)
    return 0


cdef int take_back_schemas(OutgoingValues *batch, Manner manner) except -1:
    """Those of the values that were not sent, and of the one that could not be prepared."""
    cdef Py_ssize_t i
    for i in range(batch.out.sent, batch.out.count):
        if batch.prepared[i].schema:
            schema_not_sent(manner.socket, manner.topic, batch.prepared[i].schema)
    if manner.counted:
        schema_not_sent(manner.socket, manner.topic, manner.counted)
    return 0


cdef bint send_round_of_values(
    Outgoing *out, object socket, int flags, Sequence sequence, bint briefly
) except -1:
    cdef bint full = False
    if out.sent < out.count and (not direct or is_unfinished(socket)):
        full = send_singly(<OutgoingValues *>out, socket, flags, sequence)
    if direct and not full:
        return send_round(out, socket, flags, sequence, briefly)
    PyErr_CheckSignals()  # here what it raises can say how many were sent
    return full


cdef bint send_singly(
    OutgoingValues *batch, object socket, int flags, Sequence sequence
) except -1:
    """By `frames_send`: all through pyzmq, or only the one that ends a message begun before."""
    cdef Frames part
    cdef Frames *frames = &batch.out.frames
    while True:
        frames_slice(
            &part, frames, frames.first, batch.prepared[batch.out.sent].end - frames.first
        )
        try:
            frames_send(&part, socket, flags)
        except pyzmq.Again:
            if part.first > 0:
                raise
            return True
        finally:
            frames.first += part.first
        count_one(batch, sequence)
        if direct or batch.out.sent == batch.out.count:
            return False


cdef int send_some(
    Outgoing *out, Py_ssize_t limit, void *handle, int flags, Sequence sequence
) noexcept nogil:
    cdef OutgoingValues *batch = <OutgoingValues *>out
    cdef Frames *frames = &out.frames
    cdef Py_ssize_t before
    cdef Py_ssize_t end
    cdef int error
    while out.sent < out.count:
        before, end = frames.first, batch.prepared[out.sent].end
        error = send_message(frames, end, handle, flags, &out.interrupted)
        if error:
            out.lost = frames.first > before
            return error
        count_one(batch, sequence)
    return 0


cdef void count_one(OutgoingValues *batch, Sequence sequence) noexcept nogil:
    """One more was sent."""
    cdef Prepared *one = &batch.prepared[batch.out.sent]
    cdef fw_stamp_t stamp
    if sequence is not None:
        stamp.sequence = sequence.next
        count_sent(
            sequence, &stamp if one.stamped else NULL, one.size, one.frames - one.in_place,
            one.in_place,
        )
    batch.out.sent += 1
