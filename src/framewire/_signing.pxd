from ._c cimport fw_head_t
from ._codec cimport Codec
from ._frames cimport Frames

cdef int sign(
    Frames *frames, Py_ssize_t begin, Py_ssize_t at, Py_ssize_t end, bint routed
) except -1
cdef int verify(
    Frames *frames, Py_ssize_t at, const fw_head_t *head, bint routed, Codec codec
) except -1
cdef int verify_loaded(Frames *frames, Codec codec) except -1
cdef int sign_alone(Frames *frames, Codec codec) except -1
