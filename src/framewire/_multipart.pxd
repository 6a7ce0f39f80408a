cdef bint comes_by(object socket, object names) except -1
cdef object send_one(object socket, object data, int flags, bint copy, bint track)
cdef bytes recv_bytes(object socket, int flags)
