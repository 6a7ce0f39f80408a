from libc.stdint cimport uint64_t

from ._codec cimport Codec

cdef class Manner:
    cdef Codec codec
    cdef object copy      # as for send_array
    cdef bytes meta       # as encode_meta gives it
    cdef int place        # of _encode: BY_SIZE, PACKED or APART
    cdef object socket    # None without one
    cdef object topic
    cdef uint64_t counted # the fingerprint of the record that was asked for by schema_due, or 0
    cdef object context   # what the caller gave for functions that users registered

    cpdef dict full_context(self)

cdef Manner new_manner(
    object socket, object topic, object copy, object meta, bint packed, Codec codec
)
