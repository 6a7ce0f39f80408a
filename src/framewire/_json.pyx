"""JSON as the standard library has it, by msgspec where both are known to agree.

`json_dumps` gives the bytes of ``json.dumps(obj).encode()``. Looking at a value first and asking
msgspec then is still several times as fast. `json_loads` asks msgspec, which is the stricter of the
two: what it refuses (NaN, lone surrogates, 1e400, errors of all kinds) the standard library decides.
"""

import msgspec
from zmq.utils import jsonapi

from cpython.dict cimport PyDict_Next
from cpython.float cimport PyFloat_AS_DOUBLE
from cpython.object cimport PyObject
from libc.math cimport fabs
from libc.string cimport memchr

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object text)
    void *PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    Py_ssize_t PySequence_Fast_GET_SIZE(object items)
    PyObject *PySequence_Fast_GET_ITEM(object items, Py_ssize_t i)
    long long PyLong_AsLongLongAndOverflow(object number, int *overflow)

__all__ = []

cdef enum:
    DELETE = 0x7F      # the only ASCII character that the two escape differently
    DEEPEST = 100      # circular structures, and what would overflow a stack

cdef object encode = msgspec.json.Encoder().encode
cdef object decode = msgspec.json.Decoder().decode
cdef object reformat = msgspec.json.format
cdef object slow_dumps = jsonapi.dumps
cdef object slow_loads = jsonapi.loads


cdef bint is_plain_text(object text) noexcept:
    return PyUnicode_IS_ASCII(text) and (
        memchr(PyUnicode_DATA(text), DELETE, PyUnicode_GET_LENGTH(text)) == NULL
    )


cdef bint is_plain_int(object number) noexcept:
    cdef int overflow
    PyLong_AsLongLongAndOverflow(number, &overflow)
    return overflow == 0


cdef bint is_plain_float(double number) noexcept:
    """Is it written without an exponent? Not so NaN and the infinities."""
    return number == 0 or 1e-4 <= fabs(number) < 1e16


cdef bint is_plain_dict(object mapping, int depth) noexcept:
    cdef PyObject *key
    cdef PyObject *value
    cdef Py_ssize_t at = 0
    while PyDict_Next(mapping, &at, &key, &value):
        if type(<object>key) is not str or not is_plain_text(<object>key):
            return False
        if not is_plain(<object>value, depth):
            return False
    return True


cdef bint is_plain_sequence(object items, int depth) noexcept:
    """For a list or a tuple."""
    cdef Py_ssize_t i
    for i in range(PySequence_Fast_GET_SIZE(items)):
        if not is_plain(<object>PySequence_Fast_GET_ITEM(items, i), depth):
            return False
    return True


cdef bint is_plain(object value, int depth) noexcept:
    """Do msgspec and the standard library write the same? Exact types only; runs no Python."""
    cls = type(value)
    if cls is str:
        return is_plain_text(value)
    if cls is int:
        return is_plain_int(value)
    if cls is float:
        return is_plain_float(PyFloat_AS_DOUBLE(value))
    if value is None or cls is bool:
        return True
    if depth == DEEPEST:
        return False
    if cls is dict:
        return is_plain_dict(value, depth + 1)
    if cls is list or cls is tuple:
        return is_plain_sequence(value, depth + 1)
    return False


cpdef bytes json_dumps(object obj):
    """``json.dumps(obj).encode()``, with its exceptions."""
    if is_plain(obj, 0):
        return reformat(encode(obj), indent=0)
    return slow_dumps(obj)


cpdef object json_loads(bytes text):
    """``json.loads(text.decode())``, with its exceptions."""
    try:
        return decode(text)
    except Exception:
        pass  # what comes next is not said to have happened "during handling of" this
    return slow_loads(text)
