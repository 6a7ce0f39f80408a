# Send and receive arrays and records from code that has no GIL, with no Python object for a
# message.
#
#     cimport framewire.embed as fw
#
# Compile with the directory framewire.get_include(), and link nothing. `import framewire.embed`,
# and so that of a module that cimports it, raises ImportError with pyzmq's transport.
#
# Every function that returns int returns FW_OK, which is 0, or one of these negative numbers:
#
#   FW_ERR_…            what framewire/error.h says of a head, a record, or room that is too small
#   ERR_…               what is below
#   ERR_ERRNO - errno   libzmq's errno: EAGAIN, ETERM, ENOTSOCK, EINTR; EINVAL: a wrong argument
#
# Messages are whole: one call sends or receives all frames of one. Whatever an argument has wrong
# is found before anything is sent. A message that cannot be handed out is received all the same,
# and is gone: the next call finds the next one. With EAGAIN, EINTR and ETERM nothing was sent or
# received; or, as everywhere here, the peer died in the middle, and the message is lost whole.
#
# Call them without the GIL: they block, and to let go of a message may need a thread that wants it.
# As with libzmq, a socket is used by one thread at a time. It stays open, and somebody holds it,
# while its handle is in use.
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from ._c cimport *

cdef enum:
    DONTWAIT = 1  # the one flag there is: EAGAIN, rather than to wait

cdef enum:
    ERR_FOREIGN = -101   # no frame is a head
    ERR_FRAMES = -102    # not the frames that the head announces
    ERR_MISMATCH = -103  # well-formed, but not what was asked for
    ERR_ERRNO = -1000    # less libzmq's errno

# The schema of a record (framewire/record.h), borrowed for the call.
cdef struct Schema:
    uint64_t fingerprint
    size_t itemsize        # bytes of the fixed part
    const uint32_t *slots  # where the slots of the tails are, in the order of the fields
    size_t slot_count      # 0 for a record without tails

# What else a message is sent with, borrowed for the call. All zero is nothing.
cdef struct Options:
    const void *topic         # a frame before the head, or NULL; on a ROUTER the routing id
    size_t topic_size
    const fw_stamp_t *stamp   # or NULL
    bint packed               # the payload in the head's frame, whatever its size

# A received message, in place. It is not to be copied: pointers into it may point to itself.
cdef struct Message:
    const uint8_t *payload  # head.payload bytes, of any alignment
    const uint8_t *topic    # the frame before the head, or NULL; on a ROUTER the routing id
    size_t topic_size
    uint64_t opaque[3][8]   # the frames
    int first
    int end
    fw_head_t head

# What Python raises for a result: zmq.Again, zmq.ContextTerminated, zmq.ZMQError, DecodeError,
# SchemaError. Returns 0 for FW_OK, and 1 for EINTR if no signal handler raises: then call again.
cdef int check(int rc) except -1

# socket_handle, for a module that was compiled with this layout.
cdef void *open_handle(object socket, size_t compiled) except NULL

# Send an array in C order: of a dtype code (framewire/dtype.h), of `ndim` lengths `shape`. `data`
# is copied; it may be NULL if there are no bytes. `options` may be NULL.
# FW_ERR_DTYPE, FW_ERR_NDIM, FW_ERR_SHAPE, EINVAL (a flag, a topic that begins like a head).
cdef int send_array(
    void *handle, uint8_t dtype, int ndim, const uint64_t *shape, const void *data,
    const Options *options, int flags
) noexcept nogil

# Receive an array in C order, of a dtype code, into `capacity` bytes at `data`. *head has its
# shape, payload (bytes) and stamp; of what it pointed to in the message nothing is left.
# ERR_MISMATCH: no array, or of another dtype, in Fortran order, or broadcast. FW_ERR_SPACE:
# `payload` is what it needs. After these two *head is set; after any error `data` is untouched.
cdef int recv_array(
    void *handle, uint8_t dtype, fw_head_t *head, void *data, size_t capacity, int flags
) noexcept nogil

# Send a record of `size` bytes, tails included. It is checked by the schema, and copied.
# FW_ERR_TRUNCATED, FW_ERR_TAIL, EINVAL as above.
cdef int send_record(
    void *handle, const Schema *schema, const void *data, size_t size, const Options *options,
    int flags
) noexcept nogil

# Receive a record of this schema, or of a newer version of it, into `capacity` bytes at `data`.
# It is checked by the schema. *head has its size (payload), fingerprint and stamp.
# ERR_MISMATCH: no record, or of another schema. FW_ERR_SPACE, FW_ERR_TRUNCATED, FW_ERR_TAIL.
# *head and `data` after errors: as of recv_array.
cdef int recv_record(
    void *handle, const Schema *schema, fw_head_t *head, void *data, size_t capacity, int flags
) noexcept nogil

# Receive any message whose value has one buffer, in place. What *message points to lives until
# close_message, which must follow after FW_OK, before *message is used again, and may follow
# after an error.
# ERR_MISMATCH: several buffers.
cdef int recv_message(void *handle, Message *message, int flags) noexcept nogil

# Send a received message on as it is, topic included, without a copy. After FW_OK it is empty;
# after an error it can be sent again, unless the peer died in the middle of it: then it is empty,
# too, and EINVAL says so.
cdef int forward_message(void *handle, Message *message, int flags) noexcept nogil

# Let go of a message. Once more does nothing.
cdef void close_message(Message *message) noexcept nogil


cdef inline size_t layout() noexcept nogil:
    """A number that changes with the structs above."""
    return sizeof(Schema) + sizeof(Options) + sizeof(Message)


cdef inline void *socket_handle(object socket) except NULL:
    """The libzmq handle of a zmq.Socket, for as long as it stays open.

    On a socket of zmq.asyncio or zmq.green call its `get(zmq.EVENTS)` after using the handle, or it
    misses a wake-up. Raises TypeError; zmq.ZMQError(ENOTSOCK) if it is closed; ValueError if it is
    in the middle of a message, after a send with SNDMORE; ImportError if the calling module was
    compiled for another framewire.
    """
    return open_handle(socket, layout())


cdef inline int errno_of(int rc) noexcept nogil:
    """The errno in a result, such as EAGAIN of libc.errno; 0 if there is none."""
    return ERR_ERRNO - rc if rc < ERR_ERRNO else 0
