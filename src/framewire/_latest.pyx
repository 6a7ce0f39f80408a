"""The newest of the messages that are there."""

import zmq as pyzmq

from .errors import DecodeError
from .typed import check_type

cimport cython

from ._codec cimport Codec, codec_of
from ._frames cimport Frames, frames_begin, frames_clear, frames_end
from ._ledger cimport Account, count_decoded, open_received
from ._libzmq cimport ZMQ_RCVHWM, direct, socket_option
from ._transport cimport frames_receive, frames_receive_now
from ._values cimport get_value
from ._waiting cimport tell_event_loop

__all__ = ["recv_latest"]

cdef enum:
    MOST_DROPS = 100_000  # on a socket whose queue has no bound


def recv_latest(socket, int flags=0, *, type=None, copy=None, codec=None):
    """Receive the newest of the messages that are there, and drop those before it.

    Parameters
    ----------
    socket : zmq.Socket
    flags : int
        ``zmq.DONTWAIT``. Without it, this waits for a message if none is there.
    type, copy, codec
        As for `recv_value`.

    Returns
    -------
    object
        What `recv_value` gives; only this message is decoded. With a key, the newest that is signed.

    Raises
    ------
    DecodeError and others
        As `recv_value`, for the newest message.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's ``recv``, if no message is there.

    Notes
    -----
    At most as many messages are dropped as the socket's RCVHWM says (100,000 if that is 0), so that
    a sender that is faster than this cannot keep it. If a signal handler raises, the messages that
    were taken by then are lost.
    """
    cdef Frames lists[2]
    cdef int at
    cdef Codec chosen = codec_of(socket, codec)
    cdef Latest latest = Latest()
    if copy is not None:
        copy = bool(copy)
    if type is not None:
        check_type(type)
    frames_begin(&lists[0], not direct, False)
    frames_begin(&lists[1], not direct, False)
    try:
        frames_receive(&lists[0], socket, flags, True)
        latest.note(&lists[0], socket, chosen)
        at = take_newest(lists, socket, chosen, latest)
        if latest.refused is not None:
            raise latest.refused
        value = get_value(&lists[at], socket, None, chosen, chosen.depth, copy, type)
        if latest.account is not None:
            count_decoded(latest.account)
        return value
    finally:
        frames_end(&lists[0])
        frames_end(&lists[1])


@cython.final
cdef class Latest:
    """What is known of the newest message so far."""

    cdef Account account   # that it counts under, or None
    cdef object refused    # why it is not to be read: no message that came was signed

    cdef bint note(self, Frames *frames, object socket, Codec codec) except -1:
        """Is this one newer? What is not signed, where it has to be, hides no other."""
        cdef Account account = None
        try:
            if codec.stamps:
                account = open_received(frames, socket, codec)
        except DecodeError as error:
            if self.account is None:
                self.refused = error
            return False
        if self.account is not None:
            count_decoded(self.account)  # it is dropped, unread
        self.account, self.refused = account, None
        return True


cdef int take_newest(Frames *lists, object socket, Codec codec, Latest latest) except -1:
    """Take what is there after the message of the first list. Returns which list has the newest."""
    cdef int at = 0
    cdef int left
    try:
        left = socket_option(socket, ZMQ_RCVHWM) or MOST_DROPS
        while left > 0 and frames_receive_now(&lists[1 - at], socket):
            if latest.note(&lists[1 - at], socket, codec):
                at = 1 - at
            frames_clear(&lists[1 - at])
            left -= 1
        tell_event_loop(socket)
    except pyzmq.ZMQError:
        pass  # the next call raises it
    return at
