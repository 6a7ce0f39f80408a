"""Any value into frames and back: which serializer, its head and its buffers.

Arrays, raw buffers and trees are done here and in the modules below; the other serializers are
Python modules, which give a header and a list of buffers.
"""

import numpy

from .errors import DecodeError, RefusedError
from .serializers import objects, registry
from .typed import convert

from cpython.buffer cimport PyObject_CheckBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t

cimport numpy as np

from ._buffers cimport SMALL, Buffer
from ._c cimport *
from ._codec cimport Codec, read_inside
from ._compressed cimport plain_frames, put_compressed
from ._decode cimport (
    array_of,
    find_head,
    head_dtype,
    read_head,
    receive_context,
    scalar_of,
    takes_routing_id,
)
from ._encode cimport BY_SIZE, checked_array, put_array, set_meta
from ._frames cimport (
    Frames,
    Span,
    frames_begin,
    frames_copy,
    frames_drop,
    frames_end,
    frames_load,
)
from ._manner cimport Manner
from ._payload cimport (
    Part,
    Payload,
    part_copy,
    part_view,
    payload_next,
    payload_open,
    put_buffers,
)
from ._raw cimport hold_raw
from ._recordio cimport get_record, put_record
from ._records cimport RecordBase
from ._treereader cimport as_frames, read_tree
from ._treewriter cimport TreeWriter, from_dlpack, write_parts, write_tree

__all__ = []

np.import_array()


# ---- writing

cdef int put_envelope(Frames *frames, object socket, object envelope, object topic) except -1:
    """Append the frames that stand before the head: the first of a message."""
    cdef Py_ssize_t begin = frames.count
    if envelope is not None:
        if isinstance(envelope, str) or PyObject_CheckBuffer(envelope):
            raise TypeError("envelope is a sequence of frames")
        for frame in envelope:
            put_envelope_frame(frames, begin, socket, bytes(memoryview(frame)))
    if topic is not None:
        if isinstance(topic, str):
            topic = str.encode(topic)  # a subclass may have an encode of its own
        elif not isinstance(topic, bytes):
            raise TypeError(f"topic must be str or bytes, not {type(topic).__name__}")
        put_envelope_frame(frames, begin, socket, topic)
    return 0


cdef int put_envelope_frame(
    Frames *frames, Py_ssize_t begin, object socket, object frame
) except -1:
    cdef const char *data = PyBytes_AS_STRING(frame)
    cdef size_t size = PyBytes_GET_SIZE(frame)
    if fw_head_match(<const uint8_t *>data, size):
        if frames.count > begin or not takes_routing_id(socket):
            raise ValueError("a topic cannot begin with C1 46: it would be taken for the head")
    return frames_copy(frames, data, size)


cdef int put_value(Frames *frames, object value, object serializer, Manner manner) except -1:
    """Append a value: a head and its buffers. `serializer` is a name, or a sequence of names."""
    cdef Frames plain
    if manner.codec.compressor is None:
        return put_plain(frames, value, serializer, manner)
    copy = manner.copy
    manner.copy = False  # what is compressed is not copied before
    frames_begin(&plain, True, False)
    try:
        put_plain(&plain, value, serializer, manner)
        manner.copy = copy
        return put_compressed(frames, &plain, itemsize_of(value), manner)
    finally:
        manner.copy = copy
        frames_end(&plain)


cdef size_t itemsize_of(object value) except? 0:
    """Of an array, which may be in the head's frame. 0 of all else."""
    return np.PyArray_ITEMSIZE(value) if isinstance(value, numpy.ndarray) else 0


cdef int put_plain(Frames *frames, object value, object serializer, Manner manner) except -1:
    if serializer is None:
        serializer = manner.codec.serializer
    if isinstance(serializer, str):
        try:
            return put_by_name(frames, value, serializer, manner)
        except NotImplementedError as error:
            raise TypeError(f"the serializer {serializer!r} does not take it: {error}") from error
    if not isinstance(serializer, (list, tuple)) or not serializer:
        raise TypeError(f"serializer takes a name, or a sequence of names, not {serializer!r}")
    names = tuple(serializer)
    for name in names:
        if name != "auto":
            registry.check_name(name)
    return put_by_first(frames, value, names, manner)


cdef int put_by_first(Frames *frames, object value, tuple names, Manner manner) except -1:
    """By the first serializer that takes the value. What another one raises is told at the end."""
    cdef Py_ssize_t before = frames.count
    cdef Py_ssize_t in_place = frames.in_place
    reasons = []
    for name in names:
        try:
            return put_by_name(frames, value, name, manner)
        except Exception as error:
            frames_drop(frames, before)
            frames.in_place = in_place
            reasons.append((name, error))
    text = "; ".join([f"{name}: {error or type(error).__name__}" for name, error in reasons])
    raise TypeError(f"no serializer takes a {type(value).__qualname__}: {text}") from (
        reasons[0][1] if reasons else None
    )


cdef int put_by_name(Frames *frames, object value, str name, Manner manner) except -1:
    if name == "auto":
        return put_auto(frames, value, manner)
    if name == "msgpack":
        return put_tree(frames, value, manner)
    if name == "array":
        return put_as_array(frames, value, manner)
    if name == "raw":
        return put_raw(frames, value, manner)
    if name == "record":
        if not isinstance(value, RecordBase):
            raise NotImplementedError(f"a {type(value).__qualname__} is no record")
        return put_record(frames, value, manner)
    return put_by(frames, value, registry.by_name(name), manner)


cdef int put_auto(Frames *frames, object value, Manner manner) except -1:
    """By the serializer that the value's type stands for. Never by a pickle."""
    cls = type(value)
    if np.PyArray_CheckExact(value):
        return put_array(frames, value, manner.copy, manner.meta, 0, manner.place)
    if (
        cls is dict or cls is list or cls is str or cls is int or cls is float or cls is tuple
        or value is None or cls is bool
    ):
        return put_tree(frames, value, manner)
    if cls is bytes or cls is bytearray or cls is memoryview:
        return put_raw(frames, value, manner)
    if isinstance(value, RecordBase):
        return put_record(frames, value, manner)
    if objects.dumpers.find(cls) is not None:
        return put_tree(frames, value, manner)
    name = registry.by_type(cls)
    if name is not None:
        try:
            return put_by(frames, value, registry.by_name(name), manner)
        except NotImplementedError:
            pass
    if isinstance(value, (numpy.ndarray, numpy.generic)):
        return put_as_array(frames, value, manner)
    if PyObject_CheckBuffer(value):
        return put_raw(frames, value, manner)
    if hasattr(cls, "__dlpack__"):
        return put_as_array(frames, value, manner)
    return put_tree(frames, value, manner)


cdef int put_as_array(Frames *frames, object value, Manner manner) except -1:
    cdef np.ndarray array
    cdef bint scalar = isinstance(value, numpy.generic)
    if isinstance(value, numpy.ma.MaskedArray):
        return put_tree(frames, value, manner)  # two arrays
    if scalar or isinstance(value, numpy.ndarray):
        array = checked_array(value)
    elif hasattr(type(value), "__dlpack__"):
        array = from_dlpack(value)
    else:
        raise NotImplementedError(f"a {type(value).__qualname__} is no array")
    return put_array(
        frames, array, manner.copy, manner.meta, FW_FLAG_SCALAR if scalar else 0, manner.place
    )


cdef int put_raw(Frames *frames, object value, Manner manner) except -1:
    kind = None
    if isinstance(value, bytes):
        kind = b"bytes"
    elif isinstance(value, bytearray):
        kind = b"bytearray"
    buffers = [hold_raw(value, manner.copy)]
    return put_parts(frames, FW_SERIALIZER_RAW, kind, NULL, 0, buffers, manner)


cdef int put_tree(Frames *frames, object value, Manner manner) except -1:
    cdef TreeWriter tree = write_tree(value, manner)
    return put_parts(
        frames, FW_SERIALIZER_MSGPACK, None, tree.out.data, tree.out.size, tree.beside, manner
    )


cdef int put_by(Frames *frames, object value, object serializer, Manner manner) except -1:
    """By a serializer of the table."""
    cdef TreeWriter tree
    cdef Buffer first
    if serializer.dumps_context:
        header, parts = serializer.dumps(value, context=manner.full_context())
    else:
        header, parts = serializer.dumps(value)
    if serializer.id == FW_SERIALIZER_USER:
        tree = write_parts(header, parts, manner)
        name = serializer.name.encode()
        return put_parts(frames, FW_SERIALIZER_USER, name, tree.out.data, tree.out.size, tree.beside, manner)
    kind = None if header is None else header.encode()
    buffers = [hold_raw(part, manner.copy) for part in parts]
    if len(buffers) > 1 and manner.place == BY_SIZE:
        first = buffers[0]
        if first.view.len <= SMALL < sum([(<Buffer>buffer).view.len for buffer in buffers]):
            return put_parts(
                frames, serializer.id, kind, first.view.buf, first.view.len, buffers[1:], manner
            )
    return put_parts(frames, serializer.id, kind, NULL, 0, buffers, manner)


cdef int put_parts(
    Frames *frames, uint8_t serializer, bytes kind, const void *first, size_t first_size,
    list others, Manner manner
) except -1:
    """Append a head with a type text, or None, and its buffers: see `put_buffers`."""
    cdef fw_head_t head
    head.serializer = serializer
    head.flags = 0
    head.dtype = head.ndim = 0
    if manner.meta is not None:
        set_meta(&head, manner.meta)
    if kind is not None:
        head.flags |= FW_FLAG_TYPE
        head.type = <const uint8_t *>PyBytes_AS_STRING(kind)
        head.type_size = PyBytes_GET_SIZE(kind)
    return put_buffers(frames, &head, first, first_size, others, manner.place)


# ---- reading

cdef object get_value(
    Frames *frames, object socket, dict context, Codec codec, int depth, object copy, object type
):
    """Decode a message. `socket` is as for find_head, `context` as for receive_context."""
    cdef fw_head_t head
    cdef Span frame
    cdef Payload payload
    cdef Py_ssize_t at = find_head(frames, socket, &frame)
    if at < 0:
        raise DecodeError(
            "the message has no head: recv_message and recv_raw take any, recv_array the recipe's",
            "foreign",
        )
    read_head(frame, &head)
    codec.check(
        head.serializer, user_name(&head) if head.serializer == FW_SERIALIZER_USER else None
    )
    codec.admit(&head, frames.count)
    if head.flags & FW_FLAG_COMPRESSED:
        if head.serializer == FW_SERIALIZER_ARRAY:
            head_dtype(&head)  # is the raw length right?
        if context is None:
            context = receive_context(frames, at, socket, codec, None)
        return get_plain(
            plain_frames(frames, at, frame, &head, codec), context, codec, depth, copy, type
        )
    payload_open(&payload, frames, at, frame, &head)
    payload.room = codec.spread
    if head.serializer == FW_SERIALIZER_RECORD:
        return get_record(&payload, type, copy, codec)
    try:
        value = get_payload(&payload, socket, context, codec, depth, copy)
    except (DecodeError, MemoryError):
        raise
    except Exception as error:
        name = type_text(&head) if head.serializer == FW_SERIALIZER_USER else registry.NAMES[head.serializer]
        raise DecodeError(
            f"the serializer {name!r} could not read it: {error!r}", "payload"
        ) from error
    if type is None:
        return value
    return convert(value, type, json=head.serializer == FW_SERIALIZER_JSON)


cdef object get_plain(
    list parts, dict context, Codec codec, int depth, object copy, object type
):
    """Decode what was compressed."""
    cdef Frames frames
    frames_begin(&frames, True, False)
    try:
        frames_load(&frames, parts)
        return get_value(&frames, None, context, codec, depth, copy, type)
    finally:
        frames_end(&frames)


cdef str type_text(const fw_head_t *head):
    """The type section, None if there is none."""
    if not head.flags & FW_FLAG_TYPE:
        return None
    try:
        return head.type[:head.type_size].decode()
    except UnicodeDecodeError:
        raise DecodeError("the type section is no UTF-8", "buffers") from None


cdef str user_name(const fw_head_t *head):
    """The name of a serializer of the user's, which is registered here."""
    name = type_text(head)
    if not name or name in registry.IDS:
        raise DecodeError("the type section names no serializer", "buffers")
    try:
        registry.by_name(name)
    except ValueError as error:
        raise RefusedError(f"{error}; framewire.register_serializer adds one", "refused") from None
    return name


cdef object get_payload(
    Payload *payload, object socket, dict context, Codec codec, int depth, object copy
):
    cdef uint8_t serializer = payload.head.serializer
    cdef Part part
    if serializer == FW_SERIALIZER_ARRAY:
        part = payload_next(payload)
        array = array_of(
            payload.frames, payload.head, &part, head_dtype(payload.head), copy, None, &payload.room
        )
        return scalar_of(array) if payload.head.flags & FW_FLAG_SCALAR else array
    if serializer == FW_SERIALIZER_MSGPACK:
        if payload.head.flags & FW_FLAG_TYPE:
            raise DecodeError("a tree has no type section", "buffers")
        return read_tree(payload, socket, context, codec, depth, copy)
    if serializer == FW_SERIALIZER_RAW:
        return get_raw(payload, copy)
    return get_by(payload, socket, context, codec, depth, copy)


cdef object get_raw(Payload *payload, object copy):
    cdef Part part = payload_next(payload)
    if payload.head.buffers != 1:
        raise DecodeError(f"{payload.head.buffers} buffers, and not one", "buffers")
    kind = type_text(payload.head)
    if kind is None:
        return part_view(payload.frames, &part, bool(copy))
    if kind not in ("bytes", "bytearray"):
        raise DecodeError(f"raw bytes of an unknown type, {kind!r}", "buffers")
    return part_copy(&part, kind == "bytearray")


cdef object get_by(
    Payload *payload, object socket, dict context, Codec codec, int depth, object copy
):
    """By a serializer of the table."""
    cdef Part part
    header = type_text(payload.head)
    if payload.head.serializer == FW_SERIALIZER_USER:
        serializer = registry.by_name(header)
        # the pair of them is a list too
        pair = read_tree(payload, socket, context, codec, depth + 1, copy)
        if type(pair) is not list or len(pair) != 2:
            raise DecodeError("no header and list of frames", "tree")
        header, parts = pair[0], as_frames(pair[1])
    else:
        name = registry.NAMES[payload.head.serializer]
        registry.check_buffers(name, payload.head.buffers, header)
        try:
            serializer = registry.by_name(name)
        except ImportError as error:
            raise RefusedError(str(error), "refused") from error
        parts = []
        while payload.taken < payload.head.buffers:
            part = payload_next(payload)
            parts.append(part_view(payload.frames, &part, bool(copy)))
    told = None
    if serializer.loads_context:
        told = receive_context(payload.frames, payload.at, socket, codec, context)
    return read_inside(codec, depth - 1, serializer.loads, header, parts, told)
