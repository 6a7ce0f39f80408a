from libc.stdint cimport uint8_t, uint64_t

from ._c cimport fw_head_t
from ._frames cimport Frames, Span

# A received message's buffers, which are taken in order.
cdef struct Payload:
    Frames *frames
    const fw_head_t *head
    const uint8_t *base    # the head's frame
    Py_ssize_t at          # which one that is
    size_t taken           # how many buffers were
    uint64_t room          # bytes that its arrays may still be spread out to: Limits.spread
    uint64_t inside        # where in the head's frame the next of those in it is
    uint64_t end           # bytes of that frame

# One of them. The span is valid until the frame is taken.
cdef struct Part:
    Span span
    Py_ssize_t frame       # the frame that it is in
    size_t offset          # where in it
    bint alone             # is it the only one that anybody may want a view of?

cdef int payload_open(
    Payload *payload, Frames *frames, Py_ssize_t at, Span frame, const fw_head_t *head
) except -1
cdef Part payload_next(Payload *payload) except *
cdef object part_owner(Frames *frames, Part *part, size_t alignment, bint writable)
cdef object part_view(Frames *frames, Part *part, bint writable)
cdef object part_copy(Part *part, bint writable)
cdef int put_buffers(
    Frames *frames, fw_head_t *head, const void *first, size_t first_size, list others, int place
) except -1
