from libc.stdint cimport uint8_t

cdef class Codec:
    cdef readonly object serializer  # str or tuple of str; None: not set
    cdef readonly object allow       # frozenset of str; None: not set
    cdef readonly object limits      # Limits; None: not set
    cdef readonly object stamp       # bool; None: not set
    cdef readonly object schema      # int; None: not set
    cdef bint resolved               # is everything set? Only then are those below
    cdef bint takes[256]             # by serializer id; for 255, see `check_user`
    cdef int depth                   # of limits
    cdef size_t keys
    cdef bint stamps                 # `stamp`
    cdef int schemas                 # `schema`
    cdef Codec above                 # the last one that this was resolved with,
    cdef Codec result                # and what came of it

    cdef Codec over(self, Codec above)
    cdef int refuse(self, uint8_t serializer, str name) except -1

    cdef inline int check(self, uint8_t serializer, str name) except -1:
        """Raise RefusedError for a serializer that is not allowed. `name`: of one of the user's."""
        if not self.takes[serializer]:
            self.refuse(serializer, name)
        return 0

# Has any codec of this process a stamp?
cdef bint stamping

cdef dict attributes_of(object socket)
cdef Codec codec_of(object socket, object given)
cdef object read_inside(
    Codec codec, int depth, object function, object header, list frames, dict context
)
cdef tuple inside()
