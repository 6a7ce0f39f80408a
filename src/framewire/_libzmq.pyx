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

from cpython.object cimport PyObject_TypeCheck, PyTypeObject

__all__ = ["transport"]

# In the order of the struct Libzmq.
_FUNCTIONS = (
    "msg_init", "msg_init_size", "msg_init_data", "msg_send", "msg_recv", "msg_close", "msg_move",
    "msg_data", "msg_size", "msg_more", "msg_get", "msg_gets", "getsockopt", "errno",
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


cdef int raise_errno(int error) except -1:
    """Raise what pyzmq raises for an errno of libzmq."""
    if error == pyzmq.EAGAIN:
        raise pyzmq.Again()
    if error == pyzmq.ETERM:
        raise pyzmq.ContextTerminated()
    raise pyzmq.ZMQError(error)


# Where pyzmq's socket objects keep their handle, in bytes; 0 as long as that is not known.
# Subclasses share the layout of the base.
cdef Py_ssize_t handle_offset = 0
cdef PyTypeObject *backend_type = <PyTypeObject *>BackendSocket


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


cdef void *look_up_handle(object socket) except NULL:
    """The handle by way of pyzmq's own property, which also teaches where to find the next."""
    global handle_offset
    if not isinstance(socket, BackendSocket):
        raise TypeError(f"a zmq.Socket is needed, not {type(socket).__name__}")
    cdef size_t handle = 0 if socket.closed else socket.underlying
    if handle == 0:
        raise pyzmq.ZMQError(pyzmq.ENOTSOCK)
    if handle_offset == 0:
        handle_offset = find_offset(socket, handle)
    return <void *>handle


cdef void *socket_handle(object socket) except NULL:
    """The libzmq handle of an open socket. Never kept between calls: closing frees it.

    Raises zmq.ZMQError(ENOTSOCK) if the socket is closed, TypeError if it is none.
    """
    cdef void *handle
    if handle_offset != 0 and PyObject_TypeCheck(socket, backend_type):
        handle = (<void **>(<char *><void *>socket + handle_offset))[0]
        if handle != NULL:
            return handle
    return look_up_handle(socket)


cdef int socket_type(object socket) except -1:
    """ZMQ_TYPE of a socket (zmq_getsockopt)."""
    cdef int kind = -1
    cdef size_t size = sizeof(int)
    if not direct:
        return socket.getsockopt(ZMQ_TYPE)
    if zmq.getsockopt(socket_handle(socket), ZMQ_TYPE, &kind, &size) != 0:
        raise_errno(zmq.last_error())
    return kind


# The last type of socket seen whose `get` is pyzmq's plain one. Held, so that no other type can
# come to have its address.
cdef object plain_type = None


cdef bint has_event_loop(object socket) except -1:
    """Does this type of socket watch its events with a `get` of its own (asyncio, green)?

    A direct call drains the event file descriptor; such a socket must then be asked for EVENTS,
    or it misses a wake-up.
    """
    global plain_type
    cls = type(socket)
    if cls is plain_type:
        return False
    if not issubclass(cls, BackendSocket):
        return False
    if cls.get is not pyzmq.Socket.get:
        return True
    plain_type = cls
    return False
