from ._frames cimport Frames
from ._manner cimport Manner
from ._payload cimport Payload
from ._records cimport RecordBase, Schema
from ._c cimport fw_head_t

cdef void begin_record(fw_head_t *head, Schema schema) noexcept
cdef int put_record(Frames *frames, RecordBase record, Manner manner) except -1
cdef object get_record(Payload *payload, object type, object copy)
