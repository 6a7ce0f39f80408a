from libc.stdint cimport int64_t

from ._frames cimport Frames
from ._ledger cimport Account
from ._rows cimport Expected, Rows

# Messages on their way in, many in a call.
cdef struct Intake:
    Frames frames          # whole messages; behind `whole`, a part of one that is lost
    Py_ssize_t whole       # frames of whole messages
    Py_ssize_t messages    # how many those are
    Rows *rows             # where to copy payloads to; NULL: all messages are kept
    Expected *expected     # of the messages whose payload is copied, and which are then gone
    Py_ssize_t filled      # rows that are
    int64_t deadline       # nanoseconds of the monotonic clock; negative: none

cdef int intake_take(
    Intake *intake, object socket, Py_ssize_t limit, bint held, Account account
) except -1
