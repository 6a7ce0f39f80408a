"""Send and receive the frames of a message: directly with libzmq, or through pyzmq's own calls.

The promise: no peer ever sees part of a message, or two glued together; an accepted message may be
lost whole when a peer dies. Therefore everything that can fail on our side is done before
`frames_send`; there, only the first frame may block, fail or run signal handlers, and once it is
accepted each other frame is sent exactly once. A receive collects every frame before it raises.

A call is first tried without blocking, holding the GIL: with another Python thread at work, to
release it costs hundreds of times what libzmq needs. Only what would block is done without it.
"""

import zmq as pyzmq

from .tracker import MessageTracker

from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EAGAIN, EINTR, ENOMEM

from ._buffers cimport close_received
from ._detour cimport (
    receive_frame_through_pyzmq,
    receive_through_pyzmq,
    send_frame_through_pyzmq,
    send_through_pyzmq,
)
from ._frames cimport Frames, next_message
from ._libzmq cimport (
    ZMQ_DONTWAIT,
    ZMQ_POLLIN,
    ZMQ_POLLOUT,
    ZMQ_SNDMORE,
    check_socket,
    direct,
    raise_errno,
    socket_handle,
    zmq,
    zmq_msg_t,
)
from ._unfinished cimport is_unfinished, note_sent
from ._waiting cimport (
    Turn,
    begin_turn,
    breathe,
    is_green,
    tell_event_loop,
    wait_turn,
)

__all__ = []

# ---- sending

cdef object frames_send(Frames *frames, object socket, int flags):
    """Send the list as one message, or, with ZMQ_SNDMORE, as its beginning.

    Returns None, or a MessageTracker if the list was begun with `track`. Raises what pyzmq raises.
    """
    cdef bint continued = is_unfinished(socket)
    tracker = None
    if frames.lent != NULL:
        tracker = MessageTracker(<list>frames.lent if direct else ())
    try:
        if direct:
            send_direct(frames, socket, flags, continued)
        else:
            send_through_pyzmq(frames, socket, flags, continued)
    finally:
        settle(socket, flags, continued, frames.first)
    return tracker


cdef int send_direct(Frames *frames, object socket, int flags, bint continued) except -1:
    cdef int failure
    cdef bint interrupted = False
    cdef void *handle = socket_handle(socket)
    if not continued:
        handle = send_first(frames, socket, handle, flags)
    if frames.first < frames.count:
        if frames.foreign:
            with nogil:
                failure = send_rest(frames, frames.count, handle, flags, &interrupted)
        else:
            failure = send_rest(frames, frames.count, handle, flags, &interrupted)
        frames.sent = failure == 0
        if interrupted:
            PyErr_CheckSignals()
        if failure:
            raise_lost(failure)
    frames.sent = True
    return 0


cdef int raise_lost(int error) except -1:
    """Raise for the errno that lost a message of which frames had been accepted.

    A zmq.Again says so by its attribute ``lost``: whoever tries again must not send the rest.
    """
    try:
        raise_received(error)
    except pyzmq.Again as again:
        again.lost = True
        raise


cdef inline int flags_of(Py_ssize_t i, Py_ssize_t end, int flags) noexcept nogil:
    """The caller's flags, as they stand for frame `i` of those before `end`."""
    return flags | ZMQ_SNDMORE if i < end - 1 else flags


cdef inline int try_send(Frames *frames, zmq_msg_t *msg, void *handle, int flags) noexcept:
    """zmq_msg_send with DONTWAIT; without the GIL where it may free what somebody else made."""
    cdef int rc
    if not frames.foreign:
        return zmq.msg_send(msg, handle, flags | ZMQ_DONTWAIT)
    with nogil:
        rc = zmq.msg_send(msg, handle, flags | ZMQ_DONTWAIT)
    return rc


cdef void *handle_after(object socket, void *handle, bint blocked) except NULL:
    """After libzmq has refused a call: what to block on, when handlers of signals have run.

    `blocked`: the call has blocked already, or must not, and EAGAIN is raised as any other error.
    """
    cdef int error = zmq.last_error()
    if error == EINTR:
        PyErr_CheckSignals()
        return socket_handle(socket)
    if error != EAGAIN or blocked:
        raise_errno(error)
    return handle


cdef int wait_green(Turn *turn, object socket) except -1:
    """The same on a socket of gevent's: its greenlet waits, and EAGAIN is raised after its time."""
    cdef int error = zmq.last_error()
    if error == EINTR:
        PyErr_CheckSignals()
    elif error != EAGAIN or not wait_turn(turn, socket):
        raise_errno(error)
    return 0


cdef void *send_first(Frames *frames, object socket, void *handle, int flags) except NULL:
    """Send the frame that may block, fail and run signal handlers. Returns the handle then."""
    cdef zmq_msg_t *msg = &frames.msgs[0]
    cdef int now = flags_of(0, frames.count, flags)
    cdef int rc
    cdef bint blocked = (flags & ZMQ_DONTWAIT) != 0
    if not blocked and is_green(socket):
        return send_first_green(frames, socket, now)
    rc = try_send(frames, msg, handle, now)
    while rc < 0:
        handle = handle_after(socket, handle, blocked)
        blocked = True
        with nogil:
            rc = zmq.msg_send(msg, handle, now)
    frames.first = 1
    return handle


cdef void *send_first_green(Frames *frames, object socket, int flags) except NULL:
    """`send_first` on a socket of gevent's: while it waits, other greenlets run."""
    cdef Turn turn
    cdef void *handle
    begin_turn(&turn, ZMQ_POLLOUT, frames.patient)
    breathe(socket)
    while True:
        handle = socket_handle(socket)
        if try_send(frames, &frames.msgs[0], handle, flags) >= 0:
            frames.first = 1
            return handle
        wait_green(&turn, socket)


cdef int send_rest(
    Frames *frames, Py_ssize_t end, void *handle, int flags, bint *interrupted
) noexcept nogil:
    """Send each frame that is left before `end` exactly once. Returns the first errno, or 0.

    Stopping at a frame that fails would make libzmq take the next message for the rest of this
    one; a blocking retry would give the frame alone to another peer.
    """
    cdef int failure = 0
    cdef int error
    cdef int now
    cdef zmq_msg_t *msg
    while frames.first < end:
        msg = &frames.msgs[frames.first]
        now = flags_of(frames.first, end, flags) | ZMQ_DONTWAIT
        if zmq.msg_send(msg, handle, now) < 0:
            error = zmq.last_error()
            if error == EINTR:
                interrupted[0] = True
                continue
            failure = failure or error
            zmq.msg_close(msg)
        frames.first += 1
    return failure


cdef int send_message(
    Frames *frames, Py_ssize_t end, void *handle, int flags, bint *interrupted
) noexcept nogil:
    """Send the frames before `end` as one message; the first may block. Returns 0 or an errno.

    frames.first tells whether the first one was accepted. Hold the GIL only with DONTWAIT, and if
    the list is not foreign.
    """
    cdef int now = flags_of(frames.first, end, flags)
    if zmq.msg_send(&frames.msgs[frames.first], handle, now) < 0:
        return zmq.last_error()
    frames.first += 1
    return send_rest(frames, end, handle, flags, interrupted) if frames.first < end else 0


cdef int settle(object socket, int flags, bint continued, Py_ssize_t sent) except -1:
    """After a send: is the socket in the middle of a message, and does its event loop know?"""
    if sent > 0 and (continued or flags & ZMQ_SNDMORE):
        note_sent(socket, flags)
    return tell_event_loop(socket)


cdef int send_bytes_through_pyzmq(object socket, bytes data, int flags) except -1:
    """One frame as pyzmq sends it, which is as good where no message is in the middle."""
    send_frame_through_pyzmq(socket, data, flags)
    settle(socket, flags, False, 1)
    return 0


# ---- receiving

cdef int frames_receive(Frames *frames, object socket, int flags, bint whole) except -1:
    """Receive a message into the empty list: the whole of it, or only its next frame."""
    frames.received = True
    try:
        if direct:
            receive_direct(frames, socket, flags, whole)
        else:
            receive_through_pyzmq(frames, socket, flags, whole)
    finally:
        tell_event_loop(socket)
    return 0


cdef bint frames_receive_now(Frames *frames, object socket) except -1:
    """`frames_receive` of a whole message if one is there. Returns whether one was.

    The event loop is to be told afterwards.
    """
    cdef int error = EINTR
    if not direct:
        try:
            receive_through_pyzmq(frames, socket, ZMQ_DONTWAIT, True)
        except pyzmq.Again:
            return False
        return True
    frames.received = True
    while error == EINTR:
        error = receive_message(frames, socket_handle(socket))
        if error == EINTR:
            PyErr_CheckSignals()
    if error == EAGAIN and frames.count == 0:
        return False
    return raise_received(error) == 0


cdef int receive_direct(Frames *frames, object socket, int flags, bint whole) except -1:
    cdef void *handle = receive_first(frames, socket, flags)
    return raise_received(receive_rest(frames, handle)) if whole else 0


cdef int raise_received(int error) except -1:
    """Raise for the errno of a receive, if it is not 0."""
    if error == ENOMEM:
        raise MemoryError()
    return raise_errno(error) if error else 0


cdef int receive_message(Frames *frames, void *handle) noexcept nogil:
    """Append the next message if one is there. Returns 0 or an errno.

    After an errno frames.count tells whether there is part of a message in the list, which is lost.
    """
    cdef zmq_msg_t *msg = next_message(frames)
    if msg == NULL:
        return ENOMEM
    zmq.msg_init(msg)
    if zmq.msg_recv(msg, handle, ZMQ_DONTWAIT) < 0:
        return zmq.last_error()
    frames.count += 1
    return receive_rest(frames, handle)


cdef int receive_rest(Frames *frames, void *handle) noexcept nogil:
    """Append what follows the last frame of the list in its message. Returns 0 or an errno.

    The message leaves the queue whole, even where there is no memory for it.
    """
    cdef zmq_msg_t spill
    cdef zmq_msg_t *msg = &frames.msgs[frames.count - 1]
    cdef bint full = False
    cdef int rc
    while zmq.msg_more(msg):
        if full:
            with gil:
                close_received(msg)
        else:
            msg = next_message(frames)
            if msg == NULL:
                full = True
                msg = &spill
        zmq.msg_init(msg)
        rc = zmq.msg_recv(msg, handle, ZMQ_DONTWAIT)
        while rc < 0 and zmq.last_error() == EINTR:
            rc = zmq.msg_recv(msg, handle, ZMQ_DONTWAIT)
        if rc < 0:
            return zmq.last_error()
        if not full:
            frames.count += 1
    if full:
        with gil:
            close_received(msg)
        return ENOMEM
    return 0


cdef void *receive_first(Frames *frames, object socket, int flags) except NULL:
    """Receive the frame that may block and run signal handlers. Returns the handle then."""
    cdef void *handle = socket_handle(socket)
    cdef zmq_msg_t *msg = frames.msgs
    cdef int rc
    cdef bint blocked = (flags & ZMQ_DONTWAIT) != 0
    zmq.msg_init(msg)
    frames.count = 1
    if not blocked and is_green(socket):
        return receive_first_green(frames, socket, flags)
    rc = zmq.msg_recv(msg, handle, flags | ZMQ_DONTWAIT)
    while rc < 0:
        handle = handle_after(socket, handle, blocked)
        blocked = True
        with nogil:
            rc = zmq.msg_recv(msg, handle, flags)
    return handle


cdef void *receive_first_green(Frames *frames, object socket, int flags) except NULL:
    """`receive_first` on a socket of gevent's: while it waits, other greenlets run."""
    cdef Turn turn
    cdef void *handle
    begin_turn(&turn, ZMQ_POLLIN, frames.patient)
    breathe(socket)
    while True:
        handle = socket_handle(socket)
        if zmq.msg_recv(frames.msgs, handle, flags | ZMQ_DONTWAIT) >= 0:
            return handle
        wait_green(&turn, socket)


cdef bytes receive_bytes_through_pyzmq(object socket, int flags):
    """One frame as pyzmq receives it."""
    check_socket(socket)
    try:
        return receive_frame_through_pyzmq(socket, flags, True, True)
    finally:
        tell_event_loop(socket)
