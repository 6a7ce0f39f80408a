"""pyzmq's calls on values: text, JSON, pickles and your own functions; one frame, but for the last.

The same arguments, results, exceptions and bytes as pyzmq's.
"""

import io
import pickle
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from copyreg import clear_extension_cache

import zmq as pyzmq
from zmq.utils import jsonapi

from ._multipart import recv_multipart, send, send_multipart
from .errors import RefusedError

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8String, PyUnicode_CheckExact

from libc.stdint cimport int8_t, uint8_t, uint64_t
from libc.string cimport memchr

from ._json cimport json_dumps, json_loads
from ._multipart cimport comes_by, recv_bytes, send_one

__all__ = [
    "recv_json",
    "recv_pyobj",
    "recv_serialized",
    "recv_string",
    "restricted",
    "send_json",
    "send_pyobj",
    "send_serialized",
    "send_string",
]

# What pyzmq builds these calls on.
cdef object SEND = frozenset(["send"])
cdef object SEND_MULTIPART = frozenset(["send", "send_multipart"])
cdef object RECV = frozenset(["recv", "_deserialize"])
cdef object RECV_MULTIPART = frozenset(["recv", "recv_multipart", "_deserialize"])
cdef object DEFAULT_PROTOCOL = pickle.DEFAULT_PROTOCOL
cdef object pickle_dumps = pickle.dumps
cdef object pickle_loads = pickle.loads


# ---- text

def send_string(socket, u, int flags=0, bint copy=True, encoding="utf-8", **kwargs):
    """`zmq.Socket.send_string`: send text as one frame.

    Parameters
    ----------
    socket : zmq.Socket
    u : str
    flags, copy, **kwargs
        See `send`.
    encoding : str

    Returns
    -------
    zmq.MessageTracker or None
        As `send`.

    Raises
    ------
    TypeError
        Not a str.
    UnicodeEncodeError
        The encoding has no such character. Nothing has been sent.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As `send`.
    """
    if comes_by(socket, SEND):
        return pyzmq.Socket.send_string(socket, u, flags, copy, encoding, **kwargs)
    if not isinstance(u, str):
        raise TypeError("str objects only")
    if encoding == "utf-8" and PyUnicode_CheckExact(u):
        data = PyUnicode_AsUTF8String(u)
    else:
        data = u.encode(encoding)
    if kwargs:
        return send(socket, data, flags, copy, **kwargs)
    return send_one(socket, data, flags, copy, False)


def recv_string(socket, int flags=0, encoding="utf-8"):
    """`zmq.Socket.recv_string`: receive one frame as text.

    Parameters
    ----------
    socket : zmq.Socket
    flags : int
        See `recv`.
    encoding : str

    Returns
    -------
    str

    Raises
    ------
    UnicodeDecodeError
        It is no such text. The frame has been consumed.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As `recv`.
    """
    if comes_by(socket, RECV):
        return pyzmq.Socket.recv_string(socket, flags, encoding)
    return recv_bytes(socket, flags).decode(encoding)


# ---- JSON

def send_json(socket, obj, int flags=0, **kwargs):
    """`zmq.Socket.send_json`: send a value as JSON, the very bytes of ``json.dumps(obj)``.

    Parameters
    ----------
    socket : zmq.Socket
    obj : object
        What the standard library's json takes.
    flags : int
        See `send`.
    **kwargs
        Passed on to `json.dumps`, but ``routing_id`` and ``group``, which are `send`'s.

    Raises
    ------
    TypeError, ValueError, RecursionError
        As `json.dumps`. Nothing has been sent.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As `send`.
    """
    if comes_by(socket, SEND):
        return pyzmq.Socket.send_json(socket, obj, flags, **kwargs)
    if not kwargs:
        return send_one(socket, json_dumps(obj), flags, True, False)
    to_send = {key: kwargs.pop(key) for key in ("routing_id", "group") if key in kwargs}
    return send(socket, jsonapi.dumps(obj, **kwargs), flags, **to_send)


def recv_json(socket, int flags=0, **kwargs):
    """`zmq.Socket.recv_json`: receive a value as JSON, with the result of ``json.loads``.

    Parameters
    ----------
    socket : zmq.Socket
    flags : int
        See `recv`.
    **kwargs
        Passed on to `json.loads`.

    Returns
    -------
    object
        As `json.loads`.

    Raises
    ------
    json.JSONDecodeError, UnicodeDecodeError, RecursionError
        As `json.loads`. The frame has been consumed.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As `recv`.
    """
    if comes_by(socket, RECV):
        return pyzmq.Socket.recv_json(socket, flags, **kwargs)
    if not kwargs:
        return json_loads(recv_bytes(socket, flags))
    return jsonapi.loads(recv_bytes(socket, flags), **kwargs)


# ---- pickles

def send_pyobj(socket, obj, int flags=0, protocol=DEFAULT_PROTOCOL, **kwargs):
    """`zmq.Socket.send_pyobj`: send a value as a pickle.

    Parameters
    ----------
    socket : zmq.Socket
    obj : object
    flags : int
        See `send`.
    protocol : int
        pickle's.
    **kwargs
        `send`'s ``copy``, ``track``, ``routing_id`` and ``group``.

    Returns
    -------
    zmq.MessageTracker or None
        As `send`.

    Raises
    ------
    Exception
        As `pickle.dumps`. Nothing has been sent.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As `send`.

    Warnings
    --------
    Who receives a pickle runs what its sender wants; see `recv_pyobj`.
    """
    if comes_by(socket, SEND):
        return pyzmq.Socket.send_pyobj(socket, obj, flags, protocol, **kwargs)
    data = pickle_dumps(obj, protocol)
    if kwargs:
        return send(socket, data, flags, **kwargs)
    return send_one(socket, data, flags, True, False)


class _Unpickler(pickle.Unpickler):
    def __init__(self, data, allowed):
        # renames of Python 2's modules are looked up below: they must not change what was checked
        super().__init__(io.BytesIO(data), fix_imports=False)
        self._allowed = allowed

    def find_class(self, module, name):
        asked = module, name
        renamed = NAME_MAPPING.get(asked, (IMPORT_MAPPING.get(module, module), name))
        for pair in (renamed, asked):
            if pair in self._allowed:
                return super().find_class(*pair)
        raise RefusedError(
            f"the pickle wants {module}.{name}: globals={{{asked!r}}} would allow it", "refused"
        )


# What follows an opcode of a pickle: so many bytes; or, below 0, a line, or a length of so many bytes
# and as many bytes as it says.
cdef enum:
    LINE = -1
    UNKNOWN = -2
    LENGTH = -20
cdef int8_t[256] operands
cdef dict LENGTHS = {-2: LENGTH + 1, -3: LENGTH + 4, -4: LENGTH + 4, -5: LENGTH + 8}  # by pickletools
cdef bint operands_known = False


cdef int learn_operands() except -1:
    global operands_known
    import pickletools  # which takes its time

    for code in range(256):
        operands[code] = UNKNOWN
    for opcode in pickletools.opcodes:
        count = 0 if opcode.arg is None else opcode.arg.n
        operands[ord(opcode.code)] = LENGTHS.get(count, count)
    operands_known = True
    return 0


cdef int check_room(bytes data) except -1:
    """Refuse a pickle for which the unpickler would make more room than there are bytes in it.

    It makes room for what a length says before it looks whether so much is there, and for a memo
    with the largest number that comes. What else is wrong is the unpickler's to say.
    """
    cdef const uint8_t *at = <const uint8_t *>PyBytes_AS_STRING(data)
    cdef const uint8_t *end = at + PyBytes_GET_SIZE(data)
    cdef const uint8_t *line
    cdef uint64_t number
    cdef int kind, size, i
    cdef uint8_t code
    if not operands_known:
        learn_operands()
    while at < end:
        code = at[0]
        at += 1
        kind = operands[code]
        if code == c"." or kind == UNKNOWN:
            return 0
        if kind == LINE:
            line = at
            for i in range(2 if code == c"c" or code == c"i" else 1):
                at = <const uint8_t *>memchr(at, c"\n", end - at)
                if at == NULL:
                    return 0
                at += 1
            if code == c"p":
                check_memo(int(line[: at - line]), data)
            continue
        size = kind - LENGTH if kind < 0 else kind
        if end - at < size:
            return 0
        number = 0
        for i in range(size):
            number |= <uint64_t>at[i] << (8 * i)
        at += size
        if code == c"r":
            check_memo(number, data)
        elif kind < 0:
            if number > <uint64_t>(end - at):
                raise pickle.UnpicklingError("pickle data was truncated")
            at += number
    return 0


cdef int check_memo(object number, bytes data) except -1:
    """Pickles number what they put into the memo in order, from 0 or 1, an opcode for each."""
    if number > PyBytes_GET_SIZE(data):
        raise pickle.UnpicklingError(f"number {number} in the memo of {len(data)} bytes of pickle")
    return 0


def restricted(allowed):
    """A function like pickle.loads that loads nothing but what is allowed."""
    allowed = frozenset(allowed)

    def load(data):
        check_room(bytes(data))
        unpickler = _Unpickler(data, allowed)
        clear_extension_cache()  # what is in it would be loaded without being looked up
        return unpickler.load()

    return load


def recv_pyobj(socket, int flags=0, *, globals=None):
    """`zmq.Socket.recv_pyobj`: receive a pickle and load it.

    Parameters
    ----------
    socket : zmq.Socket
    flags : int
        See `recv`.
    globals : collection of (str, str), optional
        The exact ``(module, name)`` pairs that the pickle may name; all else is refused. An empty
        one allows plain values only: numbers, text, bytes, lists, dicts and the like. With it a
        pickle takes no more memory than its values do.

    Returns
    -------
    object
        As `pickle.loads`.

    Raises
    ------
    RefusedError
        The pickle names something that is not in `globals`. The frame has been consumed.
    Exception
        As `pickle.loads`, and what the pickle itself raises.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As `recv`.

    Warnings
    --------
    Without `globals`, **whoever can send to this socket can run any code in this process**: a pickle
    is a program. Use it among processes that you trust with that, over CURVE or ipc permissions; or
    use `send_array`, `send_json`. With `globals`, the sender calls what is allowed, with arguments of
    its choice, and sets its attributes: allow classes that are harmless then, never ``getattr``.
    """
    load = pickle_loads if globals is None else restricted(globals)
    if comes_by(socket, RECV):
        return socket._deserialize(socket.recv(flags), load)
    return load(recv_bytes(socket, flags))


# ---- your own functions

def send_serialized(socket, msg, serialize, int flags=0, bint copy=True, **kwargs):
    """`zmq.Socket.send_serialized`: send a value as the frames that a function makes of it.

    Parameters
    ----------
    socket : zmq.Socket
    msg : object
    serialize : callable
        Called with `msg`; returns a sequence of frames.
    flags, copy, **kwargs
        See `send_multipart`.

    Returns
    -------
    zmq.MessageTracker or None
        As `send_multipart`.

    Raises
    ------
    Exception
        As `serialize`, and as `send_multipart`. Nothing has been sent.
    """
    if comes_by(socket, SEND_MULTIPART):
        return pyzmq.Socket.send_serialized(socket, msg, serialize, flags, copy, **kwargs)
    return send_multipart(socket, serialize(msg), flags, copy, **kwargs)


def recv_serialized(socket, deserialize, int flags=0, bint copy=True):
    """`zmq.Socket.recv_serialized`: receive a message, and call a function with its frames.

    Parameters
    ----------
    socket : zmq.Socket
    deserialize : callable
        Called with the list of frames, bytes or, with ``copy=False``, `zmq.Frame`.
    flags, copy
        See `recv_multipart`.

    Returns
    -------
    object
        What `deserialize` returns.

    Raises
    ------
    Exception
        As `deserialize`; the message has been consumed. And as `recv_multipart`.
    """
    if comes_by(socket, RECV_MULTIPART):
        return pyzmq.Socket.recv_serialized(socket, deserialize, flags, copy)
    return deserialize(recv_multipart(socket, flags, copy))
