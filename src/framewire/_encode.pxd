from libc.stdint cimport uint16_t, uint64_t

from ._buffers cimport SMALL, Buffer
from ._c cimport fw_head_t
from ._frames cimport Frames

cimport numpy as np

# Where a payload goes.
cdef enum:
    BY_SIZE = 0  # up to SMALL into the head's frame, else into one of its own
    PACKED = 1   # into the head's frame
    APART = 2    # into a frame of its own

cdef inline bint is_inline(uint64_t size, int place) noexcept:
    return place == PACKED or (place == BY_SIZE and size <= SMALL)

cdef int check(int rc) except -1
cdef np.ndarray checked_array(object A)
cdef bytes encode_meta(object meta)
cdef int set_meta(fw_head_t *head, bytes meta) except -1
cdef bytes begin_head(np.ndarray array, fw_head_t *head)
cdef np.ndarray end_head(np.ndarray array, fw_head_t *head)
cdef bytes array_head(np.ndarray array, bytes meta, bint stamped, size_t *stamp_at)
cdef bytes template(fw_head_t *head, bint stamped, size_t *stamp_at)
cdef Buffer hold_stored(np.ndarray array, np.ndarray stored, object copy)
cdef int put_array(
    Frames *frames, np.ndarray array, object copy, bytes meta, uint16_t flags, int place
) except -1
