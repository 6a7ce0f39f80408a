"""MessagePack, written: what is not inline in the pxd."""

from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy

__all__ = []


cdef void packer_begin(Packer *packer) noexcept:
    """Nothing yet. `packer_end` must follow, and the struct stay where it is."""
    packer.data = packer.few
    packer.size = 0
    packer.capacity = sizeof(packer.few)


cdef void packer_end(Packer *packer) noexcept:
    if packer.data != packer.few:
        PyMem_Free(packer.data)


cdef uint8_t *packer_grow(Packer *packer, size_t more) except NULL:
    cdef size_t capacity = packer.capacity
    cdef bint inside = packer.data == packer.few
    cdef uint8_t *data
    while capacity - packer.size < more:
        capacity *= 2
    data = <uint8_t *>PyMem_Realloc(NULL if inside else packer.data, capacity)
    if data == NULL:
        raise MemoryError()
    if inside:
        memcpy(data, packer.few, packer.size)
    packer.data = data
    packer.capacity = capacity
    return data + packer.size


cdef int put_size(Packer *packer, size_t n, uint8_t code8, uint8_t code16) except -1:
    """A length behind its code: one for 8 bits, unless that is 0, for 16, and, next, for 32."""
    if n < 0x100 and code8:
        return put_number(packer, code8, n, 1)
    if n < 0x10000:
        return put_number(packer, code16, n, 2)
    if n >= <size_t>1 << 32:
        raise ValueError(f"{n} bytes or items: at most {(1 << 32) - 1} can be sent")
    return put_number(packer, code16 + 1, n, 4)


cdef int put_int64(Packer *packer, int64_t value) except -1:
    if value >= 0:
        if value < 0x80:
            return put_byte(packer, <uint8_t>value)
        if value < 0x100:
            return put_number(packer, 0xCC, value, 1)
        if value < 0x10000:
            return put_number(packer, 0xCD, value, 2)
        if value >> 32 == 0:
            return put_number(packer, 0xCE, value, 4)
        return put_number(packer, 0xCF, value, 8)
    if value >= -0x20:
        return put_byte(packer, <uint8_t>value)
    if value >= -0x80:
        return put_number(packer, 0xD0, value, 1)
    if value >= -0x8000:
        return put_number(packer, 0xD1, value, 2)
    if value >> 31 == -1:
        return put_number(packer, 0xD2, value, 4)
    return put_number(packer, 0xD3, value, 8)


cdef int put_extension(Packer *packer, uint8_t kind, const void *content, size_t size) except -1:
    put_size(packer, size, 0xC7, 0xC8)
    put_byte(packer, kind)
    return put_bytes(packer, content, size)


cdef size_t begin_extension(Packer *packer, uint8_t kind) except 0:
    """An extension whose content follows. Returns where that begins, for `end_extension`."""
    put_number(packer, 0xC9, 0, 4)
    put_byte(packer, kind)
    return packer.size


cdef int end_extension(Packer *packer, size_t begin) except -1:
    cdef size_t size = packer.size - begin
    if size >= <size_t>1 << 32:
        raise ValueError(f"an extension of {size} bytes: at most {(1 << 32) - 1} can be sent")
    store_big(packer.data + begin - 5, size, 4)
    return 0
