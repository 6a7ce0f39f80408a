from libc.stdint cimport uint8_t

from ._c cimport fw_head_t
from ._codec cimport Codec
from ._frames cimport Frames
from ._ledger cimport Account
from ._payload cimport Part
from ._schema cimport Schema

cimport numpy as np

cdef enum:
    KNOWN_HEAD = 256  # bytes: a longer head is parsed each time

# The rows of an array, each of which is the payload of a message.
cdef struct Rows:
    char *data             # the first row
    Py_ssize_t stride      # bytes from a row to the next
    Py_ssize_t count
    size_t size            # bytes of a row, which is contiguous

# Messages that are expected: what their heads must say, and the bytes of the last one that did.
cdef struct Expected:
    bint allowed           # by the codec; else none is expected
    size_t most_meta       # of its limits
    Py_ssize_t most_frames
    bint counted           # only those of the topic that the account is of
    bint routed            # frame 0 is a routing id, whatever it contains
    fw_head_t head         # its pointers are NULL, or somebody else's
    bint alone             # of the last head: its payload was in a frame of its own
    size_t stamp_at        # where in it a stamp is, which each message has its own of; or 0
    size_t known_size      # and its bytes; 0 for none
    uint8_t known[KNOWN_HEAD]

cdef int rows_of(Rows *rows, np.ndarray array, np.ndarray row) except -1
cdef bytes expect_array(Expected *expected, np.ndarray row, bint routed, Codec codec)
cdef int expect_record(Expected *expected, Schema schema, bint routed, Codec codec) except -1
cdef bint expect_same(Expected *expected, Frames *frames, object socket) except -1
cdef bint find_payload(
    Expected *expected, Frames *frames, Py_ssize_t start, bint parse, Part *part
) noexcept nogil
cdef bint count_row(
    Expected *expected, Account account, Frames *frames, Py_ssize_t start, const Part *part
) noexcept nogil
