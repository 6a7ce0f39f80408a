from libc.stdint cimport uint8_t, uint64_t

from ._c cimport fw_head_t

cdef class Codec:
    cdef readonly object serializer  # str or tuple of str; None: not set
    cdef readonly object allow       # frozenset of str; None: not set
    cdef readonly object limits      # Limits; None: not set
    cdef readonly object compression # str; None: not set
    cdef readonly object key         # signing.Keys; None: not set
    cdef readonly object stamp       # bool; None: not set
    cdef readonly object schema      # int; None: not set
    cdef bint resolved               # is everything set? Only then are those below
    cdef bint takes[256]             # by serializer id; for 255, see `check_user`
    cdef uint64_t most_size          # of limits
    cdef size_t most_frames
    cdef size_t most_meta
    cdef size_t most_dimensions
    cdef int depth
    cdef size_t most_items
    cdef size_t most_keys
    cdef uint64_t spread
    cdef object compressor           # of `compression`: a compression.Compressor, or None
    cdef bint signs                  # `key` has any
    cdef readonly bint stamps        # `stamp`, which a key implies
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

    cdef int over_limit(self, const fw_head_t *head, Py_ssize_t frames) except -1
    cdef int admit_foreign(self, uint64_t size, Py_ssize_t frames) except -1

    cdef inline int admit(self, const fw_head_t *head, Py_ssize_t frames) except -1:
        """Raise LimitError for a message of so many frames, with this head, if it is too much."""
        if (
            head.payload > self.most_size or <size_t>frames > self.most_frames
            or head.buffers > self.most_frames or head.meta_size > self.most_meta
            or head.ndim > self.most_dimensions
        ):
            self.over_limit(head, frames)
        return 0

# Has any codec of this process a stamp, a key or a compression?
cdef bint sealing

cdef dict attributes_of(object socket)
cdef Codec codec_of(object socket, object given)
cdef object read_inside(
    Codec codec, int depth, object function, object header, list frames, dict context
)
cdef tuple inside()
