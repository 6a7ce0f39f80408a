"""Many messages in one call: all that come, into a list or into the rows of an array.

How they are received is `_intake`; here they are read, and errors are kept apart from values.
"""

from operator import index

import numpy
import zmq as pyzmq

from .batch import Batch
from .errors import DecodeError
from .records import class_of_dtype
from .typed import check_type

from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EAGAIN, EINTR
from libc.stdint cimport uint64_t

cimport cython
cimport numpy as np

from ._arrays cimport check_out
from ._buffers cimport SMALL
from ._codec cimport Codec, codec_of
from ._decode cimport array_of, get_array, takes_routing_id
from ._frames cimport (
    Frames,
    frames_begin,
    frames_clear,
    frames_end,
    frames_end_slice,
    frames_room,
    frames_slice,
)
from ._ledger cimport Account, count_decoded, open_received
from ._intake cimport Intake, intake_take
from ._libzmq cimport ZMQ_POLLIN, ZMQ_RCVTIMEO, direct, socket_option, zmq
from ._payload cimport Part
from ._recordio cimport get_row
from ._schema cimport schema_of
from ._rows cimport (
    Expected,
    Rows,
    expect_array,
    expect_record,
    expect_same,
    find_payload,
    rows_of,
)
from ._transport cimport raise_received
from ._values cimport get_value
from ._waiting cimport (
    Turn,
    begin_turn,
    breathe,
    deadline_after,
    is_green,
    is_over,
    tell_event_loop,
    wait_turn,
)

__all__ = ["recv_many"]

np.import_array()

cdef enum:
    HELD = 1024        # so many messages at a time are taken with the GIL
    GREEN = 64         # so many before other greenlets may run
    CHUNK = 16 * 1024  # and so many without it, before they are made into values,
    RUN = 1024 * 1024  # or are copied into rows, before signals are looked at


@cython.final
cdef class Reader:
    """Makes values of messages that were received: the state of one call of `recv_many`."""

    cdef object socket
    cdef Codec codec
    cdef object copy
    cdef object type
    cdef np.ndarray rows   # the array to receive into, or None
    cdef object record     # its rows are records of this class, or None
    cdef Account account   # that of the last message that was counted, or None
    cdef list values
    cdef list errors
    cdef Py_ssize_t taken  # messages so far
    cdef Expected same     # the head of the last array in the list, if it has a dtype:
    cdef np.dtype dtype    # None where the last value was no array

    cdef int read(self, Intake *intake, Py_ssize_t filled) except -1:
        """Read the messages of the list, which is empty afterwards; before them rows were filled.

        Whatever one of them does, none of the others is lost.
        """
        cdef Frames part
        cdef Py_ssize_t end
        cdef Py_ssize_t i
        failure = None
        self.taken += filled
        for i in range(intake.messages):
            end = message_end(&intake.frames)
            frames_slice(&part, &intake.frames, intake.frames.first, end - intake.frames.first)
            intake.frames.first = end
            try:  # here a handler that raises loses nothing, as it would in a decoder in Python
                PyErr_CheckSignals()
            except BaseException as error:
                failure = failure or error
            try:
                self.read_one(&part, intake)
            except DecodeError as error:
                self.errors.append((self.taken, error))
            except BaseException as error:
                failure = failure or error
            finally:
                frames_end_slice(&part)
            self.taken += 1
        frames_clear(&intake.frames)
        intake.whole = intake.messages = 0
        if failure is not None:
            raise failure
        return 0

    cdef int read_one(self, Frames *frames, Intake *intake) except -1:
        if self.codec.stamps:
            self.account = None
            self.account = open_received(frames, self.socket, self.codec)
        if self.rows is None:
            self.values.append(self.value_of(frames))
        else:
            row = self.rows[intake.filled, ...]
            if self.record is None or not get_row(
                frames, self.socket, self.codec, self.record, np.PyArray_DATA(row)
            ):
                get_array(frames, self.socket, self.codec, None, row, None, None)
            intake.filled += 1
        if self.account is not None:
            count_decoded(self.account)
        return 0

    cdef object value_of(self, Frames *frames):
        """`get_value`; of an array whose head is that of the one before, without parsing it."""
        cdef Part part
        cdef uint64_t room = self.codec.spread
        cdef bint same
        if self.dtype is not None and find_payload(&self.same, frames, 0, False, &part):
            return array_of(frames, &self.same.head, &part, self.dtype, self.copy, None, &room)
        self.dtype = None
        same = self.type is None and expect_same(&self.same, frames, self.socket)
        value = get_value(
            frames, self.socket, None, self.codec, self.codec.depth, self.copy, self.type
        )
        if same and np.PyArray_CheckExact(value):
            self.dtype = value.dtype
        return value

    cdef int collect(self, Intake *intake, Py_ssize_t wanted, bint at_once) except -1:
        """Receive until so many messages have been taken, or the time is over."""
        cdef Py_ssize_t most = CHUNK if intake.rows == NULL else RUN
        # as many with the GIL, each time it was got; none where the copies would take long
        cdef Py_ssize_t start = HELD if intake.rows == NULL or intake.rows.size <= SMALL else 0
        cdef bint green = is_green(self.socket)
        cdef Py_ssize_t held = GREEN if green else start
        cdef Py_ssize_t before
        cdef Py_ssize_t filled
        cdef int error
        cdef bint lost
        cdef Turn turn
        begin_turn(&turn, ZMQ_POLLIN, True)
        turn.deadline = intake.deadline
        while self.taken < wanted:
            if green and not at_once:
                breathe(self.socket)
            before, filled = self.taken, intake.filled
            error = intake_take(
                intake, self.socket, min(wanted - before, held or most), held > 0, self.account
            )
            lost = intake.frames.count > intake.whole
            self.read(intake, intake.filled - filled)
            if error == EAGAIN and not lost:
                if held == 0 or is_over(intake.deadline):
                    return 0
                if not green:
                    held = 0
                elif not wait_turn(&turn, self.socket):
                    return 0
                continue
            if error and error != EINTR or lost:
                raise_received(error)
            PyErr_CheckSignals()
            if not green:
                held = max(held - (self.taken - before), 0) if held else start
            if is_over(intake.deadline) and not at_once:
                return 0
        return 0


cdef Py_ssize_t message_end(Frames *frames) noexcept:
    """Where the first message of the list ends."""
    cdef Py_ssize_t last = frames.first
    if frames.objects != NULL:
        return frames.count
    while zmq.msg_more(&frames.msgs[last]):
        last += 1
    return last + 1


cdef np.ndarray checked_rows(object out):
    """A view of `out` of our own, whose shape nobody changes."""
    check_out(out)
    if out.ndim == 0:
        raise ValueError("out has no rows: it is an array of no dimensions")
    rows = numpy.asarray(out)[...]
    if rows.shape[0] > 0 and not rows[0, ...].flags.c_contiguous:
        raise ValueError("the rows of out are not contiguous")
    return rows


cdef Py_ssize_t checked_count(object max_messages, np.ndarray rows) except -1:
    if max_messages is None:
        if rows is None:
            raise TypeError("max_messages may be None only with out")
        return np.PyArray_DIM(rows, 0)
    cdef Py_ssize_t wanted = index(max_messages)
    if wanted < 0:
        raise ValueError(f"max_messages is {wanted}")
    if rows is not None and wanted > np.PyArray_DIM(rows, 0):
        raise ValueError(f"max_messages is {wanted}, and out has {len(rows)} rows")
    return wanted


def recv_many(
    socket, max_messages, timeout=None, *, out=None, type=None, copy=None, codec=None
):
    """Receive messages until there are `max_messages`, or until the time is over.

    Parameters
    ----------
    socket : zmq.Socket
    max_messages : int or None
        At most so many messages are received. None: as many as `out` has rows.
    timeout : float, optional
        Milliseconds for the whole call; negative: no limit. None is the socket's RCVTIMEO. 0 takes
        what is there.
    out : numpy.ndarray, optional
        Receive into the rows of this writable array of one or more dimensions, each of which is
        contiguous: message i into ``out[i]``. The rows of a structured array of one dimension are
        records, or arrays without dimensions; else they are arrays. Dtype and shape must be those
        of the row; of records, versions with more or fewer fields are taken as `Record` says.
        Other messages use up no row.
    type, copy
        For each value, as for `recv_value`; not with `out`.
    codec : Codec, optional
        What to accept; what it does not set is the socket's, or the process's.

    Returns
    -------
    Batch
        With `out`, its values are the view ``out[:n]`` of the rows that were filled; else a list of
        what `recv_value` gives. It is empty if nothing came in time. Messages that cannot be read
        are in its `errors`, and no other message is lost by them.

    Raises
    ------
    TypeError, ValueError
        Arguments that do not go together; `out` is no array, is read-only, or is of a dtype that
        cannot be sent. Nothing was received.
    zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's ``recv``, if it happens before the first message. After that the batch is
        returned, and the next call raises.
    Exception
        Whatever else is raised, by a signal handler or for a `type` that msgspec does not support:
        if messages had been received before, they are its attribute ``batch``.

    Notes
    -----
    The GIL is held for what is there at once, up to about a thousand messages, and is then released
    once for the rest of the batch; with `out`, messages of the expected head need no Python at all.
    Topics and other envelope frames are dropped: `recv_message` shows them.
    """
    cdef Intake intake
    cdef Rows rows
    cdef Expected expected
    cdef Py_ssize_t wanted
    cdef Reader reader = Reader()
    reader.socket = socket
    reader.codec = codec_of(socket, codec)
    reader.copy = None if copy is None else bool(copy)
    reader.type = type
    reader.values = []
    reader.errors = []
    batch = Batch(reader.values, reader.errors)  # now: to make it later may run a signal handler
    if type is not None:
        check_type(type)
    if out is not None:
        if type is not None or copy is not None:
            raise TypeError("type and copy are not for out: a row is what it is")
        reader.rows = checked_rows(out)
    wanted = checked_count(max_messages, reader.rows)
    if timeout is None:
        timeout = socket_option(socket, ZMQ_RCVTIMEO)
    intake.deadline = deadline_after(timeout)
    intake.whole = intake.messages = intake.filled = 0
    intake.rows = NULL
    if reader.rows is not None and len(reader.rows) > 0:
        row = reader.rows[0, ...]
        rows_of(&rows, reader.rows, row)
        routed = takes_routing_id(socket)
        if reader.rows.ndim == 1 and reader.rows.dtype.names is not None:
            reader.record = class_of_dtype(reader.rows.dtype)
            expect_record(&expected, schema_of(reader.record), routed, reader.codec)
        else:
            description = expect_array(&expected, row, routed, reader.codec)
        intake.rows, intake.expected = &rows, &expected
    at_once = timeout == 0
    try:
        receive_batch(&intake, reader, wanted, at_once)
    except BaseException as error:
        if reader.taken == 0:
            raise
        if not isinstance(error, pyzmq.ZMQError):
            error.batch = batch
            raise
    finally:
        if out is not None:
            batch.values = out[:intake.filled]
    return batch


cdef int receive_batch(Intake *intake, Reader reader, Py_ssize_t wanted, bint at_once) except -1:
    frames_begin(&intake.frames, not direct, False)
    try:
        if intake.rows == NULL:
            frames_room(&intake.frames, min(wanted, HELD))
        try:
            reader.collect(intake, wanted, at_once)
            PyErr_CheckSignals()  # a handler that raises after the call returned loses the batch
        finally:
            tell_event_loop(reader.socket)
    finally:
        frames_end(&intake.frames)
    return 0
