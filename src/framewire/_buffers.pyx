"""Who owns memory: a held Py_buffer, a received message, and the list of what libzmq let go of.

On the way out, a `Buffer` holds somebody's memory while libzmq reads it. libzmq's free callback
runs on any thread, perhaps inside a call made with the GIL held; it puts the buffer on the release
list of csrc/ and touches no object. `drain` takes it from there.

On the way in, a `ReceivedFrame` is a libzmq message as a Python object that exports its memory.
"""

import atexit
import os
import re
from time import monotonic

from cpython.buffer cimport (
    PyBUF_ANY_CONTIGUOUS,
    PyBUF_FORMAT,
    PyBUF_SIMPLE,
    PyBuffer_FillInfo,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_CheckExact
from cpython.exc cimport PyErr_CheckSignals, PyErr_Fetch, PyErr_Restore
from cpython.memoryview cimport PyMemoryView_Check
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, strchr

cimport cython
cimport numpy as np

from ._c cimport (
    fw_release_after_fork,
    fw_release_claim,
    fw_release_enter,
    fw_release_generation,
    fw_release_is_shut,
    fw_release_leave,
    fw_release_node_t,
    fw_release_pending,
    fw_release_push,
    fw_release_shut,
    fw_release_take,
    fw_release_unclaim,
    fw_release_wait,
    fw_release_wake,
)
from ._libzmq cimport (
    ZMQ_SHARED,
    came_through_engine,
    frees_alone,
    in_own_memory,
    is_inside,
    zmq,
)

cdef extern from "Python.h":
    int Py_AddPendingCall(int (*function)(void *) noexcept, void *argument) nogil

    ctypedef struct PyBufferProcs:
        void *bf_releasebuffer

    ctypedef struct PyTypeObject:
        PyBufferProcs *tp_as_buffer

cdef extern from "numpy/arrayobject.h":
    PyTypeObject ndarray_type "PyArray_Type"

__all__ = ["Buffer", "ReceivedFrame", "generation", "holds_objects", "release", "wait_for_release"]

np.import_array()

cdef enum:
    # Copies of at least this many bytes are made without the GIL.
    LARGE_COPY = 64 * 1024

cdef double SLICE = 0.1  # seconds between a sleeper's looks for signals


@cython.final
@cython.no_gc
@cython.freelist(64)
cdef class Buffer:
    """A held Py_buffer: the exporter's memory cannot go, move or change size while this lives.

    Exports the same memory as contiguous, read-only bytes, whatever shape and format it has.
    """

    def __cinit__(self):
        self.released = True

    def __getbuffer__(self, Py_buffer *view, int flags):
        if not self.held:
            raise BufferError("this buffer was released")
        PyBuffer_FillInfo(view, self, self.view.buf, self.view.len, True, flags)

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)


cdef Buffer hold(object exporter, int flags):
    """Hold an exporter's buffer. `flags` say which layouts will do; see PyObject_GetBuffer.

    Raises what the exporter raises: TypeError if it is none, BufferError or ValueError for a
    layout that does not fit.
    """
    cdef Buffer self = Buffer.__new__(Buffer)
    PyObject_GetBuffer(exporter, &self.view, flags)
    self.held = True
    return self


_FIELD_NAME = re.compile(r":[^:]*:")  # in the format of a structure


def holds_objects(format):
    """Whether a buffer of this format, as `memoryview.format` has it, has Python objects in it."""
    return "O" in format and "O" in _FIELD_NAME.sub("", format)


cdef Buffer hold_plain(object exporter, int flags):
    """`hold`, of what is data to the last byte: an object is a pointer, which is none elsewhere.

    numpy is never asked for a format, which datetime64 and others cannot export; all else is.
    """
    cdef Buffer buffer
    if np.PyArray_Check(exporter):
        check_plain_array(exporter)
        return hold(exporter, flags)
    buffer = hold(exporter, flags | PyBUF_FORMAT)
    cdef const char *format = buffer.view.format
    if format != NULL and strchr(format, b"O") != NULL and holds_objects(format.decode()):
        raise TypeError("a buffer of Python objects holds pointers, not data")
    return buffer


cdef int check_plain_array(np.ndarray array) except -1:
    dtype = <object>np.PyArray_DESCR(array)
    if np.PyArray_TYPE(array) >= np.NPY_OBJECT and (dtype.hasobject or dtype.kind == "T"):
        raise TypeError(f"an array of dtype {dtype} holds pointers, not data")
    return 0


cdef Buffer hold_bytes(object exporter, int layout):
    """Hold a buffer of plain bytes, whatever its dimensions. `layout` is PyBUF_…_CONTIGUOUS.

    Raises what the exporter raises for a layout that does not fit.
    """
    if np.PyArray_CheckExact(exporter) and np.PyArray_IS_C_CONTIGUOUS(exporter):
        check_plain_array(exporter)
        return hold_array(exporter)
    if isinstance(exporter, str):  # numpy.str_ exports a buffer
        raise TypeError("text is no buffer: encode it, or use send_string")
    return hold_plain(exporter, layout)


cdef Buffer hold_array(np.ndarray array):
    """`hold`, for a contiguous array of exactly numpy's type, without the 50 ns of its exporter.

    Its buffer is a reference to it and a record of shape and format that nobody here asks for.
    """
    if ndarray_type.tp_as_buffer.bf_releasebuffer != NULL:  # a numpy that does more than that
        return hold(array, PyBUF_ANY_CONTIGUOUS)
    cdef Buffer self = Buffer.__new__(Buffer)
    PyBuffer_FillInfo(
        &self.view, array, np.PyArray_DATA(array), np.PyArray_NBYTES(array), True, PyBUF_SIMPLE
    )
    self.view.itemsize = np.PyArray_ITEMSIZE(array)
    self.held = True
    return self


cdef void free_callback(void *data, void *hint) noexcept nogil:
    """libzmq lets go of a frame (zmq_msg_init_data). Any thread, with or without the GIL."""
    if fw_release_enter():
        fw_release_push(<fw_release_node_t *>hint)
        if fw_release_claim() and Py_AddPendingCall(drain_later, NULL) != 0:
            fw_release_unclaim()
        fw_release_leave()


cdef int drain_later(void *argument) noexcept:
    """The pending call: the main thread runs bytecode again."""
    fw_release_unclaim()
    drain()
    return 0


cdef int lend(Buffer buffer, zmq_msg_t *msg) except -1:
    """Make a message of a buffer in place. libzmq has a reference to it until it is released."""
    buffer.node.owner = <void *>buffer
    if zmq.msg_init_data(
        msg, buffer.view.buf, buffer.view.len, free_callback, &buffer.node
    ) != 0:
        raise MemoryError()
    buffer.released = False
    Py_INCREF(buffer)
    return 0


cdef int drain() except -1:
    """Let go of every buffer that libzmq has let go of. Runs Python; may be called within itself.

    A pending exception is kept.
    """
    if fw_release_pending():
        drain_list()
    return 0


cdef void drain_list() noexcept:
    cdef PyObject *error_type = NULL
    cdef PyObject *error = NULL
    cdef PyObject *traceback = NULL
    cdef fw_release_node_t *first = fw_release_take()
    cdef fw_release_node_t *node = first
    # All are marked before the first is let go: that can run Python, and so another thread that
    # looks at a tracker and must not sleep for what has happened already.
    while node != NULL:
        (<Buffer>(<ReleaseNode *>node).owner).released = True
        node = node.next
    PyErr_Fetch(&error_type, &error, &traceback)
    while first != NULL:
        node = first
        first = node.next
        let_go(<Buffer>(<ReleaseNode *>node).owner)
    PyErr_Restore(error_type, error, traceback)


cdef void let_go(Buffer buffer) noexcept:
    """Release a buffer that libzmq has let go of, and drop libzmq's reference to it."""
    if buffer.held:
        buffer.held = False
        PyBuffer_Release(&buffer.view)
    Py_DECREF(buffer)


def release():
    """Release every buffer that libzmq has let go of, now.

    Each call of framewire does this, and so does the main thread by itself soon after libzmq lets
    go; call it where neither happens for long, as in a C function that takes minutes.
    """
    drain()


cpdef uint64_t generation() noexcept:
    """A number that changes whenever something is let go. For `wait_for_release`."""
    return fw_release_generation()


cdef void wake() noexcept:
    """Something was let go that libzmq did not have: change the generation."""
    fw_release_wake()


cdef bint is_shut() noexcept:
    """Has framewire's exit handler run? From then on nothing is sent in place."""
    return fw_release_is_shut()


cpdef bint wait_for_release(uint64_t seen, double deadline) except -1:
    """Sleep, without the GIL, until `generation` is no longer `seen`, and look for signals.

    Returns, perhaps early, for another look at what one waits for. False: do not wait any longer,
    since the deadline (of `time.monotonic`) is over, or framewire's exit handler has run.
    """
    cdef double left = deadline - <double>monotonic()
    cdef int64_t timeout
    if not left > 0 or is_shut():
        return False
    timeout = <int64_t>(min(left, SLICE) * 1e9)
    with nogil:
        fw_release_wait(seen, timeout)
    PyErr_CheckSignals()
    return True


# After this, a frame that libzmq lets go of stays as it is: its thread may outlive the interpreter.
@atexit.register
def _shut_gate():
    with nogil:
        fw_release_shut()


def _after_fork():
    fw_release_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


cdef bint is_immutable(object exporter) except -1:
    """Can nobody change this memory? Only bytes, and messages never handed out writable, say so.

    A read-only flag proves nothing by itself: a read-only view of a writable array changes with it.
    """
    while True:
        if PyBytes_CheckExact(exporter):
            return True
        if type(exporter) is ReceivedFrame:
            return not (<ReceivedFrame>exporter).writable
        if type(exporter) is Buffer:
            if (<Buffer>exporter).received:
                return True
            if not (<Buffer>exporter).held:
                return False
            exporter = (<Buffer>exporter).view.obj
        elif np.PyArray_Check(exporter):
            # an unpickled array is writable memory that belongs to a bytes object
            if np.PyArray_ISWRITEABLE(exporter) or np.PyArray_BASE(exporter) == NULL:
                return False
            exporter = <object>np.PyArray_BASE(exporter)
        elif PyMemoryView_Check(exporter):
            exporter = exporter.obj
        else:
            return False


cdef bint must_copy(object exporter, size_t size, object copy) except -1:
    """Is a buffer to be copied on its way out? `copy` is None, True or False, as in numpy 2."""
    if size <= SMALL:
        return True
    if copy is None:
        return not is_immutable(exporter)
    return copy


@cython.final
@cython.no_gc
@cython.freelist(64)
cdef class ReceivedFrame:
    """A received libzmq message. Exports its memory, read-only unless it was taken writable.

    The memory lives as long as this object and every view of it: beyond the next receive, the
    socket and the context.
    """

    def __cinit__(self):
        zmq.msg_init(&self.msg)

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(
            view, self, zmq.msg_data(&self.msg), <Py_ssize_t>zmq.msg_size(&self.msg),
            not self.writable, flags,
        )

    def __dealloc__(self):
        close_received(&self.msg)


cdef ReceivedFrame take_message(zmq_msg_t *msg):
    """Move a received message into an object of its own. `msg` is empty afterwards."""
    cdef ReceivedFrame self = ReceivedFrame.__new__(ReceivedFrame)
    zmq.msg_move(&self.msg, msg)
    return self


cdef bint is_unshared(zmq_msg_t *msg) noexcept:
    """Is a received message's memory provably nobody else's?"""
    return zmq.msg_get(msg, ZMQ_SHARED) == 0 and (
        is_inside(msg) or in_own_memory(msg) or came_through_engine(msg)
    )


cdef void close_received(zmq_msg_t *msg) noexcept:
    """Close a received message, without the GIL where that may call its maker's free function.

    pyzmq's waits for a thread that may want the GIL.
    """
    cdef bint ours
    if closes_at_once(msg):
        zmq.msg_close(msg)
    elif frees_alone(msg, free_callback):
        # a buffer of ours that this lets go of is taken back here, not by a pending call
        ours = fw_release_claim()
        zmq.msg_close(msg)
        if ours:
            fw_release_unclaim()
        drain()
    elif came_through_engine(msg):
        zmq.msg_close(msg)
    else:
        with nogil:
            zmq.msg_close(msg)


cdef int copy_bytes(void *to, const void *source, size_t size) except -1:
    """memcpy, without the GIL where it takes long. The caller holds both ends."""
    if size < LARGE_COPY:
        memcpy(to, source, size)
    else:
        with nogil:
            memcpy(to, source, size)
    return 0
