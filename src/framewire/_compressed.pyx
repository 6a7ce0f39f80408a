"""Messages with compressed buffers: made of a plain one, and made into one.

docs/wire-format.md, "Compression". The methods are `compression`'s.
"""

from ._codec import limit_error
from .compression import decompress
from .errors import RefusedError

from cpython.buffer cimport PyBUF_READ, PyBUF_SIMPLE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint16_t, uint64_t

from ._buffers cimport SMALL, Buffer, hold, must_copy
from ._c cimport *
from ._codec cimport Codec
from ._encode cimport check
from ._frames cimport Frames, Span, frames_span
from ._manner cimport Manner
from ._payload cimport Part, Payload, part_copy, part_view, payload_next, payload_open, put_buffers

cdef extern from "Python.h":
    object PyMemoryView_FromMemory(char *memory, Py_ssize_t size, int flags)

__all__ = []

cdef enum:
    LEAST = 256          # bytes of a buffer that it is tried with
    FREE = 1 << 20       # bytes that the ratio is not asked of
    LAYOUT = FW_FLAG_INLINE | FW_FLAG_PACKED | FW_FLAG_BUFFERS


cdef inline object view_of(const Part *part):
    """What does not outlive the call that it is for."""
    return PyMemoryView_FromMemory(<char *>part.span.data, part.span.size, PyBUF_READ)


cdef bint is_expansive(uint64_t raw, uint64_t size, object limits) except -1:
    """Does it become more than a receiver with these limits takes?"""
    return raw > FREE and raw > size * limits.expansion


# ---- writing

cdef int put_compressed(Frames *frames, Frames *plain, size_t itemsize, Manner manner) except -1:
    """Append the message of a list of objects, with its buffers compressed where that is shorter.

    `itemsize` is of an array; 0 of all else, whose buffers say so themselves.
    """
    cdef fw_head_t head
    cdef Payload payload
    cdef Part part
    cdef Buffer first = None
    cdef Py_ssize_t i
    cdef bint split
    cdef uint64_t shorter = 0
    cdef Span frame = frames_span(plain, 0)
    check(fw_head_parse(frame.data, frame.size, &head, NULL))
    payload_open(&payload, plain, 0, frame, &head)
    before, after = [], []
    raw = PyBytes_FromStringAndSize(NULL, 8 * head.buffers)
    for i in range(<Py_ssize_t>head.buffers):
        part = payload_next(&payload)
        fw_head_put_number(<uint8_t *>PyBytes_AS_STRING(raw) + 8 * i, part.span.size)
        before.append(buffer_of(plain, &part, manner.copy))
        after.append(shorter_of(&part, itemsize or (<Buffer>before[i]).view.itemsize, manner) or before[i])
        shorter += part.span.size - (<Buffer>after[i]).view.len
    if shorter and not is_expansive(head.payload, head.payload - shorter, manner.codec.limits):
        head.flags |= FW_FLAG_COMPRESSED
        head.compression = manner.codec.compressor.id
        head.raw = <const uint8_t *>PyBytes_AS_STRING(raw)
        before = after
    # a tree stays with the head, also where what it takes is beside it
    split = head.buffers > 1 and head.flags & LAYOUT == FW_FLAG_INLINE | FW_FLAG_BUFFERS
    head.flags &= <uint16_t>~LAYOUT
    if not split:
        return put_buffers(frames, &head, NULL, 0, before, manner.place)
    first = before[0]
    return put_buffers(frames, &head, first.view.buf, first.view.len, before[1:], manner.place)


cdef Buffer buffer_of(Frames *plain, const Part *part, object copy):
    """A buffer of a plain message, to be sent as it is by the rules of `copy`."""
    cdef Buffer buffer
    each = <object>plain.objects[part.frame]
    if type(each) is Buffer:
        buffer = each
        buffer.copied = must_copy(<object>buffer.view.obj, buffer.view.len, copy)
        return buffer
    view = memoryview(each)[part.offset:part.offset + part.span.size]
    buffer = hold(view, PyBUF_SIMPLE)
    buffer.copied = part.span.size <= SMALL
    return buffer


cdef Buffer shorter_of(const Part *part, size_t itemsize, Manner manner):
    """What a buffer is compressed to, or None."""
    cdef Buffer buffer
    if part.span.size < LEAST:
        return None
    compressed = manner.codec.compressor.compress(view_of(part), itemsize)
    if <size_t>len(compressed) >= part.span.size:
        return None
    buffer = hold(compressed, PyBUF_SIMPLE)
    buffer.copied = len(compressed) <= SMALL
    return buffer


# ---- reading

cdef list plain_frames(
    Frames *frames, Py_ssize_t at, Span frame, const fw_head_t *head, Codec codec
):
    """The frames of a message, from its head on, as they would be if it were not compressed.

    The shape of an array has been compared with the raw length by now.
    """
    cdef fw_head_t plain = head[0]
    cdef Payload payload
    cdef Part part
    cdef size_t i
    cdef size_t size
    cdef uint64_t total = 0
    if head.compression == FW_COMPRESSION_BLOSC2 and "blosc2" not in codec.allow:
        raise RefusedError(
            "a message compressed by blosc2, whose library is not made for hostile ones: "
            "Codec(allow=SAFE | {'blosc2'}) would take it",
            "refused",
        )
    for i in range(head.buffers):
        total += fw_head_raw(head, i)
    if total > codec.limits.decompressed:
        raise limit_error("decompressed", total, codec.limits.decompressed)
    if is_expansive(total, head.payload, codec.limits):
        raise limit_error("expansion", total // max(head.payload, 1), codec.limits.expansion)
    payload_open(&payload, frames, at, frame, head)
    plain.flags &= <uint16_t>~(LAYOUT | FW_FLAG_COMPRESSED | FW_FLAG_SIGNED)
    plain.payload = total
    if head.flags & FW_FLAG_BUFFERS:
        plain.flags |= FW_FLAG_BUFFERS
        plain.lengths = head.raw
    check(fw_head_size(&plain, &size))
    packed = PyBytes_FromStringAndSize(NULL, size)
    check(fw_head_pack(&plain, <uint8_t *>PyBytes_AS_STRING(packed), size, &size))
    parts = [packed]
    for i in range(head.buffers):
        part = payload_next(&payload)
        size = fw_head_raw(head, i)
        if size != part.span.size:
            parts.append(decompress(head.compression, view_of(&part), size))
        elif part.alone:
            parts.append(part_view(frames, &part, False))
        else:
            parts.append(part_copy(&part, False))
    return parts
