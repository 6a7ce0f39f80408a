"""Messages of arrays that are alike: the rows of one as their payloads, and what is expected of heads.

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
from ._libzmq cimport zmq
from ._payload cimport Part

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
    expected.allowed = codec.takes[FW_SERIALIZER_ARRAY]
    expected.routed = routed
    expected.known_size = 0
    return description


cdef bint expect_same(Expected *expected, Frames *frames, object socket) except -1:
    """Expect the head of this message again, if it is that of an array. Returns whether it is."""
    cdef Span frame
    cdef Py_ssize_t at = find_head(frames, socket, &frame) if frames.objects == NULL else -1
    if at < 0 or fw_head_parse(frame.data, frame.size, &expected.head, NULL) != FW_OK:
        return False
    if expected.head.serializer != FW_SERIALIZER_ARRAY or expected.head.flags & FW_FLAG_SCALAR:
        return False
    keep_known(expected, frame.data, &expected.head)
    expected.head.meta = expected.head.type = NULL
    expected.allowed = True
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
    if not expected.allowed:
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
    return (
        expected.known_size != 0
        and expected.alone == alone
        and size == expected.known_size + (0 if alone else expected.head.payload)
        and memcmp(frame, expected.known, expected.known_size) == 0
    )


cdef bint learn(Expected *expected, const uint8_t *frame, size_t size) noexcept nogil:
    """Is this head as expected? If so, it is known from now on."""
    cdef fw_head_t head
    if fw_head_parse(frame, size, &head, NULL) != FW_OK or not is_like(&head, &expected.head):
        return False
    keep_known(expected, frame, &head)
    return True


cdef void keep_known(Expected *expected, const uint8_t *frame, const fw_head_t *head) noexcept nogil:
    expected.alone = not head.flags & FW_FLAG_INLINE
    expected.known_size = head.size if head.size <= KNOWN_HEAD else 0
    memcpy(expected.known, frame, expected.known_size)


cdef bint is_like(const fw_head_t *head, const fw_head_t *wanted) noexcept nogil:
    """Does a parsed head say what is wanted, with the payload in C order and written out?"""
    return (
        head.serializer == wanted.serializer
        and head.flags & (FW_FLAG_FORTRAN | FW_FLAG_BROADCAST) == 0
        and head.dtype == wanted.dtype
        and head.ndim == wanted.ndim
        and memcmp(head.shape, wanted.shape, head.ndim * sizeof(uint64_t)) == 0
        and head.payload == wanted.payload
        and head.flags & FW_FLAG_TYPE == wanted.flags & FW_FLAG_TYPE
        and (
            head.flags & FW_FLAG_TYPE == 0
            or (
                head.type_size == wanted.type_size
                and memcmp(head.type, wanted.type, head.type_size) == 0
            )
        )
    )
