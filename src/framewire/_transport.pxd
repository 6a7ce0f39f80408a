from ._frames cimport Frames

cdef object frames_send(Frames *frames, object socket, int flags)
cdef bint is_unfinished(object socket) except -1
cdef int send_bytes_through_pyzmq(object socket, bytes data, int flags) except -1
cdef bytes receive_bytes_through_pyzmq(object socket, int flags)
cdef int frames_receive(Frames *frames, object socket, int flags, bint whole) except -1
