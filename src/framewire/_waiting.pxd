from libc.stdint cimport int64_t

# One call's patience on a green socket.
cdef struct Turn:
    int event          # what it waits for: ZMQ_POLLIN or ZMQ_POLLOUT
    bint begun         # the deadline is known
    int64_t deadline   # nanoseconds of the monotonic clock; negative: none
    bint refused       # the socket said that it was ready, and the call was refused

cdef bint is_green(object socket) except -1
cdef int tell_event_loop(object socket) except -1
cdef void begin_turn(Turn *turn, int event, bint patient) noexcept
cdef bint wait_turn(Turn *turn, object socket) except -1
cdef int breathe(object socket) except -1
cdef int64_t deadline_after(object timeout) except? -2
cdef bint is_over(int64_t deadline) noexcept nogil
cdef long time_left(int64_t deadline) noexcept nogil
