"""Waiting: deadlines, and how a call waits in a greenlet for a socket of gevent's.

On such a socket every call is tried with DONTWAIT. Where that is refused, all who wait for the
socket's other events are told of what the call has drained, and the greenlet waits by the socket's
own `_wait_read` or `_wait_write`. It is there, and in `breathe`, that greenlets change, and that
gevent.Timeout and GreenletExit are raised: before anything has been taken or sent.
"""

import zmq as pyzmq

from libc.stdint cimport int64_t

from ._c cimport fw_clock_monotonic
from ._libzmq cimport (
    GREEN,
    GREEN_COUNTED,
    NO_LOOP,
    WATCHED,
    ZMQ_POLLIN,
    ZMQ_RCVMORE,
    ZMQ_RCVTIMEO,
    ZMQ_SNDTIMEO,
    event_loop,
    socket_option,
)

cdef extern from *:
    """
    #if defined(_MSC_VER)
    static __declspec(thread) long long framewire_breath;
    #else
    static _Thread_local long long framewire_breath;
    #endif
    """
    # when other greenlets of this thread last had their turn, of the monotonic clock
    int64_t last_breath "framewire_breath"

__all__ = []

cdef enum:
    MILLISECOND = 1_000_000   # nanoseconds
    LONGEST = 1_000_000_000   # milliseconds, and longer is forever
    BREATH = MILLISECOND      # so long a greenlet may go on without letting others run
    REFUSED = 10 * MILLISECOND  # so often a socket is tried that says it is ready, and is not


# ---- deadlines

cdef int64_t deadline_after(object timeout) except? -2:
    """The end of a time limit in milliseconds; negative for a negative one, which is none."""
    cdef double milliseconds = timeout
    if milliseconds != milliseconds:
        raise ValueError("a timeout that is no number")
    if milliseconds < 0 or milliseconds > LONGEST:
        return -1
    return fw_clock_monotonic() + <int64_t>(milliseconds * MILLISECOND)


cdef bint is_over(int64_t deadline) noexcept nogil:
    return deadline >= 0 and fw_clock_monotonic() >= deadline


cdef long time_left(int64_t deadline) noexcept nogil:
    """Milliseconds, rounded up, until the deadline; -1 if there is none."""
    if deadline < 0:
        return -1
    cdef int64_t left = deadline - fw_clock_monotonic()
    return <long>((left + MILLISECOND - 1) // MILLISECOND) if left > 0 else 0


# ---- event loops

cdef int tell_event_loop(object socket) except -1:
    """Let those who wait for a socket's events know what a direct call has drained.

    A failure is not this call's: its message is there, or was sent. The next call raises it.
    """
    cdef int loop = event_loop(socket)
    if loop == NO_LOOP or not is_waited_for(socket, loop):
        return 0
    try:
        if not socket.closed and not tell_from_elsewhere(socket, loop):
            socket.get(pyzmq.EVENTS)
    except (pyzmq.ZMQError, RuntimeError):  # asyncio's: the loop has just been closed
        pass
    return 0


cdef bint tell_from_elsewhere(object socket, int loop) except -1:
    """The same for a socket of asyncio's where no loop runs: it is for the socket's own, later."""
    if loop != WATCHED:
        return False
    from asyncio import AbstractEventLoop, _get_running_loop

    own = getattr(socket, "_current_loop", None)
    if not isinstance(own, AbstractEventLoop) or _get_running_loop() is not None:
        return False
    if not own.is_closed() and pyzmq.Socket.get(socket, pyzmq.EVENTS) & socket._state:
        own.call_soon_threadsafe(socket._handle_events)
    return True


cdef bint is_waited_for(object socket, int loop) except -1:
    """Does anything wait for the socket's events? On some it may always be so."""
    if loop == GREEN_COUNTED:
        return bool(socket._waiters)
    if loop == WATCHED and hasattr(type(socket), "_state"):  # that of asyncio's
        return socket._state != 0
    return True


cdef bint is_green(object socket) except -1:
    return event_loop(socket) >= GREEN


# ---- greenlets

cdef void begin_turn(Turn *turn, int event, bint patient) noexcept:
    """Before a call that may wait. `patient`: the socket's time limit does not hold."""
    turn.event = event
    turn.begun = patient
    turn.refused = False
    turn.deadline = -1


cdef bint wait_turn(Turn *turn, object socket) except -1:
    """After a call was refused, wait until it may do better. False if its time is over.

    No event is missed: between this look at the events and the wait, no greenlet changes. A socket
    can say that it is ready when it is not for this call (a ROUTER that is mandatory, and a peer
    whose queue is full). Then an event may have been drained by the look, and it is tried again
    soon. Meanwhile nothing wakes it: two of them would wake each other by their looks.
    """
    cdef bint ready = (socket.get(pyzmq.EVENTS) & turn.event) != 0
    cdef int64_t limit = -1
    if not turn.begun:
        option = ZMQ_RCVTIMEO if turn.event == ZMQ_POLLIN else ZMQ_SNDTIMEO
        turn.deadline = deadline_after(socket_option(socket, option))
        turn.begun = True
    if is_over(turn.deadline):
        return False
    if ready and not turn.refused:
        turn.refused = True
        return True
    if turn.deadline >= 0:
        limit = turn.deadline - fw_clock_monotonic()
    turn.refused = ready
    if ready:
        pause(REFUSED if turn.deadline < 0 else min(limit, <int64_t>REFUSED))
    else:
        wait = socket._wait_read if turn.event == ZMQ_POLLIN else socket._wait_write
        if turn.deadline < 0:
            wait()
        else:
            wait_for(wait, max(limit, 0) / 1e9)
    note_breath()
    return True


def pause(nanoseconds):
    from gevent import sleep

    sleep(max(nanoseconds, 0) / 1e9)


def wait_for(wait, seconds):
    from gevent import Timeout

    with Timeout(seconds, False):
        wait()


cdef void note_breath() noexcept:
    global last_breath
    last_breath = fw_clock_monotonic()


cdef int breathe(object socket) except -1:
    """Let other greenlets run, if they have not for a while; not in the middle of a message."""
    global last_breath
    cdef int64_t now = fw_clock_monotonic()
    if now - last_breath < BREATH:
        return 0
    if last_breath == 0:
        last_breath = now
        return 0
    last_breath = now
    if socket_option(socket, ZMQ_RCVMORE):
        return 0
    tell_event_loop(socket)
    from gevent import sleep

    sleep(0)
    note_breath()
    return 0
