"""Arrays and records on a libzmq handle, for Cython code: see the pxd, which is the interface.

The rules are those of `_transport`: whatever can fail on our side is done before the first frame is
sent; only the first frame may block, fail or be interrupted; each other one is sent exactly once. A
receive takes every frame before it says what is wrong.
"""

from .errors import DecodeError, SchemaError

from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EINTR, EINVAL
from libc.string cimport memcpy

from ._buffers cimport SMALL
from ._codec cimport codec_of
from ._libzmq cimport (
    ZMQ_DONTWAIT,
    ZMQ_ROUTER,
    ZMQ_SNDMORE,
    ZMQ_STREAM,
    ZMQ_TYPE,
    direct,
    raise_errno,
    zmq,
    zmq_msg_t,
)
from ._libzmq cimport socket_handle as handle_of
from ._unfinished cimport is_unfinished

__all__ = []

if not direct:
    raise ImportError(
        "framewire.embed calls libzmq itself, and framewire.transport is pyzmq: either "
        "FRAMEWIRE_TRANSPORT=pyzmq is set, or this pyzmq does not let its libzmq be reached"
    )

cdef enum:
    # the frames of a Message; only the head is always there
    TOPIC = 0
    HEAD = 1
    PAYLOAD = 2
    # the longest head that is packed here: 16 bytes, a shape, a stamp
    LONGEST_HEAD = 16 + 8 * 64 + 24


# ---- at the door, with the GIL

cdef void *open_handle(object socket, size_t compiled) except NULL:
    if compiled != layout():
        raise ImportError("compiled against another version of framewire: compile it again")
    if codec_of(socket, None).signs:
        raise ValueError("the socket's codec has a key: embed neither signs nor verifies")
    if is_unfinished(socket):
        raise ValueError("the socket is in the middle of a message, after a send with SNDMORE")
    return handle_of(socket)


cdef int check(int rc) except -1:
    cdef int error = errno_of(rc)
    if error == EINTR:
        PyErr_CheckSignals()
        return 1
    if error:
        raise_errno(error)
    if rc == ERR_FOREIGN:
        raise DecodeError("no framewire message: no frame is a head", "foreign")
    if rc == ERR_FRAMES:
        raise DecodeError("not the frames that the head announces", "frames")
    if rc == ERR_MISMATCH:
        raise SchemaError("not the array or record that was asked for", "mismatch")
    if rc != FW_OK:
        name = (<bytes>fw_error_name(rc)).decode()
        raise DecodeError((<bytes>fw_error_message(rc)).decode(), name)
    return 0


# ---- sending

cdef int libzmq_error() noexcept nogil:
    """What libzmq has just refused, as a result."""
    return ERR_ERRNO - zmq.last_error()


cdef bint takes_routing_id(void *handle) noexcept nogil:
    """Is a message's first frame a routing id on this socket, whatever it contains?"""
    cdef int kind = -1
    cdef size_t size = sizeof(int)
    zmq.getsockopt(handle, ZMQ_TYPE, &kind, &size)
    return kind == ZMQ_ROUTER or kind == ZMQ_STREAM


cdef int send_frames(
    void *handle, zmq_msg_t *frames, int count, int flags, bint *accepted
) noexcept nogil:
    """Send a message. Once its first frame is accepted, none is left."""
    cdef int result = FW_OK
    cdef int i
    if zmq.msg_send(frames, handle, flags | more_flag(0, count)) < 0:
        return libzmq_error()
    accepted[0] = True
    for i in range(1, count):
        while zmq.msg_send(&frames[i], handle, ZMQ_DONTWAIT | more_flag(i, count)) < 0:
            if zmq.last_error() != EINTR:
                result = result or libzmq_error()
                zmq.msg_close(&frames[i])
                break
    return result


cdef int more_flag(int i, int count) noexcept nogil:
    return ZMQ_SNDMORE if i < count - 1 else 0


cdef int put(
    zmq_msg_t *frames, int *count, const void *start, size_t start_size, const void *rest,
    size_t rest_size
) noexcept nogil:
    """Append a frame with a copy of `start` and `rest`."""
    cdef zmq_msg_t *msg = &frames[count[0]]
    if zmq.msg_init_size(msg, start_size + rest_size) != 0:
        return libzmq_error()
    cdef uint8_t *to = <uint8_t *>zmq.msg_data(msg)
    if start_size > 0:
        memcpy(to, start, start_size)
    if rest_size > 0:
        memcpy(to + start_size, rest, rest_size)
    count[0] += 1
    return FW_OK


cdef int check_options(void *handle, const Options *options, int flags) noexcept nogil:
    if flags & ~ZMQ_DONTWAIT:
        return ERR_ERRNO - EINVAL
    if options == NULL or options.topic == NULL:
        return FW_OK
    if not fw_head_match(<const uint8_t *>options.topic, options.topic_size):
        return FW_OK
    return FW_OK if takes_routing_id(handle) else ERR_ERRNO - EINVAL


cdef int put_value(
    zmq_msg_t *frames, int *count, fw_head_t *head, const void *data, const Options *options
) noexcept nogil:
    """Append a topic, a head that lacks its place and its stamp, and its payload."""
    cdef uint8_t packed[LONGEST_HEAD]
    cdef size_t size
    cdef int rc
    head.flags = 0
    if options != NULL and options.stamp != NULL:
        head.flags |= FW_FLAG_STAMP
        head.stamp = options.stamp[0]
    if head.payload <= SMALL or (options != NULL and options.packed):
        head.flags |= FW_FLAG_INLINE
    rc = fw_head_pack(head, packed, sizeof(packed), &size)
    if rc == FW_OK and options != NULL and options.topic != NULL:
        rc = put(frames, count, options.topic, options.topic_size, NULL, 0)
    if rc != FW_OK:
        return rc
    if head.flags & FW_FLAG_INLINE:
        return put(frames, count, packed, size, data, head.payload)
    rc = put(frames, count, packed, size, NULL, 0)
    return rc if rc != FW_OK else put(frames, count, data, head.payload, NULL, 0)


cdef int send_value(
    void *handle, fw_head_t *head, const void *data, const Options *options, int flags
) noexcept nogil:
    cdef zmq_msg_t frames[3]
    cdef bint accepted = False
    cdef int count = 0
    cdef int i
    cdef int rc = check_options(handle, options, flags)
    if rc == FW_OK:
        rc = put_value(frames, &count, head, data, options)
    if rc == FW_OK:
        rc = send_frames(handle, frames, count, flags, &accepted)
    if not accepted:
        for i in range(count):
            zmq.msg_close(&frames[i])
    return rc


cdef int send_array(
    void *handle, uint8_t dtype, int ndim, const uint64_t *shape, const void *data,
    const Options *options, int flags
) noexcept nogil:
    cdef fw_head_t head
    cdef int i
    cdef int rc = fw_dtype_itemsize(dtype, &head.payload)
    if rc != FW_OK:
        return rc
    if ndim < 0 or ndim > FW_NDIM_MAX:
        return FW_ERR_NDIM
    head.serializer = FW_SERIALIZER_ARRAY
    head.dtype = dtype
    head.ndim = <uint8_t>ndim
    for i in range(ndim):
        head.shape[i] = shape[i]
        head.payload *= shape[i]  # may wrap around: then packing says so
    return send_value(handle, &head, data, options, flags)


cdef int send_record(
    void *handle, const Schema *schema, const void *data, size_t size, const Options *options,
    int flags
) noexcept nogil:
    cdef fw_head_t head
    cdef int rc = fw_record_check(
        <const uint8_t *>data, size, schema.itemsize, schema.slots, schema.slot_count
    )
    if rc != FW_OK:
        return rc
    head.serializer = FW_SERIALIZER_RECORD
    head.dtype = head.ndim = 0
    head.fingerprint = schema.fingerprint
    head.payload = size
    return send_value(handle, &head, data, options, flags)


# ---- receiving

cdef zmq_msg_t *frame_of(Message *message, int i) noexcept nogil:
    return <zmq_msg_t *>message.opaque[i]


cdef bint is_head(void *handle, zmq_msg_t *msg, bint first) noexcept nogil:
    """Is a frame the head? A first frame that others follow may be a routing id."""
    if not fw_head_match(<const uint8_t *>zmq.msg_data(msg), zmq.msg_size(msg)):
        return False
    return not (first and zmq.msg_more(msg) and takes_routing_id(handle))


cdef void keep_topic(Message *message) noexcept nogil:
    """The frame that was received last is before the head: the topic, unless another one comes."""
    if message.first == HEAD:
        zmq.msg_init(frame_of(message, TOPIC))
    zmq.msg_move(frame_of(message, TOPIC), frame_of(message, HEAD))
    message.first = TOPIC
    message.end = HEAD


cdef int collect(void *handle, Message *message, int flags, int *buffers) noexcept nogil:
    """Receive every frame of a message. *buffers: how many follow the head, or -1 without one."""
    cdef zmq_msg_t spill
    cdef zmq_msg_t *msg = frame_of(message, HEAD)
    cdef bint more = True
    cdef bint first = True
    buffers[0] = -1
    message.first = message.end = HEAD
    while more:
        zmq.msg_init(msg)  # empty, it holds nothing that would need to be closed
        while zmq.msg_recv(msg, handle, flags) < 0:
            if first or zmq.last_error() != EINTR:
                return libzmq_error()
        flags = ZMQ_DONTWAIT
        more = zmq.msg_more(msg) != 0
        if msg == &spill:
            zmq.msg_close(msg)
            buffers[0] += 1
        elif buffers[0] == 0:
            message.end = PAYLOAD + 1
            buffers[0] = 1
            msg = &spill
        elif is_head(handle, msg, first):
            message.end = PAYLOAD
            buffers[0] = 0
            msg = frame_of(message, PAYLOAD)
        else:
            keep_topic(message)
        first = False
    return FW_OK


cdef int find_payload(Message *message, const fw_head_t *head, int buffers) noexcept nogil:
    """Where the payload of a message with a parsed head is, if all frames are as it says."""
    cdef bint inside = head.flags & FW_FLAG_INLINE
    cdef zmq_msg_t *msg = frame_of(message, HEAD if inside else PAYLOAD)
    if head.buffers != 1 or head.flags & FW_FLAG_COMPRESSED:
        return ERR_MISMATCH
    if buffers != (0 if inside else 1) or (not inside and zmq.msg_size(msg) != head.payload):
        return ERR_FRAMES
    message.payload = <const uint8_t *>zmq.msg_data(msg) + (head.size if inside else 0)
    return FW_OK


cdef int receive(void *handle, Message *message, fw_head_t *head, int flags) noexcept nogil:
    """`recv_message`, with the head beside the message. After an error the message is closed."""
    cdef int buffers
    cdef zmq_msg_t *msg = frame_of(message, HEAD)
    cdef int rc
    message.first = message.end = HEAD
    if flags & ~ZMQ_DONTWAIT:
        return ERR_ERRNO - EINVAL
    rc = collect(handle, message, flags, &buffers)
    if rc == FW_OK and buffers < 0:
        rc = ERR_FOREIGN
    if rc == FW_OK:
        rc = fw_head_parse(<const uint8_t *>zmq.msg_data(msg), zmq.msg_size(msg), head, NULL)
    if rc == FW_OK:
        rc = find_payload(message, head, buffers)
    if rc != FW_OK:
        close_message(message)
        forget_pointers(head)
    return rc


cdef void forget_pointers(fw_head_t *head) noexcept nogil:
    """The head stays, and the message that it points into goes."""
    head.versions = head.lengths = head.meta = head.type = head.raw = head.mac = NULL
    head.version_count = head.meta_size = head.type_size = 0


cdef int hand_over(
    Message *message, fw_head_t *head, void *data, size_t capacity, int rc
) noexcept nogil:
    """Copy the payload out, unless `rc` says that it is not the right one, and close."""
    if rc == FW_OK and head.payload > capacity:
        rc = FW_ERR_SPACE
    if rc == FW_OK and head.payload > 0:
        memcpy(data, message.payload, head.payload)
    forget_pointers(head)
    close_message(message)
    return rc


cdef int recv_array(
    void *handle, uint8_t dtype, fw_head_t *head, void *data, size_t capacity, int flags
) noexcept nogil:
    cdef Message message
    cdef int rc = receive(handle, &message, head, flags)
    if rc != FW_OK:
        return rc
    if (
        head.serializer != FW_SERIALIZER_ARRAY or head.dtype != dtype
        or head.flags & (FW_FLAG_FORTRAN | FW_FLAG_BROADCAST | FW_FLAG_TYPE)
    ):
        rc = ERR_MISMATCH
    return hand_over(&message, head, data, capacity, rc)


cdef int recv_record(
    void *handle, const Schema *schema, fw_head_t *head, void *data, size_t capacity, int flags
) noexcept nogil:
    cdef Message message
    cdef int rc = receive(handle, &message, head, flags)
    if rc != FW_OK:
        return rc
    if head.serializer != FW_SERIALIZER_RECORD or not is_version(head, schema.fingerprint):
        rc = ERR_MISMATCH
    else:
        rc = fw_record_check(
            message.payload, head.payload, schema.itemsize, schema.slots, schema.slot_count
        )
    return hand_over(&message, head, data, capacity, rc)


cdef bint is_version(const fw_head_t *head, uint64_t fingerprint) noexcept nogil:
    """Is a record of this schema, or of a newer version of it?"""
    cdef size_t i
    if head.fingerprint == fingerprint:
        return True
    for i in range(head.version_count):
        if fw_head_version(head, i) == fingerprint:
            return True
    return False


# ---- messages in place

cdef int recv_message(void *handle, Message *message, int flags) noexcept nogil:
    cdef int rc = receive(handle, message, &message.head, flags)
    message.topic = NULL
    message.topic_size = 0
    if rc == FW_OK and message.first == TOPIC:
        message.topic = <const uint8_t *>zmq.msg_data(frame_of(message, TOPIC))
        message.topic_size = zmq.msg_size(frame_of(message, TOPIC))
    return rc


cdef int forward_message(void *handle, Message *message, int flags) noexcept nogil:
    cdef bint accepted = False
    cdef int rc
    if flags & ~ZMQ_DONTWAIT or message.first == message.end:
        return ERR_ERRNO - EINVAL
    rc = send_frames(
        handle, frame_of(message, message.first), message.end - message.first, flags, &accepted
    )
    if accepted:
        message.first = message.end
    return rc


cdef void close_message(Message *message) noexcept nogil:
    while message.first < message.end:
        zmq.msg_close(frame_of(message, message.first))
        message.first += 1
