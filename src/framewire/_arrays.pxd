cdef int check_out(object out) except -1
