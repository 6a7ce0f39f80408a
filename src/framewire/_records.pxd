from libc.stdint cimport uint8_t

from ._c cimport fw_head_t
from ._schema cimport Member, Schema

cdef class Field(Member):
    pass

cdef class RecordBase:
    cdef Schema schema
    cdef object owner                # of the memory
    cdef const uint8_t *data
    cdef Py_ssize_t size             # bytes
    cdef int present                 # the fields that it has; of others the defaults count
    cdef bint whole                  # are `size` bytes at `data` a record of just this schema?

cdef RecordBase view(
    object cls, Schema schema, object owner, const uint8_t *data, Py_ssize_t size
)
cdef object unpack_at(object cls, object buffer, Py_ssize_t offset, bint exactly)
cdef RecordBase view_record(object cls, Schema schema, object owner, const uint8_t *data, Py_ssize_t size)
cdef RecordBase view_version(
    object cls, Schema schema, object owner, const uint8_t *data, Py_ssize_t size,
    const fw_head_t *head
)
cdef bytes whole_bytes(RecordBase record)
