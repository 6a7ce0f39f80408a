from ._frames cimport Frames

cdef object frames_send(Frames *frames, object socket, int flags)
cdef int frames_receive(Frames *frames, object socket, int flags, bint whole) except -1
