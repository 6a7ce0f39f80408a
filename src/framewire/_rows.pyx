"""Messages of arrays and records that are alike: the rows of one as their payloads, and what is expected of heads.

No Python and no GIL per message. What is found here is a part of what `get_array` and `get_value`
take; the rest goes that way.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

cimport numpy as np

from ._c cimport *
from ._codec cimport Codec
from ._decode cimport find_head, takes_routing_id
from ._encode cimport begin_head
from ._frames cimport Frames, Span
from ._ledger cimport Account, count_received
from ._libzmq cimport zmq, zmq_msg_t
from ._payload cimport Part
from ._schema cimport Schema

cdef extern from "Python.h" nogil:  # macros, which need no GIL
    char *PyBytes_AS_STRING(object data)
    Py_ssize_t PyBytes_GET_SIZE(object data)

__all__ = []

np.import_array()


cdef int rows_of(Rows *rows, np.ndarray array, np.ndarray row) except -1:
    """The rows of an array of one or more dimensions, which are contiguous, as `row` is one."""
    rows.data = <char *>np.PyArray_DATA(array)
    rows.stride = np.PyArray_STRIDE(array, 0)
    rows.count = np.PyArray_DIM(array, 0)
    rows.size = np.PyArray_NBYTES(row)
    return 0


cdef bytes expect_array(Expected *expected, np.ndarray row, bint routed, Codec codec):
    """Expect arrays like `row`. Returns the text that the head points to, which must outlive it."""
    description = begin_head(row, &expected.head)
    expected.head.payload = np.PyArray_NBYTES(row)
    expect(expected, routed, codec)
    return description


cdef int expect_record(Expected *expected, Schema schema, bint routed, Codec codec) except -1:
    """Expect records of just this schema, without tails."""
    expected.head.serializer = FW_SERIALIZER_RECORD
    expected.head.fingerprint = schema.fingerprint
    expected.head.payload = schema.itemsize
    expect(expected, routed, codec)
    return 0


cdef void expect(Expected *expected, bint routed, Codec codec) noexcept:
    expected.allowed = (
        codec.takes[expected.head.serializer] and not codec.signs
        and expected.head.payload <= codec.most_size
    )
    expected.most_meta = codec.most_meta
    expected.most_frames = codec.most_frames
    expected.counted = codec.stamps
    expected.routed = routed
    expected.known_size = 0


cdef bint expect_same(Expected *expected, Frames *frames, object socket) except -1:
    """Expect the head of this message again, if it is that of an array. Returns whether it is."""
    cdef Span frame
    cdef Py_ssize_t at = find_head(frames, socket, &frame) if frames.objects == NULL else -1
    if at < 0 or fw_head_parse(frame.data, frame.size, &expected.head, NULL) != FW_OK:
        return False
    if expected.head.serializer != FW_SERIALIZER_ARRAY or expected.head.flags & (
        FW_FLAG_SCALAR | FW_FLAG_STAMP | FW_FLAG_COMPRESSED
    ):
        return False
    keep_known(expected, frame.data, &expected.head)
    expected.head.meta = expected.head.type = NULL
    expected.allowed = True
    expected.most_frames = frames.count  # get_value has looked at that one
    expected.most_meta = expected.head.meta_size
    expected.counted = False
    expected.routed = at > 0 and takes_routing_id(socket)
    return expected.known_size > 0


cdef bint find_payload(
    Expected *expected, Frames *frames, Py_ssize_t start, bint parse, Part *part
) noexcept nogil:
    """Find the payload of a message that is as expected. False if it is not, or not provably so.

    The message is those of the list's frames that begin at `start`. With `parse`, other heads than
    the last one are parsed: those that say the same, with the payload in C order and written out.
    """
    cdef Py_ssize_t last = frames.count - 1
    cdef Py_ssize_t at = start
    cdef const uint8_t *frame
    cdef size_t size
    if not expected.allowed or frames.count - start > expected.most_frames:
        return False
    if expected.routed and at < last:
        at += 1
    while True:
        frame = <const uint8_t *>zmq.msg_data(&frames.msgs[at])
        size = zmq.msg_size(&frames.msgs[at])
        if fw_head_match(frame, size):
            break
        if at == last:
            return False
        at += 1
    if at < last - 1:
        return False
    if not is_known(expected, frame, size, at < last) and not (parse and learn(expected, frame, size)):
        return False
    if expected.alone != (at < last):
        return False
    part.frame = last
    part.alone = True
    part.offset = 0 if at < last else size - expected.head.payload
    part.span.size = expected.head.payload
    if at < last:
        frame = <const uint8_t *>zmq.msg_data(&frames.msgs[last])
        size = zmq.msg_size(&frames.msgs[last])
        if size != expected.head.payload:
            return False
    part.span.data = frame + part.offset
    return True


cdef inline bint is_known(
    const Expected *expected, const uint8_t *frame, size_t size, bint alone
) noexcept nogil:
    """Is it the last head that was as expected, byte for byte?"""
    cdef size_t behind = expected.stamp_at + FW_STAMP_SIZE if expected.stamp_at else 0
    return (
        expected.known_size != 0
        and expected.alone == alone
        and size == expected.known_size + (0 if alone else expected.head.payload)
        and memcmp(frame, expected.known, expected.stamp_at) == 0
        and memcmp(frame + behind, expected.known + behind, expected.known_size - behind) == 0
    )


cdef bint learn(Expected *expected, const uint8_t *frame, size_t size) noexcept nogil:
    """Is this head as expected? If so, it is known from now on."""
    cdef fw_head_t head
    if fw_head_parse(frame, size, &head, NULL) != FW_OK or not is_like(&head, &expected.head):
        return False
    if head.meta_size > expected.most_meta:
        return False
    keep_known(expected, frame, &head)
    return True


cdef void keep_known(Expected *expected, const uint8_t *frame, const fw_head_t *head) noexcept nogil:
    expected.alone = not head.flags & FW_FLAG_INLINE
    expected.known_size = head.size if head.size <= KNOWN_HEAD else 0
    expected.stamp_at = fw_head_stamp_offset(head) if head.flags & FW_FLAG_STAMP else 0
    memcpy(expected.known, frame, expected.known_size)


cdef bint is_like(const fw_head_t *head, const fw_head_t *wanted) noexcept nogil:
    """Does a parsed head say what is wanted, with an array's payload in C order and written out?"""
    if head.serializer != wanted.serializer or head.payload != wanted.payload:
        return False
    if head.flags & FW_FLAG_COMPRESSED:
        return False
    if head.serializer == FW_SERIALIZER_RECORD:
        # one with a schema is read with it
        return head.fingerprint == wanted.fingerprint and head.flags & FW_FLAG_TYPE == 0
    return (
        head.flags & (FW_FLAG_FORTRAN | FW_FLAG_BROADCAST) == 0
        and head.dtype == wanted.dtype
        and head.ndim == wanted.ndim
        and memcmp(head.shape, wanted.shape, head.ndim * sizeof(uint64_t)) == 0
        and head.flags & FW_FLAG_TYPE == wanted.flags & FW_FLAG_TYPE
        and (
            head.flags & FW_FLAG_TYPE == 0
            or (
                head.type_size == wanted.type_size
                and memcmp(head.type, wanted.type, head.type_size) == 0
            )
        )
    )


cdef bint count_row(
    Expected *expected, Account account, Frames *frames, Py_ssize_t start, const Part *part
) noexcept nogil:
    """Count a message whose payload was found. False if it is not of the account's topic."""
    cdef Py_ssize_t at = part.frame - expected.alone
    cdef Py_ssize_t i
    cdef const uint8_t *frame
    cdef uint64_t size = 0
    cdef fw_stamp_t stamp
    if account is None or account.shared or expected.routed or not is_of(account, frames, start, at):
        return False
    for i in range(start, frames.count):
        size += zmq.msg_size(&frames.msgs[i])
    if expected.stamp_at:
        frame = <const uint8_t *>zmq.msg_data(&frames.msgs[at])
        fw_stamp_load(frame + expected.stamp_at, &stamp)
    count_received(account, size, &stamp if expected.stamp_at else NULL)
    return True


cdef bint is_of(
    Account account, Frames *frames, Py_ssize_t start, Py_ssize_t at
) noexcept nogil:
    """Is the frame before the head the account's topic?"""
    if account.topic is None or at == start:
        return account.topic is None and at == start
    cdef zmq_msg_t *msg = &frames.msgs[at - 1]
    return (
        zmq.msg_size(msg) == <size_t>PyBytes_GET_SIZE(account.topic)
        and memcmp(zmq.msg_data(msg), PyBytes_AS_STRING(account.topic), zmq.msg_size(msg)) == 0
    )
