from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint64_t

from ._buffers cimport Buffer
from ._c cimport FW_FLAG_SIGNED, FW_FLAG_STAMP, fw_head_t, fw_stamp_t
from ._clock cimport utc_now
from ._libzmq cimport zmq, zmq_msg_t

# The frames of one message, in one of two forms: libzmq messages (the direct transport), or Python
# objects, each bytes or a Buffer (pyzmq's transport, and dumps and loads, which have none).
cdef enum:
    FEW = 4

cdef struct Frames:
    Py_ssize_t count
    Py_ssize_t first       # those before it were sent and are libzmq's
    Py_ssize_t capacity
    bint received          # close by the rules for messages that others made
    bint foreign           # to be sent: among them are messages that others made
    bint sent              # libzmq has accepted all of it
    bint patient           # of pyzmq's own calls: no time limit on green sockets, as in zmq.green
    bint stamped           # to be sent: its head gets `stamp`
    fw_stamp_t stamp
    void *keys             # to be sent, signed: a signing.Keys that the codec holds; else NULL
    uint64_t key           # by which of them,
    uint64_t epoch         # and in which sequence
    Py_ssize_t in_place    # to be sent: how many frames are not copies
    zmq_msg_t *msgs        # `few` or allocated; NULL in the object form
    PyObject **objects     # owned references, in `few` or allocated; NULL in the message form
    void *lent             # an owned list of the buffers in it; NULL without a tracker
    void *shared           # an owned object: a frame that was taken and may be asked for again
    Py_ssize_t shared_at   # which one that is
    zmq_msg_t few[FEW]

# Where a frame's bytes are.
cdef struct Span:
    const uint8_t *data
    size_t size

cdef int frames_begin(Frames *frames, bint as_objects, bint track) except -1
cdef int frames_room(Frames *frames, Py_ssize_t count) except -1
cdef void frames_end(Frames *frames) noexcept
cdef void frames_clear(Frames *frames) noexcept
cdef void frames_slice(Frames *part, Frames *whole, Py_ssize_t at, Py_ssize_t count) noexcept
cdef void frames_end_slice(Frames *part) noexcept
cdef void *frames_reserve(Frames *frames, size_t size) except NULL
cdef int frames_copy(Frames *frames, const void *data, size_t size) except -1
cdef int frames_lend(Frames *frames, Buffer buffer) except -1
cdef int frames_put(Frames *frames, Buffer buffer) except -1
cdef int frames_drop(Frames *frames, Py_ssize_t count) except -1
cdef int frames_append(Frames *frames, object frame) except -1
cdef int frames_load(Frames *frames, object buffers) except -1

cdef inline void frames_stamp(Frames *frames, fw_head_t *head) noexcept:
    """Give a head that is about to be packed the stamp of its message, and room for a signature."""
    if frames.stamped:
        head.flags |= FW_FLAG_STAMP
        head.stamp = frames.stamp
        head.stamp.time = utc_now()
    if frames.keys != NULL:
        head.flags |= FW_FLAG_SIGNED
        head.key = frames.key
        head.epoch = frames.epoch
        head.mac = NULL  # written when all frames are there: `sign`

cdef inline Span frames_span(Frames *frames, Py_ssize_t i) noexcept:
    """Where frame `i` of a received or loaded list is, valid until it is taken or the list ends."""
    cdef Span span
    if frames.objects == NULL:
        span.data = <const uint8_t *>zmq.msg_data(&frames.msgs[i])
        span.size = zmq.msg_size(&frames.msgs[i])
    else:
        frame = <object>frames.objects[i]
        if PyBytes_CheckExact(frame):
            span.data = <const uint8_t *>PyBytes_AS_STRING(frame)
            span.size = PyBytes_GET_SIZE(frame)
            return span
        span.data = <const uint8_t *>(<Buffer>frame).view.buf
        span.size = (<Buffer>frame).view.len
    return span

cdef object frames_take(Frames *frames, Py_ssize_t i, bint writable)
cdef object frames_share(Frames *frames, Py_ssize_t i, bint writable)
cdef bint frames_viewable(Frames *frames, Py_ssize_t i) noexcept
cdef bint frames_unshared(Frames *frames, Py_ssize_t i) noexcept
cdef zmq_msg_t *next_message(Frames *frames) noexcept nogil
