"""Records: the fields of a fixed binary struct, packed and read in C.

A `Schema` is a class's layout, compiled when the class is made. A `RecordBase` is a view of a
record's bytes; a `Field` is the descriptor that reads one of its values from them.
docs/wire-format.md, "Records". `records.py` has what users see.
"""

import enum

import numpy

from .errors import DecodeError, SchemaError

from cpython.buffer cimport (
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    PyBuffer_FillInfo,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_CheckExact,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove, memset

cimport cython

from ._buffers cimport Buffer, hold
from ._c cimport *
from ._cells cimport (
    BYTES,
    NESTED,
    STR,
    Cell,
    as_bytes,
    decode,
    read_cell,
    utf8,
    write_cell,
)

cdef extern from *:
    """
    #define list_items(list) (((PyListObject *)(list))->ob_item)
    #define tuple_items(tuple) (((PyTupleObject *)(tuple))->ob_item)
    #define new_instance(base, cls, none) \
        ((PyTypeObject *)(base))->tp_new((PyTypeObject *)(cls), (none), NULL)

    static int is_overridden(PyTypeObject *base, PyTypeObject *cls) {
        return cls->tp_init != base->tp_init || cls->tp_new != base->tp_new;
    }

    /* What a call comes to without vectorcall; apart, or it costs those with it 15 ns. */
    static __attribute__((noinline, cold)) PyObject *call_generally(
        PyObject *cls, PyObject *const *args, Py_ssize_t given, PyObject *names) {
        Py_ssize_t keywords = names == NULL ? 0 : PyTuple_GET_SIZE(names);
        PyObject *called = NULL;
        PyObject *tuple = PyTuple_New(given);
        PyObject *dict = PyDict_New();
        for (Py_ssize_t i = 0; tuple != NULL && i < given; i++) {
            Py_INCREF(args[i]);
            PyTuple_SET_ITEM(tuple, i, args[i]);
        }
        int rc = tuple == NULL || dict == NULL ? -1 : 0;
        for (Py_ssize_t i = 0; rc == 0 && i < keywords; i++) {
            rc = PyDict_SetItem(dict, PyTuple_GET_ITEM(names, i), args[given + i]);
        }
        if (rc == 0) {
            called = PyType_Type.tp_call(cls, tuple, dict);
        }
        Py_XDECREF(tuple);
        Py_XDECREF(dict);
        return called;
    }

    /* make_fast gives another one to each class that has fields */
    static int is_incomplete(PyTypeObject *cls) {
        return (cls->tp_flags & Py_TPFLAGS_HEAPTYPE) && cls->tp_alloc == PyType_GenericAlloc;
    }
    """
    bint is_overridden(PyTypeObject *base, PyTypeObject *cls)
    bint is_incomplete(PyTypeObject *cls)
    object call_generally(object cls, PyObject *const *args, Py_ssize_t given, PyObject *names)
    PyObject **list_items(list items)
    PyObject **tuple_items(tuple items)
    object new_instance(object base, object cls, tuple none)

cdef extern from "Python.h":
    ctypedef struct PyTypeObject:
        PyObject *tp_dict

    Py_ssize_t PyVectorcall_NARGS(size_t nargsf)
    PyObject *PyDict_GetItemWithError(object mapping, object key) except? NULL

__all__ = ["MISSING", "Field", "RecordBase", "Schema", "fingerprint_of", "restore"]


class _Missing(enum.Enum):
    MISSING = 0


MISSING = _Missing.MISSING  # of a field without a default

cdef enum:
    FEW_FIELDS = 32  # whose values are gathered on the stack


@cython.final
cdef class Field(Cell):
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
        self.name = name
        self.index = index
        self.offset = offset
        self.default = default if default is MISSING else normal(self, default)

    def __get__(self, record, cls):
        if record is None:
            return self
        if not isinstance(record, RecordBase):
            raise TypeError(f"{self.label} is of a record, not of {type(record).__name__}")
        cdef RecordBase known = record
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


# ---- writing

cdef int write_nested(Field field, object value, uint8_t *p) except -1:
    if not isinstance(value, field.cls):
        raise TypeError(
            f"{field.label}: a {field.cls.__name__} is needed, not {type(value).__name__}"
        )
    data = whole_bytes(value)
    if PyBytes_GET_SIZE(data) != field.size:
        raise TypeError(f"{field.label}: a subclass that is longer than {field.cls.__name__}")
    memcpy(p, PyBytes_AS_STRING(data), field.size)
    return 0


cdef inline int write(Field field, object value, uint8_t *p) except -1:
    """A field of the fixed part; not the slot of a tail."""
    if field.kind == NESTED:
        return write_nested(field, value, p)
    return write_cell(field, value, p)


cdef const char *tail_of(Field field, object value, Py_ssize_t *size) except NULL:
    """The bytes of a tail, which live as long as `value`."""
    if field.kind == STR:
        return utf8(field, value, size)
    size[0] = PyBytes_GET_SIZE(value)
    return PyBytes_AS_STRING(value)


cdef Py_ssize_t measure(Schema schema, PyObject **values, list kept) except -1:
    """The bytes of all tails. Values that are no bytes yet give way to bytes, which go to `kept`."""
    cdef Py_ssize_t total = 0
    cdef Py_ssize_t length
    cdef Field field
    cdef int i
    for i in range(schema.count):
        field = <Field>PyTuple_GET_ITEM(schema.fields, i)
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
    cdef Field field
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
        field = <Field>PyTuple_GET_ITEM(schema.fields, i)
        if field.kind == BYTES or field.kind == STR:
            tail = tail_of(field, <object>values[i], &length)
            if fw_record_put_tail(
                data, size, field.offset, <const uint8_t *>tail, length, &end
            ) != FW_OK:
                raise ValueError(f"{field.label}: a record has at most 4 GiB")
        else:
            write(field, <object>values[i], data + field.offset)
    return packed


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
    write(field, value, <uint8_t *>record.data + field.offset)
    return read(field, record)


cdef int gather(
    Schema schema, PyObject **values, PyObject *const *args, Py_ssize_t given, PyObject *names
) except -1:
    """Fill in the value of each field, from the arguments of a call; they stay the caller's."""
    cdef Py_ssize_t i
    cdef Py_ssize_t at
    cdef Py_ssize_t keywords = 0 if names == NULL else PyTuple_GET_SIZE(<tuple>names)
    cdef PyObject *name
    cdef Field field
    if given > schema.count:
        raise TypeError(f"{schema.name} has {schema.count} fields, {given} values are given")
    memcpy(values, args, given * sizeof(PyObject *))
    memset(values + given, 0, (schema.count - given) * sizeof(PyObject *))
    for i in range(keywords):
        name = PyTuple_GET_ITEM(<tuple>names, i)
        at = given + i  # where it is if they come in order
        if at >= schema.count or name != <PyObject *>(
            <Field>PyTuple_GET_ITEM(schema.fields, at)
        ).name:
            at = schema.indices.get(<object>name, -1)
            if at < 0:
                raise TypeError(f"{schema.name} has no field {<object>name!r}")
        if values[at] != NULL:
            raise TypeError(f"{schema.name}: two values for the field {<object>name!r}")
        values[at] = args[given + i]
    for i in range(given, schema.count):
        field = <Field>PyTuple_GET_ITEM(schema.fields, i)
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


# ---- classes

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
        cdef Field field
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
    cdef Field field
    if fields == schema.count:
        return schema.tails
    for i in range(fields):
        field = <Field>PyTuple_GET_ITEM(schema.fields, i)
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


cdef object construct(object cls, PyObject *const *args, size_t nargs, PyObject *names):
    """What a call of the class does, if it has no `__init__` or `__new__` of its own."""
    if is_overridden(<PyTypeObject *>RecordBase, <PyTypeObject *>cls):  # since it was made
        return call_generally(cls, args, PyVectorcall_NARGS(nargs), names)
    cdef Schema schema = schema_of(cls)
    packed = pack_arguments(schema, args, PyVectorcall_NARGS(nargs), names)
    return view(cls, schema, packed, <const uint8_t *>PyBytes_AS_STRING(packed), PyBytes_GET_SIZE(packed))


cdef int check_complete(object cls) except -1:
    """An instance made before `make_fast` would be freed in another way than it was made."""
    if is_incomplete(<PyTypeObject *>cls):
        raise TypeError(f"{cls.__name__} has no fields, or is not complete yet")
    return 0


cdef inline RecordBase view(
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
    older = schema.older.get(head.fingerprint)
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


def restore(cls, bytes data, fingerprint):
    """A record that was pickled or copied. SchemaError: its class has other fields now."""
    cdef Schema schema = schema_of(cls)
    if fingerprint != schema.fingerprint:
        raise SchemaError(f"a {schema.name} with other fields than the class has now", "mismatch")
    return view_record(cls, schema, data, <const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))


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
        """
        cdef Py_buffer view
        data = whole_bytes(self)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE | PyBUF_WRITABLE)
        try:
            if offset < 0 or offset > view.len or size > view.len - offset:
                raise ValueError(f"{size} bytes at {offset} of a buffer of {view.len}")
            memmove(<char *>view.buf + offset, PyBytes_AS_STRING(data), size)
        finally:
            PyBuffer_Release(&view)
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
        held = hold(buffer, PyBUF_SIMPLE)
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
