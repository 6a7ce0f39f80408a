"""Many messages into a socket: with the GIL as far as there is room, without it where that waits."""

from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EAGAIN, EINTR

from ._ledger cimport Sequence
from ._libzmq cimport ZMQ_DONTWAIT, ZMQ_POLLOUT, socket_handle
from ._transport cimport raise_lost, raise_received
from ._waiting cimport Turn, begin_turn, breathe, is_green, tell_event_loop, wait_turn

__all__ = []

cdef enum:
    HELD = 1024    # so many are sent with the GIL, if that needs no waiting,
    RUN = 1 << 20  # and so many without it, before signals are looked at


cdef int send_all(Outgoing *out, object socket, int flags, Sequence sequence) except -1:
    """Send what is not sent yet; out.sent says how far there was room."""
    cdef Turn turn
    cdef Py_ssize_t before
    if flags & ZMQ_DONTWAIT or not is_green(socket):
        out.send_round(out, socket, flags, sequence, False)
        return 0
    begin_turn(&turn, ZMQ_POLLOUT, False)
    while out.sent < out.count:
        breathe(socket)
        if out.renumber != NULL:
            out.renumber(out, sequence)
        before = out.sent
        if out.send_round(out, socket, flags | ZMQ_DONTWAIT, sequence, True):
            if out.sent > before:
                begin_turn(&turn, ZMQ_POLLOUT, False)
            if not wait_turn(&turn, socket):
                return 0
    return 0


cdef bint send_round(
    Outgoing *out, object socket, int flags, Sequence sequence, bint briefly
) except -1:
    """By libzmq's functions; not in the middle of a message."""
    cdef bint full
    try:
        full = send_directly(out, socket, flags, sequence, briefly)
        PyErr_CheckSignals()  # here what it raises can say how many were sent
    finally:
        tell_event_loop(socket)
    return full


cdef bint send_directly(
    Outgoing *out, object socket, int flags, Sequence sequence, bint briefly
) except -1:
    cdef bint held = not out.frames.foreign
    cdef void *handle
    cdef int error
    out.lost = out.interrupted = False
    while out.sent < out.count:
        handle = socket_handle(socket)
        if held:
            error = out.send_some(out, HELD, handle, flags | ZMQ_DONTWAIT, sequence)
        else:
            with nogil:
                error = out.send_some(out, RUN, handle, flags, sequence)
        if out.interrupted or error == EINTR:
            PyErr_CheckSignals()
            out.interrupted = False
        if out.lost:
            raise_lost(error)
        if error == EAGAIN and (not held or flags & ZMQ_DONTWAIT):
            return True
        if error != EINTR and error != EAGAIN:
            raise_received(error)
        held = held and error == EINTR
        if briefly:
            break
    return False
