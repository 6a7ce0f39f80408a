"""Many messages out of a socket: received, waited for and copied into rows without the GIL.

What is there is first taken with the GIL, as in `_transport`: to release it costs hundreds of times
what a message does when another thread computes.
"""

import zmq as pyzmq

from libc.errno cimport EAGAIN
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from ._buffers cimport close_received, closes_at_once
from ._frames cimport Frames
from ._ledger cimport Account
from ._libzmq cimport ZMQ_POLLIN, direct, socket_handle, zmq, zmq_msg_t, zmq_pollitem_t
from ._payload cimport Part
from ._rows cimport count_row, find_payload
from ._transport cimport frames_receive_now, receive_message
from ._waiting cimport time_left

__all__ = []

cdef int intake_take(
    Intake *intake, object socket, Py_ssize_t limit, bint held, Account account
) except -1:
    """Take up to `limit` messages. Returns 0, or the errno that ended it.

    EAGAIN: no more are there, or, unless `held`, the deadline came first; else this waits for all.
    With rows, a message that is not as expected ends it too: it is to be read before the next.
    Those that go into rows are counted, if that is expected; `account` is that of their topic.
    """
    cdef int error
    if not direct:
        return take_through_pyzmq(intake, socket, held)
    cdef void *handle = socket_handle(socket)
    intake.frames.received = True
    if held:
        return take(intake, handle, limit, True, account)
    with nogil:
        error = take(intake, handle, limit, False, account)
    return error


cdef int take(
    Intake *intake, void *handle, Py_ssize_t limit, bint held, Account account
) noexcept nogil:
    cdef Frames *frames = &intake.frames
    cdef int error
    while limit > 0:
        error = receive_message(frames, handle)
        if error:
            if error != EAGAIN or held or frames.count > intake.whole:
                return error
            error = wait_for_message(handle, intake.deadline)
            if error:
                return error
            continue
        limit -= 1
        if intake.rows != NULL and fill_row(intake, held, account):
            continue
        intake.messages += 1
        intake.whole = frames.count
        if intake.rows != NULL:
            return 0
    return 0


cdef int wait_for_message(void *handle, int64_t deadline) noexcept nogil:
    """Sleep until there may be a message. Returns 0 or an errno: EAGAIN if the time is over."""
    cdef zmq_pollitem_t item
    cdef int rc
    item.socket = handle
    item.fd = 0
    item.events = ZMQ_POLLIN
    item.revents = 0
    rc = zmq.poll(&item, 1, time_left(deadline))
    if rc < 0:
        return zmq.last_error()
    return EAGAIN if rc == 0 else 0


cdef bint fill_row(Intake *intake, bint held, Account account) noexcept nogil:
    """Copy the payload of the message that came last into the next row, if it is as expected."""
    cdef Frames *frames = &intake.frames
    cdef Part part
    if not find_payload(intake.expected, frames, intake.whole, True, &part):
        return False
    if intake.expected.counted and not count_row(
        intake.expected, account, frames, intake.whole, &part
    ):
        return False
    memcpy(intake.rows.data + intake.filled * intake.rows.stride, part.span.data, part.span.size)
    intake.filled += 1
    while frames.count > intake.whole:
        frames.count -= 1
        close_soon(&frames.msgs[frames.count], held)
    return True


cdef inline void close_soon(zmq_msg_t *msg, bint held) noexcept nogil:
    if not held or closes_at_once(msg):
        zmq.msg_close(msg)
    else:
        with gil:
            close_received(msg)


cdef int take_through_pyzmq(Intake *intake, object socket, bint held) except -1:
    """One message by pyzmq's own calls, which all are to be read in the same way."""
    if not frames_receive_now(&intake.frames, socket):
        if not held:
            poller = pyzmq.Poller()
            poller.register(socket, pyzmq.POLLIN)
            held = not poller.poll(time_left(intake.deadline))
        return EAGAIN if held else 0
    intake.messages = 1
    intake.whole = intake.frames.count
    return 0
