from libc.stdint cimport uint64_t

cimport numpy as np

from ._c cimport fw_release_node_t
from ._libzmq cimport frees_alone, zmq, zmq_msg_t

cdef enum:
    # Up to this many bytes a copy is cheaper than a frame of its own; and libzmq receives frames
    # of that size into shared 8 KiB buffers, which a view would keep whole.
    SMALL = 8192
    # A message of up to this many bytes lives inside its zmq_msg_t: closing it frees nothing.
    INSIDE_MESSAGE = 33

cdef struct ReleaseNode:
    fw_release_node_t link  # first: a pointer to it is a pointer to this
    void *owner             # the Buffer, with a reference of its own while libzmq has the frame

cdef class Buffer:
    cdef ReleaseNode node
    cdef Py_buffer view
    cdef bint held               # `view` is
    cdef readonly bint released  # libzmq has let go of it, or never had it
    cdef bint received           # it came in a message, and nobody else can write to it
    cdef bint copied             # on its way out: to be copied, not lent (`frames_put`)

cdef class ReceivedFrame:
    cdef zmq_msg_t msg
    cdef bint writable

cdef Buffer hold(object exporter, int flags)
cdef Buffer hold_plain(object exporter, int flags)
cdef Buffer hold_bytes(object exporter, int layout)
cdef Buffer hold_array(np.ndarray array)
cdef int lend(Buffer buffer, zmq_msg_t *msg) except -1
cdef int drain() except -1
cpdef uint64_t generation() noexcept
cdef void wake() noexcept
cdef bint is_shut() noexcept
cpdef bint wait_for_release(uint64_t seen, double deadline) except -1
cdef bint is_immutable(object exporter) except -1
cdef bint must_copy(object exporter, size_t size, object copy) except -1
cdef ReceivedFrame take_message(zmq_msg_t *msg)
cdef bint is_unshared(zmq_msg_t *msg) noexcept
cdef void close_received(zmq_msg_t *msg) noexcept

cdef inline bint closes_at_once(zmq_msg_t *msg) noexcept nogil:
    """Can a received message be closed with the GIL held, and with nothing to do afterwards?"""
    cdef size_t size = zmq.msg_size(msg)
    return size <= INSIDE_MESSAGE or (size <= SMALL and frees_alone(msg, NULL))

cdef int copy_bytes(void *to, const void *source, size_t size) except -1
