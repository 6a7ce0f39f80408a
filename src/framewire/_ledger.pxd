from libc.stdint cimport uint8_t, uint64_t

from ._c cimport fw_head_t, fw_stamp_t
from ._codec cimport Codec
from ._frames cimport Frames, Span

# What bounds a ledger, whatever peers send.
cdef enum:
    MOST_TOPICS = 1024   # with accounts; the rest share one
    MOST_SENDERS = 64    # of a topic: those heard from last
    LONGEST_TOPIC = 256  # bytes that are kept
    BINS = 496           # of a histogram: 8 to each power of two

# A sender that was heard from on a topic.
cdef struct Sender:
    uint64_t id
    uint64_t last  # the largest of its sequence numbers

cdef struct Tally:
    uint64_t received
    uint64_t received_bytes
    uint64_t sent
    uint64_t sent_bytes
    uint64_t copied      # frames
    uint64_t in_place
    uint64_t gaps
    uint64_t duplicates
    uint64_t errors
    uint64_t timed       # received with a stamp
    uint64_t fastest     # ns; not set while `timed` is 0
    uint64_t slowest
    double waited        # the sum of them

# What came and went on a topic. `topic` is None for messages without one.
cdef class Account:
    cdef readonly bytes topic
    cdef bint shared     # it is that of the rest, whose sequences say nothing
    cdef Tally tally
    cdef Py_ssize_t senders
    cdef Sender sender[MOST_SENDERS]  # the last heard from is first
    cdef uint64_t bins[BINS]

# The numbers that stamps of one topic have.
cdef class Sequence:
    cdef Account account
    cdef bytes topic     # of the one used last, to tell it at a glance
    cdef uint64_t sender
    cdef uint64_t epoch  # of its signatures; 0 until there is one
    cdef uint64_t next

cdef class Ledger:
    cdef uint64_t sender
    cdef bint routed     # the first frame is a routing id: ROUTER and STREAM
    cdef dict accounts   # by topic
    cdef Account rest
    cdef Account account        # used last
    cdef dict sequences  # by topic, on ROUTER by all frames before the head
    cdef Sequence sequence      # used last, of short topics; None on ROUTER
    cdef dict schemas    # by topic and fingerprint: how often a schema was asked for
    cdef object windows  # signing.Windows; None until a signed message came

    cdef Account account_of(self, const Span *topic)
    cdef Sequence sequence_of(self, Frames *frames)
    cdef object sequence_key(self, Frames *frames)

cdef Ledger ledger_of(object socket)
cdef uint64_t size_of(Frames *frames) noexcept

# Sending: a sequence before the head is packed, then in place of frames_send.
cdef Sequence open_stamp(Frames *frames, object socket, Codec codec)
cdef int open_signature(Frames *frames, Sequence sequence, Codec codec) except -1
cdef object send_stamped(Frames *frames, object socket, int flags, Sequence sequence)
cdef int restamp(Frames *frames, object socket) except -1
# The same without frames: what to write into a head, and what was sent.
cdef void next_stamp(Sequence sequence, fw_stamp_t *stamp) noexcept nogil
cdef void count_sent(
    Sequence sequence, const fw_stamp_t *stamp, uint64_t size, uint64_t copied, uint64_t in_place
) noexcept nogil

# Receiving: before it is decoded, and where it is verified; and when it was.
cdef Account open_received(Frames *frames, object socket, Codec codec)
cdef void count_received(Account account, uint64_t size, const fw_stamp_t *stamp) noexcept nogil
cdef inline void count_decoded(Account account) noexcept nogil:
    account.tally.errors -= 1
