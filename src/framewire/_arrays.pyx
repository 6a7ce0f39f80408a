"""numpy arrays as frames: the array codec, and its express lane from socket to socket.

The head is packed and parsed by csrc/ (docs/wire-format.md); dtypes without a code travel as text
(dtypes.py). What is copied and what is a view is decided here, by the rules of docs/design.md.
"""

import functools
import sys

import msgspec
import numpy

from .dtypes import LONG_DOUBLES, describe, parse
from .errors import DecodeError, LimitError, SchemaError
from .recipe import parse_header

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.buffer cimport PyBUF_ANY_CONTIGUOUS
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint8_t, uint64_t, uintptr_t
from libc.string cimport memcpy

cimport numpy as np

from ._buffers cimport SMALL, Buffer, copy_bytes, hold, must_copy
from ._c cimport *
from ._libzmq cimport ZMQ_ROUTER, ZMQ_SNDMORE, ZMQ_STREAM, direct, socket_type
from ._transport cimport (
    Frames,
    Span,
    frames_begin,
    frames_copy,
    frames_end,
    frames_span,
    frames_lend,
    frames_load,
    frames_receive,
    frames_reserve,
    frames_send,
    frames_take,
    frames_unshared,
)

cdef extern from "numpy/arrayobject.h":
    # as in numpy's own pxd, but with the dtype as a borrowed pointer that the call steals
    object new_array "PyArray_NewFromDescr"(
        PyTypeObject *cls, PyObject *dtype, int ndim, np.npy_intp *shape, np.npy_intp *strides,
        void *data, int flags, PyObject *like
    )
    PyTypeObject ndarray_type "PyArray_Type"

__all__ = ["dumps", "loads", "parse_head", "recv_array", "send_array"]

np.import_array()

# A broadcast array is small on the wire and can be of any size here: up to this many bytes.
_MAX_BROADCAST = 1 << 30


# ---- dtypes with a code

_CODES = {
    FW_DTYPE_BOOL: "?", FW_DTYPE_I8: "i1", FW_DTYPE_I16: "i2", FW_DTYPE_I32: "i4",
    FW_DTYPE_I64: "i8", FW_DTYPE_U8: "u1", FW_DTYPE_U16: "u2", FW_DTYPE_U32: "u4",
    FW_DTYPE_U64: "u8", FW_DTYPE_F16: "f2", FW_DTYPE_F32: "f4", FW_DTYPE_F64: "f8",
    FW_DTYPE_C64: "c8", FW_DTYPE_C128: "c16", FW_DTYPE_F80: LONG_DOUBLES.get("f80"),
    FW_DTYPE_C160: LONG_DOUBLES.get("c160"), FW_DTYPE_F128: LONG_DOUBLES.get("f128"),
    FW_DTYPE_C256: LONG_DOUBLES.get("c256"),
}
_describe = functools.lru_cache(maxsize=256)(describe)

cdef uint8_t code_of_num[np.NPY_VOID + 1]  # 0 where the dtype is described in text
cdef list dtype_of_code = [None] * 256
cdef char BIG_ENDIAN = b">" if sys.byteorder == "little" else b"="


def _fill_tables():
    for code, name in _CODES.items():
        if name is None:
            continue
        dtype = numpy.dtype(name)
        dtype_of_code[code] = dtype.newbyteorder("<")
        if dtype.itemsize > 1:
            dtype_of_code[code | FW_DTYPE_BIG] = dtype.newbyteorder(">")
        # C's long and long long can be the same on the wire, and two types to numpy
        for char in "?bBhHiIlLqQefdgFDG":
            if numpy.dtype(char) == dtype:
                code_of_num[numpy.dtype(char).num] = code


_fill_tables()


cdef uint8_t code_of(np.ndarray array) noexcept:
    """The dtype byte of an array, FW_DTYPE_DESCRIBED if it has none."""
    cdef np.dtype dtype = <np.dtype>np.PyArray_DESCR(array)
    if dtype.type_num > np.NPY_VOID:
        return FW_DTYPE_DESCRIBED
    cdef uint8_t code = code_of_num[dtype.type_num]
    if code != FW_DTYPE_DESCRIBED and dtype.byteorder == BIG_ENDIAN:
        return code | FW_DTYPE_BIG
    return code


# ---- encoding

cdef np.ndarray checked_array(object A):
    """A as a plain ndarray over the same memory, or TypeError."""
    if type(A) is numpy.ndarray:
        return A
    if isinstance(A, numpy.ma.MaskedArray):
        raise TypeError("a masked array would lose its mask: send A.filled(), or A.data and A.mask")
    if not isinstance(A, (numpy.ndarray, numpy.generic)):
        raise TypeError(f"A must be a numpy array, not {type(A).__name__}")
    return numpy.asarray(A)


cdef int put_topic(Frames *frames, object topic) except -1:
    if isinstance(topic, str):
        topic = topic.encode()
    elif not isinstance(topic, bytes):
        raise TypeError(f"topic must be str or bytes, not {type(topic).__name__}")
    cdef const char *data = PyBytes_AS_STRING(topic)
    cdef size_t size = PyBytes_GET_SIZE(topic)
    if fw_head_match(<const uint8_t *>data, size):
        raise ValueError("a topic cannot begin with C1 46: it would be taken for the head")
    return frames_copy(frames, data, size)


cdef bytes encode_meta(object meta):
    try:
        return msgspec.msgpack.encode(meta)
    except (OverflowError, RecursionError) as error:
        raise ValueError(f"meta: {error}") from error


cdef np.ndarray stored_part(np.ndarray array, fw_head_t *head):
    """What travels of an array that is not contiguous: repeated axes once, one copy if need be."""
    cdef int i
    index = []
    for i in range(array.ndim):
        if array.strides[i] == 0 and array.shape[i] > 1 and array.size:
            head.flags |= FW_FLAG_BROADCAST
            head.broadcast |= <uint64_t>1 << i
            index.append(slice(0, 1))
        else:
            index.append(slice(None))
    part = array[tuple(index)]
    if part.flags.f_contiguous and not part.flags.c_contiguous:
        head.flags |= FW_FLAG_FORTRAN
        return part
    return numpy.ascontiguousarray(part).reshape(part.shape)  # it makes 0-d arrays 1-d


cdef int put_array(Frames *frames, object A, object copy, object topic, object meta) except -1:
    """Append an array: its topic, if any, its head, and its payload."""
    cdef np.ndarray array = checked_array(A)
    cdef np.ndarray stored = array
    cdef fw_head_t head
    cdef int i
    if topic is not None:
        put_topic(frames, topic)
    if np.PyArray_NDIM(array) > FW_NDIM_MAX:
        raise ValueError(f"{array.ndim} dimensions; at most {FW_NDIM_MAX} can be sent")
    head.serializer = FW_SERIALIZER_ARRAY
    head.flags = 0
    head.broadcast = 0
    head.ndim = np.PyArray_NDIM(array)
    for i in range(head.ndim):
        head.shape[i] = np.PyArray_DIM(array, i)
    head.dtype = code_of(array)
    if head.dtype == FW_DTYPE_DESCRIBED:
        description = _describe(array.dtype)
        head.flags |= FW_FLAG_TYPE
        head.type = <const uint8_t *>PyBytes_AS_STRING(description)
        head.type_size = PyBytes_GET_SIZE(description)
    if meta is not None:
        meta = encode_meta(meta)
        head.flags |= FW_FLAG_META
        head.meta = <const uint8_t *>PyBytes_AS_STRING(meta)
        head.meta_size = PyBytes_GET_SIZE(meta)
    if not np.PyArray_IS_C_CONTIGUOUS(array):
        if np.PyArray_IS_F_CONTIGUOUS(array):
            head.flags |= FW_FLAG_FORTRAN
        else:
            stored = stored_part(array, &head)
    head.payload = np.PyArray_NBYTES(stored)
    return put_head_and_payload(frames, &head, array, stored, copy)


cdef int put_head_and_payload(
    Frames *frames, fw_head_t *head, np.ndarray array, np.ndarray stored, object copy
) except -1:
    cdef void *data = np.PyArray_DATA(stored)
    cdef size_t size
    cdef uint8_t *frame
    check(fw_head_size(head, &size))
    if head.payload <= SMALL:
        head.flags |= FW_FLAG_INLINE
        frame = <uint8_t *>frames_reserve(frames, size + head.payload)
        check(fw_head_pack(head, frame, size, &size))
        memcpy(frame + size, data, head.payload)
        return 0
    frame = <uint8_t *>frames_reserve(frames, size)
    check(fw_head_pack(head, frame, size, &size))
    # a copy that was made to make it contiguous is nobody else's
    cdef bint fresh = stored is not array and np.PyArray_CHKFLAGS(stored, np.NPY_ARRAY_OWNDATA)
    if not fresh and must_copy(stored, head.payload, copy):
        return frames_copy(frames, data, head.payload)
    return frames_lend(frames, hold(stored, PyBUF_ANY_CONTIGUOUS))


cdef int check(int rc) except -1:
    """A head that cannot be packed: what is not caught before is a shape that is too large."""
    if rc != FW_OK:
        raise ValueError((<bytes>fw_error_message(rc)).decode())
    return 0


def send_array(socket, A, int flags=0, copy=None, bint track=False, *, topic=None, meta=None):
    """Send a numpy array as one self-describing message.

    Parameters
    ----------
    socket : zmq.Socket
    A : numpy.ndarray or numpy.generic
        Any shape, of any dtype but object and StringDType. C and Fortran order are kept; another
        layout costs one copy; an axis of stride 0 (`numpy.broadcast_to`) travels once. Subclasses
        travel as plain arrays; masked arrays are refused.
    flags : int
        ``zmq.DONTWAIT``.
    copy : None or bool
        None sends the payload in place if nobody can change it (its memory belongs to bytes or to
        a received message) and copies it otherwise. False sends it in place: do not write to A
        until the tracker is done. True copies. A payload of up to 8 KiB is always copied, into the
        frame of the head.
    track : bool
        Return a `MessageTracker`, done when libzmq has released every frame.
    topic : str or bytes, optional
        Sent as a frame before the head, str as UTF-8. On a ROUTER: the peer's routing id.
    meta : object, optional
        Anything that MessagePack carries; read with `recv_message`.

    Returns
    -------
    MessageTracker or None

    Raises
    ------
    TypeError
        A is no array, or its dtype, `topic` or `meta` cannot be sent.
    ValueError
        ``zmq.SNDMORE`` (a head describes a whole message), or a topic that begins with the magic.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's ``send``. No peer sees part of the message.

    Notes
    -----
    Wire format: "The head", "Arrays". In place, A's buffer is held (PEP 3118) until libzmq
    releases it.
    """
    cdef Frames frames
    if flags & ZMQ_SNDMORE:
        raise ValueError("SNDMORE: a head describes a whole message, nothing can follow an array")
    frames_begin(&frames, not direct, track)
    try:
        put_array(&frames, A, copy, topic, meta)
        return frames_send(&frames, socket, flags)
    finally:
        frames_end(&frames)


def dumps(A, *, copy=None, meta=None):
    """The frames of an array, without a socket: for files and other transports.

    Parameters
    ----------
    A, copy, meta
        As for `send_array`. What is not copied is aliased by the result.

    Returns
    -------
    list of bytes and memoryview
        The head, and, over 8 KiB, the payload: read-only, one-dimensional.

    Raises
    ------
    TypeError, ValueError
        As for `send_array`.
    """
    cdef Frames frames
    frames_begin(&frames, True, False)
    try:
        put_array(&frames, A, copy, None, meta)
        return [
            memoryview(each) if type(each) is Buffer else each for each in <list>frames.objects
        ]
    finally:
        frames_end(&frames)


# ---- decoding

cdef object decode_error(int rc, size_t offset):
    message = (<bytes>fw_error_message(rc)).decode()
    code = (<bytes>fw_error_name(rc)).decode()
    return DecodeError(f"{message} (at byte {offset} of the head)", code, offset)


cdef Py_ssize_t find_head(Frames *frames, object socket) except -2:
    """The index of the head, or -1. On ROUTER and STREAM frame 0 is a routing id, come what may."""
    cdef Span frame
    cdef Py_ssize_t i
    for i in range(frames.count):
        frame = frames_span(frames, i)
        if fw_head_match(frame.data, frame.size):
            if i == 0 and frames.count > 1 and socket is not None:
                if socket_type(socket) in (ZMQ_ROUTER, ZMQ_STREAM):
                    continue
            return i
    return -1


cdef np.dtype read_head(Frames *frames, Py_ssize_t at, fw_head_t *head):
    """Parse and check the head at `at`, and that the right frames follow it. Returns the dtype."""
    cdef Span frame = frames_span(frames, at)
    cdef size_t offset = 0
    cdef int rc = fw_head_parse(frame.data, frame.size, head, &offset)
    if rc != FW_OK:
        raise decode_error(rc, offset)
    cdef Py_ssize_t expected = 0 if head.flags & FW_FLAG_INLINE else 1
    if frames.count - at - 1 != expected:
        raise DecodeError(
            f"{frames.count - at - 1} frames follow the head, it says {expected}", "frames"
        )
    if expected:
        frame = frames_span(frames, at + 1)
        if frame.size != head.payload:
            raise DecodeError(
                f"the payload's frame has {frame.size} bytes, the head says {head.payload}", "frames"
            )
    if head.dtype != FW_DTYPE_DESCRIBED:
        dtype = dtype_of_code[head.dtype]
        if dtype is None:
            raise DecodeError("this machine has no such long double", "dtype", 6)
        return dtype
    dtype = parse(head.type[:head.type_size])
    rc = fw_head_check_payload(head, dtype.itemsize)
    if rc != FW_OK:
        raise decode_error(rc, 8)
    return dtype


cdef np.dtype read_recipe(Frames *frames, fw_head_t *head):
    """The same for the last two frames of a message of the pyzmq documentation's recipe."""
    cdef Span frame
    cdef int rc
    if frames.count < 2:
        raise DecodeError("neither a framewire message nor one of the pyzmq recipe", "foreign")
    frame = frames_span(frames, frames.count - 2)
    dtype, shape = parse_header(frame.data[:frame.size])
    if len(shape) > FW_NDIM_MAX:
        raise DecodeError(f"{len(shape)} dimensions", "ndim")
    head.flags = 0
    head.ndim = len(shape)
    head.payload = frames_span(frames, frames.count - 1).size
    for i, n in enumerate(shape):
        if n > sys.maxsize:
            raise DecodeError(f"a shape that is too large: {shape}", "shape")
        head.shape[i] = n
    rc = fw_head_check_payload(head, dtype.itemsize)
    if rc != FW_OK:
        raise decode_error(rc, 0)
    return dtype


cdef object array_at(
    np.dtype dtype, fw_head_t *head, np.npy_intp *shape, np.npy_intp *strides, void *data,
    int flags
):
    """PyArray_NewFromDescr, with `data` or, if it is NULL, memory of its own."""
    Py_INCREF(dtype)
    try:
        return new_array(
            &ndarray_type, <PyObject *>dtype, head.ndim, shape, strides, data, flags, NULL
        )
    except ValueError as error:  # more dimensions than this numpy has
        raise LimitError(str(error), "limit") from error


cdef np.ndarray stored_array(
    Frames *frames, Py_ssize_t where, size_t offset, fw_head_t *head, np.dtype dtype, object copy
):
    """The array as it is stored in the payload: a view of its frame, or a copy."""
    cdef const uint8_t *data = frames_span(frames, where).data + offset
    cdef np.npy_intp shape[FW_NDIM_MAX]
    cdef int flags = np.NPY_ARRAY_F_CONTIGUOUS if head.flags & FW_FLAG_FORTRAN else 0
    cdef bint writable = bool(copy)
    cdef uint64_t mask = head.broadcast if head.flags & FW_FLAG_BROADCAST else 0
    cdef int i
    cdef np.ndarray array
    for i in range(head.ndim):
        shape[i] = 1 if mask >> i & 1 else <np.npy_intp>head.shape[i]
    if (
        head.payload > SMALL
        and <uintptr_t>data % dtype.alignment == 0
        and (not writable or frames_unshared(frames, where))
    ):
        owner = frames_take(frames, where, writable)
        if writable:
            flags |= np.NPY_ARRAY_WRITEABLE
        array = array_at(dtype, head, shape, NULL, <void *>data, flags)
        np.set_array_base(array, owner)
        return array
    if dtype.itemsize == 0:
        return empty_items(dtype, head)
    array = array_at(dtype, head, shape, NULL, NULL, flags)
    copy_bytes(np.PyArray_DATA(array), data, head.payload)
    if not writable:
        np.PyArray_CLEARFLAGS(array, np.NPY_ARRAY_WRITEABLE)
    return array


cdef np.ndarray empty_items(np.dtype dtype, fw_head_t *head):
    """An array of items of no bytes, which numpy makes only as the field of a structure."""
    shape = tuple([head.shape[i] for i in range(head.ndim)])
    return numpy.ndarray(shape, numpy.dtype([("f", dtype)]), b"")["f"]


cdef object spread(np.ndarray stored, fw_head_t *head, object copy):
    """Repeat the broadcast axes of a stored array: a view with zero strides, or a copy of it."""
    cdef np.npy_intp shape[FW_NDIM_MAX]
    cdef np.npy_intp strides[FW_NDIM_MAX]
    cdef int i
    cdef uint64_t total = max(stored.itemsize, 1)
    for i in range(head.ndim):
        shape[i] = head.shape[i]
        strides[i] = 0 if head.broadcast >> i & 1 else np.PyArray_STRIDE(stored, i)
        total *= max(head.shape[i], 1)
    if total > _MAX_BROADCAST:
        raise LimitError(f"an array broadcast to {total} bytes; at most {_MAX_BROADCAST}", "limit")
    array = array_at(
        <np.dtype>np.PyArray_DESCR(stored), head, shape, strides, np.PyArray_DATA(stored), 0
    )
    np.set_array_base(array, stored)
    if copy:
        return numpy.array(array, order="F" if head.flags & FW_FLAG_FORTRAN else "C")
    return array


cdef object fill(np.ndarray out, np.ndarray source):
    numpy.copyto(out, source, casting="no")
    return out


cdef object get_array(
    Frames *frames, Py_ssize_t at, object copy, object out, object dtype, object shape
):
    """Decode the message whose head is frame `at`, or, if that is -1, one of the recipe."""
    cdef fw_head_t head
    cdef np.dtype found
    cdef Py_ssize_t where = frames.count - 1
    cdef size_t offset = 0
    cdef np.ndarray stored
    if at < 0:
        found = read_recipe(frames, &head)
    else:
        found = read_head(frames, at, &head)
        if head.flags & FW_FLAG_INLINE:
            offset = head.size
    if dtype is not None or shape is not None or out is not None:
        check_expected(found, tuple([head.shape[i] for i in range(head.ndim)]), dtype, shape, out)
    stored = stored_array(frames, where, offset, &head, found, copy if out is None else None)
    if out is not None and not head.flags & FW_FLAG_BROADCAST:
        return fill(out, stored)
    if head.flags & FW_FLAG_BROADCAST:
        array = spread(stored, &head, copy)
        return array if out is None else fill(out, array)
    return stored


cdef int check_expected(object found, tuple found_shape, object dtype, object shape, object out) except -1:
    """Raise SchemaError where the array that came is not the one that was asked for."""
    if out is not None:
        check_expected(found, found_shape, out.dtype, out.shape, None)
    if dtype is not None and found != dtype:
        raise SchemaError(f"an array of dtype {found} came, {dtype} was asked for", "mismatch")
    if shape is not None and (
        len(shape) != len(found_shape)
        or any(want not in (-1, n) for want, n in zip(shape, found_shape))
    ):
        raise SchemaError(
            f"an array of shape {found_shape} came, {shape} was asked for", "mismatch"
        )
    return 0


cdef object as_shape(object shape):
    return shape if shape is None else tuple(
        int(n) for n in (shape if isinstance(shape, (tuple, list)) else (shape,))
    )


cdef int check_out(object out) except -1:
    if out is None:
        return 0
    if not isinstance(out, numpy.ndarray) or isinstance(out, numpy.ma.MaskedArray):
        raise TypeError(f"out must be a numpy array, not {type(out).__name__}")
    if not out.flags.writeable:
        raise ValueError("out is read-only")
    return 0


def recv_array(
    socket, int flags=0, copy=None, bint track=False, *, out=None, dtype=None, shape=None
):
    """Receive an array: a message of `send_array`, or of the recipe in the pyzmq documentation.

    Parameters
    ----------
    socket : zmq.Socket
    flags : int
        ``zmq.DONTWAIT``.
    copy : None or bool
        None or False: a read-only array. A payload of over 8 KiB is a view of the received
        message, which it keeps alive: beyond the next receive, the socket and the context. True:
        writable memory of your own, copied unless the message is provably nobody else's.
    track : bool
        Ignored; the recipe has it.
    out : numpy.ndarray, optional
        Receive into this writable array of the same dtype and shape, any strides. It is returned.
    dtype : dtype, optional
        Refuse an array of any other dtype.
    shape : int or tuple of int, optional
        Refuse an array of any other shape; -1 stands for any length.

    Returns
    -------
    numpy.ndarray
        With ``flags.aligned``. A broadcast array comes back with its zero strides, read-only, or
        with ``copy=True`` written out; at most 1 GiB of it.

    Raises
    ------
    TypeError, ValueError
        `out` is no array or read-only; nothing was received.
    DecodeError
        The message is not what it claims to be, or no array (code ``foreign``).
    SchemaError
        It is not of the dtype or shape that was asked for.
    zmq.Again, zmq.ContextTerminated, zmq.ZMQError
        As pyzmq's ``recv``.

    Notes
    -----
    Whatever the error, the whole message has been consumed and the next one is intact. Topics and
    other envelope frames are dropped: `recv_message` shows them.
    """
    cdef Frames frames
    check_out(out)
    if dtype is not None:
        dtype = numpy.dtype(dtype)
    shape = as_shape(shape)
    frames_begin(&frames, not direct, False)
    try:
        frames_receive(&frames, socket, flags)
        return get_array(&frames, find_head(&frames, socket), copy, out, dtype, shape)
    finally:
        frames_end(&frames)


def loads(frames, *, copy=None, out=None, dtype=None, shape=None):
    """The array of frames that `dumps` made, or that came by another way.

    Parameters
    ----------
    frames : buffer, or iterable of buffers
        Contiguous, bytes-like; envelope frames may stand before the head. Payloads of over 8 KiB
        are not copied: the array aliases its frame and holds its buffer.
    copy, out, dtype, shape
        As for `recv_array`; ``copy=True`` always copies.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    TypeError, ValueError, DecodeError, SchemaError
        As for `recv_array`; BufferError for a buffer that is not contiguous.
    """
    cdef Frames list_of_frames
    check_out(out)
    if dtype is not None:
        dtype = numpy.dtype(dtype)
    shape = as_shape(shape)
    if isinstance(frames, (bytes, bytearray, memoryview)):
        frames = (frames,)
    frames_begin(&list_of_frames, True, False)
    try:
        frames_load(&list_of_frames, frames)
        return get_array(
            &list_of_frames, find_head(&list_of_frames, None), copy, out, dtype, shape
        )
    finally:
        frames_end(&list_of_frames)


def parse_head(frames, socket=None):
    """Find and check the head of a message.

    Parameters
    ----------
    frames : iterable of buffers
    socket : zmq.Socket, optional
        Where they came from: on a ROUTER or STREAM the first one is a routing id.

    Returns
    -------
    tuple of (int, bytes or None) or None
        The index of the head and its metadata as msgpack; None if the message has no head.

    Raises
    ------
    DecodeError
        The head is malformed.
    """
    cdef Frames list_of_frames
    cdef fw_head_t head
    cdef Py_ssize_t at
    frames_begin(&list_of_frames, True, False)
    try:
        frames_load(&list_of_frames, frames)
        at = find_head(&list_of_frames, socket)
        if at < 0:
            return None
        read_head(&list_of_frames, at, &head)
        return at, head.meta[:head.meta_size] if head.flags & FW_FLAG_META else None
    finally:
        frames_end(&list_of_frames)
