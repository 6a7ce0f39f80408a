#include "framewire/head.h"

#include <string.h>

#include "endian.h"
#include "framewire/dtype.h"
#include "framewire/error.h"

#define SIZE_MAX_63 ((uint64_t)INT64_MAX)

enum {
    FLAGS_COMMON = FW_FLAG_INLINE | FW_FLAG_META | FW_FLAG_TYPE,
    FLAGS_ARRAY = FLAGS_COMMON | FW_FLAG_FORTRAN | FW_FLAG_SCALAR | FW_FLAG_BROADCAST,
    FLAGS_VALUE = FLAGS_COMMON | FW_FLAG_PACKED | FW_FLAG_BUFFERS
};

/* Where the fields of the fixed part stand. */
enum { AT_VERSION = 2, AT_SERIALIZER = 3, AT_FLAGS = 4, AT_DTYPE = 6, AT_NDIM = 7, AT_PAYLOAD = 8 };

/* A bounded read position in the sections of a head frame. */
typedef struct {
    const uint8_t *frame;
    size_t length;
    size_t at;
} cursor_t;

/* On failure: note where, say what. */
static int fail(size_t *offset, size_t at, int code) {
    if (offset != NULL) {
        *offset = at;
    }
    return code;
}

bool fw_head_match(const uint8_t *frame, size_t length) {
    return length >= 2 && frame[0] == FW_MAGIC_0 && frame[1] == FW_MAGIC_1;
}

static bool is_serializer(uint8_t id) {
    return (id >= FW_SERIALIZER_ARRAY && id <= FW_SERIALIZER_MSGPACK) ||
           (id >= FW_SERIALIZER_PICKLE && id <= FW_SERIALIZER_ARROW) || id == FW_SERIALIZER_USER;
}

/* check_fixed, for an array. */
static int check_array(uint16_t flags, uint8_t dtype, uint8_t ndim, size_t *at) {
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
static int check_value(uint16_t flags, uint8_t dtype, uint8_t ndim, size_t *at) {
    const uint16_t needed = FW_FLAG_INLINE | FW_FLAG_BUFFERS;
    if ((flags & ~FLAGS_VALUE) != 0 ||
        ((flags & FW_FLAG_PACKED) != 0 && (flags & needed) != needed)) {
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
static int check_fixed(uint8_t serializer, uint16_t flags, uint8_t dtype, uint8_t ndim,
                       size_t *at) {
    if (serializer == FW_SERIALIZER_ARRAY) {
        return check_array(flags, dtype, ndim, at);
    }
    if (!is_serializer(serializer)) {
        *at = AT_SERIALIZER;
        return FW_ERR_SERIALIZER;
    }
    return check_value(flags, dtype, ndim, at);
}

/* A repeated axis is an axis of the array, and longer than one: there is one way to say a thing. */
static int check_broadcast(uint64_t mask, uint8_t ndim, const uint64_t *shape) {
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

static uint64_t broadcast_of(const fw_head_t *head) {
    return (head->flags & FW_FLAG_BROADCAST) != 0 ? head->broadcast : 0;
}

/* Is a * b more than 2**63 - 1? A division takes longer than the rest of a small head. */
static bool exceeds(uint64_t a, uint64_t b) {
    return (a | b) >> 31 != 0 && b != 0 && a > SIZE_MAX_63 / b;
}

int fw_head_check_payload(const fw_head_t *head, uint64_t itemsize) {
    /* Axes of length 0 are left out of `full`: numpy bounds the product of the others too. */
    uint64_t full = itemsize > 0 ? itemsize : 1;
    uint64_t stored = itemsize;
    uint64_t mask = broadcast_of(head);
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
    return stored == head->payload ? FW_OK : FW_ERR_PAYLOAD;
}

static size_t buffers_of(const fw_head_t *head) {
    return (head->flags & FW_FLAG_BUFFERS) != 0 ? head->buffers : 1;
}

uint64_t fw_head_buffer(const fw_head_t *head, size_t i) {
    return (head->flags & FW_FLAG_BUFFERS) != 0 ? load64(head->lengths + 8 * i) : head->payload;
}

void fw_head_put_length(uint8_t *out, uint64_t length) {
    store64(out, length);
}

/*
 * The buffers of a value: do their lengths add up to the payload? *inside: the bytes that stand
 * in the head's frame, padding included.
 */
static int add_up(const fw_head_t *head, uint64_t *inside) {
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

/* Bytes of a section with `length` bytes of content: its length, itself, padding to 8. */
static int section_size(size_t length, size_t *size) {
    if (length > SIZE_MAX / 4) {
        return FW_ERR_SECTION;
    }
    *size = 8 + ((length + 7) & ~(size_t)7);
    return FW_OK;
}

int fw_head_size(const fw_head_t *head, size_t *size) {
    size_t total = FW_HEAD_FIXED + (size_t)head->ndim * 8;
    size_t buffers = 0;
    size_t meta = 0;
    size_t type = 0;
    if (head->ndim > FW_NDIM_MAX) {
        return FW_ERR_NDIM;
    }
    if ((head->flags & FW_FLAG_BROADCAST) != 0) {
        total += 8;
    }
    if ((head->flags & FW_FLAG_BUFFERS) != 0) {
        if (head->buffers > SIZE_MAX / 64) {
            return FW_ERR_SECTION;
        }
        buffers = 8 + 8 * head->buffers;
    }
    if ((head->flags & FW_FLAG_META) != 0 && section_size(head->meta_size, &meta) != FW_OK) {
        return FW_ERR_SECTION;
    }
    if ((head->flags & FW_FLAG_TYPE) != 0 && section_size(head->type_size, &type) != FW_OK) {
        return FW_ERR_SECTION;
    }
    *size = total + buffers + meta + type;
    return FW_OK;
}

static uint8_t *write_section(uint8_t *p, const uint8_t *content, size_t length) {
    size_t padding = (size_t)(0 - length) & 7;
    store64(p, length);
    if (length > 0) {
        memcpy(p + 8, content, length);
    }
    memset(p + 8 + length, 0, padding);
    return p + 8 + length + padding;
}

/* What fw_head_parse would refuse, refused before it is written. *size: as of fw_head_size. */
static int check_packable(const fw_head_t *head, size_t *size) {
    size_t at;
    uint64_t itemsize;
    uint64_t inside;
    int rc = check_fixed(head->serializer, head->flags, head->dtype, head->ndim, &at);
    if (rc == FW_OK && (head->flags & FW_FLAG_BROADCAST) != 0) {
        rc = check_broadcast(head->broadcast, head->ndim, head->shape);
    }
    if (rc == FW_OK) {
        rc = fw_head_size(head, size); /* before the lengths are read, so that all are in memory */
    }
    if (rc == FW_OK && head->serializer != FW_SERIALIZER_ARRAY) {
        return add_up(head, &inside);
    }
    if (rc == FW_OK && fw_dtype_itemsize(head->dtype, &itemsize) == FW_OK) {
        rc = fw_head_check_payload(head, itemsize);
    }
    return rc;
}

int fw_head_pack(const fw_head_t *head, uint8_t *out, size_t capacity, size_t *written) {
    size_t size;
    uint8_t *p;
    int rc = check_packable(head, &size);
    if (rc != FW_OK) {
        return rc;
    }
    if (size > capacity) {
        return FW_ERR_SPACE;
    }
    out[0] = FW_MAGIC_0;
    out[1] = FW_MAGIC_1;
    out[AT_VERSION] = FW_VERSION;
    out[AT_SERIALIZER] = head->serializer;
    store16(out + AT_FLAGS, head->flags);
    out[AT_DTYPE] = head->dtype;
    out[AT_NDIM] = head->ndim;
    store64(out + AT_PAYLOAD, head->payload);
    p = out + FW_HEAD_FIXED;
    for (uint8_t i = 0; i < head->ndim; i++, p += 8) {
        store64(p, head->shape[i]);
    }
    if ((head->flags & FW_FLAG_BROADCAST) != 0) {
        store64(p, head->broadcast);
        p += 8;
    }
    if ((head->flags & FW_FLAG_BUFFERS) != 0) {
        p = write_section(p, head->lengths, 8 * head->buffers);
    }
    if ((head->flags & FW_FLAG_META) != 0) {
        p = write_section(p, head->meta, head->meta_size);
    }
    if ((head->flags & FW_FLAG_TYPE) != 0) {
        write_section(p, head->type, head->type_size);
    }
    *written = size;
    return FW_OK;
}

/* Read a length-prefixed section, check its padding, and step over it. */
static int read_section(cursor_t *cursor, const uint8_t **content, size_t *length) {
    size_t left = cursor->length - cursor->at;
    size_t padded;
    uint64_t announced;
    if (left < 8) {
        return FW_ERR_TRUNCATED;
    }
    announced = load64(cursor->frame + cursor->at);
    left -= 8;
    if (announced > left) {
        return FW_ERR_TRUNCATED;
    }
    padded = ((size_t)announced + 7) & ~(size_t)7;
    if (padded > left) {
        return FW_ERR_TRUNCATED;
    }
    *content = cursor->frame + cursor->at + 8;
    *length = (size_t)announced;
    for (size_t i = *length; i < padded; i++) {
        if ((*content)[i] != 0) {
            return FW_ERR_SECTION;
        }
    }
    cursor->at += 8 + padded;
    return FW_OK;
}

/* Read the sections that head->flags announce into *head. */
static int read_sections(cursor_t *cursor, fw_head_t *head) {
    int rc = FW_OK;
    if ((head->flags & FW_FLAG_BROADCAST) != 0) {
        if (cursor->length - cursor->at < 8) {
            return FW_ERR_TRUNCATED;
        }
        head->broadcast = load64(cursor->frame + cursor->at);
        rc = check_broadcast(head->broadcast, head->ndim, head->shape);
        if (rc != FW_OK) {
            return rc;
        }
        cursor->at += 8;
    }
    if ((head->flags & FW_FLAG_BUFFERS) != 0) {
        const size_t start = cursor->at;
        size_t length = 0;
        rc = read_section(cursor, &head->lengths, &length);
        if (rc != FW_OK) {
            return rc;
        }
        if (length % 8 != 0) {
            cursor->at = start;
            return FW_ERR_SECTION;
        }
        head->buffers = length / 8;
    }
    if ((head->flags & FW_FLAG_META) != 0) {
        rc = read_section(cursor, &head->meta, &head->meta_size);
    }
    if (rc == FW_OK && (head->flags & FW_FLAG_TYPE) != 0) {
        rc = read_section(cursor, &head->type, &head->type_size);
    }
    return rc;
}

/* The zeros between the buffers of a packed frame, which is long enough. */
static bool padding_is_zero(const fw_head_t *head, const uint8_t *payload) {
    uint64_t at = 0;
    for (size_t i = 0; i + 1 < head->buffers; i++) {
        at += fw_head_buffer(head, i);
        for (; at % 8 != 0; at++) {
            if (payload[at] != 0) {
                return false;
            }
        }
    }
    return true;
}

/* The payload's announced length against the shape and against what is left of the frame. */
static int check_payload(const fw_head_t *head, const uint8_t *frame, size_t left, size_t *at) {
    uint64_t itemsize;
    uint64_t inside = (head->flags & FW_FLAG_INLINE) != 0 ? head->payload : 0;
    int rc = FW_OK;
    *at = AT_PAYLOAD;
    if (head->serializer != FW_SERIALIZER_ARRAY) {
        rc = add_up(head, &inside);
        *at = rc == FW_ERR_SECTION ? FW_HEAD_FIXED : AT_PAYLOAD;
    } else if (fw_dtype_itemsize(head->dtype, &itemsize) == FW_OK) {
        rc = fw_head_check_payload(head, itemsize);
        *at = rc == FW_ERR_SHAPE ? FW_HEAD_FIXED : AT_PAYLOAD;
    }
    if (rc == FW_OK) {
        if (inside > left) {
            return FW_ERR_TRUNCATED;
        }
        if (inside < left) {
            *at = head->size + (size_t)inside;
            return FW_ERR_TRAILING;
        }
    }
    if (rc == FW_OK && (head->flags & FW_FLAG_PACKED) != 0 &&
        !padding_is_zero(head, frame + head->size)) {
        *at = head->size;
        return FW_ERR_SECTION;
    }
    return rc;
}

int fw_head_parse(const uint8_t *frame, size_t length, fw_head_t *out, size_t *offset) {
    fw_head_t head;
    cursor_t cursor = {frame, length, FW_HEAD_FIXED};
    size_t at = 0;
    int rc;
    if (!fw_head_match(frame, length)) {
        return fail(offset, 0, FW_ERR_MAGIC);
    }
    if (length < FW_HEAD_FIXED) {
        return fail(offset, length, FW_ERR_TRUNCATED);
    }
    if (frame[AT_VERSION] != FW_VERSION) {
        return fail(offset, AT_VERSION, FW_ERR_VERSION);
    }
    head.serializer = frame[AT_SERIALIZER];
    head.flags = load16(frame + AT_FLAGS);
    head.dtype = frame[AT_DTYPE];
    head.ndim = frame[AT_NDIM];
    head.payload = load64(frame + AT_PAYLOAD);
    head.broadcast = 0;
    head.lengths = head.meta = head.type = NULL;
    head.meta_size = head.type_size = 0;
    head.buffers = 1;
    rc = check_fixed(head.serializer, head.flags, head.dtype, head.ndim, &at);
    if (rc != FW_OK) {
        return fail(offset, at, rc);
    }
    if ((length - FW_HEAD_FIXED) / 8 < head.ndim) {
        return fail(offset, length, FW_ERR_TRUNCATED);
    }
    for (uint8_t i = 0; i < head.ndim; i++, cursor.at += 8) {
        head.shape[i] = load64(frame + cursor.at);
    }
    rc = read_sections(&cursor, &head);
    if (rc != FW_OK) {
        return fail(offset, cursor.at, rc);
    }
    head.size = cursor.at;
    rc = check_payload(&head, frame, length - head.size, &at);
    if (rc != FW_OK) {
        return fail(offset, at, rc);
    }
    /* `shape` is last in the struct: copy only the part of it that is in use */
    memcpy(out, &head, offsetof(fw_head_t, shape) + head.ndim * sizeof head.shape[0]);
    return FW_OK;
}
