#include "framewire/record.h"

#include <string.h>

#include "endian.h"
#include "framewire/error.h"

uint64_t fw_record_fingerprint(const char *schema, size_t length) {
    uint64_t hash = 0xCBF29CE484222325u;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (uint8_t)schema[i]) * 0x100000001B3u;
    }
    return hash;
}

int fw_record_check(const uint8_t *record, size_t size, size_t fixed, const uint32_t *slots,
                    size_t count) {
    uint64_t end = fixed; /* of what has been seen */
    if (size < fixed) {
        return FW_ERR_TRUNCATED;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t offset = load32(record + slots[i]);
        uint64_t length = load32(record + slots[i] + 4);
        if (offset < end || offset > size || length > size - offset) {
            return FW_ERR_TAIL;
        }
        end = offset + length;
    }
    return FW_OK;
}

void fw_record_tail(const uint8_t *record, size_t slot, const uint8_t **tail, size_t *length) {
    *tail = record + load32(record + slot);
    *length = load32(record + slot + 4);
}

int fw_record_put_tail(uint8_t *record, size_t capacity, size_t slot, const uint8_t *tail,
                       size_t length, size_t *size) {
    if (*size > UINT32_MAX || length > UINT32_MAX - *size) {
        return FW_ERR_TAIL;
    }
    if (capacity < *size || length > capacity - *size) {
        return FW_ERR_SPACE;
    }
    store32(record + slot, (uint32_t)*size);
    store32(record + slot + 4, (uint32_t)length);
    if (length > 0) {
        memcpy(record + *size, tail, length);
    }
    *size += length;
    return FW_OK;
}
