"""How a value is to be sent, once the arguments of the call have been looked at."""

cimport cython

from ._codec cimport Codec
from ._encode cimport BY_SIZE, PACKED, encode_meta

__all__ = []


@cython.final
@cython.no_gc
@cython.freelist(8)
cdef class Manner:
    """See the fields in the pxd."""

    cpdef dict full_context(self):
        """What a function that users registered is told, if it takes a context."""
        context = {}
        if self.socket is not None:
            context = {"socket_type": self.socket.type, "topic": self.topic}
        return context if self.context is None else context | self.context


cdef Manner new_manner(
    object socket, object topic, object copy, object meta, bint packed, Codec codec
):
    cdef Manner self = Manner.__new__(Manner)
    self.codec = codec
    self.copy = None if copy is None else bool(copy)
    self.meta = None if meta is None else encode_meta(meta)
    self.place = PACKED if packed else BY_SIZE
    self.socket = socket
    self.topic = topic
    return self
