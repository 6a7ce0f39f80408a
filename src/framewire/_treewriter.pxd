from libc.stdint cimport uint8_t, uint16_t

cimport numpy as np

from ._buffers cimport Buffer
from ._manner cimport Manner
from ._packer cimport Packer

cdef class TreeWriter:
    cdef Packer out
    cdef int depth             # how many more containers may be entered
    cdef Manner manner
    cdef int keys              # inside how many keys of dicts, and sets
    cdef list steps            # from what cannot be sent outwards; None as long as all can
    cdef list beside           # the Buffers that it takes; None if it takes none

    cdef int put_whole(self, object value) except -1
    cdef int step(self, str step) except -1
    cdef str path(self)
    cdef int no_key(self) except -1
    cdef int put_text(self, object text) except -1
    cdef int put_int(self, object number) except -1
    cdef int put_content(self, uint8_t kind, bytes content) except -1
    cdef int put_array(self, np.ndarray array, uint16_t flags) except -1
    cdef int put_beside(self, Buffer buffer) except -1
    cdef int put_masked(self, object array) except -1
    cdef int put_buffer(self, object exporter, uint8_t kind) except -1
    cdef int enter(self) except -1
    cdef int put_items(self, object items) except -1
    cdef int put_dict(self, object mapping) except -1
    cdef int put_attributes(self, object value, object names, object keys) except -1
    cdef int put_sequence(self, object items, uint8_t kind) except -1
    cdef int put_object(self, object value, object registered) except -1
    cdef int put_frames(self, list frames) except -1
    cdef int put(self, object value) except -1
    cdef int put_other(self, object value, object cls) except -1
    cdef int put_rest(self, object value, object cls) except -1

cdef TreeWriter write_tree(object value, Manner manner)
cdef TreeWriter write_parts(object header, object frames, Manner manner)
cdef np.ndarray from_dlpack(object producer)
