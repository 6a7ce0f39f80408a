# MessagePack, written: bytes that grow, and the encodings of its types
# (https://github.com/msgpack/msgpack/blob/master/spec.md). Inline, as they are called for each value.
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

cdef struct Packer:
    uint8_t *data          # `few` or allocated
    size_t size            # bytes in use
    size_t capacity
    uint8_t few[512]

cdef void packer_begin(Packer *packer) noexcept
cdef void packer_end(Packer *packer) noexcept
cdef uint8_t *packer_grow(Packer *packer, size_t more) except NULL


cdef inline uint8_t *reserve(Packer *packer, size_t more) except NULL:
    """Room for so many bytes more; `size` is the caller's to move."""
    if packer.capacity - packer.size < more:
        return packer_grow(packer, more)
    return packer.data + packer.size


cdef inline int put_byte(Packer *packer, uint8_t byte) except -1:
    reserve(packer, 1)[0] = byte
    packer.size += 1
    return 0


cdef inline int put_bytes(Packer *packer, const void *data, size_t size) except -1:
    memcpy(reserve(packer, size), data, size)
    packer.size += size
    return 0


cdef inline void store_big(uint8_t *p, uint64_t value, int size) noexcept:
    """The last `size` bytes of a number, most significant first."""
    cdef int i
    for i in range(size):
        p[i] = <uint8_t>(value >> 8 * (size - 1 - i))


cdef inline int put_number(Packer *packer, uint8_t code, uint64_t value, int size) except -1:
    """A code, and the last `size` bytes of a number."""
    cdef uint8_t *p = reserve(packer, 1 + size)
    p[0] = code
    store_big(p + 1, value, size)
    packer.size += 1 + size
    return 0


cdef inline int put_float(Packer *packer, double number) except -1:
    cdef uint64_t bits
    memcpy(&bits, &number, 8)
    return put_number(packer, 0xCB, bits, 8)


cdef inline int put_count(Packer *packer, size_t items, uint8_t code4, uint8_t code16) except -1:
    """The beginning of an array, or map, of so many items, or pairs of them."""
    if items < 16:
        return put_byte(packer, code4 | <uint8_t>items)
    return put_size(packer, items, 0, code16)


cdef inline int put_utf8(Packer *packer, const char *data, size_t size) except -1:
    cdef uint8_t *p
    if size >= 32:
        put_size(packer, size, 0xD9, 0xDA)
        return put_bytes(packer, data, size)
    p = reserve(packer, 1 + size)
    p[0] = 0xA0 | <uint8_t>size
    memcpy(p + 1, data, size)
    packer.size += 1 + size
    return 0

cdef int put_int64(Packer *packer, int64_t value) except -1
cdef int put_size(Packer *packer, size_t n, uint8_t code8, uint8_t code16) except -1
cdef int put_extension(Packer *packer, uint8_t kind, const void *content, size_t size) except -1
cdef size_t begin_extension(Packer *packer, uint8_t kind) except 0
cdef int end_extension(Packer *packer, size_t begin) except -1
