"""Frames as they are, without a head: one buffer or a list of them, gathered in place."""

import numpy

from cpython.buffer cimport PyBUF_C_CONTIGUOUS
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.memoryview cimport PyMemoryView_FromObject

cimport numpy as np

from ._buffers cimport SMALL, Buffer, hold_bytes, must_copy
from ._frames cimport (
    Frames,
    Span,
    frames_begin,
    frames_end,
    frames_put,
    frames_span,
    frames_take,
)
from ._libzmq cimport direct
from ._transport cimport frames_receive, frames_send

__all__ = ["recv_raw", "send_raw"]

np.import_array()

cdef Buffer hold_raw(object exporter, object copy):
    """Hold any C-contiguous buffer of plain bytes, to be sent by the rules of `copy`."""
    cdef Buffer buffer
    if (
        np.PyArray_Check(exporter) and not np.PyArray_CheckExact(exporter)
        and isinstance(exporter, numpy.ma.MaskedArray)
    ):
        raise TypeError("a masked array would lose its mask: send its data and its mask")
    try:
        buffer = hold_bytes(exporter, PyBUF_C_CONTIGUOUS)
    except (BufferError, ValueError) as error:
        raise ValueError(f"a raw buffer must be C-contiguous: {error}") from error
    buffer.copied = must_copy(exporter, buffer.view.len, copy)
    return buffer


def send_raw(socket, buffers, int flags=0, copy=None, bint track=False):
    """Send one buffer, or a list or tuple of them, as the frames of one message, without a head.

    Parameters
    ----------
    socket : zmq.Socket
    buffers : buffer, or list or tuple of buffers
        Anything that exports a C-contiguous buffer: bytes, bytearray, memoryview, array.array,
        numpy arrays of any dtype but object, `zmq.Frame`. n-dimensional ones travel as their
        bytes in C order. A list is one message of as many frames.
    flags : int
        ``zmq.DONTWAIT``, ``zmq.SNDMORE`` (more frames of this message follow).
    copy : None or bool
        None sends in place what nobody can change (bytes, received messages) and copies the rest.
        False sends in place whatever it is: do not write to it until the tracker is done. True
        copies. A frame of up to 8 KiB is always copied.
    track : bool
        Return a `MessageTracker`, done when libzmq has released every frame.

    Returns
    -------
    MessageTracker or None

    Raises
    ------
    TypeError
        A str, something that exports no buffer, or one of Python objects.
    ValueError
        No frames, or a buffer that is not contiguous. Nothing has been sent.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's ``send``. No peer sees part of the message.

    Notes
    -----
    A buffer in flight in place is held (PEP 3118): a bytearray cannot be resized.
    """
    cdef Frames frames
    if not isinstance(buffers, (list, tuple)):
        buffers = (buffers,)
    elif not buffers:
        raise ValueError("a message has at least one frame")
    buffers = tuple(buffers)  # what runs from here on may change the list
    if copy is not None:
        copy = bool(copy)
    frames_begin(&frames, not direct, track)
    try:
        for each in buffers:
            frames_put(&frames, hold_raw(each, copy))
        return frames_send(&frames, socket, flags)
    finally:
        frames_end(&frames)


def recv_raw(socket, int flags=0):
    """Receive one message as its frames, whatever it is.

    Parameters
    ----------
    socket : zmq.Socket
    flags : int
        ``zmq.DONTWAIT``.

    Returns
    -------
    list of memoryview
        Read-only, one-dimensional, format ``B``. Frames of over 8 KiB are views of the received
        message in place, and keep it alive: beyond the next receive, the socket and the context.
        Smaller ones are copied once; a view would keep the whole 8 KiB buffer that libzmq received
        them into.

    Raises
    ------
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's ``recv``.
    """
    cdef Frames frames
    frames_begin(&frames, not direct, False)
    try:
        frames_receive(&frames, socket, flags, True)
        return [take_view(&frames, i) for i in range(frames.count)]
    finally:
        frames_end(&frames)


cdef object take_view(Frames *frames, Py_ssize_t i):
    cdef Span frame = frames_span(frames, i)
    if frame.size <= SMALL:
        return PyMemoryView_FromObject(
            PyBytes_FromStringAndSize(<const char *>frame.data, frame.size)
        )
    return PyMemoryView_FromObject(frames_take(frames, i, False))
