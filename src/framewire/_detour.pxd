from ._frames cimport Frames

cdef int send_through_pyzmq(Frames *frames, object socket, int flags, bint continued) except -1
cdef int send_frame_through_pyzmq(object socket, bytes data, int flags) except -1
cdef int receive_through_pyzmq(Frames *frames, object socket, int flags, bint whole) except -1
cdef object receive_frame_through_pyzmq(object socket, int flags, bint copy, bint patient)
