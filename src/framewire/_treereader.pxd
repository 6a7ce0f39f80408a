from libc.stdint cimport uint8_t, uint64_t

cimport numpy as np

from ._c cimport fw_head_t
from ._codec cimport Codec
from ._payload cimport Part, Payload

cdef class TreeReader:
    cdef Payload *payload      # what is left of the message's buffers
    cdef const uint8_t *data   # the tree
    cdef Py_ssize_t frame      # the frame that it is in
    cdef size_t at             # where in it
    cdef size_t end            # of the tree, or of the extension that is being read
    cdef size_t owed           # items that containers have announced, up to `end`
    cdef int depth             # how many more containers may be entered
    cdef size_t keys           # that a sender can have collide, so far
    cdef size_t count          # items of all containers so far
    cdef object copy
    cdef object socket
    cdef dict known
    cdef Codec codec

    cdef object error(self, str what)
    cdef const uint8_t *take(self, size_t n) except NULL
    cdef uint64_t number(self, int size) except? 0xFFFFFFFFFFFFFFFF
    cdef object text(self, size_t size)
    cdef object key(self)
    cdef int check_key(self, object key) except -1
    cdef int owe(self, size_t items) except -1
    cdef int enter(self, size_t items) except -1
    cdef list items(self, size_t n)
    cdef list fill(self, size_t n)
    cdef dict mapping(self, size_t n)
    cdef object value(self)
    cdef object coded(self, uint8_t code)
    cdef object extension(self, uint8_t kind, size_t size)
    cdef object array(self, const uint8_t *content, size_t size)
    cdef np.dtype read_head(self, const uint8_t *content, size_t size, fw_head_t *head)
    cdef Part next_buffer(self) except *
    cdef object beside(self, const uint8_t *content, size_t size)
    cdef object container(self, uint8_t kind, size_t size)
    cdef list sequence(self)
    cdef object hashed(self, object cls)
    cdef object masked(self)
    cdef object registered(self)

cdef list as_frames(object frames)
cdef object read_tree(
    Payload *payload, object socket, dict context, Codec codec, int depth, object copy
)
