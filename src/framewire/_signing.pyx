"""Signatures in frames: the code is written into a packed head, and compared with that of a message.

docs/wire-format.md, "Signatures". Keys, and what has come before, are `signing`'s.
"""

import hmac
import itertools
import os

from .errors import SignatureError

from cpython.buffer cimport PyBUF_READ
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from ._c cimport *
from ._codec cimport Codec
from ._decode cimport find_head, read_head
from ._frames cimport Frames, Span, frames_span

cdef extern from "Python.h":
    object PyMemoryView_FromMemory(char *memory, Py_ssize_t size, int flags)

__all__ = []


cdef enum:
    ROOM = 1024  # bytes

# A code that small pieces are gathered for: a call of its own for each takes longer than to copy it.
cdef struct Code:
    void *hmac
    size_t used
    uint8_t room[ROOM]


cdef int flush(Code *code) except -1:
    if code.used:
        update_now(code, code.room, code.used)
        code.used = 0
    return 0


cdef inline int update_now(Code *code, const uint8_t *data, size_t size) except -1:
    """The view does not outlive the call."""
    (<object>code.hmac).update(PyMemoryView_FromMemory(<char *>data, size, PyBUF_READ))
    return 0


cdef inline int update(Code *code, const uint8_t *data, size_t size) except -1:
    if size > ROOM - code.used:
        flush(code)
        if size > ROOM:
            return update_now(code, data, size)
    if size:
        memcpy(code.room + code.used, data, size)
        code.used += size
    return 0


cdef bytes code_of(
    object hmac, Frames *frames, Py_ssize_t begin, Py_ssize_t at, Py_ssize_t end, bint routed,
    const fw_head_t *head
):
    """The code of the message in those frames, whose head is frame `at`."""
    cdef Code code
    cdef Span frame
    cdef Span topic
    cdef uint8_t size[8]
    cdef Py_ssize_t i
    code.hmac = <void *>hmac
    code.used = topic.size = 0
    if at - begin > routed:
        topic = frames_span(frames, at - 1)
    fw_head_put_number(size, topic.size)
    update(&code, size, sizeof(size))
    update(&code, topic.data, topic.size)
    frame = frames_span(frames, at)
    update(&code, frame.data, head.size - FW_MAC_SIZE)
    if head.flags & FW_FLAG_PACKED:
        update_packed(&code, frame.data + head.size, frame.size - head.size, head)
    else:
        update(&code, frame.data + head.size, frame.size - head.size)
    for i in range(at + 1, end):
        frame = frames_span(frames, i)
        update(&code, frame.data, frame.size)
    flush(&code)
    return hmac.digest()


cdef int update_packed(Code *code, const uint8_t *data, size_t end, const fw_head_t *head) except -1:
    """Buffers in one frame, without the zeros between them."""
    cdef size_t i
    cdef size_t at = 0
    cdef size_t size
    for i in range(head.buffers):
        at = (at + 7) & ~<size_t>7
        size = fw_head_buffer(head, i)
        if at > end or size > end - at:  # checked once, but the memory may be the caller's
            raise SignatureError("the message changed while it was read", "signature")
        update(code, data + at, size)
        at += size
    return 0


cdef int sign(
    Frames *frames, Py_ssize_t begin, Py_ssize_t at, Py_ssize_t end, bint routed
) except -1:
    """Write the code of a message into its head, frame `at`, if that has room for it.

    The message is the frames from `begin` to `end`; `routed`: the first one is a routing id.
    """
    cdef fw_head_t head
    cdef Span frame
    if frames.keys == NULL:
        return 0
    frame = frames_span(frames, at)
    fw_head_parse(frame.data, frame.size, &head, NULL)
    code = code_of((<object>frames.keys).begin(head.key), frames, begin, at, end, routed, &head)
    memcpy(<uint8_t *>head.mac, PyBytes_AS_STRING(code), FW_MAC_SIZE)
    return 0


cdef int verify(
    Frames *frames, Py_ssize_t at, const fw_head_t *head, bint routed, Codec codec
) except -1:
    """Raise SignatureError unless one of the codec's keys gives the code of a received message.

    `at` is negative, and `head` of no meaning, for one without a head.
    """
    if at < 0 or not head.flags & FW_FLAG_SIGNED:
        raise SignatureError("the message is not signed, and the codec has a key", "signature")
    code = codec.key.begin(head.key)
    if code is None:
        raise SignatureError(f"the codec has no key {head.key}", "signature")
    code = code_of(code, frames, 0, at, frames.count, routed, head)
    if not hmac.compare_digest(code, head.mac[:FW_MAC_SIZE]):
        raise SignatureError(f"the signature is not that of key {head.key}", "signature")
    return 0


# ---- without a socket

cdef int verify_loaded(Frames *frames, Codec codec) except -1:
    """`verify`, for a message of no socket's."""
    cdef fw_head_t head
    cdef Span frame
    cdef Py_ssize_t at = find_head(frames, None, &frame)
    if at >= 0:
        read_head(frame, &head)
        codec.admit(&head, frames.count)
    return verify(frames, at, &head, False, codec)


# What this process signs so: its pid, since a fork begins another, sender, epoch, numbers.
cdef tuple alone = (None, 0, 0, None)


cdef int sign_alone(Frames *frames, Codec codec) except -1:
    """Have what is put into an empty list signed, as a message of no socket's."""
    global alone
    if alone[0] != os.getpid():
        sender, epoch = [int.from_bytes(os.urandom(8), "little") for _ in range(2)]
        alone = (os.getpid(), sender, epoch, itertools.count())
    _, frames.stamp.sender, frames.epoch, numbers = alone
    frames.stamp.sequence = next(numbers)
    frames.stamped = True
    frames.keys = <void *>codec.key
    frames.key = codec.key.first
    return 0
