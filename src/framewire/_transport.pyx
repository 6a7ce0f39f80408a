"""Send and receive the frames of a message: directly with libzmq, or through pyzmq's own calls.

The promise: no peer ever sees part of a message, or two glued together; an accepted message may be
lost whole when a peer dies. Therefore everything that can fail on our side is done before
`frames_send`; there, only the first frame may block, fail or run signal handlers, and once it is
accepted each other frame is sent exactly once. A receive collects every frame before it raises.

A call is first tried without blocking, holding the GIL: with another Python thread at work, to
release it costs hundreds of times what libzmq needs. Only what would block is done without it.
"""

import zmq as pyzmq
from zmq.backend import Socket as BackendSocket

from .tracker import MessageTracker

from cpython.buffer cimport PyBUF_SIMPLE
from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EAGAIN, EINTR, ENOMEM
from libc.stdint cimport int64_t

from ._buffers cimport Buffer, close_received, hold
from ._frames cimport Frames, frames_append, next_message
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
    deadline_after,
    is_green,
    tell_event_loop,
    time_left,
    wait_turn,
)

__all__ = []

# ---- sending

cdef object frames_send(Frames *frames, object socket, int flags):
    """Send the list as one message, or, with ZMQ_SNDMORE, as its beginning.

    Returns None, or a MessageTracker if the list was begun with `track`. Raises what pyzmq raises.
    """
    cdef bint continued = is_unfinished(socket)
    if not direct:
        return send_through_pyzmq(frames, socket, flags, continued)
    tracker = None if frames.lent == NULL else MessageTracker(<list>frames.lent)
    try:
        send_direct(frames, socket, flags, continued)
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
            raise_errno(failure)
    frames.sent = True
    return 0


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


cdef void *send_first(Frames *frames, object socket, void *handle, int flags) except NULL:
    """Send the frame that may block, fail and run signal handlers. Returns the handle then."""
    cdef zmq_msg_t *msg = &frames.msgs[0]
    cdef int now = flags_of(0, frames.count, flags)
    cdef int rc
    cdef int error
    cdef bint blocked = (flags & ZMQ_DONTWAIT) != 0
    if not blocked and is_green(socket):
        return send_first_green(frames, socket, now)
    rc = try_send(frames, msg, handle, now)
    while rc < 0:
        error = zmq.last_error()
        if error == EINTR:
            PyErr_CheckSignals()
            handle = socket_handle(socket)
        elif error != EAGAIN or blocked:
            raise_errno(error)
        blocked = True
        with nogil:
            rc = zmq.msg_send(msg, handle, now)
    frames.first = 1
    return handle


cdef void *send_first_green(Frames *frames, object socket, int flags) except NULL:
    """`send_first` on a socket of gevent's: while it waits, other greenlets run."""
    cdef Turn turn
    cdef void *handle
    cdef int error
    begin_turn(&turn, ZMQ_POLLOUT, frames.patient)
    breathe(socket)
    while True:
        handle = socket_handle(socket)
        if try_send(frames, &frames.msgs[0], handle, flags) >= 0:
            frames.first = 1
            return handle
        error = zmq.last_error()
        if error == EINTR:
            PyErr_CheckSignals()
        elif error != EAGAIN or not wait_turn(&turn, socket):
            raise_errno(error)


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


cdef object send_through_pyzmq(Frames *frames, object socket, int flags, bint continued):
    """`frames_send` by pyzmq's own calls, under the same rules.

    Every frame is copied, so the tracker is done at once: what pyzmq sends in place can hang its
    garbage collector's thread, and crash at exit. pyzmq runs signal handlers after each call, also
    after a successful one: an exception that is none of libzmq's does not undo the frame.
    """
    check_socket(socket)
    waits = flags & ZMQ_DONTWAIT == 0 and is_green(socket)
    messages = [
        pyzmq.Frame(<object>frames.objects[i], copy=True) for i in range(frames.count)
    ]
    failure = None
    try:
        for i, message in enumerate(messages):
            how = flags_of(i, frames.count, flags)
            if frames.count == 1 and not continued and not waits:
                BackendSocket.send(socket, message, how, copy=False)
            elif i == 0 and not continued:
                failure = send_first_through_pyzmq(socket, message, how, frames.patient)
            else:
                failure = send_once(socket, message, how) or failure
            frames.first += 1
        # the exception of a signal handler does not undo a frame
        frames.sent = not isinstance(failure, pyzmq.ZMQError)
    finally:
        settle(socket, flags, continued, frames.first)
    if failure is not None:
        raise failure
    return None if frames.lent == NULL else MessageTracker()


cdef int send_bytes_through_pyzmq(object socket, bytes data, int flags) except -1:
    """One frame as pyzmq sends it, which is as good where no message is in the middle."""
    check_socket(socket)
    if flags & ZMQ_DONTWAIT == 0 and is_green(socket):
        failure = send_first_through_pyzmq(socket, data, flags, True)
        if failure is not None:
            raise failure
    else:
        BackendSocket.send(socket, data, flags)
    settle(socket, flags, False, 1)
    return 0


cdef object send_first_through_pyzmq(object socket, object message, int flags, bint patient):
    """Send the frame that may block or fail. Returns the exception of a signal handler, or None.

    It waits before it sends, not in between, so that it is known what a handler interrupted.
    """
    cdef Turn turn
    cdef bint green = flags & ZMQ_DONTWAIT == 0 and is_green(socket)
    deadline = deadline_after(socket.getsockopt(pyzmq.SNDTIMEO))
    if green:
        begin_turn(&turn, ZMQ_POLLOUT, patient)
        breathe(socket)
    while True:
        try:
            BackendSocket.send(socket, message, flags | ZMQ_DONTWAIT, copy=False)
            return None
        except pyzmq.Again:
            if flags & ZMQ_DONTWAIT:
                raise
        except pyzmq.ZMQError:
            raise
        except BaseException as error:
            # in the middle of a message there is always room for the rest
            if not socket.getsockopt(pyzmq.EVENTS) & pyzmq.POLLOUT:
                raise
            return error
        if not (wait_turn(&turn, socket) if green else wait_for_room(socket, deadline)):
            raise pyzmq.Again()


cdef bint wait_for_room(object socket, int64_t deadline) except -1:
    poller = pyzmq.Poller()
    poller.register(socket, pyzmq.POLLOUT)
    return len(poller.poll(time_left(deadline))) > 0


cdef object send_once(object socket, object message, int flags):
    """Send one of the later frames. Returns the exception, or None."""
    try:
        BackendSocket.send(socket, message, flags | ZMQ_DONTWAIT, copy=False)
    except BaseException as error:
        return error


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
    cdef int error
    cdef int rc
    cdef bint blocked = (flags & ZMQ_DONTWAIT) != 0
    zmq.msg_init(msg)
    frames.count = 1
    if not blocked and is_green(socket):
        return receive_first_green(frames, socket, flags)
    rc = zmq.msg_recv(msg, handle, flags | ZMQ_DONTWAIT)
    while rc < 0:
        error = zmq.last_error()
        if error == EINTR:
            PyErr_CheckSignals()
            handle = socket_handle(socket)
        elif error != EAGAIN or blocked:
            raise_errno(error)
        blocked = True
        with nogil:
            rc = zmq.msg_recv(msg, handle, flags)
    return handle


cdef void *receive_first_green(Frames *frames, object socket, int flags) except NULL:
    """`receive_first` on a socket of gevent's: while it waits, other greenlets run."""
    cdef Turn turn
    cdef void *handle
    cdef int error
    begin_turn(&turn, ZMQ_POLLIN, frames.patient)
    breathe(socket)
    while True:
        handle = socket_handle(socket)
        if zmq.msg_recv(frames.msgs, handle, flags | ZMQ_DONTWAIT) >= 0:
            return handle
        error = zmq.last_error()
        if error == EINTR:
            PyErr_CheckSignals()
        elif error != EAGAIN or not wait_turn(&turn, socket):
            raise_errno(error)


cdef int receive_through_pyzmq(Frames *frames, object socket, int flags, bint whole) except -1:
    """`frames_receive` by pyzmq's own calls.

    A signal handler's exception may come with a frame that was received: then the message is lost,
    and the rest of it is taken from the queue.
    """
    cdef Buffer buffer
    check_socket(socket)
    interruption = None
    messages = []
    more = True
    while more:
        try:
            messages.append(receive_frame_through_pyzmq(socket, flags, False, frames.patient))
            more = whole and messages[-1].more
        except pyzmq.ZMQError:
            raise
        except BaseException as error:
            interruption = error
            more = whole and socket.getsockopt(pyzmq.RCVMORE)
        flags |= ZMQ_DONTWAIT
    if interruption is not None:
        raise interruption
    for message in messages:
        buffer = hold(message, PyBUF_SIMPLE)
        buffer.received = True
        frames_append(frames, buffer)
    return 0


cdef bytes receive_bytes_through_pyzmq(object socket, int flags):
    """One frame as pyzmq receives it."""
    check_socket(socket)
    try:
        return receive_frame_through_pyzmq(socket, flags, True, True)
    finally:
        tell_event_loop(socket)


cdef object receive_frame_through_pyzmq(object socket, int flags, bint copy, bint patient):
    cdef Turn turn
    if flags & ZMQ_DONTWAIT or not is_green(socket):
        return BackendSocket.recv(socket, flags, copy=copy)
    begin_turn(&turn, ZMQ_POLLIN, patient)
    breathe(socket)
    while True:
        try:
            return BackendSocket.recv(socket, flags | ZMQ_DONTWAIT, copy=copy)
        except pyzmq.Again:
            pass
        if not wait_turn(&turn, socket):
            raise pyzmq.Again()
