#include <string.h>

#include "head_rules.h"

void fw_stamp_store(uint8_t *out, const fw_stamp_t *stamp) {
    store64(out, stamp->sender);
    store64(out + 8, stamp->sequence);
    store64(out + 16, stamp->time);
}

void fw_head_put_number(uint8_t *out, uint64_t number) {
    store64(out, number);
}

/* Bytes of a section with `length` bytes of content: its length, itself, padding to 8. */
static int section_size(size_t length, size_t *size) {
    if (length > SIZE_MAX / 4) {
        return FW_ERR_SECTION;
    }
    *size = 8 + ((length + 7) & ~(size_t)7);
    return FW_OK;
}

/* Bytes of a section of `count` numbers of 8 bytes. */
static int table_size(size_t count, size_t *size) {
    if (count > SIZE_MAX / 64) {
        return FW_ERR_SECTION;
    }
    *size = 8 + 8 * count;
    return FW_OK;
}

/* Bytes of all sections. */
static int sections_size(const fw_head_t *head, size_t *size) {
    size_t bare = 0;
    size_t table = 0; /* a head has one at most */
    size_t meta = 0;
    size_t type = 0;
    size_t compression = 0;
    if (has_broadcast(head)) {
        bare += 8;
    }
    if (has_versions(head) && table_size(head->version_count, &table) != FW_OK) {
        return FW_ERR_SECTION;
    }
    if ((head->flags & FW_FLAG_BUFFERS) != 0 && table_size(head->buffers, &table) != FW_OK) {
        return FW_ERR_SECTION;
    }
    if ((head->flags & FW_FLAG_STAMP) != 0) {
        bare += FW_STAMP_SIZE;
    }
    if ((head->flags & FW_FLAG_META) != 0 && section_size(head->meta_size, &meta) != FW_OK) {
        return FW_ERR_SECTION;
    }
    if ((head->flags & FW_FLAG_TYPE) != 0 && section_size(head->type_size, &type) != FW_OK) {
        return FW_ERR_SECTION;
    }
    if ((head->flags & FW_FLAG_COMPRESSED) != 0) {
        if (table_size(buffers_of(head), &compression) != FW_OK) {
            return FW_ERR_SECTION;
        }
        bare += METHOD_SIZE;
    }
    if ((head->flags & FW_FLAG_SIGNED) != 0) {
        bare += SIGNATURE_SIZE;
    }
    *size = bare + table + meta + type + compression;
    return FW_OK;
}

int fw_head_size(const fw_head_t *head, size_t *size) {
    size_t fixed = FW_HEAD_FIXED + (size_t)head->ndim * 8;
    size_t sections = 0;
    if (head->ndim > FW_NDIM_MAX) {
        return FW_ERR_NDIM;
    }
    if (head->serializer == FW_SERIALIZER_RECORD) {
        fixed += FINGERPRINT_SIZE;
    }
    if ((head->flags & FLAGS_SECTIONS) != 0 && sections_size(head, &sections) != FW_OK) {
        return FW_ERR_SECTION;
    }
    *size = fixed + sections;
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

static uint8_t *write_compression(const fw_head_t *head, uint8_t *p) {
    const size_t size = 8 * buffers_of(head);
    store64(p, METHOD_SIZE + size);
    store64(p + 8, head->compression);
    memcpy(p + 16, head->raw, size);
    return p + 16 + size;
}

static void write_signature(const fw_head_t *head, uint8_t *p) {
    store64(p, head->key);
    store64(p + 8, head->epoch);
    if (head->mac != NULL) {
        memcpy(p + 16, head->mac, FW_MAC_SIZE);
    } else {
        memset(p + 16, 0, FW_MAC_SIZE);
    }
}

/* All sections, from `p` on. */
static void write_sections(const fw_head_t *head, uint8_t *p) {
    if (has_broadcast(head)) {
        store64(p, head->broadcast);
        p += 8;
    }
    if (has_versions(head)) {
        p = write_section(p, head->versions, 8 * head->version_count);
    }
    if ((head->flags & FW_FLAG_BUFFERS) != 0) {
        p = write_section(p, head->lengths, 8 * head->buffers);
    }
    if ((head->flags & FW_FLAG_STAMP) != 0) {
        fw_stamp_store(p, &head->stamp);
        p += FW_STAMP_SIZE;
    }
    if ((head->flags & FW_FLAG_META) != 0) {
        p = write_section(p, head->meta, head->meta_size);
    }
    if ((head->flags & FW_FLAG_TYPE) != 0) {
        p = write_section(p, head->type, head->type_size);
    }
    if ((head->flags & FW_FLAG_COMPRESSED) != 0) {
        p = write_compression(head, p);
    }
    if ((head->flags & FW_FLAG_SIGNED) != 0) {
        write_signature(head, p);
    }
}

/* What fw_head_parse would refuse, refused before it is written. *size: as of fw_head_size. */
static int check_packable(const fw_head_t *head, size_t *size) {
    size_t at;
    uint64_t itemsize;
    uint64_t inside;
    int rc = check_fixed(head->serializer, head->flags, head->dtype, head->ndim, &at);
    if (rc == FW_OK && has_versions(head) && head->version_count == 0) {
        rc = FW_ERR_SECTION;
    }
    if (rc == FW_OK && has_broadcast(head)) {
        rc = check_broadcast(head->broadcast, head->ndim, head->shape);
    }
    if (rc == FW_OK) {
        rc = fw_head_size(head, size); /* before the lengths are read, so that all are in memory */
    }
    if (rc == FW_OK && (head->flags & FW_FLAG_COMPRESSED) != 0) {
        rc = check_compression(head);
    }
    if (rc == FW_OK && head->serializer != FW_SERIALIZER_ARRAY) {
        return add_up(head, &inside);
    }
    if (rc == FW_OK && fw_dtype_itemsize(head->dtype, &itemsize) == FW_OK) {
        rc = check_array_payload(head, itemsize);
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
    if (head->serializer == FW_SERIALIZER_RECORD) {
        store64(p, head->fingerprint);
        p += FINGERPRINT_SIZE;
    }
    if ((head->flags & FLAGS_SECTIONS) != 0) {
        write_sections(head, p);
    }
    *written = size;
    return FW_OK;
}
