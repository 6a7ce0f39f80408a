from ._frames cimport Frames

cdef object frames_send(Frames *frames, object socket, int flags)
cdef int send_bytes_through_pyzmq(object socket, bytes data, int flags) except -1
cdef bytes receive_bytes_through_pyzmq(object socket, int flags)
cdef int send_message(
    Frames *frames, Py_ssize_t end, void *handle, int flags, bint *interrupted
) noexcept nogil
cdef int frames_receive(Frames *frames, object socket, int flags, bint whole) except -1
cdef bint frames_receive_now(Frames *frames, object socket) except -1
cdef int receive_message(Frames *frames, void *handle) noexcept nogil
cdef int raise_received(int error) except -1
cdef int raise_lost(int error) except -1
