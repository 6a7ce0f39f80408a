cdef bint is_unfinished(object socket) except -1
cdef int note_sent(object socket, int flags) except -1
