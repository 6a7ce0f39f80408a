"""The values of a record's fixed fields: from bytes to Python and back, in C.

A `Cell` is what a field is but for its place. Nested records and tails are done in `_records.pyx`.
"""

import numpy

from .errors import DecodeError
from .lossless import as_array

from cpython.buffer cimport PyObject_CheckBuffer
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_CheckExact,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy, memset

cdef extern from "Python.h":
    unsigned long long PyLong_AsUnsignedLongLong(object number) except? 0xFFFFFFFFFFFFFFFF
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL
    object PyNumber_Index(object number)

__all__ = ["Cell"]


cdef int kind_of(object form, object dtype, object cls) except -1:
    if form == "str":
        return STR
    if form == "bytes":
        return BYTES
    if cls is str:
        return TEXT
    if isinstance(form, dict) and cls is not None:
        return NESTED
    if dtype.subdtype is None and dtype.names is None:
        if dtype.kind == "f" and dtype.itemsize in (4, 8) and dtype.isbuiltin != 2:
            return FLOAT
        if dtype.kind in "uibV" and dtype.isbuiltin != 2:
            return {"u": UNSIGNED, "i": SIGNED, "b": BOOL, "V": BLOB}[dtype.kind]
    return NUMPY


cdef class Cell:
    """The type of a field. See the attributes in `Field`."""

    def __cinit__(self, str label, form, dtype, cls, *args):
        self.label = label
        self.form = form
        self.dtype = dtype
        self.cls = cls
        self.size = dtype.itemsize
        self.kind = kind_of(form, dtype, cls)
        self.swap = not dtype.isnative


# ---- reading

cdef enum:
    MOST_POINT = 0x10FFFF
    MOST_MEMBERS = 4096  # of an enumeration: flags keep each combination that was ever asked for

cdef object as_member(Cell self, object value):
    """The member of an enumeration, or the number if it has none of it."""
    cdef dict members = self.cls._value2member_map_
    member = members.get(value)
    if member is not None:
        return member
    if len(members) >= MOST_MEMBERS:
        return value
    try:
        return self.cls(value)  # flags can be of several
    except ValueError:
        return value


cdef object decode_utf8(Cell self, const uint8_t *p, Py_ssize_t size):
    try:
        return PyUnicode_DecodeUTF8(<const char *>p, size, NULL)
    except UnicodeDecodeError as error:
        raise DecodeError(f"{self.label}: {error}", "payload", None) from None


cdef object read_numpy(Cell self, const uint8_t *p, object exporter, Py_ssize_t offset):
    """A scalar, or an array: read-only, in place where that is aligned."""
    base, shape = self.dtype.subdtype or (self.dtype, ())
    if self.size == 0:
        return numpy.zeros(shape, base)[()]
    count = self.size // base.itemsize
    if shape and <uintptr_t>p % max(base.alignment, 1) == 0:
        array = numpy.frombuffer(exporter, base, count, offset)
    else:
        array = numpy.frombuffer(PyBytes_FromStringAndSize(<const char *>p, self.size), base)
    if base.kind == "U" and (array.view(base.byteorder + "u4") > MOST_POINT).any():
        raise DecodeError(f"{self.label}: a text that is no Unicode", "payload")
    return array.reshape(shape) if shape else array[0]


cdef object read_any(Cell self, const uint8_t *p, object exporter, Py_ssize_t offset):
    """`read_cell`, for what is not done there."""
    cdef int kind = self.kind
    cdef uint64_t bits
    cdef Py_ssize_t size
    if kind == UNSIGNED:
        return as_member(self, load(p, <int>self.size, self.swap))
    if kind == SIGNED:
        bits = load(p, <int>self.size, self.swap)
        value = <int64_t>(bits << (64 - 8 * self.size)) >> (64 - 8 * self.size)
        return value if self.cls is None else as_member(self, value)
    if kind == BOOL:
        return p[0] != 0
    if kind == TEXT:
        size = self.size
        while size > 0 and p[size - 1] == 0:
            size -= 1
        return decode(self, p, size)
    if kind == BLOB:
        return PyBytes_FromStringAndSize(<const char *>p, self.size)
    return read_numpy(self, p, exporter, offset)


# ---- writing

cdef object out_of_range(Cell self, object value):
    return ValueError(f"{self.label}: {value!r} is not in the range of {self.form}")


cdef int write_int(Cell self, object value, uint8_t *p) except -1:
    cdef int overflow = 0
    cdef int bits = 8 * <int>self.size
    cdef int64_t number
    if not PyLong_CheckExact(value):
        if self.cls is not None and isinstance(value, self.cls):
            value = value._value_
        try:
            value = PyNumber_Index(value)
        except TypeError as error:
            raise TypeError(f"{self.label}: {error}") from None
    if self.kind == UNSIGNED and bits == 64:
        try:
            store(p, PyLong_AsUnsignedLongLong(value), 8, self.swap)
        except OverflowError:
            raise out_of_range(self, value) from None
        return 0
    number = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow or (
        (number < 0 or number >> bits != 0) if self.kind == UNSIGNED
        else number >> (bits - 1) != (-1 if number < 0 else 0)
    ):
        raise out_of_range(self, value)
    store(p, <uint64_t>number, <int>self.size, self.swap)
    return 0


cdef int write_float(Cell self, object value, uint8_t *p) except -1:
    cdef double number
    cdef float single
    cdef uint64_t bits
    cdef uint32_t half
    if PyFloat_CheckExact(value):
        number = PyFloat_AS_DOUBLE(value)
    else:
        try:
            number = value
        except (TypeError, OverflowError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{self.label}: {error}") from None
    if self.size == 8:
        memcpy(&bits, &number, 8)
        store(p, bits, 8, self.swap)
        return 0
    single = <float>number
    if isinf(single) and not isinf(number):
        raise out_of_range(self, value)
    memcpy(&half, &single, 4)
    store(p, half, 4, self.swap)
    return 0


cdef const char *utf8_of(Cell self, object value, Py_ssize_t *size) except NULL:
    if not isinstance(value, str):
        raise TypeError(f"{self.label}: a str is needed, not {type(value).__name__}")
    try:
        return PyUnicode_AsUTF8AndSize(value, size)
    except UnicodeEncodeError as error:
        raise ValueError(f"{self.label}: {error}") from None


cdef bytes as_bytes(Cell self, object value):
    if PyBytes_CheckExact(value):
        return value
    if not PyObject_CheckBuffer(value):
        raise TypeError(f"{self.label}: bytes are needed, not {type(value).__name__}")
    return memoryview(value).tobytes()


cdef int write_chars(Cell self, object value, uint8_t *p) except -1:
    """Text or bytes of a fixed length, padded with zeros."""
    cdef Py_ssize_t size
    cdef const char *data
    if self.kind == TEXT:
        data = utf8(self, value, &size)
        if size > 0 and data[size - 1] == 0:
            raise ValueError(f"{self.label}: a text that ends with a NUL would lose it")
    else:
        value = as_bytes(self, value)
        data = PyBytes_AS_STRING(value)
        size = PyBytes_GET_SIZE(value)
    if size > self.size:
        raise ValueError(f"{self.label}: {size} bytes, there is room for {self.size}")
    memcpy(p, data, size)
    memset(p + size, 0, self.size - size)
    return 0


cdef int write_numpy(Cell self, object value, uint8_t *p) except -1:
    base, shape = self.dtype.subdtype or (self.dtype, ())
    try:
        stored = as_array(value, base)
    except OverflowError:
        raise out_of_range(self, value) from None
    except (TypeError, ValueError) as error:
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"{self.label}: {error}") from None
    if stored.shape != tuple(shape):
        raise ValueError(f"{self.label}: the shape {stored.shape}, {tuple(shape)} is needed")
    cdef bytes data = stored.tobytes()
    if self.size and PyBytes_GET_SIZE(data) != self.size:
        raise TypeError(f"{self.label}: {stored.dtype} is no {base}")
    memcpy(p, PyBytes_AS_STRING(data), self.size)
    return 0


cdef int write_any(Cell self, object value, uint8_t *p) except -1:
    """`write_cell`, for what is not done there."""
    cdef int kind = self.kind
    if kind == FLOAT:
        return write_float(self, value, p)
    if kind == UNSIGNED or kind == SIGNED:
        return write_int(self, value, p)
    if kind == TEXT or kind == BLOB:
        return write_chars(self, value, p)
    if kind == BOOL:
        if value is not True and value is not False and not isinstance(value, numpy.bool_):
            raise TypeError(f"{self.label}: a bool is needed, not {type(value).__name__}")
        p[0] = 1 if value else 0
        return 0
    return write_numpy(self, value, p)
