cdef bytes json_dumps(object obj)
cdef object json_loads(bytes text)
