"""What a socket with stamps keeps: who it is, the numbers of its messages, what came and went.

It is in the socket's own attributes, made on first use, and bounded whatever peers send. A message
counts under its topic: the frame before the head, but for a routing id. See docs/design.md,
"Stamps".
"""

import os

import zmq as pyzmq

from .signing import Windows

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport UINT64_MAX, uint8_t, uint64_t
from libc.string cimport memcmp, memmove

from ._c cimport *
from ._clock cimport utc_now
from ._codec cimport Codec, attributes_of
from ._decode cimport find_head, read_head, takes_routing_id
from ._frames cimport Frames, Span, frames_span
from ._libzmq cimport ZMQ_DONTWAIT, ZMQ_POLLOUT
from ._signing cimport sign, verify
from ._transport cimport frames_send
from ._unfinished cimport is_unfinished
from ._waiting cimport Turn, begin_turn, breathe, is_green, wait_turn

__all__ = ["read_ledger"]


cdef Ledger ledger_of(object socket):
    """The ledger of a socket, made if there is none. A shadow has its own."""
    cdef dict attributes = attributes_of(socket)
    if attributes is None:
        raise TypeError(f"a {type(socket).__name__} has no attributes, and so no stamps")
    ledger = attributes.get("_ledger")
    if ledger is None:
        ledger = attributes["_ledger"] = new_ledger(socket)
    return ledger


cdef Ledger new_ledger(object socket):
    cdef Ledger self = Ledger.__new__(Ledger)
    self.routed = takes_routing_id(socket)
    self.accounts = {}
    self.rest = new_account(None)
    self.rest.shared = True
    self.schemas = {}
    begin_sequences(self)
    return self


cdef int begin_sequences(Ledger self) except -1:
    """All sequences from 0 on, of a new sender, for whom nobody counts gaps to the old ones."""
    self.sender = int.from_bytes(os.urandom(8), "little")
    self.sequences = {}
    self.sequence = None
    return 0


cdef Account new_account(bytes topic):
    cdef Account self = Account.__new__(Account)
    self.topic = topic
    return self


cdef inline bint is_topic(bytes topic, const Span *frame) noexcept:
    """Is it what the frame holds? Both may be none."""
    if topic is None or frame == NULL:
        return topic is None and frame == NULL
    return (
        <size_t>PyBytes_GET_SIZE(topic) == frame.size
        and memcmp(PyBytes_AS_STRING(topic), frame.data, frame.size) == 0
    )


cdef inline bytes as_bytes(const Span *frame):
    return PyBytes_FromStringAndSize(<const char *>frame.data, frame.size)


cdef class Ledger:
    """See the fields in the pxd."""

    cdef Account account_of(self, const Span *topic):
        """The account of a topic; NULL is none."""
        if self.account is not None and is_topic(self.account.topic, topic):
            return self.account
        if topic != NULL and topic.size > LONGEST_TOPIC:
            return self.rest
        key = None if topic == NULL else as_bytes(topic)
        account = self.accounts.get(key)
        if account is None:
            if len(self.accounts) >= MOST_TOPICS:
                return self.rest
            account = self.accounts[key] = new_account(key)
        self.account = account
        return account

    cdef Sequence sequence_of(self, Frames *frames):
        """The sequence of a message, of which only the frames before the head are there."""
        cdef Span topic
        cdef Py_ssize_t count = frames.count
        if count > 0:
            topic = frames_span(frames, count - 1)
        if not self.routed and self.sequence is not None:
            if is_topic(self.sequence.topic, &topic if count > 0 else NULL):
                return self.sequence
        key = self.sequence_key(frames)
        cdef Sequence sequence = self.sequences.get(key)
        if sequence is None:
            if len(self.sequences) >= MOST_TOPICS:
                begin_sequences(self)
            sequence = Sequence.__new__(Sequence)
            sequence.account = self.account_of(&topic if count > self.routed else NULL)
            sequence.sender = self.sender
            self.sequences[key] = sequence
        if not self.routed and (count == 0 or topic.size <= LONGEST_TOPIC):
            sequence.topic = None if count == 0 else as_bytes(&topic)
            self.sequence = sequence
        return sequence

    cdef object sequence_key(self, Frames *frames):
        """What tells the sequences apart: the topic; on ROUTER also who the message is for."""
        cdef Py_ssize_t i
        cdef Span frame
        cdef size_t size = 0
        key = []
        for i in range(0 if self.routed else max(frames.count - 1, 0), frames.count):
            frame = frames_span(frames, i)
            size += frame.size
            key.append(as_bytes(&frame))
        return tuple(key) if size <= LONGEST_TOPIC else hash(tuple(key))


# ---- sending

cdef Sequence open_stamp(Frames *frames, object socket, Codec codec):
    """Give what is to be sent a stamp: once its envelope is there, before its head is packed.

    With a key there is room for a signature, too, which `send_stamped` writes.
    """
    cdef Sequence sequence = ledger_of(socket).sequence_of(frames)
    cdef bint continued = is_unfinished(socket)
    if not continued:  # else its topic has been sent, and is not known
        frames.stamp.sender = sequence.sender
        frames.stamp.sequence = sequence.next
        frames.stamped = True  # its time is that of packing
    if codec.signs:
        if continued:
            raise ValueError(
                "a message that was begun with SNDMORE cannot be signed: end it by send, and give "
                "topics as topic="
            )
        open_signature(frames, sequence, codec)
    return sequence


cdef int open_signature(Frames *frames, Sequence sequence, Codec codec) except -1:
    if sequence.epoch == 0:
        sequence.epoch = int.from_bytes(os.urandom(8), "little")
    frames.keys = <void *>codec.key
    frames.key = codec.key.first
    frames.epoch = sequence.epoch
    return 0


cdef void next_stamp(Sequence sequence, fw_stamp_t *stamp) noexcept nogil:
    """The next stamp of a sequence. It is used up when the message was sent: see `count_sent`."""
    stamp.sender = sequence.sender
    stamp.sequence = sequence.next
    stamp.time = utc_now()


cdef void count_sent(
    Sequence sequence, const fw_stamp_t *stamp, uint64_t size, uint64_t copied, uint64_t in_place
) noexcept nogil:
    """Count a message that was accepted: `size` bytes in so many frames, copied and in place.

    `stamp` is NULL if it has none.
    """
    cdef Tally *tally = &sequence.account.tally
    if stamp != NULL:
        sequence.next = max(sequence.next, stamp.sequence + 1)
    tally.sent += 1
    tally.sent_bytes += size
    tally.copied += copied
    tally.in_place += in_place


cdef uint64_t size_of(Frames *frames) noexcept:
    cdef uint64_t size = 0
    cdef Py_ssize_t i
    for i in range(frames.count):
        size += frames_span(frames, i).size
    return size


cdef object send_stamped(Frames *frames, object socket, int flags, Sequence sequence):
    """`frames_send`, signed, and count it, also where a signal handler raises after it was sent."""
    cdef uint64_t size = size_of(frames)
    cdef Span frame
    if frames.keys != NULL:
        sign(frames, 0, find_head(frames, socket, &frame), frames.count, takes_routing_id(socket))
    try:
        if flags & ZMQ_DONTWAIT == 0 and is_green(socket):
            return send_stamped_green(frames, socket, flags, sequence)
        return frames_send(frames, socket, flags)
    finally:
        if frames.sent:
            count_sent(
                sequence, &frames.stamp if frames.stamped else NULL, size,
                frames.count - frames.in_place, frames.in_place,
            )


cdef object send_stamped_green(Frames *frames, object socket, int flags, Sequence sequence):
    """`frames_send` where, while it waits, other greenlets use up numbers of the sequence."""
    cdef Turn turn
    begin_turn(&turn, ZMQ_POLLOUT, False)
    breathe(socket)
    while True:
        if frames.stamped and frames.stamp.sequence != sequence.next:
            frames.stamp.sequence = sequence.next
            restamp(frames, socket)
        try:
            return frames_send(frames, socket, flags | ZMQ_DONTWAIT)
        except pyzmq.Again:
            if frames.first > 0 or not wait_turn(&turn, socket):
                raise


cdef int restamp(Frames *frames, object socket) except -1:
    """Write a message's stamp, which was changed, into the head that was packed."""
    cdef fw_head_t head
    cdef Span frame
    cdef Py_ssize_t at = find_head(frames, socket, &frame)
    read_head(frame, &head)
    frames.stamp.time = utc_now()
    fw_stamp_store(<uint8_t *>frame.data + fw_head_stamp_offset(&head), &frames.stamp)
    return sign(frames, 0, at, frames.count, takes_routing_id(socket))


# ---- receiving

cdef Account open_received(Frames *frames, object socket, Codec codec):
    """Count a message that came. It counts as an error until `count_decoded`.

    With a key it is verified first: what a stranger says of topics and numbers is not looked at.
    """
    cdef Ledger ledger = ledger_of(socket)
    cdef fw_head_t head
    cdef Span frame
    cdef Span topic
    cdef size_t offset
    cdef Account account
    cdef Py_ssize_t at = find_head(frames, socket, &frame)
    cdef bint parsed = at >= 0 and fw_head_parse(frame.data, frame.size, &head, &offset) == FW_OK
    cdef bint stamped = parsed and head.flags & FW_FLAG_STAMP
    if codec.signs:
        try:
            verify_received(ledger, frames, at if parsed else -1, &head, codec)
        except BaseException:
            count_received(ledger.rest, size_of(frames), NULL)
            ledger.rest.tally.errors += 1
            raise
    if at > ledger.routed:
        topic = frames_span(frames, at - 1)
        account = ledger.account_of(&topic)
    else:
        account = ledger.account_of(NULL)
    count_received(account, size_of(frames), &head.stamp if stamped else NULL)
    account.tally.errors += 1
    return account


cdef int verify_received(
    Ledger ledger, Frames *frames, Py_ssize_t at, const fw_head_t *head, Codec codec
) except -1:
    """Raise SignatureError for what is not signed by a key of the codec's, or came before."""
    if at >= 0:
        codec.admit(head, frames.count)
    verify(frames, at, head, ledger.routed, codec)
    if ledger.windows is None:
        ledger.windows = Windows()
    ledger.windows.note(
        head.key, head.stamp.sender, head.epoch, head.stamp.sequence, head.stamp.time
    )
    return 0


cdef void count_received(Account account, uint64_t size, const fw_stamp_t *stamp) noexcept nogil:
    """Count a message of `size` bytes in all its frames. `stamp` is NULL if it has none."""
    account.tally.received += 1
    account.tally.received_bytes += size
    if stamp != NULL:
        count_latency(account, stamp.time)
        if not account.shared:
            count_gap(account, stamp)


cdef void count_gap(Account account, const fw_stamp_t *stamp) noexcept nogil:
    """What is missing since the last message of its sender, as far as one can tell now."""
    cdef Sender *known = sender_of(account, stamp)
    cdef Tally *tally = &account.tally
    cdef uint64_t missing
    if known == NULL:
        return
    if stamp.sequence <= known.last:
        tally.duplicates += 1
        return
    missing = stamp.sequence - known.last - 1
    tally.gaps += min(missing, UINT64_MAX - tally.gaps)
    known.last = stamp.sequence


cdef Sender *sender_of(Account account, const fw_stamp_t *stamp) noexcept nogil:
    """The sender of a stamp, moved to the front; NULL if it is new, and known from now on."""
    cdef Sender found
    cdef Py_ssize_t i = 0
    cdef bint known
    while i < account.senders and account.sender[i].id != stamp.sender:
        i += 1
    known = i < account.senders
    if known:
        if i == 0:
            return account.sender
        found = account.sender[i]
    else:
        found.id = stamp.sender
        found.last = stamp.sequence
        if account.senders < MOST_SENDERS:
            account.senders += 1
        i = account.senders - 1  # where the one is who was not heard from for longest
    memmove(account.sender + 1, account.sender, i * sizeof(Sender))
    account.sender[0] = found
    return account.sender if known else NULL


cdef void count_latency(Account account, uint64_t sent) noexcept nogil:
    cdef Tally *tally = &account.tally
    cdef uint64_t now = utc_now()
    cdef uint64_t latency = now - sent if now > sent else 0
    if tally.timed == 0 or latency < tally.fastest:
        tally.fastest = latency
    tally.slowest = max(tally.slowest, latency)
    tally.timed += 1
    tally.waited += <double>latency
    account.bins[bin_of(latency)] += 1


cdef inline int bin_of(uint64_t latency) noexcept nogil:
    """Which bin of a histogram: one each below 16, then 8 to each power of two."""
    cdef int shift = 0
    while latency >> shift >= 16:
        shift += 1
    return 8 * shift + <int>(latency >> shift)


cdef object bin_begin(int bin):
    """The shortest latency in a bin."""
    if bin < 16:
        return bin
    return (8 + bin % 8) << (bin // 8 - 1)


def read_ledger(socket):
    """What a socket has counted so far.

    Returns
    -------
    list of (bytes or None, dict, dict)
        For each topic its tally, by the names of the struct's fields, and its histogram, as
        messages by the shortest latency of a bin. The account of the rest is last.
    """
    cdef Ledger ledger = ledger_of(socket)
    cdef Account account
    read = []
    for account in [*ledger.accounts.values(), ledger.rest]:
        bins = {bin_begin(i): account.bins[i] for i in range(BINS) if account.bins[i]}
        read.append((account.topic, account.tally, bins))
    return read
