"""numpy arrays into frames: a head, packed by csrc/ (docs/wire-format.md), and a payload.

What is copied and what is sent in place is decided here, by the rules of docs/design.md.
"""

import functools
import sys

import msgspec
import numpy

from .dtypes import CODES, describe

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint16_t, uint64_t

cimport numpy as np

from ._buffers cimport SMALL, Buffer, copy_bytes, hold_array, must_copy
from ._c cimport *
from ._frames cimport Frames, frames_put, frames_reserve, frames_stamp

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
    if dtype.type_num < 0 or dtype.type_num >= NUMPY_TYPES:
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
    """Metadata as the head has it; None is none."""
    if meta is None:
        return None
    try:
        return msgspec.msgpack.encode(meta)
    except TypeError as error:
        raise TypeError(f"meta: {error}") from error
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


cdef int set_meta(fw_head_t *head, bytes meta) except -1:
    """Give a head the metadata that `encode_meta` made, which must outlive it."""
    head.flags |= FW_FLAG_META
    head.meta = <const uint8_t *>PyBytes_AS_STRING(meta)
    head.meta_size = PyBytes_GET_SIZE(meta)
    return 0


cdef bytes begin_head(np.ndarray array, fw_head_t *head):
    """Write what an array is into a head. Returns the text it points to, which must outlive it."""
    cdef bytes description = None
    cdef int i
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
        description = _describe(array.dtype, array.dtype.isalignedstruct)
        head.flags |= FW_FLAG_TYPE
        head.type = <const uint8_t *>PyBytes_AS_STRING(description)
        head.type_size = PyBytes_GET_SIZE(description)
    return description


cdef np.ndarray end_head(np.ndarray array, fw_head_t *head):
    """Write how an array is stored into its head. Returns what travels as its payload."""
    cdef np.ndarray stored = array
    if not np.PyArray_IS_C_CONTIGUOUS(array) and np.PyArray_ITEMSIZE(array) != 0:
        if np.PyArray_IS_F_CONTIGUOUS(array):
            head.flags |= FW_FLAG_FORTRAN
        else:
            stored = stored_part(array, head)
    head.payload = np.PyArray_NBYTES(stored)
    return stored


cdef bytes array_head(np.ndarray array, bytes meta, bint stamped, size_t *stamp_at):
    """The bytes that stand before the payload of a C-contiguous array in one frame with it."""
    cdef fw_head_t head
    description = begin_head(array, &head)  # held until the head is packed
    head.flags |= FW_FLAG_INLINE
    head.payload = np.PyArray_NBYTES(array)
    if meta is not None:
        set_meta(&head, meta)
    return template(&head, stamped, stamp_at)


cdef bytes template(fw_head_t *head, bint stamped, size_t *stamp_at):
    """A head's bytes, with room for a stamp at *stamp_at, which is 0 if it has none."""
    cdef size_t size
    stamp_at[0] = 0
    if stamped:
        head.flags |= FW_FLAG_STAMP
        stamp_at[0] = fw_head_stamp_offset(head)
    check(fw_head_size(head, &size))
    packed = PyBytes_FromStringAndSize(NULL, size)
    check(fw_head_pack(head, <uint8_t *>PyBytes_AS_STRING(packed), size, &size))
    return packed


cdef Buffer hold_stored(np.ndarray array, np.ndarray stored, object copy):
    """Hold what travels of an array, to be sent by the rules of `copy`."""
    cdef Buffer buffer = hold_array(stored)
    # a copy that was made to make it contiguous is nobody else's
    if stored is not array and np.PyArray_CHKFLAGS(stored, np.NPY_ARRAY_OWNDATA):
        buffer.copied = np.PyArray_NBYTES(stored) <= SMALL
    else:
        buffer.copied = must_copy(stored, np.PyArray_NBYTES(stored), copy)
    return buffer


cdef int put_array(
    Frames *frames, np.ndarray array, object copy, bytes meta, uint16_t flags, int place
) except -1:
    """Append an array: its head, and its payload in the same frame or in one of its own."""
    cdef fw_head_t head
    cdef np.ndarray stored
    cdef size_t size
    cdef uint8_t *frame
    description = begin_head(array, &head)  # held until the head is packed
    head.flags |= flags
    if meta is not None:
        set_meta(&head, meta)
    frames_stamp(frames, &head)
    stored = end_head(array, &head)
    check(fw_head_size(&head, &size))
    if is_inline(head.payload, place):
        head.flags |= FW_FLAG_INLINE
        frame = <uint8_t *>frames_reserve(frames, size + head.payload)
        check(fw_head_pack(&head, frame, size, &size))
        return copy_bytes(frame + size, np.PyArray_DATA(stored), head.payload)
    frame = <uint8_t *>frames_reserve(frames, size)
    check(fw_head_pack(&head, frame, size, &size))
    return frames_put(frames, hold_stored(array, stored, copy))


cdef int check(int rc) except -1:
    """A head that cannot be packed: what is not caught before is a shape that is too large."""
    if rc != FW_OK:
        raise ValueError((<bytes>fw_error_message(rc)).decode())
    return 0
