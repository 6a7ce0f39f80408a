/* A head frame is parsed; all that is parsed is inside of it, and packs to the same bytes. */
#include "framewire/framewire.h"
#include "fuzz.h"

static void check_refused(const uint8_t *frame, size_t size, int rc) {
    fw_head_t head;
    fw_head_t before;
    size_t offset = SIZE_MAX;
    memset(&head, 0x5A, sizeof head);
    memcpy(&before, &head, sizeof head);
    HOLDS(rc < FW_OK && strcmp(fw_error_name(rc), "unknown") != 0);
    HOLDS((rc == FW_ERR_MAGIC) == !fw_head_match(frame, size));
    HOLDS(fw_head_parse(frame, size, &head, &offset) == rc);
    HOLDS(memcmp(&head, &before, sizeof head) == 0);
    HOLDS(offset <= size);
}

/* Every number and every byte that the head speaks of. */
static void check_parts(const fw_head_t *head, const uint8_t *frame, size_t size) {
    uint64_t total = 0;
    uint64_t raw = 0;
    HOLDS(head->ndim <= FW_NDIM_MAX);
    HOLDS(head->size <= size && head->size % 8 == 0);
    HOLDS((head->versions != NULL) == (head->version_count > 0));
    HOLDS(head->versions == NULL ||
          fuzz_inside(head->versions, 8 * head->version_count, frame, head->size));
    HOLDS(head->lengths == NULL ||
          fuzz_inside(head->lengths, 8 * head->buffers, frame, head->size));
    HOLDS(head->meta == NULL || fuzz_inside(head->meta, head->meta_size, frame, head->size));
    HOLDS(head->type == NULL || fuzz_inside(head->type, head->type_size, frame, head->size));
    HOLDS((head->raw != NULL) == ((head->flags & FW_FLAG_COMPRESSED) != 0));
    HOLDS(head->raw == NULL || fuzz_inside(head->raw, 8 * head->buffers, frame, head->size));
    HOLDS((head->mac != NULL) == ((head->flags & FW_FLAG_SIGNED) != 0));
    HOLDS(head->mac == NULL || head->mac == frame + head->size - FW_MAC_SIZE);
    for (size_t i = 0; i < head->version_count; i++) {
        (void)fw_head_version(head, i);
    }
    for (size_t i = 0; i < head->buffers; i++) {
        const uint64_t length = fw_head_buffer(head, i);
        HOLDS(length <= head->payload - total);
        total += length;
        if (head->raw != NULL) {
            HOLDS(fw_head_raw(head, i) >= length && fw_head_raw(head, i) <= INT64_MAX - raw);
            raw += fw_head_raw(head, i);
        }
    }
    HOLDS(total == head->payload);
    if ((head->flags & FW_FLAG_STAMP) != 0) {
        const size_t at = fw_head_stamp_offset(head);
        fw_stamp_t stamp;
        HOLDS(at % 8 == 0 && at <= head->size && FW_STAMP_SIZE <= head->size - at);
        fw_stamp_load(frame + at, &stamp);
        HOLDS(memcmp(&stamp, &head->stamp, sizeof stamp) == 0);
    }
}

/* The payload's length, for the dtype's size or, if it is described, for some. */
static void check_payload(const fw_head_t *head) {
    uint64_t itemsize;
    if (head->serializer != FW_SERIALIZER_ARRAY) {
        return;
    }
    if (fw_dtype_itemsize(head->dtype, &itemsize) == FW_OK) {
        HOLDS(fw_head_check_payload(head, itemsize) == FW_OK);
        HOLDS(fw_head_raw(head, 0) % itemsize == 0);
        return;
    }
    for (itemsize = 0; itemsize < 20; itemsize++) {
        const int rc = fw_head_check_payload(head, itemsize);
        HOLDS(rc == FW_OK || rc == FW_ERR_SHAPE || rc == FW_ERR_PAYLOAD);
        HOLDS(rc != FW_OK || itemsize == 0 || fw_head_raw(head, 0) % itemsize == 0);
    }
    (void)fw_head_check_payload(head, UINT64_MAX);
}

/* The buffers that are in the frame end where it ends. */
static void check_buffers(const fw_head_t *head, size_t size) {
    uint64_t end = head->size;
    size_t inside = (head->flags & FW_FLAG_INLINE) != 0 ? 1 : 0;
    inside = (head->flags & FW_FLAG_PACKED) != 0 ? head->buffers : inside;
    for (size_t i = 0; i < inside; i++) {
        end = ((end + 7) & ~(uint64_t)7) + fw_head_buffer(head, i);
    }
    HOLDS(end == size);
}

static void check_packs(const fw_head_t *head, const uint8_t *frame) {
    uint8_t *out = fuzz_memory(head->size);
    size_t expected = 0;
    size_t written = 77;
    HOLDS(fw_head_size(head, &expected) == FW_OK && expected == head->size);
    HOLDS(fw_head_pack(head, out, head->size - 1, &written) == FW_ERR_SPACE && written == 77);
    HOLDS(fw_head_pack(head, out, head->size, &written) == FW_OK && written == head->size);
    HOLDS(memcmp(out, frame, written) == 0);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fw_head_t head;
    const int rc = fw_head_parse(data, size, &head, NULL);
    if (rc != FW_OK) {
        check_refused(data, size, rc);
        return 0;
    }
    HOLDS(fw_head_match(data, size));
    check_parts(&head, data, size);
    check_payload(&head);
    check_buffers(&head, size);
    check_packs(&head, data);
    return 0;
}
