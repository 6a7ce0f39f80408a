from ._frames cimport Frames
from ._ledger cimport Sequence

# Messages on their way out, many in a call. What a module sends is behind it, in a struct that
# begins with this one.
cdef struct Outgoing

# Send up to `limit` messages, from out.sent on. Returns 0 or the errno that ended it.
ctypedef int (*SendSome)(
    Outgoing *out, Py_ssize_t limit, void *handle, int flags, Sequence sequence
) noexcept nogil

# Send as far as there is room, or `briefly`, only some. Was there too little room?
ctypedef bint (*SendRound)(
    Outgoing *out, object socket, int flags, Sequence sequence, bint briefly
) except -1

# Stamp anew what was prepared before something else was sent on the socket.
ctypedef int (*Renumber)(Outgoing *out, Sequence sequence) except -1

cdef struct Outgoing:
    Py_ssize_t count     # messages
    Py_ssize_t sent
    bint lost            # one was accepted in part, and its peer died
    bint interrupted     # by a signal, in a place where that could not be looked at
    Frames frames        # of what is prepared
    SendSome send_some
    SendRound send_round
    Renumber renumber    # NULL if stamps are made when a message is sent

cdef int send_all(Outgoing *out, object socket, int flags, Sequence sequence) except -1
cdef bint send_round(
    Outgoing *out, object socket, int flags, Sequence sequence, bint briefly
) except -1
