from libc.stddef cimport size_t

from ._c cimport fw_head_t
from ._frames cimport Frames, Span

cimport numpy as np

cdef Py_ssize_t find_head(Frames *frames, object socket, Span *frame) except -2
cdef bint takes_routing_id(object socket) except -1
cdef np.dtype read_head(
    Frames *frames, Py_ssize_t at, Span frame, fw_head_t *head, Span *payload
)
cdef object get_array(
    Frames *frames, object socket, object copy, object out, object dtype, object shape
)
