from libc.stdint cimport uint64_t

from ._codec cimport Codec
from ._frames cimport Frames
from ._manner cimport Manner
from ._payload cimport Payload
from ._records cimport RecordBase
from ._schema cimport Schema

cdef bytes record_head(Schema schema, bytes meta, bint stamped, size_t *stamp_at)
cdef bint get_row(Frames *frames, object socket, Codec codec, object cls, void *row) except -1
cdef int put_record(Frames *frames, RecordBase record, Manner manner) except -1
cdef object get_record(Payload *payload, object type, object copy, Codec codec)

cdef Py_ssize_t schema_in(object socket, object topic, uint64_t fingerprint, int every) except -1
cdef int schema_skipped(
    object socket, object topic, uint64_t fingerprint, Py_ssize_t messages
) except -1
cdef int schema_not_sent(object socket, object topic, uint64_t fingerprint) except -1
