from libc.stddef cimport size_t
from libc.stdint cimport uint64_t

from ._c cimport fw_head_t
from ._codec cimport Codec
from ._frames cimport Frames, Span
from ._payload cimport Part

cimport numpy as np

cdef object decode_error(int rc, size_t offset)
cdef Py_ssize_t find_head(Frames *frames, object socket, Span *frame) except -2
cdef dict receive_context(
    Frames *frames, Py_ssize_t at, object socket, Codec codec, dict known
)
cdef bint takes_routing_id(object socket) except -1
cdef int read_head(Span frame, fw_head_t *head) except -1
cdef np.dtype head_dtype(const fw_head_t *head)
cdef object array_of(
    Frames *frames, const fw_head_t *head, Part *part, np.dtype found, object copy, object out,
    uint64_t *room
)
cdef object scalar_of(np.ndarray array)
cdef object get_array(
    Frames *frames, object socket, Codec codec, object copy, object out, object dtype, object shape
)
