from ._buffers cimport Buffer

cdef Buffer hold_bytes(object exporter, int layout)
