#include <string.h>

#include "head_rules.h"

/* A bounded read position in a head frame. What finds an error leaves it where the error is. */
typedef struct {
    const uint8_t *frame;
    size_t length;
    size_t at;
} cursor_t;

bool fw_head_match(const uint8_t *frame, size_t length) {
    return length >= 2 && frame[0] == FW_MAGIC_0 && frame[1] == FW_MAGIC_1;
}

int fw_head_check_payload(const fw_head_t *head, uint64_t itemsize) {
    return check_array_payload(head, itemsize);
}

void fw_stamp_load(const uint8_t *in, fw_stamp_t *stamp) {
    stamp->sender = load64(in);
    stamp->sequence = load64(in + 8);
    stamp->time = load64(in + 16);
}

size_t fw_head_stamp_offset(const fw_head_t *head) {
    size_t at = FW_HEAD_FIXED + (size_t)head->ndim * 8;
    at += head->serializer == FW_SERIALIZER_RECORD ? FINGERPRINT_SIZE : 0;
    at += has_broadcast(head) ? 8 : 0;
    at += has_versions(head) ? 8 + 8 * head->version_count : 0;
    return at + ((head->flags & FW_FLAG_BUFFERS) != 0 ? 8 + 8 * head->buffers : 0);
}

uint64_t fw_head_buffer(const fw_head_t *head, size_t i) {
    return (head->flags & FW_FLAG_BUFFERS) != 0 ? load64(head->lengths + 8 * i) : head->payload;
}

uint64_t fw_head_raw(const fw_head_t *head, size_t i) {
    return (head->flags & FW_FLAG_COMPRESSED) != 0 ? load64(head->raw + 8 * i)
                                                   : fw_head_buffer(head, i);
}

uint64_t fw_head_version(const fw_head_t *head, size_t i) {
    return load64(head->versions + 8 * i);
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

/* Read a section of numbers of 8 bytes. */
static int read_table(cursor_t *cursor, const uint8_t **numbers, size_t *count) {
    const size_t start = cursor->at;
    size_t length = 0;
    int rc = read_section(cursor, numbers, &length);
    if (rc == FW_OK && length % 8 != 0) {
        cursor->at = start;
        rc = FW_ERR_SECTION;
    }
    *count = length / 8;
    return rc;
}

static int read_broadcast(cursor_t *cursor, fw_head_t *head) {
    int rc;
    if (cursor->length - cursor->at < 8) {
        return FW_ERR_TRUNCATED;
    }
    head->broadcast = load64(cursor->frame + cursor->at);
    rc = check_broadcast(head->broadcast, head->ndim, head->shape);
    cursor->at += rc == FW_OK ? 8 : 0;
    return rc;
}

static int read_versions(cursor_t *cursor, fw_head_t *head) {
    const size_t start = cursor->at;
    int rc = read_table(cursor, &head->versions, &head->version_count);
    if (rc == FW_OK && head->version_count == 0) {
        cursor->at = start;
        rc = FW_ERR_SECTION;
    }
    return rc;
}

static int read_stamp(cursor_t *cursor, fw_stamp_t *stamp) {
    const uint8_t *p = cursor->frame + cursor->at;
    if (cursor->length - cursor->at < FW_STAMP_SIZE) {
        return FW_ERR_TRUNCATED;
    }
    fw_stamp_load(p, stamp);
    cursor->at += FW_STAMP_SIZE;
    return FW_OK;
}

/* The lengths are checked when all else is known: see check_payload. */
static int read_compression(cursor_t *cursor, fw_head_t *head) {
    const size_t start = cursor->at;
    const uint8_t *numbers = NULL;
    size_t count = 0;
    int rc = read_table(cursor, &numbers, &count);
    if (rc == FW_OK && (count == 0 || count - 1 != buffers_of(head))) {
        cursor->at = start;
        rc = FW_ERR_SECTION;
    }
    if (rc == FW_OK) {
        head->compression = load64(numbers);
        head->raw = numbers + METHOD_SIZE;
    }
    return rc;
}

static int read_signature(cursor_t *cursor, fw_head_t *head) {
    const uint8_t *p = cursor->frame + cursor->at;
    if (cursor->length - cursor->at < SIGNATURE_SIZE) {
        return FW_ERR_TRUNCATED;
    }
    head->key = load64(p);
    head->epoch = load64(p + 8);
    head->mac = p + 16;
    cursor->at += SIGNATURE_SIZE;
    return FW_OK;
}

/* Read the sections that head->flags announce into *head. */
static int read_sections(cursor_t *cursor, fw_head_t *head) {
    int rc = FW_OK;
    if (has_broadcast(head)) {
        rc = read_broadcast(cursor, head);
    } else if (has_versions(head)) {
        rc = read_versions(cursor, head);
    }
    if (rc == FW_OK && (head->flags & FW_FLAG_BUFFERS) != 0) {
        rc = read_table(cursor, &head->lengths, &head->buffers);
    }
    if (rc == FW_OK && (head->flags & FW_FLAG_STAMP) != 0) {
        rc = read_stamp(cursor, &head->stamp);
    }
    if (rc == FW_OK && (head->flags & FW_FLAG_META) != 0) {
        rc = read_section(cursor, &head->meta, &head->meta_size);
    }
    if (rc == FW_OK && (head->flags & FW_FLAG_TYPE) != 0) {
        rc = read_section(cursor, &head->type, &head->type_size);
    }
    if (rc == FW_OK && (head->flags & FW_FLAG_COMPRESSED) != 0) {
        rc = read_compression(cursor, head);
    }
    if (rc == FW_OK && (head->flags & FW_FLAG_SIGNED) != 0) {
        rc = read_signature(cursor, head);
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
static int check_payload(cursor_t *cursor, const fw_head_t *head) {
    const size_t left = cursor->length - head->size;
    uint64_t itemsize;
    uint64_t inside = (head->flags & FW_FLAG_INLINE) != 0 ? head->payload : 0;
    int rc = FW_OK;
    cursor->at = AT_PAYLOAD;
    if ((head->flags & FW_FLAG_COMPRESSED) != 0) {
        rc = check_compression(head);
    }
    if (rc != FW_OK) {
        return rc;
    }
    if (head->serializer != FW_SERIALIZER_ARRAY) {
        rc = add_up(head, &inside);
        cursor->at = rc == FW_ERR_SECTION ? FW_HEAD_FIXED : AT_PAYLOAD;
    } else if (fw_dtype_itemsize(head->dtype, &itemsize) == FW_OK) {
        rc = check_array_payload(head, itemsize);
        cursor->at = rc == FW_ERR_SHAPE ? FW_HEAD_FIXED : AT_PAYLOAD;
    }
    if (rc == FW_OK && inside > left) {
        rc = FW_ERR_TRUNCATED;
    } else if (rc == FW_OK && inside < left) {
        cursor->at = head->size + (size_t)inside;
        rc = FW_ERR_TRAILING;
    }
    if (rc == FW_OK && (head->flags & FW_FLAG_PACKED) != 0 &&
        !padding_is_zero(head, cursor->frame + head->size)) {
        cursor->at = head->size;
        rc = FW_ERR_SECTION;
    }
    return rc;
}

/* The first 16 bytes, checked. All of *head but `size` and `shape` is set. */
static int read_fixed(cursor_t *cursor, fw_head_t *head) {
    const uint8_t *frame = cursor->frame;
    if (!fw_head_match(frame, cursor->length)) {
        return FW_ERR_MAGIC;
    }
    if (cursor->length < FW_HEAD_FIXED) {
        cursor->at = cursor->length;
        return FW_ERR_TRUNCATED;
    }
    if (frame[AT_VERSION] != FW_VERSION) {
        cursor->at = AT_VERSION;
        return FW_ERR_VERSION;
    }
    head->serializer = frame[AT_SERIALIZER];
    head->flags = load16(frame + AT_FLAGS);
    head->dtype = frame[AT_DTYPE];
    head->ndim = frame[AT_NDIM];
    head->payload = load64(frame + AT_PAYLOAD);
    head->fingerprint = 0;
    head->versions = NULL;
    head->version_count = 0;
    head->broadcast = 0;
    head->lengths = NULL;
    head->buffers = 1;
    head->stamp = (fw_stamp_t){0, 0, 0};
    head->meta = head->type = NULL;
    head->meta_size = head->type_size = 0;
    head->compression = head->key = head->epoch = 0;
    head->raw = head->mac = NULL;
    cursor->at = FW_HEAD_FIXED;
    return check_fixed(head->serializer, head->flags, head->dtype, head->ndim, &cursor->at);
}

/* What follows the first 16 bytes: an array's shape, a record's fingerprint. */
static int read_shape(cursor_t *cursor, fw_head_t *head) {
    const bool is_record = head->serializer == FW_SERIALIZER_RECORD;
    if ((cursor->length - cursor->at) / 8 < (is_record ? 1 : head->ndim)) {
        cursor->at = cursor->length;
        return FW_ERR_TRUNCATED;
    }
    for (uint8_t i = 0; i < head->ndim; i++, cursor->at += 8) {
        head->shape[i] = load64(cursor->frame + cursor->at);
    }
    if (is_record) {
        head->fingerprint = load64(cursor->frame + cursor->at);
        cursor->at += FINGERPRINT_SIZE;
    }
    return FW_OK;
}

int fw_head_parse(const uint8_t *frame, size_t length, fw_head_t *out, size_t *offset) {
    fw_head_t head;
    cursor_t cursor = {frame, length, 0};
    int rc = read_fixed(&cursor, &head);
    if (rc == FW_OK) {
        rc = read_shape(&cursor, &head);
    }
    if (rc == FW_OK && (head.flags & FLAGS_SECTIONS) != 0) {
        rc = read_sections(&cursor, &head);
    }
    if (rc == FW_OK) {
        head.size = cursor.at;
        rc = check_payload(&cursor, &head);
    }
    if (rc == FW_OK) {
        /* `shape` is last in the struct: copy only the part of it that is in use */
        memcpy(out, &head, offsetof(fw_head_t, shape) + head.ndim * sizeof head.shape[0]);
    } else if (offset != NULL) {
        *offset = cursor.at;
    }
    return rc;
}
