# The time of stamps.
from libc.stdint cimport uint64_t

cdef extern from "<time.h>" nogil:
    struct timespec:
        long long tv_sec
        long tv_nsec

    int timespec_get(timespec *now, int base)
    int TIME_UTC


cdef inline uint64_t utc_now() noexcept nogil:
    """Nanoseconds since the epoch: the clock of time.time_ns."""
    cdef timespec now
    timespec_get(&now, TIME_UTC)
    return <uint64_t>now.tv_sec * 1_000_000_000 + <uint64_t>now.tv_nsec
