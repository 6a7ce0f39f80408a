"""The functions of framewire.embed, for test_embed_*.py: one call of Python for one of theirs."""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

cimport framewire.embed as fw

OK = fw.FW_OK
ERR_TRUNCATED = fw.FW_ERR_TRUNCATED
ERR_DTYPE = fw.FW_ERR_DTYPE
ERR_NDIM = fw.FW_ERR_NDIM
ERR_SHAPE = fw.FW_ERR_SHAPE
ERR_PAYLOAD = fw.FW_ERR_PAYLOAD
ERR_TRAILING = fw.FW_ERR_TRAILING
ERR_SPACE = fw.FW_ERR_SPACE
ERR_TAIL = fw.FW_ERR_TAIL
ERR_FOREIGN = fw.ERR_FOREIGN
ERR_FRAMES = fw.ERR_FRAMES
ERR_MISMATCH = fw.ERR_MISMATCH
F32 = fw.FW_DTYPE_F32
F64 = fw.FW_DTYPE_F64
BIG = fw.FW_DTYPE_BIG
DONTWAIT = fw.DONTWAIT


def check(int rc):
    return fw.check(rc)


def errno_of(int rc):
    return fw.errno_of(rc)


def result_of(int errno):
    return fw.ERR_ERRNO - errno


def open_handle(socket):
    return <size_t>fw.socket_handle(socket)


def open_as_of_another_version(socket):
    fw.open_handle(socket, fw.layout() + 8)


cdef class Extras:
    """Options, and the memory that they point to."""

    cdef fw.Options options
    cdef fw.fw_stamp_t stamp
    cdef bytes topic

    def __cinit__(self, bytes topic=None, tuple stamp=None, bint packed=False):
        self.topic = topic
        self.options.packed = packed
        if topic is not None:
            self.options.topic = <const char *>topic
            self.options.topic_size = len(topic)
        if stamp is not None:
            self.stamp.sender, self.stamp.sequence, self.stamp.time = stamp
            self.options.stamp = &self.stamp


def send_array(socket, int dtype, shape, bytes data, Extras extras=None, int flags=0, ndim=None):
    cdef uint64_t lengths[70]
    cdef const char *bytes_ = data
    cdef const fw.Options *options = NULL if extras is None else &extras.options
    cdef void *handle = fw.socket_handle(socket)
    cdef int dimensions = len(shape) if ndim is None else ndim
    cdef int rc
    for i, n in enumerate(shape):
        lengths[i] = n
    with nogil:
        rc = fw.send_array(handle, dtype, dimensions, lengths, bytes_, options, flags)
    return rc


def recv_array(socket, int dtype, size_t capacity, int flags=0):
    """The result, the shape, what stands in the buffer, and the stamp."""
    cdef fw.fw_head_t head
    cdef bytearray data = bytearray(b"\xee" * (capacity + 8))
    cdef char *to = data
    cdef void *handle = fw.socket_handle(socket)
    cdef int rc
    memset(&head, 0, sizeof(head))
    with nogil:
        rc = fw.recv_array(handle, dtype, &head, to, capacity, flags)
    assert data[capacity:] == b"\xee" * 8
    assert head.versions == head.lengths == head.meta == head.type == NULL
    shape = tuple([head.shape[i] for i in range(head.ndim)])
    return rc, shape, written(rc, data, head.payload), stamp_of(&head)


cdef bytes written(int rc, bytearray data, size_t size):
    if rc == fw.FW_OK:
        return bytes(data[:size])
    assert data == b"\xee" * len(data)
    return None


cdef tuple stamp_of(const fw.fw_head_t *head):
    return (head.stamp.sender, head.stamp.sequence, head.stamp.time)


cdef class Layout:
    """A Schema, and the memory that it points to."""

    cdef fw.Schema schema
    cdef uint32_t slots[8]

    def __cinit__(self, uint64_t fingerprint, size_t itemsize, slots=()):
        self.schema.fingerprint = fingerprint
        self.schema.itemsize = itemsize
        self.schema.slots = self.slots
        self.schema.slot_count = len(slots)
        for i, slot in enumerate(slots):
            self.slots[i] = slot


def send_record(socket, Layout layout, bytes data, Extras extras=None, int flags=0):
    cdef const char *bytes_ = data
    cdef size_t size = len(data)
    cdef const fw.Options *options = NULL if extras is None else &extras.options
    cdef void *handle = fw.socket_handle(socket)
    cdef int rc
    with nogil:
        rc = fw.send_record(handle, &layout.schema, bytes_, size, options, flags)
    return rc


def recv_record(socket, Layout layout, size_t capacity, int flags=0):
    """The result, what stands in the buffer, how many bytes it has or needs, and the stamp."""
    cdef fw.fw_head_t head
    cdef bytearray data = bytearray(b"\xee" * (capacity + 8))
    cdef char *to = data
    cdef void *handle = fw.socket_handle(socket)
    cdef int rc
    memset(&head, 0, sizeof(head))
    with nogil:
        rc = fw.recv_record(handle, &layout.schema, &head, to, capacity, flags)
    assert data[capacity:] == b"\xee" * 8
    assert head.versions == head.lengths == head.meta == head.type == NULL
    return rc, written(rc, data, head.payload), head.payload, stamp_of(&head)


def recv_message(socket, int flags=0):
    """The result, the serializer, the payload and the topic."""
    cdef fw.Message message
    cdef void *handle = fw.socket_handle(socket)
    cdef int rc
    with nogil:
        rc = fw.recv_message(handle, &message, flags)
    if rc != fw.FW_OK:
        fw.close_message(&message)  # which it may be, and does nothing
        return rc, None, None, None
    payload = message.payload[:message.head.payload]
    topic = None if message.topic == NULL else message.topic[:message.topic_size]
    with nogil:
        fw.close_message(&message)
        fw.close_message(&message)
    return rc, message.head.serializer, payload, topic


def forward(source, sink, int flags=0):
    """Receive a message, and send it on twice: both results. The second one has nothing to send."""
    cdef fw.Message message
    cdef void *giver = fw.socket_handle(source)
    cdef void *taker = fw.socket_handle(sink)
    cdef int rc
    cdef int again
    with nogil:
        rc = fw.recv_message(giver, &message, 0)
    fw.check(rc)
    with nogil:
        rc = fw.forward_message(taker, &message, flags)
        again = fw.forward_message(taker, &message, flags)
        fw.close_message(&message)
    return rc, again


def there_and_back(here, there, Py_ssize_t count, Layout layout, size_t size):
    """Send and receive `count` records and as many arrays of `size` float64; the sum of all."""
    cdef void *sender = fw.socket_handle(here)
    cdef void *receiver = fw.socket_handle(there)
    cdef double data[2000]
    cdef fw.fw_head_t head
    cdef fw.Message message
    cdef uint64_t shape = size
    cdef double total = 0
    cdef Py_ssize_t i
    cdef size_t k
    cdef int rc = 0
    assert size <= 2000 and layout.schema.itemsize == sizeof(double)
    with nogil:
        for k in range(size):
            data[k] = k
        for i in range(count):
            rc = rc or fw.send_array(sender, fw.FW_DTYPE_F64, 1, &shape, data, NULL, 0)
            rc = rc or fw.recv_array(receiver, fw.FW_DTYPE_F64, &head, data, sizeof(data), 0)
            total += data[size - 1]
            rc = rc or fw.send_record(sender, &layout.schema, data, sizeof(double), NULL, 0)
            rc = rc or fw.recv_message(receiver, &message, 0)
            if rc != fw.FW_OK:
                break
            fw.close_message(&message)
            total += message.head.payload
    fw.check(rc)
    return total
