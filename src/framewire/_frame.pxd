from ._frames cimport Frames

cdef bint is_frame(object value) noexcept
cdef int put_frame(Frames *frames, object frame) except -1
cdef object take_frame(Frames *frames, Py_ssize_t i, bint track)
