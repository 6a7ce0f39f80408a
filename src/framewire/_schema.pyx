"""Schemas: the layout of a class of records, compiled, and values packed by it.

docs/wire-format.md, "Records". `schema.py` makes them.
"""

import enum

from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_CheckExact,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy, memset

cimport cython

from ._c cimport *
from ._cells cimport BYTES, NESTED, STR, Cell, as_bytes, utf8, write_cell

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        PyObject *tp_dict

    PyObject *PyDict_GetItemWithError(object mapping, object key) except? NULL

__all__ = ["MISSING", "Member", "Schema", "fingerprint_of"]


class _Missing(enum.Enum):
    MISSING = 0


MISSING = _Missing.MISSING  # of a field without a default

cdef enum:
    FEW_FIELDS = 32  # whose values are gathered on the stack


cdef class Member(Cell):
    """A field of a record: see `Field`, which reads it."""

    def __cinit__(
        self, str label, form, dtype, cls, str name, int index, Py_ssize_t offset, default
    ):
        self.name = name
        self.index = index
        self.offset = offset
        self.default = default


def fingerprint_of(str text):
    """The fingerprint of a schema's text: FNV-1a, 64 bits."""
    data = text.encode()
    return fw_record_fingerprint(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))


@cython.final
cdef class Schema:
    """The layout of a class of records, compiled.

    Parameters
    ----------
    name : str
        Of the class, for errors.
    form : dict
        The schema; `text` is its JSON.
    fields : sequence of Field
    dtype : numpy.dtype or None
        Of the same bytes; None if there is a tail.
    itemsize : int
        Bytes of the fixed part.
    older : dict
        The older versions that a reader of this one takes: for the fingerprint of each, how many
        fields it has and the bytes of its fixed part.
    versions : bytes
        The fingerprints that a sender names, as a section of the head wants them.
    """

    def __cinit__(
        self, str name, form, str text, fields, dtype, Py_ssize_t itemsize, dict older, bytes versions
    ):
        cdef Member field
        cdef Py_ssize_t end = 0
        self.name = name
        self.form = form
        self.text = text
        self.encoded = text.encode()
        self.fingerprint = fingerprint_of(text)
        self.fields = tuple(fields)
        self.count = len(self.fields)
        self.dtype = dtype
        self.itemsize = itemsize
        self.older = older
        self.versions = versions
        self.indices = {field.name: field.index for field in self.fields}
        self.slots = <uint32_t *>PyMem_Malloc(max(1, self.count) * sizeof(uint32_t))
        if self.slots == NULL:
            raise MemoryError()
        for i, field in enumerate(self.fields):
            if field.index != i or field.offset < 0 or field.offset + field.size > itemsize:
                raise ValueError(f"{field.label} is not inside the record")
            self.gaps |= field.offset != end
            end = field.offset + field.size
            if field.kind == STR or field.kind == BYTES:
                self.slots[self.tails] = <uint32_t>field.offset
                self.tails += 1
                self.binary |= field.kind == BYTES
        self.gaps |= end != itemsize

    def __dealloc__(self):
        PyMem_Free(self.slots)

    def __reduce__(self):
        raise TypeError("a schema is made with its class")

    def __repr__(self):
        return f"<schema {self.name} {self.text}>"


cdef int schema_tails(Schema schema, int fields) noexcept:
    """How many of the first fields are tails."""
    cdef int count = 0
    cdef int i
    cdef Member field
    if fields == schema.count:
        return schema.tails
    for i in range(fields):
        field = <Member>PyTuple_GET_ITEM(schema.fields, i)
        count += field.kind == STR or field.kind == BYTES
    return count


cdef Schema schema_of(object cls):
    """The schema of a class of records."""
    cdef PyObject *own = PyDict_GetItemWithError(
        <object>(<PyTypeObject *>cls).tp_dict, "_schema"
    )
    schema = cls._schema if own == NULL else <object>own
    if type(schema) is not Schema:
        raise TypeError(f"{cls.__name__} has no fields")
    return schema


# ---- packing

cdef int write_nested(Member field, object value, uint8_t *p) except -1:
    if not isinstance(value, field.cls):
        raise TypeError(
            f"{field.label}: a {field.cls.__name__} is needed, not {type(value).__name__}"
        )
    data = value.pack()
    if type(data) is not bytes or PyBytes_GET_SIZE(data) != field.size:
        raise TypeError(f"{field.label}: a subclass that is longer than {field.cls.__name__}")
    memcpy(p, PyBytes_AS_STRING(data), field.size)
    return 0


cdef int write_member(Member field, object value, uint8_t *p) except -1:
    """A field of the fixed part; not the slot of a tail."""
    if field.kind == NESTED:
        return write_nested(field, value, p)
    return write_cell(field, value, p)


cdef const char *tail_of(Member field, object value, Py_ssize_t *size) except NULL:
    """The bytes of a tail, which live as long as `value`."""
    if field.kind == STR:
        return utf8(field, value, size)
    size[0] = PyBytes_GET_SIZE(value)
    return PyBytes_AS_STRING(value)


cdef Py_ssize_t measure(Schema schema, PyObject **values, list kept) except -1:
    """The bytes of all tails. Values that are no bytes yet give way to bytes, which go to `kept`."""
    cdef Py_ssize_t total = 0
    cdef Py_ssize_t length
    cdef Member field
    cdef int i
    for i in range(schema.count):
        field = <Member>PyTuple_GET_ITEM(schema.fields, i)
        if field.kind == BYTES and not PyBytes_CheckExact(<object>values[i]):
            kept.append(as_bytes(field, <object>values[i]))
            values[i] = <PyObject *>kept[-1]
        if field.kind == BYTES or field.kind == STR:
            tail_of(field, <object>values[i], &length)
            total += length
    return total


cdef bytes pack_values(Schema schema, PyObject **values):
    """A record of these values, one for each field, which are the caller's."""
    cdef Py_ssize_t size = schema.itemsize
    cdef Py_ssize_t length
    cdef size_t end = size
    cdef Member field
    cdef uint8_t *data
    cdef const char *tail
    cdef list kept = None
    cdef int i
    if schema.tails:
        kept = [] if schema.binary else None
        size += measure(schema, values, kept)
    packed = PyBytes_FromStringAndSize(NULL, size)
    data = <uint8_t *>PyBytes_AS_STRING(packed)
    if schema.gaps:
        memset(data, 0, schema.itemsize)
    for i in range(schema.count):
        field = <Member>PyTuple_GET_ITEM(schema.fields, i)
        if field.kind == BYTES or field.kind == STR:
            tail = tail_of(field, <object>values[i], &length)
            if fw_record_put_tail(
                data, size, field.offset, <const uint8_t *>tail, length, &end
            ) != FW_OK:
                raise ValueError(f"{field.label}: a record has at most 4 GiB")
        else:
            write_member(field, <object>values[i], data + field.offset)
    return packed


cdef int gather(
    Schema schema, PyObject **values, PyObject *const *args, Py_ssize_t given, PyObject *names
) except -1:
    """Fill in the value of each field, from the arguments of a call; they stay the caller's."""
    cdef Py_ssize_t i
    cdef Py_ssize_t at
    cdef Py_ssize_t keywords = 0 if names == NULL else PyTuple_GET_SIZE(<tuple>names)
    cdef PyObject *name
    cdef Member field
    if given > schema.count:
        raise TypeError(f"{schema.name} has {schema.count} fields, {given} values are given")
    memcpy(values, args, given * sizeof(PyObject *))
    memset(values + given, 0, (schema.count - given) * sizeof(PyObject *))
    for i in range(keywords):
        name = PyTuple_GET_ITEM(<tuple>names, i)
        at = given + i  # where it is if they come in order
        if at >= schema.count or name != <PyObject *>(
            <Member>PyTuple_GET_ITEM(schema.fields, at)
        ).name:
            at = schema.indices.get(<object>name, -1)
            if at < 0:
                raise TypeError(f"{schema.name} has no field {<object>name!r}")
        if values[at] != NULL:
            raise TypeError(f"{schema.name}: two values for the field {<object>name!r}")
        values[at] = args[given + i]
    for i in range(given, schema.count):
        field = <Member>PyTuple_GET_ITEM(schema.fields, i)
        if values[i] == NULL:
            if field.default is MISSING:
                raise TypeError(f"{schema.name}: no value for {field.name!r}")
            values[i] = <PyObject *>field.default
    return 0


cdef bytes pack_arguments(
    Schema schema, PyObject *const *args, Py_ssize_t given, PyObject *names
):
    """A record of the arguments of a call."""
    cdef PyObject *few[FEW_FIELDS]
    cdef PyObject **values = few
    if schema.count > FEW_FIELDS:
        values = <PyObject **>PyMem_Malloc(schema.count * sizeof(PyObject *))
        if values == NULL:
            raise MemoryError()
    try:
        gather(schema, values, args, given, names)
        return pack_values(schema, values)
    finally:
        if values != few:
            PyMem_Free(values)
