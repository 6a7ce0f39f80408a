from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from ._cells cimport Cell

cdef class Member(Cell):
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
    cdef readonly dict older         # fingerprint of an older version: its (fields, itemsize)
    cdef dict indices                # of the fields, by name
    cdef int count
    cdef uint32_t *slots             # where the tails' are, in the fixed part
    cdef int tails
    cdef bint binary                 # is one of them bytes?
    cdef bint gaps                   # are there bytes in the fixed part that no field has?

cdef Schema schema_of(object cls)
cdef int schema_tails(Schema schema, int fields) noexcept
cdef int write_member(Member field, object value, uint8_t *p) except -1
cdef bytes pack_values(Schema schema, PyObject **values)
cdef bytes pack_arguments(
    Schema schema, PyObject *const *args, Py_ssize_t given, PyObject *names
)
