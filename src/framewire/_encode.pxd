from ._frames cimport Frames

cdef int put_array(Frames *frames, object A, object copy, object meta) except -1
