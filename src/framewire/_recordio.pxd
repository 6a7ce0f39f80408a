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
