from ._frames cimport Frames

cdef bint is_frame(object value) noexcept
cdef object take_frame(Frames *frames, Py_ssize_t i, bint track)
