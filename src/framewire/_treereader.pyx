"""Trees read: MessagePack with extensions into Python values, arrays and buffers in place.

docs/wire-format.md, "Trees". Whatever the bytes are: no read past their end, no memory that they do
not account for.
"""

import sys
from struct import error as struct_error

import numpy

from ._codec import limit_error
from .errors import DecodeError, LimitError
from .leaves import GETS
from .serializers import objects

from cpython.exc cimport PyErr_Clear, PyErr_ExceptionMatches
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.math cimport sqrt
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

cimport cython
cimport numpy as np

from ._c cimport *
from ._codec cimport Codec, read_inside
from ._decode cimport array_of, head_dtype, read_head, receive_context, scalar_of
from ._frames cimport Span
from ._payload cimport Part, Payload, part_copy, part_view, payload_next
from ._tree cimport *

cdef extern from "Python.h":
    void PyObject_GC_Track(list items)
    void PyObject_GC_UnTrack(list items)
    int set_item "PyDict_SetItem"(dict mapping, object key, object value)  # the caller asks
    bint PyUnicode_IS_ASCII(object text)
    void *PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

__all__ = []

np.import_array()

cdef object MODULUS = sys.hash_info.modulus

cdef enum:
    CACHED = 256       # keys

cdef PyObject *key_cache[CACHED]  # str of ASCII, each with a reference


cdef inline size_t slot_of(const uint8_t *data, size_t size) noexcept:
    """A hash of a key's ends, with loads of a fixed size only."""
    cdef uint64_t begin = 0
    cdef uint64_t end = 0
    if size >= 8:
        memcpy(&begin, data, 8)
        memcpy(&end, data + size - 8, 8)
    elif size >= 4:
        memcpy(&begin, data, 4)
        memcpy(&end, data + size - 4, 4)
    elif size > 0:
        begin = data[0] | <uint64_t>data[size // 2] << 8
        end = data[size - 1]
    return ((begin ^ end << 1 ^ size) * 0x9E3779B97F4A7C15ULL) >> 56


cdef object cached_key(const uint8_t *data, size_t size):
    """A short key as a str, most often one that was made before: messages repeat their keys."""
    cdef PyObject **slot = &key_cache[slot_of(data, size)]
    if slot[0] != NULL:
        if (
            <size_t>PyUnicode_GET_LENGTH(<object>slot[0]) == size
            and memcmp(PyUnicode_DATA(<object>slot[0]), data, size) == 0
        ):
            return <object>slot[0]
    key = PyUnicode_DecodeUTF8(<const char *>data, size, NULL)
    if PyUnicode_IS_ASCII(key):
        Py_INCREF(key)
        Py_XDECREF(slot[0])
        slot[0] = <PyObject *>key
    return key


cdef int propagate() except -1:
    """Raise the exception that a function of C has set."""
    return -1


cdef list as_frames(object frames):
    """What came as the frames of an object, or a user's serializer, as memoryviews."""
    if type(frames) is not list or not all(
        [type(frame) in (memoryview, bytes, bytearray) for frame in frames]
    ):
        raise DecodeError("frames that are no list of buffers", "tree")
    return [memoryview(frame) for frame in frames]


cdef object read_tree(
    Payload *payload, object socket, dict context, Codec codec, int depth, object copy
):
    """The value of a tree in a message's first buffer, which takes all the others.

    `socket`, where the message came from, and `context` are as for `receive_context`.

    Raises
    ------
    DecodeError
        It is no tree, or takes more buffers than there are, or fewer.
    LimitError
        Containers deeper inside each other than `depth`.
    RefusedError
        An object of a class that is not registered here.
    """
    cdef TreeReader self = TreeReader.__new__(TreeReader)
    cdef Part part = payload_next(payload)
    self.payload = payload
    self.data = part.span.data
    self.end = part.span.size
    self.frame = part.frame
    self.depth = depth
    self.copy = copy
    self.socket = socket
    self.known = context
    self.codec = codec
    try:
        value = self.value()
    except UnicodeDecodeError:
        raise self.error("text that is no UTF-8") from None
    if self.at != self.end:
        raise self.error(f"{self.end - self.at} bytes behind the tree")
    if payload.taken != payload.head.buffers:
        left = payload.head.buffers - payload.taken
        raise self.error(f"{left} buffers that the tree does not take")
    return value


cdef size_t weight(object key) except 0:
    """How much there is to compare of a key."""
    cdef size_t total = 1
    cls = type(key)
    if cls is tuple or cls is frozenset:
        for item in key:
            total += weight(item)
    elif cls is int:
        total += <size_t>key.bit_length() // 64
    elif cls is str or cls is bytes:
        total += <size_t>len(key) // 64
    return total


@cython.final
@cython.no_gc
@cython.freelist(8)
cdef class TreeReader:
    """A tree being read. See `read_tree`."""

    cdef object error(self, str what):
        return DecodeError(f"{what} (at byte {self.at} of the tree)", "tree", self.at)

    cdef const uint8_t *take(self, size_t n) except NULL:
        """The next `n` bytes."""
        cdef const uint8_t *p = self.data + self.at
        if self.end - self.at < n:
            raise self.error("the tree ends too early")
        self.at += n
        return p

    cdef uint64_t number(self, int size) except? 0xFFFFFFFFFFFFFFFF:
        """An unsigned number of `size` bytes."""
        cdef const uint8_t *p = self.take(size)
        cdef uint64_t value = 0
        cdef int i
        for i in range(size):
            value = value << 8 | p[i]
        return value

    cdef object text(self, size_t size):
        return PyUnicode_DecodeUTF8(<const char *>self.take(size), size, NULL)

    cdef object key(self):
        """A key; short text is the commonest."""
        cdef uint8_t code
        cdef size_t size
        if self.at < self.end:
            code = self.data[self.at]
            size = code & 0x1F
            if code & 0xE0 == 0xA0:
                self.at += 1
                return cached_key(self.take(size), size)
        return self.value()

    cdef int check_key(self, object key) except -1:
        """Bound the keys that a sender can have collide, which makes a dict quadratic.

        The hash of text and bytes is keyed, that of a small integer is itself, and a few floats
        only have the same one.
        """
        cls = type(key)
        if cls is str or cls is bytes or cls is float or key is None or (
            cls is int and -MODULUS < key < MODULUS
        ):
            return 0
        self.keys += <size_t>sqrt(<double>weight(key))
        if self.keys > self.codec.most_keys:
            raise LimitError(
                f"over {self.codec.most_keys} keys that are no text, bytes or small numbers: "
                "Limits(keys=...) would take more",
                "limit",
                self.at,
                "keys",
            )
        return 0

    cdef int owe(self, size_t items) except -1:
        """Each item of a container has at least a byte, beside those that are owed already."""
        cdef size_t left = self.end - self.at
        if left < self.owed or items > left - self.owed:
            raise self.error(f"{items} items more than there are bytes for")
        self.owed += items
        self.count += items
        if self.count > self.codec.most_items:
            raise LimitError(
                f"over {self.codec.most_items} items: Limits(items=...) would take more",
                "limit",
                self.at,
                "items",
            )
        return 0

    cdef int enter(self, size_t items) except -1:
        """Into a container."""
        self.owe(items)
        if self.depth == 0:
            raise LimitError(
                "values too deep inside each other: Limits(depth=...) would take more",
                "limit",
                self.at,
                "depth",
            )
        self.depth -= 1
        return 0

    cdef list items(self, size_t n):
        self.enter(n)
        items = self.fill(n)
        self.depth += 1
        return items

    cdef list fill(self, size_t n):
        """The next `n` values, which are owed."""
        cdef list items = PyList_New(n)
        cdef size_t i
        PyObject_GC_UnTrack(items)  # as long as it has NULLs, nobody may find it
        for i in range(n):
            self.owed -= 1
            item = self.value()
            Py_INCREF(item)
            PyList_SET_ITEM(items, i, item)
        PyObject_GC_Track(items)
        return items

    cdef dict mapping(self, size_t n):
        cdef dict mapping = {}
        cdef size_t i
        self.enter(2 * n)
        for i in range(n):
            self.owed -= 1
            key = self.key()
            self.owed -= 1
            value = self.value()
            self.check_key(key)
            if set_item(mapping, key, value) < 0:
                if not PyErr_ExceptionMatches(TypeError):
                    propagate()
                PyErr_Clear()
                raise self.error(f"a key of type {type(key).__name__}")
        self.depth += 1
        return mapping

    cdef object value(self):
        cdef uint8_t code = self.take(1)[0]
        if code < 0x80:
            return code
        if code >= 0xE0:
            return <int>code - 0x100
        if code < 0x90:
            return self.mapping(code & 0x0F)
        if code < 0xA0:
            return self.items(code & 0x0F)
        if code < 0xC0:
            return self.text(code & 0x1F)
        return self.coded(code)

    cdef object coded(self, uint8_t code):
        """What begins with a byte from C0 to DF."""
        cdef double number
        cdef float single
        cdef uint64_t bits
        cdef uint32_t few
        if code == 0xC0:
            return None
        if code == 0xC2:
            return False
        if code == 0xC3:
            return True
        if code == 0xCB:
            bits = self.number(8)
            memcpy(&number, &bits, 8)
            return number
        if code == 0xCA:
            few = <uint32_t>self.number(4)
            memcpy(&single, &few, 4)
            return single
        if 0xCC <= code <= 0xCF:
            return self.number(1 << (code - 0xCC))
        if code == 0xD0:
            return <int8_t>self.number(1)
        if code == 0xD1:
            return <int16_t>self.number(2)
        if code == 0xD2:
            return <int32_t>self.number(4)
        if code == 0xD3:
            return <int64_t>self.number(8)
        if 0xD9 <= code <= 0xDB:
            return self.text(self.number(1 << (code - 0xD9)))
        if 0xC4 <= code <= 0xC6:
            bits = self.number(1 << (code - 0xC4))
            return PyBytes_FromStringAndSize(<const char *>self.take(bits), bits)
        if 0xDC <= code <= 0xDD:
            return self.items(self.number(2 << (code - 0xDC)))
        if 0xDE <= code <= 0xDF:
            return self.mapping(self.number(2 << (code - 0xDE)))
        if 0xC7 <= code <= 0xC9 or 0xD4 <= code <= 0xD8:
            if code <= 0xC9:
                bits = self.number(1 << (code - 0xC7))
            else:
                bits = 1 << (code - 0xD4)
            return self.extension(self.take(1)[0], bits)
        raise self.error("a byte that is no MessagePack")

    # ---- extensions

    cdef object extension(self, uint8_t kind, size_t size):
        """The value of an extension, whose content is the next `size` bytes."""
        cdef const uint8_t *content = self.take(size)
        if kind == EXT_ARRAY:
            return self.array(content, size)
        if kind == EXT_BESIDE:
            return self.beside(content, size)
        get = GETS.get(kind)
        if get is not None:
            try:
                value = get(PyBytes_FromStringAndSize(<const char *>content, size))
            except (ValueError, struct_error, ArithmeticError, OverflowError) as error:
                raise self.error(f"an extension {kind} that is none: {error}") from None
            return memoryview(bytearray(value)) if kind == EXT_BUFFER and self.copy else value
        return self.container(kind, size)

    cdef object array(self, const uint8_t *content, size_t size):
        cdef fw_head_t head
        cdef Part part
        dtype = self.read_head(content, size, &head)
        if head.ndim > self.codec.most_dimensions:
            raise limit_error("ndim", head.ndim, self.codec.most_dimensions)
        if head.flags & FW_FLAG_INLINE:
            part.frame = self.frame
            part.offset = 0
            part.alone = False
            part.span = Span(content + head.size, head.payload)
        else:
            part = self.next_buffer()
            if part.span.size != head.payload:
                raise self.error(f"a payload of {head.payload} bytes, in a buffer of {part.span.size}")
        array = array_of(
            self.payload.frames, &head, &part, dtype, self.copy, None, &self.payload.room
        )
        return scalar_of(array) if head.flags & FW_FLAG_SCALAR else array

    cdef np.dtype read_head(self, const uint8_t *content, size_t size, fw_head_t *head):
        try:
            read_head(Span(content, size), head)
            if head.serializer == FW_SERIALIZER_ARRAY and not head.flags & (
                FW_FLAG_META | FW_FLAG_STAMP | FW_FLAG_COMPRESSED
            ):
                return head_dtype(head)
        except DecodeError as error:
            if type(error) is not DecodeError:  # well-formed, but too much, or unknown here
                raise
            raise self.error(f"an array's head: {error}") from None
        raise self.error("a head that is no array's, or is compressed, or has metadata or a stamp")

    cdef Part next_buffer(self) except *:
        if self.payload.taken == self.payload.head.buffers:
            raise self.error("it takes more buffers than there are")
        return payload_next(self.payload)

    cdef object beside(self, const uint8_t *content, size_t size):
        cdef Part part
        if size != 1 or content[0] > BESIDE_BUFFER:
            raise self.error("a buffer of an unknown kind")
        part = self.next_buffer()
        if content[0] == BESIDE_BUFFER:
            return part_view(self.payload.frames, &part, bool(self.copy))
        return part_copy(&part, content[0] == BESIDE_BYTEARRAY)

    cdef object container(self, uint8_t kind, size_t size):
        """The value of an extension that has values as its content, which was taken."""
        cdef size_t outer = self.end
        cdef size_t owed = self.owed  # behind the extension
        self.owed = 0
        self.end = self.at
        self.at -= size
        self.enter(0)
        if kind == EXT_TUPLE:
            value = tuple(self.sequence())
        elif kind == EXT_SET:
            value = self.hashed(set)
        elif kind == EXT_FROZENSET:
            value = self.hashed(frozenset)
        elif kind == EXT_MASKED:
            value = self.masked()
        elif kind == EXT_OBJECT:
            value = self.registered()
        else:
            raise self.error(f"an extension of the unknown type {kind}")
        if self.at != self.end:
            raise self.error(f"{self.end - self.at} bytes behind the content of an extension")
        self.end = outer
        self.owed = owed
        self.depth += 1
        return value

    cdef list sequence(self):
        """The items of an array that is (part of) the content of an extension."""
        cdef uint8_t code = self.take(1)[0]
        cdef size_t n
        if 0x90 <= code <= 0x9F:
            n = code & 0x0F
        elif 0xDC <= code <= 0xDD:
            n = self.number(2 << (code - 0xDC))
        else:
            raise self.error("an extension that needs an array")
        self.owe(n)
        return self.fill(n)

    cdef object hashed(self, object cls):
        cdef list items = self.sequence()
        for item in items:
            self.check_key(item)
        try:
            return cls(items)
        except TypeError:
            raise self.error("a set of what cannot be in one") from None

    cdef object masked(self):
        data, mask, fill_value = self.value(), self.value(), self.value()
        try:
            if type(data) is not numpy.ndarray or type(mask) is not numpy.ndarray:
                raise ValueError("data and mask that are no arrays")
            if fill_value is not None and not isinstance(fill_value, numpy.generic):
                raise ValueError("a fill value that is no scalar")
            if numpy.ma.make_mask_descr(data.dtype) != mask.dtype or data.shape != mask.shape:
                raise ValueError("a mask that does not fit")
            return numpy.ma.MaskedArray(data, mask, fill_value=fill_value)
        except (TypeError, ValueError, OverflowError, Warning) as error:  # where warnings are errors
            raise self.error(f"a masked array that is none: {error}") from None

    cdef object registered(self):
        name, header, frames = self.value(), self.value(), self.sequence()
        if type(name) is not str:
            raise self.error("an object without a name")
        frames = as_frames(frames)
        function, wants_context = objects.loader(name)
        context = None
        if wants_context:
            context = receive_context(
                self.payload.frames, self.payload.at, self.socket, self.codec, self.known
            )
        return read_inside(self.codec, self.depth, function, header, frames, context)
