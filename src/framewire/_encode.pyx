"""numpy arrays into frames: a head, packed by csrc/ (docs/wire-format.md), and a payload.

What is copied and what is sent in place is decided here, by the rules of docs/design.md.
"""

import functools
import sys

import msgspec
import numpy

from .dtypes import CODES, describe

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

cimport numpy as np

from ._buffers cimport SMALL, hold_array, must_copy
from ._c cimport *
from ._frames cimport Frames, frames_copy, frames_lend, frames_reserve

__all__ = []

np.import_array()


@functools.lru_cache(maxsize=256)
def _describe(dtype, aligned):
    return describe(dtype)  # aligned or not, dtypes are equal, and have different descriptions


cdef char BIG_ENDIAN = b">" if sys.byteorder == "little" else b"="

cdef enum:
    NUMPY_TYPES = 24  # numpy's own types have numbers below this (NPY_NTYPES_LEGACY)

# The dtype code of each of numpy's type numbers, 0 where the dtype is described in text. C's long
# and long long can be the same on the wire, and two types to numpy.
cdef uint8_t code_of_num[NUMPY_TYPES]
for char in "?bBhHiIlLqQefdgFDG":
    for code, dtype in CODES.items():
        if numpy.dtype(char) == dtype:
            code_of_num[numpy.dtype(char).num] = code


cdef uint8_t code_of(np.ndarray array) noexcept:
    """The dtype byte of an array, FW_DTYPE_DESCRIBED if it has none."""
    cdef np.dtype dtype = <np.dtype>np.PyArray_DESCR(array)
    if dtype.type_num >= NUMPY_TYPES:
        return FW_DTYPE_DESCRIBED
    cdef uint8_t code = code_of_num[dtype.type_num]
    if code != FW_DTYPE_DESCRIBED and dtype.byteorder == BIG_ENDIAN:
        return code | FW_DTYPE_BIG
    return code


cdef np.ndarray checked_array(object A):
    """A as a plain ndarray over the same memory, or TypeError."""
    if np.PyArray_CheckExact(A):
        return A
    if isinstance(A, numpy.ma.MaskedArray):
        raise TypeError("a masked array would lose its mask: send A.filled(), or A.data and A.mask")
    if not isinstance(A, (numpy.ndarray, numpy.generic)):
        raise TypeError(f"A must be a numpy array, not {type(A).__name__}")
    return numpy.asarray(A)


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
    return numpy.ascontiguousarray(part)


cdef int put_array(Frames *frames, object A, object copy, object meta) except -1:
    """Append an array: its head, and its payload in the same frame or in one of its own."""
    cdef np.ndarray array = checked_array(A)
    cdef np.ndarray stored = array
    cdef fw_head_t head
    cdef int i
    if np.PyArray_NDIM(array) > FW_NDIM_MAX:
        raise ValueError(f"{array.ndim} dimensions; at most {FW_NDIM_MAX} can be sent")
    head.serializer = FW_SERIALIZER_ARRAY
    head.flags = 0
    head.broadcast = 0
    if meta is not None:
        meta = encode_meta(meta)
        head.flags |= FW_FLAG_META
        head.meta = <const uint8_t *>PyBytes_AS_STRING(meta)
        head.meta_size = PyBytes_GET_SIZE(meta)
    head.ndim = np.PyArray_NDIM(array)
    for i in range(head.ndim):
        head.shape[i] = np.PyArray_DIM(array, i)
    head.dtype = code_of(array)
    if head.dtype == FW_DTYPE_DESCRIBED:
        description = _describe(array.dtype, array.dtype.isalignedstruct)
        head.flags |= FW_FLAG_TYPE
        head.type = <const uint8_t *>PyBytes_AS_STRING(description)
        head.type_size = PyBytes_GET_SIZE(description)
    if not np.PyArray_IS_C_CONTIGUOUS(array) and np.PyArray_ITEMSIZE(array) != 0:
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
    return frames_lend(frames, hold_array(stored))


cdef int check(int rc) except -1:
    """A head that cannot be packed: what is not caught before is a shape that is too large."""
    if rc != FW_OK:
        raise ValueError((<bytes>fw_error_message(rc)).decode())
    return 0
