"""The frames of one message, on their way out or in: see the struct in the pxd.

A list is begun, filled, sent or received into, and ended, all within one call of framewire:

    frames_begin(&frames, not direct, track)
    try:
        ...
    finally:
        frames_end(&frames)
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyObject_CheckBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_RawFree, PyMem_RawMalloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.string cimport memcpy

from ._buffers cimport (
    SMALL,
    Buffer,
    ReceivedFrame,
    close_received,
    copy_bytes,
    drain,
    hold,
    is_shut,
    is_unshared,
    lend,
    take_message,
)
from ._libzmq cimport in_own_memory, zmq

__all__ = []

cdef enum:
    FEW_OBJECTS = 32  # pointers, in the room of FEW messages of 64 bytes


cdef void *new_list() except NULL:
    objects = []
    Py_INCREF(objects)
    return <void *>objects


cdef int frames_begin(Frames *frames, bint as_objects, bint track) except -1:
    """Drain the release list and begin an empty list of frames. `frames_end` must follow.

    With `track`, `frames_send` returns a MessageTracker.
    """
    drain()
    frames.count = frames.first = 0
    frames.capacity = FEW_OBJECTS if as_objects else FEW
    frames.received = frames.foreign = frames.sent = frames.stamped = False
    frames.patient = False
    frames.keys = NULL
    frames.in_place = 0
    frames.msgs = NULL if as_objects else frames.few
    frames.objects = <PyObject **>frames.few if as_objects else NULL
    frames.lent = new_list() if track else NULL
    frames.shared = NULL
    return 0


cdef int frames_room(Frames *frames, Py_ssize_t count) except -1:
    """Make room in an empty list for `count` messages, so that they need not be moved later."""
    if frames.objects == NULL and count > frames.capacity:
        frames.msgs = <zmq_msg_t *>PyMem_RawMalloc(count * sizeof(zmq_msg_t))
        if frames.msgs == NULL:
            frames.msgs = frames.few
            raise MemoryError()
        frames.capacity = count
    return 0


cdef void frames_end(Frames *frames) noexcept:
    """Close what is still in the list, and free it."""
    if frames.lent != NULL:
        Py_DECREF(<object>frames.lent)
    frames_clear(frames)
    if frames.objects != NULL:
        if frames.objects != <PyObject **>frames.few:
            PyMem_Free(frames.objects)
    elif frames.msgs != frames.few:
        PyMem_RawFree(frames.msgs)


cdef void frames_clear(Frames *frames) noexcept:
    """Close what is still in the list, which is empty afterwards. May run Python."""
    if frames.objects != NULL:
        drop_objects(frames, 0)
    frames_end_slice(frames)
    frames.count = frames.first = 0


cdef void frames_slice(Frames *part, Frames *whole, Py_ssize_t at, Py_ssize_t count) noexcept:
    """Begin a list of frames that are still another list's. `frames_end_slice` must follow.

    What was sent or taken from the part is gone from the whole as well; and ending the part closes
    the messages in it, so that the whole's `first` is to be set behind them.
    """
    part.count = part.capacity = count
    part.first = 0
    part.received = whole.received
    part.foreign = whole.foreign
    part.patient = part.sent = part.stamped = False
    part.msgs = NULL if whole.msgs == NULL else &whole.msgs[at]
    part.objects = NULL if whole.objects == NULL else &whole.objects[at]
    part.lent = part.shared = part.keys = NULL


cdef void frames_end_slice(Frames *part) noexcept:
    """Close the messages in a list, but keep its memory, and objects where it has those."""
    cdef Py_ssize_t i
    if part.shared != NULL:
        Py_DECREF(<object>part.shared)
        part.shared = NULL
    if part.objects != NULL:
        return
    for i in range(part.first, part.count):
        if part.received:
            close_received(&part.msgs[i])
        else:
            zmq.msg_close(&part.msgs[i])


cdef zmq_msg_t *next_message(Frames *frames) noexcept nogil:
    """Room for one more message, not initialized and not counted yet. NULL: there is no memory."""
    cdef zmq_msg_t *more
    cdef Py_ssize_t i
    if frames.count == frames.capacity:
        more = <zmq_msg_t *>PyMem_RawMalloc(2 * frames.capacity * sizeof(zmq_msg_t))
        if more == NULL:
            return NULL
        for i in range(frames.count):
            zmq.msg_init(&more[i])
            zmq.msg_move(&more[i], &frames.msgs[i])
        if frames.msgs != frames.few:
            PyMem_RawFree(frames.msgs)
        frames.msgs = more
        frames.capacity *= 2
    return &frames.msgs[frames.count]


cdef int frames_append(Frames *frames, object frame) except -1:
    """Append bytes or a Buffer to a list of objects."""
    cdef PyObject **more
    if frames.count == frames.capacity:
        more = <PyObject **>PyMem_Malloc(2 * frames.capacity * sizeof(PyObject *))
        if more == NULL:
            raise MemoryError()
        memcpy(more, frames.objects, frames.count * sizeof(PyObject *))
        if frames.objects != <PyObject **>frames.few:
            PyMem_Free(frames.objects)
        frames.objects = more
        frames.capacity *= 2
    Py_INCREF(frame)
    frames.objects[frames.count] = <PyObject *>frame
    frames.count += 1
    return 0


cdef void drop_objects(Frames *frames, Py_ssize_t count) noexcept:
    """Let go of the objects after the first `count`. May run Python."""
    cdef PyObject *last
    while frames.count > count:
        frames.count -= 1
        last = frames.objects[frames.count]
        Py_DECREF(<object>last)


cdef void *frames_reserve(Frames *frames, size_t size) except NULL:
    """Append a frame of `size` bytes to be filled in; return where. Aligned to 8 bytes."""
    cdef zmq_msg_t *msg
    if frames.objects != NULL:
        data = PyBytes_FromStringAndSize(NULL, size)
        frames_append(frames, data)
        return PyBytes_AS_STRING(data)
    msg = next_message(frames)
    if msg == NULL or zmq.msg_init_size(msg, size) != 0:
        raise MemoryError()
    frames.count += 1
    return zmq.msg_data(msg)


cdef int frames_copy(Frames *frames, const void *data, size_t size) except -1:
    """Append a frame with a copy of `data`."""
    return copy_bytes(frames_reserve(frames, size), data, size)


cdef int frames_lend(Frames *frames, Buffer buffer) except -1:
    """Append a buffer as a frame, in place; a copy of it once nothing would give it back."""
    if is_shut():
        return frames_copy(frames, buffer.view.buf, buffer.view.len)
    cdef zmq_msg_t *msg
    if frames.objects != NULL:
        frames_append(frames, buffer)
    else:
        msg = next_message(frames)
        if msg == NULL:
            raise MemoryError()
        lend(buffer, msg)
        frames.count += 1
        frames.in_place += 1
    if frames.lent != NULL:
        (<list>frames.lent).append(buffer)
    return 0


cdef int frames_put(Frames *frames, Buffer buffer) except -1:
    """Append a buffer as a frame: a copy of it, or the buffer itself, as `copied` says."""
    if buffer.copied:
        return frames_copy(frames, buffer.view.buf, buffer.view.len)
    return frames_lend(frames, buffer)


cdef int frames_drop(Frames *frames, Py_ssize_t count) except -1:
    """Take back the frames that were appended after the first `count`."""
    if frames.objects != NULL:
        drop_objects(frames, count)
    while frames.count > count:
        frames.count -= 1
        zmq.msg_close(&frames.msgs[frames.count])
    return 0


cdef int frames_load(Frames *frames, object buffers) except -1:
    """Append objects that export contiguous buffers, or a single one, to be read in place."""
    if PyObject_CheckBuffer(buffers):
        buffers = (buffers,)
    for each in buffers:
        if not PyBytes_CheckExact(each):
            each = hold(each, PyBUF_SIMPLE)
        frames_append(frames, each)
    return 0


cdef object frames_take(Frames *frames, Py_ssize_t i, bint writable):
    """An object that owns frame `i` and exports it; the frame in the list is empty afterwards.

    `writable` is for unshared messages only.
    """
    cdef ReceivedFrame frame
    if frames.objects != NULL:
        return <object>frames.objects[i]
    frame = take_message(&frames.msgs[i])
    frame.writable = writable
    return frame


cdef object frames_share(Frames *frames, Py_ssize_t i, bint writable):
    """`frames_take`, for the one frame of a message that may be taken more than once."""
    if frames.shared == NULL:
        frame = frames_take(frames, i, writable)
        Py_INCREF(frame)
        frames.shared = <void *>frame
        frames.shared_at = i
    elif frames.shared_at != i:
        raise SystemError("two frames of a message are shared")
    return <object>frames.shared


cdef bint frames_viewable(Frames *frames, Py_ssize_t i) noexcept:
    """Would a view of received or loaded frame `i` keep no more memory than it needs?

    libzmq receives small frames into buffers that they share.
    """
    if frames.objects != NULL:
        return frames_span(frames, i).size > SMALL
    return zmq.msg_size(&frames.msgs[i]) > SMALL or in_own_memory(&frames.msgs[i])


cdef bint frames_unshared(Frames *frames, Py_ssize_t i) noexcept:
    """Is the memory of received frame `i` provably nobody else's?"""
    return frames.objects == NULL and is_unshared(&frames.msgs[i])
