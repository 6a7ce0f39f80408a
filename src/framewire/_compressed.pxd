from ._c cimport fw_head_t
from ._codec cimport Codec
from ._frames cimport Frames, Span
from ._manner cimport Manner

cdef int put_compressed(Frames *frames, Frames *plain, size_t itemsize, Manner manner) except -1
cdef list plain_frames(
    Frames *frames, Py_ssize_t at, Span frame, const fw_head_t *head, Codec codec
)
