from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from ._c cimport fw_head_t
from ._cells cimport Cell

cdef class Field(Cell):
    cdef readonly str name
    cdef readonly object default     # MISSING if it has none
    cdef readonly Py_ssize_t offset  # bytes from the beginning of the record
    cdef int index

cdef class Schema:
    cdef readonly str name
    cdef readonly str text
    cdef bytes encoded               # `text`, as it is in messages
    cdef readonly object form        # of which `text` is the JSON
    cdef readonly object dtype       # None with a tail
    cdef readonly tuple fields
    cdef readonly uint64_t fingerprint
    cdef readonly Py_ssize_t itemsize  # bytes of the fixed part
    cdef readonly bytes versions     # the fingerprints of older ones that a sender names
    cdef readonly dict older                  # fingerprint of an older version: its (fields, itemsize)
    cdef dict indices                # of the fields, by name
    cdef int count
    cdef uint32_t *slots             # where the tails' are, in the fixed part
    cdef int tails
    cdef bint binary                 # is one of them bytes?
    cdef bint gaps                   # are there bytes in the fixed part that no field has?

cdef class RecordBase:
    cdef Schema schema
    cdef object owner                # of the memory
    cdef const uint8_t *data
    cdef Py_ssize_t size             # bytes
    cdef int present                 # the fields that it has; of others the defaults count
    cdef bint whole                  # are `size` bytes at `data` a record of just this schema?

cdef object construct(object cls, PyObject *const *args, size_t nargs, PyObject *names)
cdef object unpack_at(object cls, object buffer, Py_ssize_t offset, bint exactly)
cdef int schema_tails(Schema schema, int fields) noexcept
cdef RecordBase view_record(object cls, Schema schema, object owner, const uint8_t *data, Py_ssize_t size)
cdef RecordBase view_version(
    object cls, Schema schema, object owner, const uint8_t *data, Py_ssize_t size,
    const fw_head_t *head
)
cdef Schema schema_of(object cls)
cdef bytes whole_bytes(RecordBase record)
