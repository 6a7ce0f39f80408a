"""Received messages as objects of pyzmq's class `zmq.Frame`."""

import zmq as pyzmq
from zmq.backend import Frame as BackendFrame

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE
from cpython.object cimport PyObject

from ._buffers cimport INSIDE_MESSAGE, Buffer, hold
from ._frames cimport (
    Frames,
    Span,
    frames_copy,
    frames_span,
    frames_unshared,
    next_message,
)
from ._libzmq cimport direct, raise_errno, zmq, zmq_msg_t

cdef extern from "Python.h":
    ctypedef struct View "Py_buffer":  # Cython's own would count references to what obj was
        PyObject *obj
        bint readonly

    ctypedef int (*getbufferproc)(PyObject *exporter, View *view, int flags) except -1

    ctypedef struct PyBufferProcs:
        getbufferproc bf_getbuffer

    ctypedef struct PyTypeObject:
        object (*tp_new)(PyTypeObject *cls, object args, PyObject *kwargs)
        PyBufferProcs *tp_as_buffer

    bint PyObject_TypeCheck(object obj, PyTypeObject *cls)
    int PyObject_GenericSetAttr(object obj, object name, object value) except -1

__all__ = ["ReadOnlyFrame"]


class ReadOnlyFrame(pyzmq.Frame):
    """A `zmq.Frame` that exports its memory read-only, since it may be the sender's.

    What comes over inproc is not copied: it can be somebody's ``bytes``. pyzmq lets you write there.
    """

    def __copy__(self):
        # pyzmq's would share the memory, and be writable
        copied = pyzmq.Frame(self, copy=True)
        copied.more = self.more
        return copied


cdef PyTypeObject *writable_type = <PyTypeObject *>pyzmq.Frame
cdef PyTypeObject *read_only_type = <PyTypeObject *>ReadOnlyFrame
cdef getbufferproc get_writable = writable_type.tp_as_buffer.bf_getbuffer


cdef int get_read_only(PyObject *exporter, View *view, int flags) except -1:
    if flags & PyBUF_WRITABLE:
        view.obj = NULL
        raise BufferError("a frame that came over inproc is read-only: it may be the sender's")
    get_writable(exporter, view, flags)
    view.readonly = True
    return 0


read_only_type.tp_as_buffer.bf_getbuffer = get_read_only

# Where a zmq.Frame has its zmq_msg_t, in bytes; 0 where that cannot be told.
cdef Py_ssize_t message_offset = 0


cdef Py_ssize_t find_message() except -1:
    """Look where the data of a small frame is: libzmq keeps it inside the zmq_msg_t."""
    cdef zmq_msg_t msg
    frame = pyzmq.Frame(b"x", copy=True)
    cdef Buffer buffer = hold(frame, PyBUF_SIMPLE)
    cdef Py_ssize_t offset = <char *>buffer.view.buf - <char *><void *>frame
    zmq.msg_init_size(&msg, 1)
    offset -= <char *>zmq.msg_data(&msg) - <char *>&msg
    zmq.msg_close(&msg)
    if object.__basicsize__ <= offset <= BackendFrame.__basicsize__ - <int>sizeof(zmq_msg_t):
        return offset
    return 0


cdef inline zmq_msg_t *message_of(object frame) noexcept:
    return <zmq_msg_t *>(<char *><void *>frame + message_offset)


cdef object wrap_message(zmq_msg_t *msg, PyTypeObject *cls):
    """Move a message into a new frame."""
    frame = cls.tp_new(cls, (), NULL)
    zmq.msg_init(message_of(frame))
    zmq.msg_move(message_of(frame), msg)
    return frame


if direct:
    message_offset = find_message()


cdef bint is_frame(object value) noexcept:
    return PyObject_TypeCheck(value, <PyTypeObject *>BackendFrame)


cdef int put_frame(Frames *frames, object frame) except -1:
    """Append a zmq.Frame to what is to be sent, by reference, or copied on pyzmq's transport."""
    cdef zmq_msg_t *msg
    cdef Buffer buffer
    if frames.objects != NULL or message_offset == 0:
        buffer = hold(frame, PyBUF_SIMPLE)
        return frames_copy(frames, buffer.view.buf, buffer.view.len)
    msg = next_message(frames)
    if msg == NULL:
        raise MemoryError()
    zmq.msg_init(msg)
    if zmq.msg_copy(msg, message_of(frame)) != 0:
        raise_errno(zmq.last_error())
    frames.count += 1
    frames.foreign = frames.foreign or zmq.msg_size(msg) > INSIDE_MESSAGE
    return 0


cdef bint came_over_network(object frame) except -1:
    try:
        frame.get("Socket-Type")
    except pyzmq.ZMQError:
        return False
    return True


cdef object take_frame(Frames *frames, Py_ssize_t i, bint track):
    """Frame `i` of a received list as a zmq.Frame; the one in the list is empty afterwards."""
    cdef Span span
    cdef bint more
    if frames.objects != NULL:
        frame = (<Buffer>frames.objects[i]).view.obj
        if not came_over_network(frame):
            frame.__class__ = ReadOnlyFrame
    else:
        more = zmq.msg_more(&frames.msgs[i])
        if message_offset != 0:
            frame = wrap_message(
                &frames.msgs[i], writable_type if frames_unshared(frames, i) else read_only_type
            )
        else:
            span = frames_span(frames, i)
            frame = pyzmq.Frame(span.data[:span.size], copy=True)
        if more:  # as pyzmq's own C code does, not by way of its slow __setattr__
            PyObject_GenericSetAttr(frame, "more", True)
    if track:
        PyObject_GenericSetAttr(frame, "tracker", pyzmq._FINISHED_TRACKER)
    return frame
