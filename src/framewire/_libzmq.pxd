from libc.stdint cimport uint64_t

# libzmq's zmq_msg_t: 64 opaque bytes, aligned as a pointer (zmq.h).
cdef struct zmq_msg_t:
    uint64_t opaque[8]

ctypedef void (*zmq_free_fn)(void *data, void *hint) noexcept nogil

# The functions of libzmq that framewire calls, as zmq.h declares them.
cdef struct Libzmq:
    int (*msg_init)(zmq_msg_t *msg) noexcept nogil
    int (*msg_init_size)(zmq_msg_t *msg, size_t size) noexcept nogil
    int (*msg_init_data)(zmq_msg_t *msg, void *data, size_t size, zmq_free_fn free,
                         void *hint) noexcept nogil
    int (*msg_send)(zmq_msg_t *msg, void *socket, int flags) noexcept nogil
    int (*msg_recv)(zmq_msg_t *msg, void *socket, int flags) noexcept nogil
    int (*msg_close)(zmq_msg_t *msg) noexcept nogil
    int (*msg_move)(zmq_msg_t *to, zmq_msg_t *source) noexcept nogil
    void *(*msg_data)(zmq_msg_t *msg) noexcept nogil
    size_t (*msg_size)(const zmq_msg_t *msg) noexcept nogil
    int (*msg_more)(const zmq_msg_t *msg) noexcept nogil
    int (*msg_get)(const zmq_msg_t *msg, int property) noexcept nogil
    const char *(*msg_gets)(const zmq_msg_t *msg, const char *property) noexcept nogil
    int (*getsockopt)(void *socket, int option, void *value, size_t *size) noexcept nogil
    int (*last_error)() noexcept nogil  # zmq_errno: `errno` is a macro in C

cdef enum:
    ZMQ_DONTWAIT = 1
    ZMQ_SNDMORE = 2
    ZMQ_SHARED = 3
    ZMQ_TYPE = 16
    ZMQ_ROUTER = 6
    ZMQ_STREAM = 11

cdef Libzmq zmq
cdef bint direct

cdef int raise_errno(int error) except -1
cdef void *socket_handle(object socket) except NULL
cdef int socket_type(object socket) except -1
cdef bint has_event_loop(object socket) except -1
