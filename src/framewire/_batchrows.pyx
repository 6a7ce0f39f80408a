"""The rows of an array as messages of their own: the bytes of one head before the payload of each.

No Python per message, and none at all while they are sent.
"""

from .records import class_of_dtype

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.errno cimport ENOMEM
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

cimport numpy as np

from ._c cimport fw_stamp_store, fw_stamp_t
from ._encode cimport array_head
from ._frames cimport Frames, frames_begin, frames_end
from ._ledger cimport Sequence, count_sent, ledger_of, next_stamp, size_of
from ._libzmq cimport zmq, zmq_msg_t
from ._manner cimport Manner
from ._outgoing cimport Outgoing, send_all, send_round
from ._recordio cimport record_head
from ._schema cimport schema_of
from ._rows cimport Rows, rows_of
from ._transport cimport send_message
from ._values cimport put_envelope

__all__ = []

np.import_array()

cdef struct OutgoingRows:
    Outgoing out         # one at a time is prepared
    Rows rows
    Frames envelope      # what stands before each row,
    const uint8_t *head  # and in the frame with it
    size_t head_size
    size_t stamp_at      # where in it a stamp goes, or 0
    size_t row_size      # bytes of such a message
    fw_stamp_t stamp     # of the row


cdef Py_ssize_t send_rows(
    object socket, np.ndarray rows, bint records, int flags, Manner manner
) except -1:
    """Send each row, as a record or an array, which are contiguous. Not through pyzmq.

    The socket is not in the middle of a message.
    """
    cdef OutgoingRows batch
    cdef Outgoing *out = &batch.out
    cdef np.ndarray row = rows[0, ...]
    cdef Sequence sequence
    cdef bytes head
    if records:
        schema = schema_of(class_of_dtype(rows.dtype))
        head = record_head(schema, manner.meta, manner.codec.stamps, &batch.stamp_at)
    else:
        head = array_head(row, manner.meta, manner.codec.stamps, &batch.stamp_at)
    rows_of(&batch.rows, rows, row)
    batch.head, batch.head_size = <const uint8_t *>PyBytes_AS_STRING(head), PyBytes_GET_SIZE(head)
    out.count, out.sent, out.send_some = batch.rows.count, 0, send_some
    out.send_round, out.renumber = send_round, NULL
    frames_begin(&out.frames, False, False)
    frames_begin(&batch.envelope, False, False)
    try:
        put_envelope(&batch.envelope, socket, None, manner.topic)
        sequence = (
            ledger_of(socket).sequence_of(&batch.envelope) if manner.codec.stamps else None
        )
        batch.row_size = size_of(&batch.envelope) + batch.head_size + batch.rows.size
        send_all(out, socket, flags, sequence)
        return out.sent
    except BaseException as error:
        error.sent = out.sent
        raise
    finally:
        frames_end(&batch.envelope)
        frames_end(&out.frames)


cdef int prepare(OutgoingRows *batch, Sequence sequence) noexcept nogil:
    """The frames of the next row, into the empty list. Returns 0 or an errno."""
    cdef Frames *frames = &batch.out.frames
    cdef zmq_msg_t *msg
    cdef uint8_t *data
    while frames.count < batch.envelope.count:
        msg = &frames.msgs[frames.count]  # there are as few as a list has room for
        zmq.msg_init(msg)
        zmq.msg_copy(msg, &batch.envelope.msgs[frames.count])
        frames.count += 1
    msg = &frames.msgs[frames.count]
    if zmq.msg_init_size(msg, batch.head_size + batch.rows.size) != 0:
        return ENOMEM
    frames.count += 1
    data = <uint8_t *>zmq.msg_data(msg)
    memcpy(data, batch.head, batch.head_size)
    if batch.stamp_at:
        next_stamp(sequence, &batch.stamp)
        fw_stamp_store(data + batch.stamp_at, &batch.stamp)
    memcpy(data + batch.head_size, batch.rows.data + batch.out.sent * batch.rows.stride, batch.rows.size)
    return 0


cdef int send_some(
    Outgoing *out, Py_ssize_t limit, void *handle, int flags, Sequence sequence
) noexcept nogil:
    cdef OutgoingRows *batch = <OutgoingRows *>out
    cdef Frames *frames = &out.frames
    cdef int error = 0
    while limit > 0 and out.sent < out.count:
        error = prepare(batch, sequence)
        if error == 0:
            error = send_message(frames, frames.count, handle, flags, &out.interrupted)
        if error:
            break
        frames.count = frames.first = 0
        if sequence is not None:
            count_sent(sequence, &batch.stamp, batch.row_size, batch.envelope.count + 1, 0)
        out.sent += 1
        limit -= 1
    out.lost = error != 0 and frames.first > 0
    while frames.count > frames.first:
        frames.count -= 1
        zmq.msg_close(&frames.msgs[frames.count])
    frames.count = frames.first = 0
    return error
