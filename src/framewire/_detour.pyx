"""The frames of a message by pyzmq's own calls, where libzmq's functions cannot be reached.

The rules are those of `_transport`, which this serves.
"""

import zmq as pyzmq
from zmq.backend import Socket as BackendSocket

from cpython.buffer cimport PyBUF_SIMPLE
from libc.stdint cimport int64_t

from ._buffers cimport Buffer, hold
from ._frames cimport Frames, frames_append
from ._libzmq cimport ZMQ_DONTWAIT, ZMQ_POLLIN, ZMQ_POLLOUT, ZMQ_SNDMORE, check_socket
from ._waiting cimport (
    Turn,
    begin_turn,
    breathe,
    deadline_after,
    is_green,
    time_left,
    wait_turn,
)

__all__ = []


cdef int send_through_pyzmq(Frames *frames, object socket, int flags, bint continued) except -1:
    """`send_direct` by pyzmq's own calls, under the same rules.

    Every frame is copied, so a tracker is done at once: what pyzmq sends in place can hang its
    garbage collector's thread, and crash at exit. pyzmq runs signal handlers after each call, also
    after a successful one: an exception that is none of libzmq's does not undo the frame.
    """
    check_socket(socket)
    waits = flags & ZMQ_DONTWAIT == 0 and is_green(socket)
    messages = [
        pyzmq.Frame(<object>frames.objects[i], copy=True) for i in range(frames.count)
    ]
    failure = None
    for i, message in enumerate(messages):
        how = flags | ZMQ_SNDMORE if i < frames.count - 1 else flags
        if frames.count == 1 and not continued and not waits:
            BackendSocket.send(socket, message, how, copy=False)
        elif i == 0 and not continued:
            failure = send_first_through_pyzmq(socket, message, how, frames.patient)
        else:
            failure = send_once(socket, message, how) or failure
        frames.first += 1
    # the exception of a signal handler does not undo a frame
    frames.sent = not isinstance(failure, pyzmq.ZMQError)
    if failure is not None:
        if isinstance(failure, pyzmq.Again):
            failure.lost = True
        raise failure
    return 0


cdef int send_frame_through_pyzmq(object socket, bytes data, int flags) except -1:
    """One frame that is a message, as pyzmq sends it."""
    check_socket(socket)
    if flags & ZMQ_DONTWAIT or not is_green(socket):
        BackendSocket.send(socket, data, flags)
        return 0
    failure = send_first_through_pyzmq(socket, data, flags, True)
    if failure is not None:
        raise failure
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


cdef object receive_frame_through_pyzmq(object socket, int flags, bint copy, bint patient):
    """One frame by pyzmq's own call; in a greenlet, others run while it waits."""
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
