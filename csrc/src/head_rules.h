/*
 * What a head must be, whether it is packed or parsed (docs/wire-format.md, "How to read"). Inline,
 * so that each of the two is one function to the compiler. Private.
 */
#ifndef FRAMEWIRE_HEAD_RULES_H
#define FRAMEWIRE_HEAD_RULES_H

#include "endian.h"
#include "framewire/dtype.h"
#include "framewire/error.h"
#include "framewire/head.h"

#define SIZE_MAX_63 ((uint64_t)INT64_MAX)

enum {
    FLAGS_COMMON = FW_FLAG_INLINE | FW_FLAG_STAMP | FW_FLAG_META | FW_FLAG_TYPE |
        FW_FLAG_COMPRESSED | FW_FLAG_SIGNED,
    FLAGS_ARRAY = FLAGS_COMMON | FW_FLAG_FORTRAN | FW_FLAG_SCALAR | FW_FLAG_BROADCAST,
    FLAGS_RECORD = FLAGS_COMMON | FW_FLAG_VERSIONS,
    FLAGS_VALUE = FLAGS_COMMON | FW_FLAG_PACKED | FW_FLAG_BUFFERS,
    /* what has a section; a small array has none */
    FLAGS_SECTIONS = FW_FLAG_BROADCAST | FW_FLAG_BUFFERS | FW_FLAG_STAMP | FW_FLAG_META |
        FW_FLAG_TYPE | FW_FLAG_COMPRESSED | FW_FLAG_SIGNED
};

/* Where the fields of the fixed part stand. */
enum { AT_VERSION = 2, AT_SERIALIZER = 3, AT_FLAGS = 4, AT_DTYPE = 6, AT_NDIM = 7, AT_PAYLOAD = 8 };

enum {
    FINGERPRINT_SIZE = 8,     /* bytes */
    SIGNATURE_SIZE = 16 + 32, /* key, epoch, code */
    METHOD_SIZE = 8
};

static inline bool is_serializer(uint8_t id) {
    return (id >= FW_SERIALIZER_ARRAY && id <= FW_SERIALIZER_ARROW) || id == FW_SERIALIZER_USER;
}

/* check_fixed, for an array. */
static inline int check_array(uint16_t flags, uint8_t dtype, uint8_t ndim, size_t *at) {
    uint64_t itemsize;
    if ((flags & ~FLAGS_ARRAY) != 0) {
        *at = AT_FLAGS;
        return FW_ERR_FLAGS;
    }
    if (dtype != FW_DTYPE_DESCRIBED && fw_dtype_itemsize(dtype, &itemsize) != FW_OK) {
        *at = AT_DTYPE;
        return FW_ERR_DTYPE;
    }
    /* a described dtype has a description, and only it */
    if ((dtype == FW_DTYPE_DESCRIBED) != ((flags & FW_FLAG_TYPE) != 0)) {
        *at = AT_FLAGS;
        return FW_ERR_FLAGS;
    }
    if (ndim > FW_NDIM_MAX || (ndim > 0 && (flags & FW_FLAG_SCALAR) != 0)) {
        *at = AT_NDIM;
        return FW_ERR_NDIM;
    }
    return FW_OK;
}

/* check_fixed, for all else: it has no dtype and no dimensions. */
static inline int check_value(uint8_t serializer, uint16_t flags, uint8_t dtype, uint8_t ndim,
                              size_t *at) {
    const uint16_t needed = FW_FLAG_INLINE | FW_FLAG_BUFFERS;
    const int known = serializer == FW_SERIALIZER_RECORD ? FLAGS_RECORD : FLAGS_VALUE;
    if ((flags & ~known) != 0 || ((flags & FW_FLAG_PACKED) != 0 && (flags & needed) != needed)) {
        *at = AT_FLAGS;
        return FW_ERR_FLAGS;
    }
    if (dtype != 0) {
        *at = AT_DTYPE;
        return FW_ERR_DTYPE;
    }
    if (ndim != 0) {
        *at = AT_NDIM;
        return FW_ERR_NDIM;
    }
    return FW_OK;
}

/* The checks on the fixed part that packing and parsing share. *at: the field that is wrong. */
static inline int check_fixed(uint8_t serializer, uint16_t flags, uint8_t dtype, uint8_t ndim,
                              size_t *at) {
    /* what is signed has a number, so that it cannot be played back */
    if ((flags & (FW_FLAG_SIGNED | FW_FLAG_STAMP)) == FW_FLAG_SIGNED) {
        *at = AT_FLAGS;
        return FW_ERR_FLAGS;
    }
    if (serializer == FW_SERIALIZER_ARRAY) {
        return check_array(flags, dtype, ndim, at);
    }
    if (!is_serializer(serializer)) {
        *at = AT_SERIALIZER;
        return FW_ERR_SERIALIZER;
    }
    return check_value(serializer, flags, dtype, ndim, at);
}

/* A repeated axis is an axis of the array, and longer than one: there is one way to say a thing. */
static inline int check_broadcast(uint64_t mask, uint8_t ndim, const uint64_t *shape) {
    if (mask == 0 || (ndim < 64 && mask >> ndim != 0)) {
        return FW_ERR_SECTION;
    }
    for (uint8_t i = 0; i < ndim; i++) {
        if ((mask >> i & 1) != 0 && shape[i] < 2) {
            return FW_ERR_SECTION;
        }
    }
    return FW_OK;
}

/* The bit is an array's BROADCAST and a record's VERSIONS. */
static inline bool has_broadcast(const fw_head_t *head) {
    return (head->flags & FW_FLAG_BROADCAST) != 0 && head->serializer == FW_SERIALIZER_ARRAY;
}

static inline bool has_versions(const fw_head_t *head) {
    return (head->flags & FW_FLAG_VERSIONS) != 0 && head->serializer == FW_SERIALIZER_RECORD;
}

/* Is a * b more than 2**63 - 1? A division takes longer than the rest of a small head. */
static inline bool exceeds(uint64_t a, uint64_t b) {
    return (a | b) >> 31 != 0 && b != 0 && a > SIZE_MAX_63 / b;
}

static inline size_t buffers_of(const fw_head_t *head) {
    return (head->flags & FW_FLAG_BUFFERS) != 0 ? head->buffers : 1;
}

/* A known method; no buffer is longer than what it was made of, and all of those have 63 bits. */
static inline int check_compression(const fw_head_t *head) {
    const size_t buffers = buffers_of(head);
    uint64_t total = 0;
    if (head->compression < FW_COMPRESSION_ZLIB || head->compression > FW_COMPRESSION_BLOSC2) {
        return FW_ERR_SECTION;
    }
    for (size_t i = 0; i < buffers; i++) {
        const uint64_t raw = fw_head_raw(head, i);
        if (raw < fw_head_buffer(head, i) || raw > SIZE_MAX_63 - total) {
            return FW_ERR_SECTION;
        }
        total += raw;
    }
    return FW_OK;
}

/* fw_head_check_payload */
static inline int check_array_payload(const fw_head_t *head, uint64_t itemsize) {
    /* Axes of length 0 are left out of `full`: numpy bounds the product of the others too. */
    uint64_t full = itemsize > 0 ? itemsize : 1;
    uint64_t stored = itemsize;
    uint64_t mask = has_broadcast(head) ? head->broadcast : 0;
    if (full > SIZE_MAX_63) {
        return FW_ERR_SHAPE;
    }
    for (uint8_t i = 0; i < head->ndim; i++) {
        uint64_t n = head->shape[i];
        if (exceeds(full, n)) {
            return FW_ERR_SHAPE;
        }
        full *= n != 0 ? n : 1;
        stored *= (mask >> i & 1) != 0 ? 1 : n;
    }
    return stored == fw_head_raw(head, 0) ? FW_OK : FW_ERR_PAYLOAD;
}

/*
 * The buffers of a value: do their lengths add up to the payload? *inside: the bytes that stand
 * in the head's frame, padding included.
 */
static inline int add_up(const fw_head_t *head, uint64_t *inside) {
    uint64_t total = 0;
    uint64_t end = 0;
    const size_t buffers = buffers_of(head);
    if ((head->flags & FW_FLAG_INLINE) != 0 && buffers == 0) {
        return FW_ERR_SECTION;
    }
    for (size_t i = 0; i < buffers; i++) {
        uint64_t length = fw_head_buffer(head, i);
        if (length > SIZE_MAX_63 || total > SIZE_MAX_63 - length) {
            return FW_ERR_PAYLOAD;
        }
        total += length;
        if (i == 0 || (head->flags & FW_FLAG_PACKED) != 0) {
            /* cannot wrap: a padding is less than the 8 bytes that its length has in memory */
            end = ((end + 7) & ~(uint64_t)7) + length;
        }
    }
    *inside = (head->flags & FW_FLAG_INLINE) != 0 ? end : 0;
    return total == head->payload ? FW_OK : FW_ERR_PAYLOAD;
}

#endif
