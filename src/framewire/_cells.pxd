# Numbers of exact types, the commonest, are read and written inline.
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.long cimport PyLong_CheckExact
from libc.math cimport isinf
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object number, int *overflow) except? -1
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 most)
    void *PyUnicode_DATA(object text)
    bint PyUnicode_IS_ASCII(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

cdef enum:
    UNSIGNED
    SIGNED
    FLOAT
    BOOL
    TEXT
    BLOB
    STR
    BYTES
    NESTED
    NUMPY      # any other dtype, by numpy

cdef class Cell:
    cdef readonly object form        # as it stands in a schema
    cdef readonly object dtype       # of the same bytes
    cdef readonly object cls         # the enumeration or record of its values, or None
    cdef readonly str label          # for errors: Imu.seq
    cdef readonly Py_ssize_t size    # bytes in the fixed part
    cdef int kind
    cdef bint swap                   # in the other byte order than the machine's

cdef object read_any(Cell self, const uint8_t *p, object exporter, Py_ssize_t offset)
cdef int write_any(Cell self, object value, uint8_t *p) except -1
cdef object decode_utf8(Cell self, const uint8_t *p, Py_ssize_t size)
cdef const char *utf8_of(Cell self, object value, Py_ssize_t *size) except NULL
cdef bytes as_bytes(Cell self, object value)


cdef inline void reverse(void *p, int size) noexcept:
    cdef uint8_t *bytes = <uint8_t *>p
    cdef uint8_t byte
    cdef int i
    for i in range(size // 2):
        byte = bytes[i]
        bytes[i] = bytes[size - 1 - i]
        bytes[size - 1 - i] = byte


cdef inline uint64_t load(const uint8_t *p, int size, bint swap) noexcept:
    cdef uint64_t whole
    cdef uint32_t half
    cdef uint16_t quarter
    if size == 1:
        return p[0]
    if size == 2:
        memcpy(&quarter, p, 2)
        if swap:
            reverse(&quarter, 2)
        return quarter
    if size == 4:
        memcpy(&half, p, 4)
        if swap:
            reverse(&half, 4)
        return half
    memcpy(&whole, p, 8)
    if swap:
        reverse(&whole, 8)
    return whole


cdef inline void store(uint8_t *p, uint64_t value, int size, bint swap) noexcept:
    cdef uint32_t half = <uint32_t>value
    cdef uint16_t quarter = <uint16_t>value
    if size == 1:
        p[0] = <uint8_t>value
    elif size == 2:
        memcpy(p, &quarter, 2)
    elif size == 4:
        memcpy(p, &half, 4)
    else:
        memcpy(p, &value, 8)
    if swap:
        reverse(p, size)


cdef inline object read_cell(Cell self, const uint8_t *p, object exporter, Py_ssize_t offset):
    """The value at `p`. That is byte `offset` of what `exporter` exports, for arrays in place."""
    cdef uint64_t bits
    cdef uint32_t half
    cdef float single
    cdef double number
    if self.kind == UNSIGNED and self.cls is None:
        return load(p, <int>self.size, self.swap)
    if self.kind == FLOAT:
        bits = load(p, <int>self.size, self.swap)
        if self.size == 8:
            memcpy(&number, &bits, 8)
            return number
        half = <uint32_t>bits
        memcpy(&single, &half, 4)
        return <double>single
    return read_any(self, p, exporter, offset)


cdef inline int write_cell(Cell self, object value, uint8_t *p) except -1:
    """Write a value at `p`, where there is room for it."""
    cdef uint64_t bits
    cdef uint32_t half
    cdef int overflow
    cdef long long integer
    cdef double number
    cdef float single
    if self.kind == FLOAT and PyFloat_CheckExact(value):
        number = PyFloat_AS_DOUBLE(value)
        single = <float>number
        if self.size == 8:
            memcpy(&bits, &number, 8)
            store(p, bits, 8, self.swap)
            return 0
        if not isinf(single):
            memcpy(&half, &single, 4)
            store(p, half, 4, self.swap)
            return 0
    elif self.kind == UNSIGNED and self.size < 8 and PyLong_CheckExact(value):
        integer = PyLong_AsLongLongAndOverflow(value, &overflow)
        if overflow == 0 and integer >= 0 and integer >> 8 * self.size == 0:
            store(p, <uint64_t>integer, <int>self.size, self.swap)
            return 0
    return write_any(self, value, p)


cdef inline object decode(Cell self, const uint8_t *p, Py_ssize_t size):
    """Text: ASCII, which is checked eight bytes at a time, or UTF-8."""
    cdef uint64_t word
    cdef uint64_t seen = 0
    cdef Py_ssize_t at = 0
    text = PyUnicode_New(size, 127)
    cdef uint8_t *copied = <uint8_t *>PyUnicode_DATA(text)
    memcpy(copied, p, size)  # first: another process may write to what is checked
    while size - at >= 8:
        memcpy(&word, copied + at, 8)
        seen |= word
        at += 8
    while at < size:
        seen |= copied[at]
        at += 1
    return decode_utf8(self, p, size) if seen & 0x8080808080808080ULL else text


cdef inline const char *utf8(Cell self, object value, Py_ssize_t *size) except NULL:
    """The UTF-8 of a text, which lives as long as it."""
    if type(value) is str and PyUnicode_IS_ASCII(value):
        size[0] = PyUnicode_GET_LENGTH(value)
        return <const char *>PyUnicode_DATA(value)
    return utf8_of(self, value, size)
