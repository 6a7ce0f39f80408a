"""Which sockets are in the middle of a message that was begun with SNDMORE."""

from weakref import ref

from ._libzmq cimport NO_LOOP, ZMQ_SNDMORE, event_loop

__all__ = ["has_begun"]

# Sockets on which a message was begun with SNDMORE and not finished: what comes next is not a
# first frame. A weak reference by the socket's id; the last one that was taken out, to use again.
cdef dict unfinished = {}
cdef object spare = None


def forget(reference):
    """A socket is gone that was in the middle of a message."""
    for key in [key for key, value in unfinished.items() if value is reference]:
        del unfinished[key]


cdef object sender(object socket):
    """What a socket sends by: those of asyncio have a shadow for pyzmq's own calls."""
    return getattr(socket, "_shadow_sock", socket) if event_loop(socket) != NO_LOOP else socket


cdef bint is_unfinished(object socket) except -1:
    if len(unfinished) == 0:
        return False
    socket = sender(socket)
    return <size_t><void *>socket in unfinished


cdef int note_sent(object socket, int flags) except -1:
    """Remember whether the frame that was sent left its message unfinished."""
    global spare
    socket = sender(socket)
    if not flags & ZMQ_SNDMORE:
        spare = unfinished.pop(<size_t><void *>socket, None)
    elif not is_unfinished(socket):
        reused = spare is not None and spare() is socket
        unfinished[<size_t><void *>socket] = spare if reused else ref(socket, forget)
    return 0


def has_begun(socket):
    """Is a socket in the middle of a message that it sends? Its rest never waits."""
    return is_unfinished(socket)
