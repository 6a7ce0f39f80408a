/* A head of any content is packed: refused, or what fw_head_parse takes and finds the same in. */
#include "framewire/framewire.h"
#include "fuzz.h"

enum { CONTENT = 64 }; /* bytes of what sections have */

/*
 * A head of the input's bytes. Its pointers point into `content`, and its lengths are true: those
 * that are not break the caller's promise, and not the library.
 */
static fw_head_t made(fuzz_input_t *input, const uint8_t *content) {
    fw_head_t head = {0};
    head.serializer = (uint8_t)fuzz_take(input, 1);
    head.dtype = (uint8_t)fuzz_take(input, 1);
    head.ndim = (uint8_t)fuzz_take(input, 1);
    head.flags = (uint16_t)fuzz_take(input, 2);
    head.payload = fuzz_take(input, 8);
    head.fingerprint = fuzz_take(input, 8);
    head.broadcast = fuzz_take(input, 8);
    head.versions = head.lengths = head.meta = head.type = content;
    head.version_count = (size_t)fuzz_take(input, 1) % (CONTENT / 8 + 1);
    head.buffers = (size_t)fuzz_take(input, 1) % (CONTENT / 8 + 1);
    head.meta_size = (size_t)fuzz_take(input, 1) % (CONTENT + 1);
    head.type_size = (size_t)fuzz_take(input, 1) % (CONTENT + 1);
    head.stamp.sender = fuzz_take(input, 8);
    head.stamp.sequence = fuzz_take(input, 8);
    head.stamp.time = fuzz_take(input, 8);
    for (size_t i = 0; i < head.ndim && i < FW_NDIM_MAX; i++) {
        head.shape[i] = fuzz_take(input, i < 4 ? 8 : 1);
    }
    head.compression = fuzz_take(input, 1);
    head.raw = content + CONTENT / 2;
    head.key = fuzz_take(input, 8);
    head.epoch = fuzz_take(input, 8);
    head.mac = fuzz_take(input, 1) != 0 ? content : NULL;
    if ((head.flags & FW_FLAG_BUFFERS) == 0) {
        head.buffers = 1; /* as head.h says */
    } else if ((head.flags & FW_FLAG_COMPRESSED) != 0) {
        head.buffers %= CONTENT / 16 + 1; /* of `raw` there are as many */
    }
    return head;
}

/* Bytes of the buffers that are to be in the frame, behind the head. */
static uint64_t inside(const fw_head_t *head) {
    uint64_t end = 0;
    if ((head->flags & FW_FLAG_PACKED) != 0) {
        for (size_t i = 0; i < head->buffers; i++) {
            end = ((end + 7) & ~(uint64_t)7) + fw_head_buffer(head, i);
        }
    } else if ((head->flags & FW_FLAG_INLINE) != 0) {
        end = fw_head_buffer(head, 0);
    }
    return end;
}

static void check_same(const fw_head_t *head, const fw_head_t *parsed) {
    HOLDS(parsed->serializer == head->serializer && parsed->flags == head->flags);
    HOLDS(parsed->dtype == head->dtype && parsed->ndim == head->ndim);
    HOLDS(parsed->payload == head->payload);
    HOLDS(memcmp(parsed->shape, head->shape, head->ndim * sizeof head->shape[0]) == 0);
    HOLDS(parsed->meta == NULL || memcmp(parsed->meta, head->meta, head->meta_size) == 0);
    HOLDS(parsed->type == NULL || memcmp(parsed->type, head->type, head->type_size) == 0);
    for (size_t i = 0; i < parsed->buffers; i++) {
        HOLDS(fw_head_raw(parsed, i) == fw_head_raw(head, i));
    }
    HOLDS((head->flags & FW_FLAG_SIGNED) == 0 ||
          (parsed->key == head->key && parsed->epoch == head->epoch));
    HOLDS((head->flags & FW_FLAG_STAMP) == 0 ||
          memcmp(&parsed->stamp, &head->stamp, sizeof head->stamp) == 0);
}

static void check_packed(const fw_head_t *head, const uint8_t *packed, size_t size) {
    const uint64_t more = inside(head);
    fw_head_t parsed;
    uint8_t *frame;
    if (more > 1 << 20) {
        return;
    }
    frame = fuzz_memory(size + (size_t)more);
    memcpy(frame, packed, size);
    memset(frame + size, 0, (size_t)more);
    HOLDS(fw_head_parse(frame, size + (size_t)more, &parsed, NULL) == FW_OK);
    HOLDS(parsed.size == size);
    check_same(head, &parsed);
    free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input_t input = {data, size};
    uint8_t content[CONTENT];
    fw_head_t head;
    uint8_t out[2048];
    size_t expected = 0;
    size_t written = SIZE_MAX;
    int rc;
    for (size_t i = 0; i < CONTENT; i++) {
        content[i] = (uint8_t)fuzz_take(&input, 1);
    }
    head = made(&input, content);
    rc = fw_head_pack(&head, out, sizeof out, &written);
    if (rc != FW_OK) {
        HOLDS(written == SIZE_MAX);
        return 0;
    }
    HOLDS(fw_head_size(&head, &expected) == FW_OK && expected == written);
    check_packed(&head, out, written);
    return 0;
}
