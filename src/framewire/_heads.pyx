"""Heads of messages as objects: what they say, without what they are heads of being decoded.

For tools that look at messages of others (framewire.cli).
"""

from .errors import RefusedError

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcpy

from ._c cimport *
from ._decode cimport find_head, head_dtype, read_head
from ._frames cimport Frames, Span, frames_begin, frames_end, frames_load
from ._payload cimport Payload, payload_open

__all__ = ["Head", "inspect"]

cdef enum:
    LONGEST_TYPE = 256  # bytes of a type section that are compared; of a longer one its hash is


@cython.final
cdef class Head:
    """A head that is right by steps 1 to 11 of "How to read", codes and signatures unseen.

    The names of attributes are those of `fw_head_t`.
    """

    cdef fw_head_t head
    cdef object frame  # holds the memory that `head` points into
    cdef readonly Py_ssize_t index

    @property
    def serializer(self):
        return self.head.serializer

    @property
    def flags(self):
        return self.head.flags

    @property
    def shape(self):
        return tuple([self.head.shape[i] for i in range(self.head.ndim)])

    @property
    def payload(self):
        return self.head.payload

    @property
    def fingerprint(self):
        return self.head.fingerprint

    @property
    def buffers(self):
        """The length of each, as it travels."""
        return [fw_head_buffer(&self.head, i) for i in range(self.head.buffers)]

    @property
    def raw(self):
        """The bytes of all buffers together before they were compressed."""
        cdef uint64_t total = 0
        cdef size_t i
        if not self.head.flags & FW_FLAG_COMPRESSED:
            return self.head.payload
        for i in range(self.head.buffers):
            total += fw_head_raw(&self.head, i)
        return total

    @property
    def stamp(self):
        """Sender, sequence, time; or None."""
        if not self.head.flags & FW_FLAG_STAMP:
            return None
        return self.head.stamp.sender, self.head.stamp.sequence, self.head.stamp.time

    @property
    def meta(self):
        """MessagePack; or None."""
        return self.head.meta[:self.head.meta_size] if self.head.flags & FW_FLAG_META else None

    @property
    def type(self):
        """UTF-8; or None."""
        return self.head.type[:self.head.type_size] if self.head.flags & FW_FLAG_TYPE else None

    @property
    def compression(self):
        """A method; 0 for none."""
        return self.head.compression

    @property
    def key(self):
        """The number of the key that it says it is signed by; or None."""
        return self.head.key if self.head.flags & FW_FLAG_SIGNED else None

    @property
    def size(self):
        """The bytes of its frame before the first buffer."""
        return self.head.size

    @property
    def dtype(self):
        """Of an array; None of all else.

        Raises
        ------
        RefusedError
            There is none such here.
        """
        return head_dtype(&self.head) if self.head.serializer == FW_SERIALIZER_ARRAY else None

    @property
    def kind(self):
        """The same bytes for messages of the same dtype and number of dimensions, schema, or type.

        So for all that is no array and no record, of the same serializer, unless TYPE differs.
        """
        cdef bint recorded = self.head.serializer == FW_SERIALIZER_RECORD
        cdef uint64_t number = self.head.fingerprint
        cdef size_t size = 0 if recorded else self.head.type_size
        if not self.head.flags & FW_FLAG_TYPE:
            size = 0
        if size > LONGEST_TYPE:
            number = fw_record_fingerprint(<const char *>self.head.type, size)
            size = 0
            recorded = True
        kind = PyBytes_FromStringAndSize(NULL, 3 + (8 if recorded else size))
        cdef char *out = PyBytes_AS_STRING(kind)
        out[0] = self.head.serializer
        out[1] = self.head.dtype
        out[2] = self.head.ndim
        if recorded:
            memcpy(out + 3, &number, 8)
        elif size > 0:  # else there may be no text to copy from
            memcpy(out + 3, self.head.type, size)
        return kind


def inspect(frames):
    """Find and check the head of a message; nothing else is looked at.

    Parameters
    ----------
    frames : iterable of buffers
        Of a socket that puts no routing id before them.

    Returns
    -------
    Head or None
        None if the message has none.

    Raises
    ------
    DecodeError
        The head is malformed, or not followed by the frames that it says.
    """
    cdef Frames list_of_frames
    cdef Span frame
    cdef Payload payload
    cdef Head head = Head.__new__(Head)
    frames_begin(&list_of_frames, True, False)
    try:
        frames_load(&list_of_frames, frames)
        head.index = find_head(&list_of_frames, None, &frame)
        if head.index < 0:
            return None
        read_head(frame, &head.head)
        head.frame = <object>list_of_frames.objects[head.index]
        payload_open(&payload, &list_of_frames, head.index, frame, &head.head)
        if head.head.serializer == FW_SERIALIZER_ARRAY:
            try:
                head_dtype(&head.head)
            except RefusedError:  # there is none such here: nobody asked for it yet
                pass
        return head
    finally:
        frames_end(&list_of_frames)
