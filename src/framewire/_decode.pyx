"""Frames into numpy arrays: find the head, check everything, then view or copy the payload.

Heads are parsed by csrc/ (docs/wire-format.md). What is copied and what is a view is decided here,
by the rules of docs/design.md.
"""

import sys

import numpy
from zmq import ZMQError

from .dtypes import CODES, in_order, parse
from .errors import DecodeError, LimitError, RefusedError, SchemaError
from .recipe import parse_header
from .serializers.registry import NAMES

from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint8_t, uint64_t

cimport numpy as np

from ._buffers cimport copy_bytes
from ._c cimport *
from ._codec cimport Codec
from ._compressed cimport plain_frames
from ._frames cimport Frames, Span, frames_begin, frames_end, frames_load, frames_span
from ._libzmq cimport ZMQ_ROUTER, ZMQ_STREAM, ZMQ_TYPE, socket_option
from ._payload cimport Part, Payload, part_owner, payload_next, payload_open

cdef extern from "numpy/arrayobject.h":
    ctypedef struct PyArray_Descr:
        pass

    # as in numpy's own pxd, but with the dtype as a pointer: the call steals the reference
    object new_array "PyArray_NewFromDescr"(
        PyTypeObject *cls, PyArray_Descr *dtype, int ndim, np.npy_intp *shape, np.npy_intp *strides,
        void *data, int flags, PyObject *like
    )
    PyTypeObject ndarray_type "PyArray_Type"

__all__ = ["type_of"]

np.import_array()

cdef int _NDIM_MAX = 64 if int(numpy.__version__.split(".")[0]) >= 2 else 32

cdef PyObject *dtype_of_code[256]  # held for good; NULL where this machine has none


cdef int keep_dtype(uint8_t code, np.dtype dtype) except -1:
    Py_INCREF(dtype)
    dtype_of_code[code] = <PyObject *>dtype
    return 0


for code, dtype in CODES.items():
    if dtype.itemsize == 1:
        keep_dtype(code, dtype)
    else:
        keep_dtype(code, in_order(dtype, "<"))
        keep_dtype(code | FW_DTYPE_BIG, in_order(dtype, ">"))


cdef object decode_error(int rc, size_t offset):
    message = (<bytes>fw_error_message(rc)).decode()
    code = (<bytes>fw_error_name(rc)).decode()
    return DecodeError(f"{message} (at byte {offset} of the head)", code, offset)


cdef bint takes_routing_id(object socket) except -1:
    """Is a message's first frame a routing id on this socket, whatever it contains?

    Of one that was closed or terminated since the message came, nobody can tell: no.
    """
    try:
        return socket_option(socket, ZMQ_TYPE) in (ZMQ_ROUTER, ZMQ_STREAM)
    except ZMQError:
        return False


def type_of(socket):
    """`socket.type`; None of one that was closed or terminated since its message came."""
    try:
        return socket.type
    except ZMQError:
        return None


cdef dict receive_context(
    Frames *frames, Py_ssize_t at, object socket, Codec codec, dict known
):
    """What a function that users registered is told of a message whose head is frame `at`.

    That is `known`, where the caller has taken the message apart before.
    """
    cdef Span topic
    if known is not None:
        return known
    context = {"allow": codec.allow}
    if socket is not None:
        context["socket_type"] = type_of(socket)
        if at > 0 and not takes_routing_id(socket):
            topic = frames_span(frames, at - 1)
            context["topic"] = topic.data[:topic.size]
    return context


cdef Py_ssize_t find_head(Frames *frames, object socket, Span *frame) except -2:
    """The index of the head, or -1, and where its frame is.

    On ROUTER and STREAM frame 0 is a routing id, come what may.
    """
    cdef Py_ssize_t i
    for i in range(frames.count):
        frame[0] = frames_span(frames, i)
        if fw_head_match(frame.data, frame.size):
            if i == 0 and frames.count > 1 and socket is not None and takes_routing_id(socket):
                continue
            return i
    return -1


cdef int read_head(Span frame, fw_head_t *head) except -1:
    """Parse and check a head."""
    cdef size_t offset = 0
    cdef int rc = fw_head_parse(frame.data, frame.size, head, &offset)
    if rc != FW_OK:
        raise decode_error(rc, offset)
    return 0


cdef np.dtype head_dtype(const fw_head_t *head):
    """The dtype of an array with a parsed head, which a described one is checked by now."""
    cdef int rc
    if head.dtype != FW_DTYPE_DESCRIBED:
        if dtype_of_code[head.dtype] == NULL:
            raise RefusedError("this machine has no such long double", "refused", 6)
        return <np.dtype>dtype_of_code[head.dtype]
    dtype = parse(head.type[:head.type_size])
    rc = fw_head_check_payload(head, dtype.itemsize)
    if rc != FW_OK:
        raise decode_error(rc, 8)
    return dtype


cdef np.dtype read_recipe(Frames *frames, fw_head_t *head, Part *part):
    """A head for the last two frames of a message of the pyzmq documentation's recipe."""
    cdef Span frame
    cdef int rc
    if frames.count < 2:
        raise DecodeError("neither a framewire message nor one of the pyzmq recipe", "foreign")
    frame = frames_span(frames, frames.count - 2)
    dtype, shape = parse_header(frame.data[:frame.size])
    if len(shape) > FW_NDIM_MAX:
        raise DecodeError(f"{len(shape)} dimensions", "ndim")
    head.flags = 0
    head.buffers = 1
    head.meta_size = 0
    head.ndim = len(shape)
    part.frame = frames.count - 1
    part.offset = 0
    part.alone = True
    part.span = frames_span(frames, part.frame)
    head.payload = part.span.size
    for i, n in enumerate(shape):
        if n > sys.maxsize:
            raise DecodeError(f"a shape that is too large: {shape}", "shape")
        head.shape[i] = n
    rc = fw_head_check_payload(head, dtype.itemsize)
    if rc != FW_OK:
        raise decode_error(rc, 0)
    return dtype


cdef inline object array_at(
    np.dtype dtype, const fw_head_t *head, np.npy_intp *shape, np.npy_intp *strides, void *data,
    int flags
):
    """PyArray_NewFromDescr, with `data` or, if it is NULL, memory of its own."""
    Py_INCREF(dtype)
    return new_array(
        &ndarray_type, <PyArray_Descr *><void *>dtype, head.ndim, shape, strides, data, flags, NULL
    )


cdef np.ndarray stored_array(
    Frames *frames, const fw_head_t *head, Part *part, np.dtype dtype, object copy
):
    """The array as it is stored in the payload: a view of it, or a copy."""
    cdef np.npy_intp shape[FW_NDIM_MAX]
    cdef int flags = np.NPY_ARRAY_F_CONTIGUOUS if head.flags & FW_FLAG_FORTRAN else 0
    cdef bint writable = bool(copy)
    cdef uint64_t mask = head.broadcast if head.flags & FW_FLAG_BROADCAST else 0
    cdef int i
    cdef np.ndarray array
    for i in range(head.ndim):
        shape[i] = 1 if mask >> i & 1 else <np.npy_intp>head.shape[i]
    # numpy 1 has dtypes with an alignment of 0
    owner = part_owner(frames, part, max(dtype.alignment, 1), writable)
    if owner is not None:
        if writable:
            flags |= np.NPY_ARRAY_WRITEABLE
        array = array_at(dtype, head, shape, NULL, <void *>part.span.data, flags)
        np.set_array_base(array, owner)
        return array
    if dtype.itemsize == 0:
        return empty_items(dtype, head)
    array = array_at(dtype, head, shape, NULL, NULL, flags)
    copy_bytes(np.PyArray_DATA(array), part.span.data, part.span.size)
    if not writable:
        np.PyArray_CLEARFLAGS(array, np.NPY_ARRAY_WRITEABLE)
    return array


cdef np.ndarray empty_items(np.dtype dtype, const fw_head_t *head):
    """An array of items of no bytes, which numpy makes only as the field of a structure."""
    shape = tuple([head.shape[i] for i in range(head.ndim)])
    return numpy.ndarray(shape, numpy.dtype([("f", dtype)]), b"")["f"]


cdef object spread(np.ndarray stored, const fw_head_t *head, object copy):
    """Repeat the broadcast axes of a stored array: a view with zero strides, or a copy of it."""
    cdef np.npy_intp shape[FW_NDIM_MAX]
    cdef np.npy_intp strides[FW_NDIM_MAX]
    cdef int i
    for i in range(head.ndim):
        shape[i] = head.shape[i]
        strides[i] = 0 if head.broadcast >> i & 1 else np.PyArray_STRIDE(stored, i)
    array = array_at(
        <np.dtype>np.PyArray_DESCR(stored), head, shape, strides, np.PyArray_DATA(stored), 0
    )
    np.set_array_base(array, stored)
    if copy:
        return numpy.array(array, order="F" if head.flags & FW_FLAG_FORTRAN else "C")
    return array


cdef int check_spread(
    const fw_head_t *head, uint64_t itemsize, bint copied, uint64_t *room
) except -1:
    """Bound what is larger here than on the wire, for a message. The product does not overflow."""
    cdef uint64_t total = max(itemsize, 1)
    cdef int i
    for i in range(head.ndim):
        total *= head.shape[i]
    if total > room[0]:
        raise LimitError(
            f"an array spread out to {total} bytes, with {room[0]} left of Limits(spread=...)",
            "limit",
            None,
            "spread",
        )
    if copied:
        room[0] -= total
    return 0


cdef object fill(np.ndarray out, np.ndarray source):
    numpy.copyto(out, source, casting="no")
    return out


cdef object array_of(
    Frames *frames, const fw_head_t *head, Part *part, np.dtype found, object copy, object out,
    uint64_t *room
):
    """The array of a parsed head and its payload. *room: bytes that arrays may be spread out to."""
    if head.ndim > _NDIM_MAX:
        raise LimitError(f"{head.ndim} dimensions; this numpy has at most {_NDIM_MAX}", "limit")
    if out is None and (found.itemsize == 0 or head.flags & FW_FLAG_BROADCAST):
        check_spread(head, found.itemsize, bool(copy), room)
    cdef np.ndarray stored = stored_array(frames, head, part, found, copy if out is None else None)
    if out is not None and not head.flags & FW_FLAG_BROADCAST:
        return fill(out, stored)
    if head.flags & FW_FLAG_BROADCAST:
        array = spread(stored, head, copy if out is None else None)
        return array if out is None else fill(out, array)
    return stored


cdef object scalar_of(np.ndarray array):
    """The scalar of an array of no dimensions. As a str it must be one."""
    if array.dtype.kind == "U" and array.dtype.itemsize:
        if array.astype(array.dtype.newbyteorder("=")).reshape(1).view("u4").max() > 0x10FFFF:
            raise DecodeError("a text with code points that there are not", "payload")
    return array[()]


cdef object get_array(
    Frames *frames, object socket, Codec codec, object copy, object out, object dtype, object shape
):
    """Decode a message, or, if it has no head, one of the recipe. `socket` is as for find_head."""
    cdef fw_head_t head
    cdef Span frame
    cdef Py_ssize_t at = find_head(frames, socket, &frame)
    cdef np.dtype found
    cdef Payload payload
    cdef Part part
    cdef uint64_t room = codec.spread
    cdef Frames plain
    if at < 0:
        codec.check(FW_SERIALIZER_ARRAY, None)
        found = read_recipe(frames, &head, &part)
        codec.admit(&head, frames.count)
    else:
        read_head(frame, &head)
        if head.serializer != FW_SERIALIZER_USER:
            codec.check(head.serializer, None)
        if head.serializer != FW_SERIALIZER_ARRAY:
            name = NAMES.get(head.serializer, "user")
            what = f"a message of the serializer {name!r} is no array: recv_value takes it"
            raise SchemaError(what, "mismatch")
        codec.admit(&head, frames.count)
        found = head_dtype(&head)
        if head.flags & FW_FLAG_COMPRESSED:
            frames_begin(&plain, True, False)
            try:
                frames_load(&plain, plain_frames(frames, at, frame, &head, codec))
                return get_array(&plain, None, codec, copy, out, dtype, shape)
            finally:
                frames_end(&plain)
        payload_open(&payload, frames, at, frame, &head)
        part = payload_next(&payload)
    if dtype is not None or shape is not None or out is not None:
        check_expected(found, tuple([head.shape[i] for i in range(head.ndim)]), dtype, shape, out)
    return array_of(frames, &head, &part, found, copy, out, &room)


cdef int check_expected(object found, tuple found_shape, object dtype, object shape, object out) except -1:
    """Raise SchemaError where the array that came is not the one that was asked for."""
    if out is not None:
        check_expected(found, found_shape, out.dtype, out.shape, None)
    if dtype is not None and found != dtype:
        raise SchemaError(f"an array of dtype {found} came, {dtype} was asked for", "mismatch")
    if shape is not None and (
        len(shape) != len(found_shape)
        or any([want not in (-1, n) for want, n in zip(shape, found_shape)])
    ):
        raise SchemaError(
            f"an array of shape {found_shape} came, {shape} was asked for", "mismatch"
        )
    return 0
