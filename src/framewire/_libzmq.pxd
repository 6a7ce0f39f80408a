from cpython.object cimport PyObject_TypeCheck, PyTypeObject
from libc.stdint cimport uint64_t

# libzmq's zmq_msg_t: 64 opaque bytes, aligned as a pointer (zmq.h).
cdef struct zmq_msg_t:
    uint64_t opaque[8]

ctypedef void (*zmq_free_fn)(void *data, void *hint) noexcept nogil

# libzmq's zmq_pollitem_t, of which only sockets are used.
cdef extern from *:
    """
    #ifdef _WIN64
    typedef unsigned __int64 framewire_fd_t;
    #else
    typedef int framewire_fd_t;
    #endif
    """
    ctypedef int framewire_fd_t

cdef struct zmq_pollitem_t:
    void *socket
    framewire_fd_t fd
    short events
    short revents

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
    int (*msg_copy)(zmq_msg_t *to, zmq_msg_t *source) noexcept nogil
    void *(*msg_data)(zmq_msg_t *msg) noexcept nogil
    size_t (*msg_size)(const zmq_msg_t *msg) noexcept nogil
    int (*msg_more)(const zmq_msg_t *msg) noexcept nogil
    int (*msg_get)(const zmq_msg_t *msg, int property) noexcept nogil
    const char *(*msg_gets)(const zmq_msg_t *msg, const char *property) noexcept nogil
    int (*getsockopt)(void *socket, int option, void *value, size_t *size) noexcept nogil
    int (*poll)(zmq_pollitem_t *items, int count, long timeout) noexcept nogil
    int (*last_error)() noexcept nogil  # zmq_errno: `errno` is a macro in C

cdef enum:
    ZMQ_DONTWAIT = 1
    ZMQ_SNDMORE = 2
    ZMQ_SHARED = 3
    ZMQ_TYPE = 16
    ZMQ_RCVMORE = 13
    ZMQ_RCVHWM = 24
    ZMQ_RCVTIMEO = 27
    ZMQ_SNDTIMEO = 28
    ZMQ_ROUTER = 6
    ZMQ_STREAM = 11
    ZMQ_POLLIN = 1
    ZMQ_POLLOUT = 2

# What watches the events of a type of socket.
cdef enum:
    NO_LOOP
    WATCHED        # an event loop that is not told how to wait: asyncio
    GREEN          # gevent: `_wait_read` and `_wait_write` of zmq.green
    GREEN_COUNTED  # framewire.green: its `_waiters` are all that wait

cdef Libzmq zmq
cdef bint direct

# Where pyzmq's socket objects keep their handle, in bytes; 0 as long as that is not known.
# Subclasses share the layout of the base.
cdef Py_ssize_t handle_offset
cdef PyTypeObject *backend_type

# The last type of socket seen whose `get` is pyzmq's plain one: the common case, told at a glance.
cdef object plain_type

cdef int raise_errno(int error) except -1
cdef int check_socket(object socket) except -1
cdef void *look_up_handle(object socket) except NULL
cdef int socket_option(object socket, int option) except? -1
cdef int look_up_loop(object socket) except -1
cdef bint is_inside(zmq_msg_t *msg) noexcept
cdef bint in_own_memory(zmq_msg_t *msg) noexcept
cdef bint came_through_engine(zmq_msg_t *msg) noexcept
cdef bint frees_alone(zmq_msg_t *msg, zmq_free_fn known) noexcept nogil


cdef inline void *socket_handle(object socket) except NULL:
    """The libzmq handle of an open socket. Never kept between calls: closing frees it.

    Raises zmq.ZMQError(ENOTSOCK) if the socket is closed, TypeError if it is none.
    """
    cdef void *handle
    if handle_offset != 0 and (
        type(socket) is plain_type or PyObject_TypeCheck(socket, backend_type)
    ):
        handle = (<void **>(<char *><void *>socket + handle_offset))[0]
        if handle != NULL:
            return handle
    return look_up_handle(socket)


cdef inline int event_loop(object socket) except -1:
    """Does this type of socket watch its events with a `get` of its own (asyncio, green)?

    A direct call drains the event file descriptor; such a socket must then be asked for EVENTS,
    or it misses a wake-up.
    """
    return NO_LOOP if type(socket) is plain_type else look_up_loop(socket)
