from ._codec cimport Codec
from ._frames cimport Frames
from ._manner cimport Manner

cdef int put_envelope(Frames *frames, object socket, object envelope, object topic) except -1
cdef int put_value(Frames *frames, object value, object serializer, Manner manner) except -1
cdef object get_value(
    Frames *frames, object socket, dict context, Codec codec, int depth, object copy, object type
)
