from libc.stdint cimport uint8_t, uint16_t, uint64_t

cimport numpy as np

from ._buffers cimport Buffer
from ._manner cimport Manner

cdef class TreeWriter:
    cdef uint8_t *data         # `few` or allocated
    cdef size_t size           # bytes in use
    cdef size_t capacity
    cdef int depth             # how many more containers may be entered
    cdef Manner manner
    cdef int keys              # inside how many keys of dicts, and sets
    cdef list steps            # from what cannot be sent outwards; None as long as all can
    cdef list beside           # the Buffers that it takes; None if it takes none
    cdef uint8_t few[512]

    cdef int put_whole(self, object value) except -1
    cdef int step(self, str step) except -1
    cdef str path(self)
    cdef int no_key(self) except -1
    cdef uint8_t *grow(self, size_t more) except NULL
    cdef uint8_t *reserve(self, size_t more) except NULL
    cdef int put_byte(self, uint8_t byte) except -1
    cdef int put_bytes(self, const void *data, size_t size) except -1
    cdef int put_number(self, uint8_t code, uint64_t value, int size) except -1
    cdef int put_size(self, size_t n, uint8_t code8, uint8_t code16) except -1
    cdef int put_text(self, object text) except -1
    cdef int put_int(self, object number) except -1
    cdef int put_large_int(self, object number) except -1
    cdef int put_float(self, double number) except -1
    cdef int put_extension(self, uint8_t kind, bytes content) except -1
    cdef size_t begin_extension(self, uint8_t kind) except 0
    cdef int end_extension(self, size_t begin) except -1
    cdef int put_array(self, np.ndarray array, uint16_t flags) except -1
    cdef int put_beside(self, Buffer buffer) except -1
    cdef int put_masked(self, object array) except -1
    cdef int put_buffer(self, object exporter, uint8_t kind) except -1
    cdef int enter(self) except -1
    cdef int put_count(self, size_t items, uint8_t code4, uint8_t code16) except -1
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
