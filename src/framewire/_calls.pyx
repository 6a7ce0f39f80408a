"""Values between Python and sockets, and without any: what users call, and what they pass to it.

The codec is `_values` and what it stands on.
"""

from ._codec import as_codec
from .errors import LimitError
from .serializers import registry
from .typed import check_type

from cpython.memoryview cimport PyMemoryView_FromObject

from ._buffers cimport Buffer
from ._c cimport *
from ._codec cimport Codec, codec_of, inside
from ._decode cimport find_head, read_head
from ._encode cimport APART
from ._frames cimport Frames, Span, frames_begin, frames_end, frames_load
from ._ledger cimport (
    Account,
    Sequence,
    count_decoded,
    open_received,
    open_stamp,
    send_stamped,
    size_of,
)
from ._libzmq cimport ZMQ_SNDMORE, direct
from ._manner cimport Manner, new_manner
from ._recordio cimport schema_not_sent
from ._signing cimport sign, sign_alone, verify_loaded
from ._transport cimport frames_receive, frames_send
from ._values cimport get_value, put_envelope, put_value

__all__ = ["dumps", "dumps_apart", "loads", "loads_known", "parse_head", "recv_value", "send_value"]


def send_value(
    socket, value, int flags=0, copy=None, bint track=False, *, serializer=None, topic=None,
    envelope=None, meta=None, packed=False, codec=None
):
    """Send any value as one self-describing message.

    Parameters
    ----------
    socket : zmq.Socket
    value : object
        What the serializer takes. "auto" takes arrays, buffers, registered types, and trees: dicts,
        lists, tuples, sets, text, numbers, dates and more, with arrays and buffers anywhere in
        them; docs/serializers.md lists what comes back as what.
    flags : int
        ``zmq.DONTWAIT``.
    copy : None or bool
        For every array and buffer of over 8 KiB in the value, as for `send_array`: None sends in
        place what nobody can change, False whatever it is, True copies.
    track : bool
        Return a `MessageTracker`, done when libzmq has released every frame.
    serializer : str or sequence of str, optional
        In place of the codec's. In a sequence, the first that takes the value.
    topic : str or bytes, optional
        Sent as a frame before the head, str as UTF-8. On a ROUTER: the peer's routing id, without
        which libzmq drops the message.
    envelope : sequence of buffers, optional
        Frames before the topic: on a ROUTER, `Message.envelope` of what this answers.
    meta : object, optional
        Anything that MessagePack carries, by msgspec: tuples come back as lists, dates as text;
        read with `recv_message`.
    packed : bool
        One frame whatever the size, for ZMQ_CONFLATE and for the sockets that take no message of
        several frames. That is a copy. A topic or an envelope are still frames of their own.
    codec : Codec, optional
        What it does not set is the socket's, or the process's.

    Returns
    -------
    MessageTracker or None

    Raises
    ------
    TypeError
        The serializer does not take the value or something in it: the text begins with the path.
    ValueError
        No such serializer; values too deep inside each other, or one inside itself;
        ``zmq.SNDMORE``; a topic that begins with the magic.
    ImportError
        The serializer's library is not installed; the text says what to install.
    Exception
        Whatever else the serializer's library raises, such as pickle.PicklingError.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's ``send``. No peer sees part of the message.

    Notes
    -----
    Wire format: "Serializers", "Trees".
    """
    cdef Frames frames
    cdef Manner manner
    cdef Sequence sequence = None
    if flags & ZMQ_SNDMORE:
        raise ValueError("SNDMORE: a head describes a whole message, nothing can follow a value")
    manner = new_manner(socket, topic, copy, meta, packed, codec_of(socket, codec))
    frames_begin(&frames, not direct, track)
    try:
        if topic is not None or envelope is not None:
            put_envelope(&frames, socket, envelope, topic)
        if manner.codec.stamps:
            sequence = open_stamp(&frames, socket, manner.codec)
        put_value(&frames, value, serializer, manner)
        if sequence is not None:
            return send_stamped(&frames, socket, flags, sequence)
        return frames_send(&frames, socket, flags)
    finally:
        if manner.counted and not frames.sent:
            schema_not_sent(socket, topic, manner.counted)
        frames_end(&frames)


def recv_value(socket, int flags=0, *, type=None, copy=None, codec=None):
    """Receive a value: a message of `send_value` or `send_array`, whatever its serializer.

    Parameters
    ----------
    socket : zmq.Socket
    flags : int
        ``zmq.DONTWAIT``.
    type : type, optional
        Give an instance of this type, of those that msgspec supports (dataclasses, Structs,
        TypedDicts, ``list[int]``, enumerations, ``numpy.ndarray`` for an array …), or refuse. A
        class of records, or a union of several; such classes also inside other types.
    copy : None or bool
        For every array and buffer in the value, as for `recv_array`: None and False give read-only
        views of the message where they are over 8 KiB, True memory of your own.
    codec : Codec, optional
        What to accept; what it does not set is the socket's, or the process's.

    Returns
    -------
    object
        ``bytes`` and ``bytearray`` come back as what they were, which copies them once; other
        buffers as read-only memoryviews in place.

    Raises
    ------
    RefusedError
        The codec's `allow` does not name the serializer; nobody registered it, or an object's
        class, here; its library is not installed.
    LimitError
        More than the codec's `limits` allow.
    SchemaError
        It is not of the `type` that was asked for.
    TypeError
        msgspec does not support the type; an array in a union, but with None, is such a one. No
        message was taken.
    DecodeError
        The message is not what it claims to be, or has no head (code ``foreign``).
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's ``recv``.

    Notes
    -----
    Whatever the error, the whole message has been consumed and the next one is intact. Topics and
    other envelope frames are dropped: `recv_message` shows them.
    """
    cdef Frames frames
    cdef Codec chosen = codec_of(socket, codec)
    cdef Account account = None
    if copy is not None:
        copy = bool(copy)
    if type is not None:
        check_type(type)
    frames_begin(&frames, not direct, False)
    try:
        frames_receive(&frames, socket, flags, True)
        if chosen.stamps:
            account = open_received(&frames, socket, chosen)
        value = get_value(&frames, socket, None, chosen, chosen.depth, copy, type)
        if account is not None:
            count_decoded(account)
        return value
    finally:
        frames_end(&frames)


def dumps(value, *, serializer=None, copy=None, meta=None, packed=False, codec=None):
    """The frames of a value, without a socket: for files and other transports.

    Parameters
    ----------
    value, serializer, copy, meta, packed, codec
        As for `send_value`. What is not copied is aliased by the result.

    Returns
    -------
    list of bytes and memoryview
        The head, with what is small, and the other buffers: read-only, one-dimensional.

    Raises
    ------
    TypeError, ValueError, ImportError
        As for `send_value`.
    """
    return dumped(value, serializer, new_manner(None, None, copy, meta, packed, codec_of(None, codec)))


def dumps_apart(value, serializer, context, codec=None):
    """`dumps` for `serialize`: the head holds no array's payload, and functions get a context."""
    cdef Manner manner = new_manner(None, None, False, None, False, codec_of(None, codec))
    manner.place = APART
    manner.context = context
    return dumped(value, serializer, manner)


cdef inline object as_frame(object frame):
    return PyMemoryView_FromObject(frame) if type(frame) is Buffer else frame


cdef list dumped(object value, object serializer, Manner manner):
    cdef Frames frames
    frames_begin(&frames, True, False)
    try:
        if manner.codec.signs:
            sign_alone(&frames, manner.codec)
        put_value(&frames, value, serializer, manner)
        sign(&frames, 0, 0, frames.count, False)
        return [as_frame(<object>frames.objects[i]) for i in range(frames.count)]
    finally:
        frames_end(&frames)


def loads(frames, *, type=None, copy=None, codec=None):
    """The value of frames that `dumps` made, or that came by another way.

    Parameters
    ----------
    frames : buffer, or iterable of buffers
        Contiguous, bytes-like; envelope frames may stand before the head. What is over 8 KiB is
        not copied: the value aliases its frame and holds its buffer.
    type, copy, codec
        As for `recv_value`; ``copy=True`` always copies. Inside a function that reads a part of a
        message (`deserialize.register`), the codec is by default that of the call that it is in,
        and the depth counts from there.

    Returns
    -------
    object

    Raises
    ------
    DecodeError
        As for `recv_value`.
    BufferError, ValueError
        A buffer is not contiguous.
    """
    if copy is not None:
        copy = bool(copy)
    cdef Codec chosen
    outer = inside()
    if outer is None:
        chosen = codec_of(None, codec)
        return loaded(frames, None, chosen, chosen.depth, copy, type, chosen.signs)
    # called by a function that reads a part of a message, which has been verified as a whole
    given = as_codec(codec)
    chosen = outer[0] if given is None else (<Codec>given).over(outer[0])
    depth = min(chosen.depth, outer[1])
    if depth < 1:
        raise LimitError("messages too deep inside each other", "limit", None, "depth")
    return loaded(frames, None, chosen, depth, copy, type, given is not None and bool(given.key))


def loads_known(frames, Codec codec, copy, type, dict context):
    """`loads` for `Message`: functions that users registered get this context."""
    return loaded(frames, context, codec, codec.depth, copy, type, False)


cdef object loaded(
    object frames, dict context, Codec codec, int depth, object copy, object type, bint signed
):
    cdef Frames list_of_frames
    frames_begin(&list_of_frames, True, False)
    try:
        frames_load(&list_of_frames, frames)
        if signed:
            verify_loaded(&list_of_frames, codec)
        return get_value(&list_of_frames, None, context, codec, depth, copy, type)
    finally:
        frames_end(&list_of_frames)


def parse_head(frames, socket=None, Codec codec=None):
    """Find and check the head of a message.

    Parameters
    ----------
    frames : iterable of buffers
    socket : zmq.Socket, optional
        Where they came from: on a ROUTER or STREAM the first one is a routing id.
    codec : Codec, optional
        They are a message that the socket received: verify and count it, if the codec says so.

    Returns
    -------
    tuple of (int, str, bytes or None, tuple of int or None) or None
        The index of the head, the name of the serializer, the metadata as msgpack, and the stamp:
        sender, sequence number and time. None if the message has no head.

    Raises
    ------
    DecodeError
        The head is malformed.
    """
    cdef Frames list_of_frames
    cdef fw_head_t head
    cdef Span frame
    cdef Py_ssize_t at
    cdef Account account = None
    frames_begin(&list_of_frames, True, False)
    try:
        frames_load(&list_of_frames, frames)
        if codec is not None and codec.stamps:
            account = open_received(&list_of_frames, socket, codec)
        at = find_head(&list_of_frames, socket, &frame)
        if at >= 0:
            read_head(frame, &head)
            if codec is not None:
                codec.admit(&head, list_of_frames.count)
        elif codec is not None:
            codec.admit_foreign(size_of(&list_of_frames), list_of_frames.count)
        if account is not None:
            count_decoded(account)
        if at < 0:
            return None
        name = registry.NAMES.get(head.serializer) or (head.type[:head.type_size]).decode("utf-8", "replace")
        meta = head.meta[:head.meta_size] if head.flags & FW_FLAG_META else None
        stamp = None
        if head.flags & FW_FLAG_STAMP:
            stamp = head.stamp.sender, head.stamp.sequence, head.stamp.time
        return at, name, meta, stamp
    finally:
        frames_end(&list_of_frames)
