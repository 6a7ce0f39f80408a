from ._frames cimport Frames

cdef bint is_frame(object value) except -1
cdef object take_frame(Frames *frames, Py_ssize_t i, bint track)
