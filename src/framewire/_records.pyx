"""Records: views of the bytes of a fixed binary struct, whose fields are read in C.

A `RecordBase` is a view of a record's bytes, by the `Schema` of its class; a `Field` is the
descriptor that reads one of its values from them. docs/wire-format.md, "Records". `records.py` has
what users see.
"""

import numpy

from ._schema import MISSING
from .errors import DecodeError, SchemaError

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_FillInfo
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_CheckExact,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memmove

cimport cython

from ._buffers cimport Buffer, hold_plain
from ._c cimport *
from ._cells cimport BYTES, NESTED, STR, as_bytes, decode, read_cell, utf8
from ._schema cimport (
    Member,
    Schema,
    pack_arguments,
    pack_values,
    schema_of,
    schema_tails,
    write_member,
)

cdef extern from *:
    """
    #define list_items(list) (((PyListObject *)(list))->ob_item)
    #define tuple_items(tuple) (((PyTupleObject *)(tuple))->ob_item)
    #define new_instance(base, cls, none) \
        ((PyTypeObject *)(base))->tp_new((PyTypeObject *)(cls), (none), NULL)

    /* make_fast gives another one to each class that has fields */
    static int is_incomplete(PyTypeObject *cls) {
        return (cls->tp_flags & Py_TPFLAGS_HEAPTYPE) && cls->tp_alloc == PyType_GenericAlloc;
    }
    """
    bint is_incomplete(PyTypeObject *cls)
    PyObject **list_items(list items)
    PyObject **tuple_items(tuple items)
    object new_instance(object base, object cls, tuple none)

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        pass

__all__ = ["Field", "RecordBase", "restore"]


@cython.final
cdef class Field(Member):
    """A field of a record, and the descriptor that reads it.

    Attributes
    ----------
    name : str
    form : str, dict or list
        Its type, as it stands in the schema.
    dtype : numpy.dtype
        Of the same bytes.
    cls : type or None
        The enumeration or the record that its values are instances of; str for a text of fixed
        length.
    default : object
        `MISSING` if it has none.
    offset, size : int
        Where it is in the fixed part of the record, in bytes.
    """

    def __cinit__(
        self, str label, form, dtype, cls, str name, int index, Py_ssize_t offset, default
    ):
        if default is not MISSING:
            self.default = normal(self, default)

    def __get__(self, record, cls):
        if record is None:
            return self
        if type(record) is not last_class:
            check_class(self, type(record))
        cdef RecordBase known = <RecordBase>record
        if known.schema is None or self.index >= known.schema.count or (
            PyTuple_GET_ITEM(known.schema.fields, self.index) != <PyObject *>self
        ):
            known_schema(known)
            raise TypeError(f"{self.label} is no field of {type(record).__name__}")
        return read(self, known)

    def __set__(self, record, value):
        raise AttributeError(f"{self.label}: a record cannot be changed; replace() makes another")

    def __delete__(self, record):
        raise AttributeError(f"{self.label}: a record cannot be changed")

    def __repr__(self):
        return f"<field {self.label}: {self.form} at {self.offset}>"


cdef object last_class = None  # which is one of records: what is read is most often of the same


cdef int check_class(Field field, object cls) except -1:
    global last_class
    if not issubclass(cls, RecordBase):
        raise TypeError(f"{field.label} is of a record, not of {cls.__name__}")
    last_class = cls
    return 0


# ---- reading

cdef object read(Field field, RecordBase record):
    """The value of a field."""
    cdef const uint8_t *p
    if field.index >= record.present:
        return field.default
    if field.kind == STR or field.kind == BYTES:
        return read_tail(field, record)
    p = record.data + field.offset
    if field.kind == NESTED:
        return view_record(field.cls, schema_of(field.cls), record, p, field.size)
    return read_cell(field, p, record, field.offset)


cdef object read_tail(Field field, RecordBase record):
    """Text or bytes from behind the fixed part. The slot is checked each time: see `unpack`."""
    cdef const uint8_t *tail
    cdef size_t length
    fw_record_tail(record.data, field.offset, &tail, &length)
    cdef size_t begin = tail - record.data
    if begin > <size_t>record.size or length > record.size - begin:
        raise DecodeError(f"{field.label}: its memory was written to", "tail")
    if field.kind == STR:
        return decode(field, tail, length)
    return PyBytes_FromStringAndSize(<const char *>tail, length)


cdef object normal(Field field, object value):
    """A default as it is read from a record that has it. Raises what packing it raises."""
    cdef Py_ssize_t size
    if field.kind == STR:
        utf8(field, value, &size)
        return str.__str__(value)  # a subclass may have another
    if field.kind == BYTES:
        return as_bytes(field, value)
    cdef RecordBase record = RecordBase.__new__(RecordBase)
    record.owner = PyBytes_FromStringAndSize(NULL, field.offset + field.size)
    record.data = <const uint8_t *>PyBytes_AS_STRING(record.owner)
    record.size = field.offset + field.size
    record.present = field.index + 1
    write_member(field, value, <uint8_t *>record.data + field.offset)
    return read(field, record)


# ---- views

cdef int check_complete(object cls) except -1:
    """An instance made before `make_fast` would be freed in another way than it was made."""
    if is_incomplete(<PyTypeObject *>cls):
        raise TypeError(f"{cls.__name__} has no fields, or is not complete yet")
    return 0


cdef RecordBase view(
    object cls, Schema schema, object owner, const uint8_t *data, Py_ssize_t size
):
    cdef RecordBase self = <RecordBase>new_instance(RecordBase, cls, ())
    self.schema = schema
    self.owner = owner
    self.data = data
    self.size = size
    self.present = schema.count
    self.whole = True
    return self


cdef RecordBase view_record(
    object cls, Schema schema, object owner, const uint8_t *data, Py_ssize_t size
):
    """A record over memory of `size` bytes, which `owner` keeps. Raises DecodeError.

    What is behind the fixed part and the last tail is not the record's.
    """
    check(schema, fw_record_check(data, size, schema.itemsize, schema.slots, schema.tails))
    return view(cls, schema, owner, data, used(schema, data, size))


cdef Py_ssize_t used(Schema schema, const uint8_t *data, Py_ssize_t size) noexcept:
    """The bytes that a record has that was found right, of the `size` that are there."""
    cdef const uint8_t *tail
    cdef size_t length
    if schema.tails == 0:
        return schema.itemsize
    fw_record_tail(data, schema.slots[schema.tails - 1], &tail, &length)
    # in these bounds, even if somebody writes to the slot
    return max(schema.itemsize, min(size, <Py_ssize_t>(tail - data + length)))


cdef int check(Schema schema, int rc) except -1:
    if rc != FW_OK:
        name = (<bytes>fw_error_name(rc)).decode()
        raise DecodeError(f"{schema.name}: {(<bytes>fw_error_message(rc)).decode()}", name)
    return 0


cdef RecordBase view_version(
    object cls, Schema schema, object owner, const uint8_t *data, Py_ssize_t size,
    const fw_head_t *head
):
    """`view_record`, for a message: also of an older or a newer version of the schema.

    Returns None if it is neither.
    """
    cdef size_t i
    cdef RecordBase record
    if head.fingerprint == schema.fingerprint:
        return view_record(cls, schema, owner, data, size)
    for i in range(head.version_count):
        if fw_head_version(head, i) == schema.fingerprint:  # newer: more fields, not known here
            record = view_record(cls, schema, owner, data, size)
            record.whole = schema.tails == 0
            return record
    return view_older(cls, schema, owner, data, size, head.fingerprint)


cdef RecordBase view_older(
    object cls, Schema schema, object owner, const uint8_t *data, Py_ssize_t size,
    uint64_t fingerprint
):
    """A record of an older version of the schema; None if that is no fingerprint of one."""
    cdef RecordBase record
    older = schema.older.get(fingerprint)
    if older is None:
        return None
    fields, itemsize = older
    check(schema, fw_record_check(data, size, itemsize, schema.slots, schema_tails(schema, fields)))
    record = view(cls, schema, owner, data, size)
    record.present = fields
    record.whole = False
    return record


cdef Schema known_schema(RecordBase record):
    """The schema of a record. TypeError: `__new__` made it, and nothing else."""
    if record.schema is None:
        raise TypeError(f"{type(record).__name__}: a record that was not made by a call")
    return record.schema


cdef list all_values(RecordBase record):
    return [read(<Field>field, record) for field in known_schema(record).fields]


cdef bytes whole_bytes(RecordBase record):
    """The bytes of a record, as of its own class's schema."""
    if record.schema is None or not record.whole:
        values = all_values(record)
        return pack_values(record.schema, list_items(values))
    owner = record.owner
    if PyBytes_CheckExact(owner) and PyBytes_GET_SIZE(owner) == record.size:
        return owner
    return PyBytes_FromStringAndSize(<const char *>record.data, record.size)


def restore(cls, bytes data, uint64_t fingerprint):
    """A record that was pickled or copied, perhaps by a class with fewer fields.

    Raises SchemaError where the class has others now.
    """
    cdef Schema schema = schema_of(cls)
    cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(data)
    cdef RecordBase record
    if fingerprint == schema.fingerprint:
        return view_record(cls, schema, data, p, PyBytes_GET_SIZE(data))
    record = view_older(cls, schema, data, p, PyBytes_GET_SIZE(data), fingerprint)
    if record is None:
        raise SchemaError(f"a {schema.name} with other fields than the class has now", "mismatch")
    return record


@cython.no_gc
cdef class RecordBase:
    """A view of the bytes of a record. See `framewire.Record`."""

    def __cinit__(self):
        check_complete(type(self))

    def __init__(self, *args, **kwargs):
        # for classes with an __init__ or __new__ of their own
        cdef Schema schema = schema_of(type(self))
        cdef tuple given = args + tuple(kwargs.values())
        cdef tuple names = tuple(kwargs)
        packed = pack_arguments(
            schema, tuple_items(given), PyTuple_GET_SIZE(args), <PyObject *>names
        )
        if self.schema is not None:  # somebody may look at the bytes that it has
            raise TypeError(f"{schema.name}: a record cannot be changed")
        self.schema = schema
        self.owner = packed
        self.data = <const uint8_t *>PyBytes_AS_STRING(packed)
        self.size = PyBytes_GET_SIZE(packed)
        self.present = schema.count
        self.whole = True

    def __getbuffer__(self, Py_buffer *view, int flags):
        # as it came, perhaps of another version; also of one made by `normal`, which has no schema
        if self.data == NULL:
            raise BufferError("a record that was not made by a call")
        PyBuffer_FillInfo(view, self, <void *>self.data, self.size, True, flags)

    def pack(self):
        """The record as bytes: the fixed part, then the tails; no copy of what is bytes already."""
        return whole_bytes(self)

    def pack_into(self, buffer, Py_ssize_t offset=0):
        """Write the record into a writable, contiguous buffer, from byte `offset` on.

        Returns
        -------
        int
            How many bytes were written.

        Raises
        ------
        ValueError
            There is no room for it, or a negative offset.
        BufferError
            The buffer is read-only, or not contiguous.
        TypeError
            It is none, or one of Python objects.
        """
        data = whole_bytes(self)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        cdef Buffer held = hold_plain(buffer, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        cdef Py_ssize_t room = held.view.len
        if offset < 0 or offset > room or size > room - offset:
            raise ValueError(f"{size} bytes at {offset} of a buffer of {room}")
        memmove(<char *>held.view.buf + offset, PyBytes_AS_STRING(data), size)
        return size

    @classmethod
    def unpack(cls, buffer):
        """A record over a contiguous buffer, which it aliases and holds; nothing is copied.

        Fields are read when they are asked for: what is written to the buffer afterwards shows.

        Raises
        ------
        DecodeError
            Code ``truncated``: less than the fixed part. ``trailing``: more, and there are no
            tails. ``tail``: one that is not behind the fixed part, overlaps, or ends behind the
            buffer.
        """
        return unpack_at(cls, buffer, 0, True)

    @classmethod
    def unpack_from(cls, buffer, Py_ssize_t offset=0):
        """`unpack`, from byte `offset` on. What follows the record is left alone."""
        return unpack_at(cls, buffer, offset, False)

    def to_dict(self):
        """The fields by name, with dicts for records inside it."""
        cdef Field field
        values = all_values(self)
        return {
            field.name: value.to_dict() if field.kind == NESTED else value
            for field, value in zip(self.schema.fields, values)
        }

    def replace(self, **changes):
        """A copy with other values of some fields."""
        names = [field.name for field in known_schema(self).fields]
        values = dict(zip(names, all_values(self)))
        for name in changes:
            if name not in values:
                raise TypeError(f"{self.schema.name} has no field {name!r}")
        return type(self)(**(values | changes))

    def __eq__(self, other):
        if type(self) is not type(other):
            return NotImplemented
        return all([same(a, b) for a, b in zip(all_values(self), all_values(other))])

    def __hash__(self):
        return hash((type(self), tuple(all_values(self))))

    def __reduce__(self):
        return restore, (type(self), whole_bytes(self), self.schema.fingerprint)

    def __repr__(self):
        if self.schema is None:
            return object.__repr__(self)
        pairs = zip([field.name for field in self.schema.fields], all_values(self))
        return f"{type(self).__name__}({', '.join([f'{name}={value!r}' for name, value in pairs])})"


cdef bint same(object a, object b) except -1:
    if isinstance(a, numpy.ndarray):
        return numpy.array_equal(a, b)
    return a == b


cdef object unpack_at(object cls, object buffer, Py_ssize_t offset, bint exactly):
    cdef Schema schema = schema_of(cls)
    cdef const uint8_t *data
    cdef Py_ssize_t size
    cdef Buffer held
    if isinstance(buffer, RecordBase) and (<RecordBase>buffer).data != NULL:
        data = (<RecordBase>buffer).data  # not by way of it: there could be thousands in a row
        size = (<RecordBase>buffer).size
        owner = (<RecordBase>buffer).owner
    elif PyBytes_CheckExact(buffer):
        data = <const uint8_t *>PyBytes_AS_STRING(buffer)
        size = PyBytes_GET_SIZE(buffer)
        owner = buffer
    else:
        held = hold_plain(buffer, PyBUF_C_CONTIGUOUS)
        data = <const uint8_t *>held.view.buf
        size = held.view.len
        owner = held
    if offset < 0 or offset > size:
        raise ValueError(f"the offset {offset} of a buffer of {size} bytes")
    size -= offset
    if exactly and schema.tails == 0 and size > schema.itemsize:
        raise DecodeError(
            f"{schema.name}: {size} bytes, where {schema.itemsize} are needed", "trailing"
        )
    return view_record(cls, schema, owner, data + offset, size)
