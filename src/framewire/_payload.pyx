"""The buffers of a message: where each one is, views of them, and a head with the table of them.

docs/wire-format.md, "The head": one or many, the first or all of them in the frame of the head.
"""

from .errors import DecodeError

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_FromStringAndSize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.list cimport PyList_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.memoryview cimport PyMemoryView_FromObject
from libc.stdint cimport uint8_t, uint64_t, uintptr_t
from libc.string cimport memset

from ._buffers cimport SMALL, Buffer, copy_bytes
from ._c cimport *
from ._encode cimport BY_SIZE, PACKED, check
from ._frames cimport (
    Frames,
    Span,
    frames_put,
    frames_reserve,
    frames_share,
    frames_span,
    frames_stamp,
    frames_take,
    frames_unshared,
    frames_viewable,
)

__all__ = []

cdef enum:
    FEW_BUFFERS = 16  # whose lengths are kept on the stack


cdef inline uint64_t padded(uint64_t size) noexcept:
    return (size + 7) & ~<uint64_t>7


# ---- reading

cdef int payload_open(
    Payload *payload, Frames *frames, Py_ssize_t at, Span frame, const fw_head_t *head
) except -1:
    """The buffers of a message with a parsed head, frame `at`. Checks that the right frames follow."""
    cdef size_t inside = 0
    cdef size_t i
    cdef size_t size
    if head.flags & FW_FLAG_INLINE:
        inside = head.buffers if head.flags & FW_FLAG_PACKED else 1
    cdef size_t following = frames.count - at - 1
    if following != head.buffers - inside:
        raise DecodeError(
            f"{following} frames follow the head, it says {head.buffers - inside}", "frames"
        )
    for i in range(inside, head.buffers):
        size = frames_span(frames, at + 1 + i - inside).size
        if size != fw_head_buffer(head, i):
            raise DecodeError(
                f"a buffer's frame has {size} bytes, the head says {fw_head_buffer(head, i)}",
                "frames",
            )
    payload.frames = frames
    payload.head = head
    payload.at = at
    payload.base = frame.data
    payload.taken = 0
    payload.inside = head.size
    payload.end = frame.size
    return 0


cdef Part payload_next(Payload *payload) except *:
    """The next buffer. DecodeError if there is none."""
    cdef const fw_head_t *head = payload.head
    cdef Part part
    cdef size_t i = payload.taken
    if i == head.buffers:
        raise DecodeError(f"the message has {head.buffers} buffers, and needs more", "buffers")
    payload.taken += 1
    part.offset = 0
    part.alone = True
    if head.flags & FW_FLAG_PACKED or (i == 0 and head.flags & FW_FLAG_INLINE):
        part.frame = payload.at
        part.offset = payload.inside
        part.alone = head.buffers == 1 or not head.flags & FW_FLAG_PACKED
        # a large frame's memory stays where it is when the frame is taken
        part.span.data = payload.base + payload.inside
        part.span.size = fw_head_buffer(head, i)
        # checked once, but the memory may be the caller's, who may have written to it since
        if payload.inside > payload.end or part.span.size > payload.end - payload.inside:
            raise DecodeError("the message changed while it was read", "section")
        payload.inside = padded(payload.inside + part.span.size)
        return part
    part.frame = payload.at + i + (0 if head.flags & FW_FLAG_INLINE else 1)
    part.span = frames_span(payload.frames, part.frame)
    return part


cdef object part_owner(Frames *frames, Part *part, size_t alignment, bint writable):
    """An object that owns the memory of a buffer, for a view of it; None where it is to be copied.

    That is so where a view would keep more memory than it needs, where the data is not aligned,
    and where it is to be writable and may be somebody else's.
    """
    if <uintptr_t>part.span.data % alignment != 0:
        return None
    cdef bint shared = frames.shared != NULL and frames.shared_at == part.frame
    if writable and not shared and not frames_unshared(frames, part.frame):
        return None
    if part.alone:
        return frames_take(frames, part.frame, writable) if frames_viewable(frames, part.frame) else None
    return frames_share(frames, part.frame, writable) if part.span.size > SMALL else None


cdef object part_view(Frames *frames, Part *part, bint writable):
    """A memoryview of a buffer: in place, or of a copy."""
    cdef object view
    owner = part_owner(frames, part, 1, writable) if part.span.size > SMALL else None
    if owner is None:
        return PyMemoryView_FromObject(part_copy(part, writable))
    view = PyMemoryView_FromObject(owner)
    if part.offset or not part.alone:
        view = view[part.offset:part.offset + part.span.size]
    return view


cdef object part_copy(Part *part, bint writable):
    """A buffer's bytes as bytes, or as a bytearray."""
    cdef object copy
    if writable:
        copy = PyByteArray_FromStringAndSize(NULL, part.span.size)
        copy_bytes(PyByteArray_AS_STRING(copy), part.span.data, part.span.size)
    else:
        copy = PyBytes_FromStringAndSize(NULL, part.span.size)
        copy_bytes(PyBytes_AS_STRING(copy), part.span.data, part.span.size)
    return copy


# ---- writing

cdef int put_buffers(
    Frames *frames, fw_head_t *head, const void *first, size_t first_size, list others, int place
) except -1:
    """Append a head and its buffers: `first`, which is copied into the head's frame, and Buffers.

    `head` has all but what it says of the buffers. `place` PACKED puts all in one frame. `first`
    may be NULL, of size 0, and `others` may be None.
    """
    cdef uint8_t few[8 * FEW_BUFFERS]
    cdef size_t count = count_of(others) + (first != NULL)
    cdef uint8_t *lengths = few
    if count > FEW_BUFFERS:
        lengths = <uint8_t *>PyMem_Malloc(8 * count)
        if lengths == NULL:
            raise MemoryError()
    try:
        head.buffers = count
        head.lengths = lengths
        if count != 1:
            head.flags |= FW_FLAG_BUFFERS
        set_lengths(head, lengths, first, first_size, others)
        return put_head(frames, head, first, first_size, others, place)
    finally:
        if lengths != few:
            PyMem_Free(lengths)


cdef int set_lengths(
    fw_head_t *head, uint8_t *lengths, const void *first, size_t first_size, list others
) except -1:
    cdef Py_ssize_t i
    cdef size_t size
    head.payload = 0
    if first != NULL:
        fw_head_put_number(lengths, first_size)
        head.payload = first_size
        lengths += 8
    for i in range(count_of(others)):
        size = (<Buffer>others[i]).view.len
        fw_head_put_number(lengths + 8 * i, size)
        head.payload += size
    return 0


cdef int put_head(
    Frames *frames, fw_head_t *head, const void *first, size_t first_size, list others, int place
) except -1:
    cdef Py_ssize_t count = count_of(others)
    cdef Py_ssize_t inside = 0  # how many of `others` are in the head's frame
    cdef Py_ssize_t i
    cdef size_t size
    cdef size_t end
    cdef uint8_t *frame
    if place == PACKED or (first == NULL and place == BY_SIZE and head.payload <= SMALL):
        inside = count
    if first != NULL or inside:
        head.flags |= FW_FLAG_INLINE
    if head.buffers > 1 and inside == count:
        head.flags |= FW_FLAG_PACKED
    frames_stamp(frames, head)
    check(fw_head_size(head, &size))
    end = size + first_size
    for i in range(inside):
        end = padded(end) + (<Buffer>others[i]).view.len
    frame = <uint8_t *>frames_reserve(frames, end)
    check(fw_head_pack(head, frame, size, &size))
    if first != NULL:
        copy_bytes(frame + size, first, first_size)
        size += first_size
    for i in range(inside):
        size = put_inside(frame, size, others[i])
    for i in range(inside, count):
        frames_put(frames, others[i])
    return 0


cdef size_t put_inside(uint8_t *frame, size_t at, Buffer buffer) except 0:
    """A buffer into the head's frame, behind what ends at `at`. Returns where it ends itself."""
    cdef size_t begin = padded(at)
    memset(frame + at, 0, begin - at)
    copy_bytes(frame + begin, buffer.view.buf, buffer.view.len)
    return begin + buffer.view.len


cdef inline Py_ssize_t count_of(list others) noexcept:
    return 0 if others is None else PyList_GET_SIZE(others)
