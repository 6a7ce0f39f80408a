"""pyzmq's calls on frames: the same arguments, results, exceptions and wire, without the detours.

What differs is in docs/migrating.md: a message that fails half-way leaves nothing queued, memory in
flight is held, and objects' pointers are not sent.
"""

import zmq as pyzmq
from zmq.backend import Socket as BackendSocket

from cpython.buffer cimport PyBUF_ANY_CONTIGUOUS, PyBUF_WRITABLE
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_CheckExact,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)

from ._buffers cimport Buffer, copy_bytes, hold_bytes
from ._frame cimport is_frame, put_frame as put_reference, take_frame
from ._frames cimport (
    Frames,
    Span,
    frames_begin,
    frames_copy,
    frames_end,
    frames_lend,
    frames_span,
)
from ._libzmq cimport check_socket, direct
from ._transport cimport (
    frames_receive,
    frames_send,
    receive_bytes_through_pyzmq,
    send_bytes_through_pyzmq,
)
from ._unfinished cimport is_unfinished

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        object (*tp_descr_get)(object descriptor, object obj, object cls)

__all__ = ["note_overrides", "recv", "recv_into", "recv_multipart", "send", "send_multipart"]

# Subclasses of framewire.Socket, and what of pyzmq's methods each overrides.
cdef dict overriding = {}


def note_overrides(cls, names):
    """A socket class overrides these methods: the calls that pyzmq builds on them come by them."""
    overriding[cls] = frozenset(names)


cdef bint comes_by(object socket, object names) except -1:
    """Does the socket's class override one of the methods that are named?"""
    return len(overriding) > 0 and not names.isdisjoint(overriding.get(type(socket), ()))


cdef object SEND = frozenset(["send"])
cdef object RECV = frozenset(["recv"])
cdef bint DRAFT = pyzmq.DRAFT_API
cdef object FINISHED = pyzmq._FINISHED_TRACKER
cdef object LENT = object()  # instead of a tracker that is made when the frame has been sent


# Read as pyzmq's own C code does: by name it would take longer than the rest of a send in place.
cdef object threshold = getattr(BackendSocket, "copy_threshold", None)
cdef object threshold_type = type(threshold)


cdef Py_ssize_t copy_threshold(object socket) except -1:
    if threshold is None:
        return socket.copy_threshold
    return (<PyTypeObject *>threshold_type).tp_descr_get(threshold, socket, type(socket))


cdef object put_frame(Frames *frames, object data, object socket, bint copy, bint track):
    """Append one frame. Returns what pyzmq's `send` returns for it, or LENT."""
    cdef Buffer buffer
    if copy and PyBytes_CheckExact(data):
        frames_copy(frames, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        return None
    if is_frame(data):
        tracker = data.tracker
        if track and not tracker:
            raise ValueError("Not a tracked message")
        put_reference(frames, data)
        return tracker
    buffer = hold_bytes(data, PyBUF_ANY_CONTIGUOUS)
    if copy:
        frames_copy(frames, buffer.view.buf, buffer.view.len)
        return None
    if buffer.view.len < copy_threshold(socket):
        frames_copy(frames, buffer.view.buf, buffer.view.len)
        return FINISHED
    frames_lend(frames, buffer)
    return LENT


cdef object send_one(object socket, object data, int flags, bint copy, bint track):
    """`send`, without a routing id or group."""
    cdef Frames frames
    check_socket(socket)
    if not direct and copy and PyBytes_CheckExact(data) and not is_unfinished(socket):
        send_bytes_through_pyzmq(socket, data, flags)
        return None
    frames_begin(&frames, not direct, track)
    frames.patient = True
    try:
        tracker = put_frame(&frames, data, socket, copy, track)
        sent = frames_send(&frames, socket, flags)
        return sent if tracker is LENT else tracker
    finally:
        frames_end(&frames)


def send(
    socket, data, int flags=0, bint copy=True, bint track=False, routing_id=None, group=None
):
    """`zmq.Socket.send`: send one frame.

    Parameters
    ----------
    socket : zmq.Socket
    data : buffer or zmq.Frame
        bytes, or anything that exports a contiguous buffer. A `zmq.Frame` goes by reference.
    flags : int
        ``zmq.DONTWAIT``, ``zmq.SNDMORE``.
    copy : bool
        False sends in place what has at least ``socket.copy_threshold`` bytes (64 KiB). The buffer
        is held until libzmq releases it: a bytearray cannot be resized. Do not write to it.
    track : bool
        Return a tracker, if the frame is sent in place.
    routing_id : int, optional
        For SERVER sockets.
    group : str, optional
        For RADIO sockets.

    Returns
    -------
    MessageTracker or None
        As pyzmq: None with ``copy=True``; the tracker of a `zmq.Frame`; a tracker that is done for
        what was copied for being small.

    Raises
    ------
    TypeError
        A str, no buffer, or one of Python objects.
    ValueError, BufferError
        The exporter's, for a buffer that is not contiguous; ``track`` with an untracked Frame.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's.
    """
    if routing_id is not None or group is not None or (DRAFT and is_frame(data)):
        # single frames by reference, with what pyzmq has set on the message
        return pyzmq.Socket.send(socket, data, flags, copy, track, routing_id, group)
    return send_one(socket, data, flags, copy, track)


def send_multipart(socket, msg_parts, int flags=0, bint copy=True, bint track=False, **kwargs):
    """`zmq.Socket.send_multipart`: send a sequence of frames as one message.

    Parameters
    ----------
    socket : zmq.Socket
    msg_parts : sequence of buffer or zmq.Frame
        See `send`.
    flags, copy
        See `send`.
    track : bool
        Return a tracker of all frames (pyzmq's is of the last one).
    **kwargs
        Ignored, as by pyzmq.

    Returns
    -------
    MessageTracker or None
        What `send` returns for the last frame; with ``track``, done when all frames are.

    Raises
    ------
    TypeError, ValueError, BufferError, IndexError
        As pyzmq's, for what is no sequence of buffers. Nothing has been sent.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's. No peer sees part of the message.
    """
    cdef Frames frames
    if comes_by(socket, SEND):
        return pyzmq.Socket.send_multipart(socket, msg_parts, flags, copy, track)
    parts = parts_of(msg_parts)
    check_socket(socket)
    if DRAFT and len(parts) == 1 and is_frame(parts[0]):
        return send(socket, parts[0], flags, copy, track)
    trackers = []
    frames_begin(&frames, not direct, track)
    frames.patient = True
    try:
        for i, part in enumerate(parts):
            try:
                tracker = put_frame(&frames, part, socket, copy, track)
            except Exception as error:
                if not isinstance(error, TypeError) and is_buffer(part):
                    raise
                raise no_frame(i, part, error) from error
            if tracker is not None and tracker is not LENT and tracker is not FINISHED:
                trackers.append(tracker)
        sent = frames_send(&frames, socket, flags)
        if tracker is None or not track:
            return None if tracker is LENT else tracker
        return joined(sent if <list>frames.lent else None, trackers)
    finally:
        frames_end(&frames)


cdef tuple parts_of(object msg_parts):
    """The parts of a message, in a copy: what runs while they are prepared may change a list.

    What is no sequence, or empty, fails as in pyzmq: after a look at each part, in being sliced.
    """
    parts = tuple(msg_parts)
    if parts and isinstance(msg_parts, (list, tuple)):
        return parts
    for i, part in enumerate(parts):
        if not is_buffer(part):
            raise no_frame(i, part, "it is none")
    return (*msg_parts[:-1], msg_parts[-1])


cdef object joined(object sent, list trackers):
    """One tracker of what was lent, if anything was, and of the Frames that have one."""
    if sent is not None:
        trackers.insert(0, sent)
    if len(trackers) == 1:
        return trackers[0]
    return pyzmq.MessageTracker(*trackers) if trackers else FINISHED


cdef object no_frame(Py_ssize_t i, object part, object reason):
    what = repr(part)
    what = what if len(what) <= 32 else what[:32] + "..."
    return TypeError(f"Frame {i} ({what}) does not support the buffer interface: {reason}")


cdef bint is_buffer(object value) noexcept:
    """Does pyzmq take it for one, before it tries?"""
    if isinstance(value, memoryview):  # one that was released, too
        return True
    try:
        memoryview(value)
    except Exception:
        return False
    return True


def recv(socket, int flags=0, bint copy=True, bint track=False):
    """`zmq.Socket.recv`: receive one frame.

    Parameters
    ----------
    socket : zmq.Socket
    flags : int
        ``zmq.DONTWAIT``.
    copy : bool
        False: as a `zmq.Frame`, in place.
    track : bool
        Give the Frame a tracker, which is done.

    Returns
    -------
    bytes or zmq.Frame
        A Frame is writable, but for one that came over inproc and may be the sender's memory. It
        keeps the message alive: beyond the next receive, the socket and the context.

    Raises
    ------
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's.
    """
    cdef Frames frames
    if copy:
        return recv_bytes(socket, flags)
    frames_begin(&frames, not direct, False)
    frames.patient = True
    try:
        frames_receive(&frames, socket, flags, False)
        return take_frame(&frames, 0, track)
    finally:
        frames_end(&frames)


cdef bytes recv_bytes(object socket, int flags):
    """One frame, copied."""
    cdef Frames frames
    if not direct:
        return receive_bytes_through_pyzmq(socket, flags)
    frames_begin(&frames, False, False)
    frames.patient = True
    try:
        frames_receive(&frames, socket, flags, False)
        return copy_frame(&frames, 0)
    finally:
        frames_end(&frames)


cdef bytes copy_frame(Frames *frames, Py_ssize_t i):
    cdef Span frame = frames_span(frames, i)
    cdef bytes data = PyBytes_FromStringAndSize(NULL, frame.size)
    copy_bytes(PyBytes_AS_STRING(data), frame.data, frame.size)
    return data


def recv_multipart(socket, int flags=0, bint copy=True, bint track=False):
    """`zmq.Socket.recv_multipart`: receive all frames of a message.

    Parameters
    ----------
    socket, flags, copy, track
        See `recv`.

    Returns
    -------
    list of bytes or of zmq.Frame

    Raises
    ------
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's.
    """
    cdef Frames frames
    cdef Py_ssize_t i
    if comes_by(socket, RECV):
        return pyzmq.Socket.recv_multipart(socket, flags, copy, track)
    frames_begin(&frames, not direct, False)
    frames.patient = True
    try:
        frames_receive(&frames, socket, flags, True)
        if copy:
            return [copy_frame(&frames, i) for i in range(frames.count)]
        return [take_frame(&frames, i, track) for i in range(frames.count)]
    finally:
        frames_end(&frames)


def recv_into(socket, buffer, /, *, Py_ssize_t nbytes=0, int flags=0):
    """`zmq.Socket.recv_into` of pyzmq 26.4: receive one frame into memory of yours.

    Parameters
    ----------
    socket : zmq.Socket
    buffer : writable buffer
        Contiguous. Held while the call waits.
    nbytes : int
        Write at most that many bytes; 0: as many as the buffer has.
    flags : int
        ``zmq.DONTWAIT``.

    Returns
    -------
    int
        Bytes of the frame. Where it is larger than `nbytes` or the buffer, the rest is lost.

    Raises
    ------
    TypeError, BufferError
        `buffer` is none, or one of Python objects; or read-only or not contiguous.
    ValueError
        `nbytes` is larger than the buffer, or negative. Nothing was received.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's.
    """
    cdef Frames frames
    cdef Span frame
    cdef Buffer target = hold_bytes(memoryview(buffer), PyBUF_ANY_CONTIGUOUS | PyBUF_WRITABLE)
    if not 0 <= nbytes <= target.view.len:
        raise ValueError(f"nbytes={nbytes}: the buffer has {target.view.len} bytes")
    frames_begin(&frames, not direct, False)
    frames.patient = True
    try:
        frames_receive(&frames, socket, flags, False)
        frame = frames_span(&frames, 0)
        copy_bytes(target.view.buf, frame.data, min(frame.size, <size_t>(nbytes or target.view.len)))
        return frame.size
    finally:
        frames_end(&frames)
