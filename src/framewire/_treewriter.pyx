"""Trees of Python values written as MessagePack, with arrays and large buffers beside it, in place.

docs/wire-format.md, "Trees". What MessagePack has no type for is an extension. An array or a buffer
that is too large for the tree takes the next of the message's other buffers: they travel in the
order in which they are met, so there are no indices that could be wrong.
"""

import enum
import functools
from dataclasses import fields, is_dataclass

import msgspec
import numpy

from .leaves import PUTS, as_fields
from .serializers import objects

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.buffer cimport PyObject_CheckBuffer
from cpython.dict cimport PyDict_Next, PyDict_Size
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint16_t

cimport cython
cimport numpy as np

from ._buffers cimport SMALL, Buffer
from ._c cimport *
from ._encode cimport begin_head, check, checked_array, end_head, hold_stored
from ._manner cimport Manner
from ._packer cimport (
    begin_extension,
    end_extension,
    packer_begin,
    packer_end,
    put_byte,
    put_bytes,
    put_count,
    put_extension,
    put_float,
    put_int64,
    put_number,
    put_size,
    put_utf8,
    reserve,
)
from ._raw cimport hold_raw
from ._records cimport RecordBase
from ._tree cimport *

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL
    bint PyUnicode_IS_ASCII(object text)
    void *PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    long long PyLong_AsLongLongAndOverflow(object number, int *overflow) except? -1
    unsigned long long PyLong_AsUnsignedLongLong(object number) except? 0xFFFFFFFFFFFFFFFF

__all__ = []

np.import_array()

cdef enum:
    LONGEST_PATH = 200  # characters of a path in an error


cdef str short(object key):
    try:
        text = repr(key)
    except Exception:  # such as ValueError for an integer of very many digits
        text = f"<{type(key).__name__}>"
    return text if len(text) <= 40 else text[:37] + "..."


@functools.lru_cache(maxsize=256)
def field_names(cls):
    """The names of the fields of a dataclass."""
    return [field.name for field in fields(cls)]


cdef np.ndarray from_dlpack(object producer):
    """A tensor of another library as an array over the same memory."""
    try:
        return numpy.from_dlpack(producer)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise TypeError(f"a {type(producer).__qualname__} that numpy cannot view: {error}") from error


cdef TreeWriter new_writer(Manner manner):
    cdef TreeWriter self = TreeWriter.__new__(TreeWriter)
    self.manner = manner
    self.depth = manner.codec.depth
    return self


cdef TreeWriter write_tree(object value, Manner manner):
    """Write a value.

    Raises
    ------
    TypeError, ValueError
        It cannot be sent; the text begins with the path to what cannot.
    """
    cdef TreeWriter self = new_writer(manner)
    self.put_whole(value)
    return self


cdef TreeWriter write_parts(object header, object frames, Manner manner):
    """Write the header and the frames of a serializer of the user's, as a list of the two."""
    cdef TreeWriter self = new_writer(manner)
    put_count(&self.out, 2, 0x90, 0xDC)
    self.put_whole(header)
    self.put_frames(list(frames))
    return self


@cython.final
@cython.freelist(8)
cdef class TreeWriter:
    """A tree being written. See `write_tree`."""

    def __cinit__(self):
        packer_begin(&self.out)

    def __dealloc__(self):
        packer_end(&self.out)

    cdef int put_whole(self, object value) except -1:
        """A value, with the path to it in what is raised because of something in it."""
        self.steps = None
        try:
            return self.put(value)
        except (TypeError, ValueError) as error:
            if self.steps is None or type(error) not in (TypeError, ValueError):
                raise
            raise type(error)(f"value{self.path()}: {error}").with_traceback(
                error.__traceback__
            ) from error.__cause__

    cdef int step(self, str step) except -1:
        """Note a step of the path to what cannot be sent, the innermost first."""
        if self.steps is None:
            self.steps = []
        self.steps.append(step)
        return 0

    cdef str path(self):
        path = "".join(reversed(self.steps))
        half = LONGEST_PATH // 2
        return path if len(path) <= LONGEST_PATH else f"{path[:half]}...{path[-half:]}"

    cdef int no_key(self) except -1:
        """What comes next could not be a key of a dict, or in a set, when it is received."""
        if self.keys:
            raise TypeError("it cannot be a key of a dict, or in a set, when it comes back")
        return 0

    # ---- scalars

    cdef int put_text(self, object text) except -1:
        cdef Py_ssize_t size
        cdef const char *data
        if PyUnicode_IS_ASCII(text):
            data = <const char *>PyUnicode_DATA(text)
            size = PyUnicode_GET_LENGTH(text)
        else:
            try:
                data = PyUnicode_AsUTF8AndSize(text, &size)
            except UnicodeEncodeError:
                return self.put_content(EXT_TEXT, str.encode(text, "utf-8", "surrogatepass"))
        return put_utf8(&self.out, data, size)

    cdef int put_int(self, object number) except -1:
        cdef int overflow
        cdef int64_t value = PyLong_AsLongLongAndOverflow(number, &overflow)
        if not overflow:
            return put_int64(&self.out, value)
        if 0 < number < 1 << 64:
            return put_number(&self.out, 0xCF, PyLong_AsUnsignedLongLong(number), 8)
        size = number.bit_length() // 8 + 1
        return self.put_content(EXT_INT, int.to_bytes(number, size, "little", signed=True))

    cdef int put_content(self, uint8_t kind, bytes content) except -1:
        """An extension of which the whole content is known."""
        return put_extension(
            &self.out, kind, PyBytes_AS_STRING(content), PyBytes_GET_SIZE(content)
        )

    # ---- arrays and buffers

    cdef int put_array(self, np.ndarray array, uint16_t flags) except -1:
        cdef fw_head_t head
        cdef np.ndarray stored
        cdef size_t size
        if not flags & FW_FLAG_SCALAR:
            self.no_key()
        description = begin_head(array, &head)  # held until the head is packed
        head.flags |= flags
        stored = end_head(array, &head)
        check(fw_head_size(&head, &size))
        if head.payload <= SMALL:
            head.flags |= FW_FLAG_INLINE
            put_size(&self.out, size + head.payload, 0xC7, 0xC8)
        else:
            self.put_beside(hold_stored(array, stored, self.manner.copy))
            put_size(&self.out, size, 0xC7, 0xC8)
        put_byte(&self.out, EXT_ARRAY)
        check(fw_head_pack(&head, reserve(&self.out, size), size, &size))
        self.out.size += size
        if head.flags & FW_FLAG_INLINE:
            put_bytes(&self.out, np.PyArray_DATA(stored), head.payload)
        return 0

    cdef int put_beside(self, Buffer buffer) except -1:
        """A buffer that is not in the tree."""
        if self.beside is None:
            self.beside = []
        self.beside.append(buffer)
        return 0

    cdef int put_masked(self, object array) except -1:
        if array is numpy.ma.masked:  # which has a fill value, and cannot be asked for it
            array = numpy.ma.MaskedArray(0.0, True)
        begin = begin_extension(&self.out, EXT_MASKED)
        self.enter()
        self.put_array(numpy.asarray(array.data), 0)
        self.put_array(numpy.asarray(numpy.ma.getmaskarray(array)), 0)
        self.put(array.fill_value)
        self.depth += 1
        return end_extension(&self.out, begin)

    cdef int put_buffer(self, object exporter, uint8_t kind) except -1:
        """bytes are MessagePack's own while they are small; others are extensions."""
        if kind != BESIDE_BYTES:
            self.no_key()
        cdef Buffer buffer = hold_raw(exporter, self.manner.copy)
        cdef size_t size = buffer.view.len
        if size > SMALL:
            self.put_beside(buffer)
            put_size(&self.out, 1, 0xC7, 0xC8)
            put_byte(&self.out, EXT_BESIDE)
            return put_byte(&self.out, kind)
        if kind == BESIDE_BYTES:
            put_size(&self.out, size, 0xC4, 0xC5)
        else:
            put_size(&self.out, size, 0xC7, 0xC8)
            put_byte(&self.out, EXT_BYTEARRAY if kind == BESIDE_BYTEARRAY else EXT_BUFFER)
        return put_bytes(&self.out, buffer.view.buf, size)

    # ---- containers

    cdef int enter(self) except -1:
        """Into a container; `depth` is the caller's to give back."""
        if self.depth == 0:
            raise ValueError("too many values inside each other, or one inside itself")
        self.depth -= 1
        return 0

    cdef int put_items(self, object items) except -1:
        """A list, tuple or set, as an array of MessagePack."""
        cdef size_t n = len(items)
        cdef size_t i = 0
        self.enter()
        put_count(&self.out, n, 0x90, 0xDC)
        try:
            for item in items:
                if i == n:
                    break
                self.put(item)
                i += 1
        except Exception:
            self.step(f"[{i}]")
            raise
        if i != n or <size_t>len(items) != n:
            raise ValueError("it changed while it was being sent")
        self.depth += 1
        return 0

    cdef int put_dict(self, object mapping) except -1:
        cdef PyObject *key_at
        cdef PyObject *value_at
        cdef Py_ssize_t at = 0
        cdef Py_ssize_t n = PyDict_Size(mapping)
        cdef Py_ssize_t i = 0
        key = None
        self.no_key()
        self.enter()
        put_count(&self.out, n, 0x80, 0xDE)
        try:
            while i < n and PyDict_Next(mapping, &at, &key_at, &value_at):
                key = <object>key_at
                value = <object>value_at
                if type(key) is str:
                    self.put_text(key)
                else:
                    self.keys += 1
                    self.put(key)
                    self.keys -= 1
                self.put(value)
                i += 1
                key = value = None  # which may run Python: not between the next two references
        except Exception:
            self.step(f"[{short(key)}]")
            raise
        if i != n or PyDict_Size(mapping) != n:
            raise ValueError("it changed while it was being sent")
        self.depth += 1
        return 0

    cdef int put_attributes(self, object value, object names, object keys) except -1:
        """An object as a map, of some of its attributes."""
        self.no_key()
        self.enter()
        put_count(&self.out, len(names), 0x80, 0xDE)
        for name, key in zip(names, keys):
            self.put_text(key)
            try:
                self.put(getattr(value, name))
            except Exception:
                self.step(f".{name}")
                raise
        self.depth += 1
        return 0

    cdef int put_sequence(self, object items, uint8_t kind) except -1:
        begin = begin_extension(&self.out, kind)
        if kind != EXT_TUPLE:
            self.keys += 1
        self.put_items(items)
        if kind != EXT_TUPLE:
            self.keys -= 1
        return end_extension(&self.out, begin)

    cdef int put_object(self, object value, object registered) except -1:
        """A value of a type that the user registered."""
        # as Python's method: Cython would call the C one by a type that it does not have
        told = (<object>self.manner).full_context
        name, header, frames = objects.dump(value, registered, told)
        cdef int keys = self.keys
        begin = begin_extension(&self.out, EXT_OBJECT)
        self.enter()
        self.keys = 0
        self.put_text(name)
        try:
            self.put(header)
        except Exception:
            if self.steps and len(self.steps) > 1 and self.steps[-1] == objects.STATE:
                del self.steps[-1]  # the next one is an attribute
                self.steps[-1] = f".{self.steps[-1][2:-2]}"
            raise
        self.put_frames(frames)
        self.keys = keys
        self.depth += 1
        return end_extension(&self.out, begin)

    cdef int put_frames(self, list frames) except -1:
        """Buffers as they come from functions that users registered."""
        put_count(&self.out, len(frames), 0x90, 0xDC)
        for frame in frames:
            self.put_buffer(frame, BESIDE_BUFFER)
        return 0

    # ---- any value

    cdef int put(self, object value) except -1:
        cls = type(value)
        if cls is str:
            return self.put_text(value)
        if cls is int:
            return self.put_int(value)
        if cls is float:
            return put_float(&self.out, value)
        if value is None:
            return put_byte(&self.out, 0xC0)
        if cls is bool:
            return put_byte(&self.out, 0xC3 if value else 0xC2)
        if cls is dict:
            return self.put_dict(value)
        if np.PyArray_CheckExact(value):
            return self.put_array(value, 0)
        if cls is list:
            self.no_key()
            return self.put_items(value)
        if cls is tuple:
            return self.put_sequence(value, EXT_TUPLE)
        if cls is bytes:
            return self.put_buffer(value, BESIDE_BYTES)
        if cls is bytearray:
            return self.put_buffer(value, BESIDE_BYTEARRAY)
        if cls is memoryview:
            return self.put_buffer(value, BESIDE_BUFFER)
        registered = objects.dumpers.find(cls)
        if registered is not None:
            return self.put_object(value, registered)
        return self.put_other(value, cls)

    cdef int put_other(self, object value, object cls) except -1:
        """What is of none of the commonest types exactly: subclasses, and the rarer ones."""
        if isinstance(value, numpy.generic):
            return self.put_array(numpy.asarray(value), FW_FLAG_SCALAR)
        if isinstance(value, numpy.ma.MaskedArray):
            return self.put_masked(value)
        if isinstance(value, numpy.ndarray):
            return self.put_array(checked_array(value), 0)
        if isinstance(value, enum.Enum):
            value = value._value_
            if isinstance(value, enum.Enum):  # perhaps itself
                raise TypeError("an enumeration whose values are enumerations cannot be sent")
            try:
                return self.put(value)
            except Exception:
                self.step(".value")
                raise
        if isinstance(value, bytearray):
            return self.put_buffer(value, BESIDE_BYTEARRAY)
        found = PUTS.get(cls)
        if found is None:
            for base, put in PUTS.items():
                if isinstance(value, base):
                    found = put
                    break
        if found is not None:
            kind, function = found
            return self.put_content(kind, function(value))
        if isinstance(value, (set, frozenset)):
            return self.put_sequence(value, EXT_SET if isinstance(value, set) else EXT_FROZENSET)
        return self.put_rest(value, cls)

    cdef int put_rest(self, object value, object cls) except -1:
        """Subclasses of what MessagePack has, objects with fields, and exporters of memory."""
        if isinstance(value, int):
            return self.put_int(int(value))
        if isinstance(value, float):
            return put_float(&self.out, value)
        if isinstance(value, str):
            return self.put_text(value)
        if isinstance(value, dict):
            return self.put_dict(dict(value))  # in the order of a subclass
        if isinstance(value, list):
            self.no_key()
            return self.put_items(value)
        if isinstance(value, tuple):
            return self.put_sequence(value, EXT_TUPLE)
        if is_dataclass(cls):
            names = field_names(cls)
            return self.put_attributes(value, names, names)
        if isinstance(value, msgspec.Struct):
            return self.put(as_fields(value))
        if isinstance(value, RecordBase):
            return self.put(value.to_dict())
        if PyObject_CheckBuffer(value):
            return self.put_buffer(
                value, BESIDE_BYTES if isinstance(value, bytes) else BESIDE_BUFFER
            )
        if hasattr(cls, "__dlpack__"):
            return self.put_array(from_dlpack(value), 0)
        raise TypeError(
            f"a {cls.__qualname__} cannot be sent; register the class, or name a serializer"
        )
