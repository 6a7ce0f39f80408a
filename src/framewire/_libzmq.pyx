"""The libzmq that pyzmq has loaded: its functions, and the handles of pyzmq's sockets.

The addresses of the stable ``zmq_msg_*`` functions are looked up once, at import, in pyzmq's own
extension, so that there is never a second libzmq in the process. Where that fails, ``direct`` is
false and framewire goes through pyzmq's own calls. The environment variable
``FRAMEWIRE_TRANSPORT`` (``libzmq`` or ``pyzmq``) insists on one of the two.
"""

import ctypes
import os
import sys

import zmq as pyzmq
from zmq.backend import Socket as BackendSocket

from cpython.object cimport PyTypeObject
from libc.stdint cimport uint8_t

__all__ = ["transport"]

# In the order of the struct Libzmq.
_FUNCTIONS = (
    "msg_init", "msg_init_size", "msg_init_data", "msg_send", "msg_recv", "msg_close", "msg_move",
    "msg_copy", "msg_data", "msg_size", "msg_more", "msg_get", "msg_gets", "getsockopt", "poll",
    "errno",
)


cdef int look_up() except -1:
    """Fill the table `zmq`, or raise AttributeError, OSError or KeyError."""
    cdef void **slot = <void **>&zmq
    library = ctypes.CDLL(sys.modules[BackendSocket.__module__].__file__)
    addresses = [
        ctypes.cast(getattr(library, "zmq_" + name), ctypes.c_void_p).value for name in _FUNCTIONS
    ]
    for i, address in enumerate(addresses):
        slot[i] = <void *><size_t>address
    return 0


def _choose_transport():
    global direct
    wanted = os.environ.get("FRAMEWIRE_TRANSPORT", "")
    if wanted not in ("", "libzmq", "pyzmq"):
        raise ImportError(f"FRAMEWIRE_TRANSPORT={wanted!r}: the transports are libzmq and pyzmq")
    if wanted != "pyzmq":
        try:
            look_up()
            direct = True
        except (AttributeError, OSError, KeyError) as error:
            if wanted:
                raise ImportError(f"FRAMEWIRE_TRANSPORT=libzmq, but: {error}") from error
    return "libzmq" if direct else "pyzmq"


transport = _choose_transport()


cdef int EAGAIN = pyzmq.EAGAIN
cdef int ETERM = pyzmq.ETERM
cdef object Again = pyzmq.Again


cdef int raise_errno(int error) except -1:
    """Raise what pyzmq raises for an errno of libzmq."""
    if error == EAGAIN:  # what a program that polls sees most
        raise Again()
    if error == ETERM:
        raise pyzmq.ContextTerminated()
    raise pyzmq.ZMQError(error)


handle_offset = 0
backend_type = <PyTypeObject *>BackendSocket  # an import above holds it


cdef Py_ssize_t find_offset(object socket, size_t handle) except -1:
    """The one place in a socket object that holds its handle, or 0."""
    cdef Py_ssize_t found = 0
    cdef Py_ssize_t offset
    for offset in range(object.__basicsize__, BackendSocket.__basicsize__, sizeof(void *)):
        if (<size_t *>(<char *><void *>socket + offset))[0] == handle:
            if found:
                return 0
            found = offset
    return found


cdef int check_socket(object socket) except -1:
    if not PyObject_TypeCheck(socket, backend_type):
        raise TypeError(f"a zmq.Socket is needed, not {type(socket).__name__}")
    return 0


cdef void *look_up_handle(object socket) except NULL:
    """The handle by way of pyzmq's own property, which also teaches where to find the next."""
    global handle_offset
    check_socket(socket)
    cdef size_t handle = 0 if socket.closed else socket.underlying
    if handle == 0:
        raise pyzmq.ZMQError(pyzmq.ENOTSOCK)
    if handle_offset == 0:
        handle_offset = find_offset(socket, handle)
    return <void *>handle


cdef int socket_option(object socket, int option) except? -1:
    """An option of a socket that is an int (zmq_getsockopt)."""
    cdef int value = -1
    cdef size_t size = sizeof(int)
    if not direct:
        check_socket(socket)
        return socket.getsockopt(option)
    if zmq.getsockopt(socket_handle(socket), option, &value, &size) != 0:
        raise_errno(zmq.last_error())
    return value


plain_type = None
cdef dict loops = {}  # the kind of event loop of each type of socket that was seen


cdef int look_up_loop(object socket) except -1:
    """`event_loop`, for a type that is not the last plain one."""
    global plain_type
    cls = type(socket)
    loop = loops.get(cls)
    if loop is None:
        if not issubclass(cls, BackendSocket):
            return NO_LOOP
        loop = loops[cls] = kind_of_loop(cls)
    if loop == NO_LOOP:
        plain_type = cls
    return loop


cdef int kind_of_loop(object cls) except -1:
    if cls.get is pyzmq.Socket.get:
        return NO_LOOP
    if not hasattr(cls, "_wait_read"):
        return WATCHED
    return GREEN_COUNTED if hasattr(cls, "_waiters") else GREEN


# A zmq_msg_t whose content is in memory of its own, as libzmq 4.2 and 4.3 lay it out.
cdef struct Content:
    void *data
    size_t size
    zmq_free_fn free  # NULL if libzmq allocated the data itself, behind this struct
    void *hint
    void *references

cdef enum:
    CONTENT = 1   # the word of a zmq_msg_t that points to it
    KIND = 42     # the byte that says so
    INSIDE = 101
    OUTSIDE = 102

cdef bint layout_known = False

# The kind of the messages that libzmq's engines receive into buffers that they share, and frees by
# itself. None can be made for the purpose: the first that is seen tells.
cdef uint8_t shared_buffer_kind = 0


cdef inline uint8_t kind_of(zmq_msg_t *msg) noexcept nogil:
    return (<uint8_t *>msg)[KIND]


cdef void do_nothing(void *data, void *hint) noexcept nogil:
    pass


cdef bint check_layout() noexcept:
    """Is the layout above this libzmq's? Looks at messages made for the purpose."""
    cdef char data[100]
    cdef zmq_msg_t inside
    cdef zmq_msg_t own
    cdef zmq_msg_t lent
    cdef Content *content
    cdef bint known
    zmq.msg_init_size(&inside, 1)
    if zmq.msg_init_size(&own, sizeof(data)) != 0:
        return False
    if zmq.msg_init_data(&lent, data, sizeof(data), do_nothing, &inside) != 0:
        zmq.msg_close(&own)
        return False
    content = <Content *>own.opaque[CONTENT]
    # compared before it is followed: the data stands right behind the content
    known = (
        kind_of(&inside) == INSIDE and kind_of(&own) == OUTSIDE and kind_of(&lent) == OUTSIDE
        and <void *>(content + 1) == zmq.msg_data(&own)
        and content.data == zmq.msg_data(&own) and content.size == sizeof(data)
        and content.free == NULL
    )
    if known:
        content = <Content *>lent.opaque[CONTENT]
        known = (
            content.data == <void *>data and content.size == sizeof(data)
            and content.free == do_nothing and content.hint == <void *>&inside
        )
    zmq.msg_close(&lent)
    zmq.msg_close(&own)
    return known


if direct:
    layout_known = check_layout()


cdef bint is_inside(zmq_msg_t *msg) noexcept:
    """Is a message's content in the zmq_msg_t itself? False if in doubt."""
    return layout_known and kind_of(msg) == INSIDE


cdef bint in_own_memory(zmq_msg_t *msg) noexcept:
    """Did libzmq allocate a message's content, and nobody hand it in? False if in doubt."""
    return (
        layout_known and kind_of(msg) == OUTSIDE and (<Content *>msg.opaque[CONTENT]).free == NULL
    )


cdef bint frees_alone(zmq_msg_t *msg, zmq_free_fn known) noexcept nogil:
    """Does closing a message call nobody's free function but `known`? False if in doubt."""
    if not layout_known:
        return False
    if kind_of(msg) != OUTSIDE:
        return kind_of(msg) == shared_buffer_kind
    cdef zmq_free_fn free = (<Content *>msg.opaque[CONTENT]).free
    return free == NULL or free == known


cdef bint came_through_engine(zmq_msg_t *msg) noexcept:
    """Did a message come over tcp, ipc or the like? Over inproc it *is* the sender's."""
    global shared_buffer_kind
    if shared_buffer_kind and kind_of(msg) == shared_buffer_kind:
        return True
    if zmq.msg_gets(msg, b"Socket-Type") == NULL:
        return False
    if layout_known and kind_of(msg) != INSIDE and kind_of(msg) != OUTSIDE:
        shared_buffer_kind = kind_of(msg)
    return True
