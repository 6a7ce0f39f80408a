from ._buffers cimport Buffer

cdef Buffer hold_raw(object exporter, object copy)
