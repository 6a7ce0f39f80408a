from ._manner cimport Manner

cimport numpy as np

cdef Py_ssize_t send_rows(
    object socket, np.ndarray rows, bint records, int flags, Manner manner
) except -1
