cpdef bytes json_dumps(object obj)
cpdef object json_loads(bytes text)
