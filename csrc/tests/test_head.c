#include "framewire/head.h"

#include <string.h>

#include "check.h"
#include "framewire/dtype.h"
#include "framewire/error.h"
#include "golden.h"

/* Parse a copy that has no byte to spare, so that a sanitizer sees a read past the end. */
static int parse(const uint8_t *frame, size_t length, fw_head_t *head, size_t *offset) {
    uint8_t *copy = golden_need(malloc(length > 0 ? length : 1));
    int rc;
    if (length > 0) {
        memcpy(copy, frame, length);
    }
    rc = fw_head_parse(copy, length, head, offset);
    free(copy);
    return rc;
}

/* A parse that must fail, and leave its output alone. Returns the error. */
static int refused(const uint8_t *frame, size_t length) {
    fw_head_t head;
    fw_head_t before;
    size_t offset = SIZE_MAX;
    int rc;
    memset(&head, 0x5A, sizeof head);
    before = head;
    rc = parse(frame, length, &head, &offset);
    CHECK(rc < FW_OK && rc >= FW_ERR_TRAILING);
    CHECK(offset <= length);
    CHECK(memcmp(&head, &before, sizeof head) == 0);
    return rc;
}

/* An f64 array of shape (3,), its payload inline, metadata "\x01". */
static fw_head_t example(void) {
    static const uint8_t meta[] = {1};
    fw_head_t head = {0};
    head.serializer = FW_SERIALIZER_ARRAY;
    head.dtype = FW_DTYPE_F64;
    head.ndim = 1;
    head.flags = FW_FLAG_INLINE | FW_FLAG_META;
    head.payload = 24;
    head.meta = meta;
    head.meta_size = sizeof meta;
    head.shape[0] = 3;
    return head;
}

/* Pack a head and put zeros behind it for the payload. Returns the length of the frame. */
static size_t frame_of(const fw_head_t *head, uint8_t *frame, size_t capacity) {
    size_t written = 0;
    memset(frame, 0, capacity);
    CHECK(fw_head_pack(head, frame, capacity, &written) == FW_OK);
    return written + ((head->flags & FW_FLAG_INLINE) != 0 ? (size_t)head->payload : 0);
}

static void test_match(void) {
    static const uint8_t magic[] = {0xC1, 0x46, 0xC1};
    CHECK(!fw_head_match(NULL, 0));
    CHECK(!fw_head_match(magic, 1));
    CHECK(fw_head_match(magic, 2));
    CHECK(!fw_head_match(magic + 1, 2));
    CHECK(refused(NULL, 0) == FW_ERR_MAGIC);
}

/* Packing refuses what parsing would, and writes nothing. */
static void test_pack_errors(void) {
    uint8_t out[128];
    uint8_t before[sizeof out];
    memset(out, 0x5A, sizeof out);
    memcpy(before, out, sizeof out);
#define PACK_FAILS(error, change)                                                                  \
    do {                                                                                           \
        fw_head_t head = example();                                                                \
        size_t written = 77;                                                                       \
        change;                                                                                    \
        CHECK(fw_head_pack(&head, out, sizeof out, &written) == error);                            \
        CHECK(written == 77 && memcmp(out, before, sizeof out) == 0);                              \
    } while (0)
    PACK_FAILS(FW_ERR_SERIALIZER, head.serializer = 0);
    PACK_FAILS(FW_ERR_FLAGS, head.flags |= 0x8000);
    PACK_FAILS(FW_ERR_FLAGS, head.flags |= FW_FLAG_TYPE);
    PACK_FAILS(FW_ERR_FLAGS, head.dtype = FW_DTYPE_DESCRIBED);
    PACK_FAILS(FW_ERR_DTYPE, head.dtype = 19);
    PACK_FAILS(FW_ERR_NDIM, head.ndim = 65);
    PACK_FAILS(FW_ERR_SHAPE, head.shape[0] = UINT64_MAX);
    PACK_FAILS(FW_ERR_PAYLOAD, head.payload++);
    PACK_FAILS(FW_ERR_SECTION, head.flags |= FW_FLAG_BROADCAST);
    PACK_FAILS(FW_ERR_SECTION, head.meta_size = SIZE_MAX);
    PACK_FAILS(FW_ERR_SPACE, head.meta_size = 200);
#undef PACK_FAILS
}

static void test_space(void) {
    fw_head_t head = example();
    uint8_t out[40];
    size_t size = 0;
    size_t written = 77;
    CHECK(fw_head_size(&head, &size) == FW_OK && size == 40);
    for (size_t capacity = 0; capacity < size; capacity++) {
        CHECK(fw_head_pack(&head, out, capacity, &written) == FW_ERR_SPACE);
    }
    CHECK(written == 77);
    CHECK(fw_head_pack(&head, out, size, &written) == FW_OK && written == size);
    head.ndim = 65;
    CHECK(fw_head_size(&head, &size) == FW_ERR_NDIM && size == 40);
}

static void test_flags(void) {
    fw_head_t head = example();
    uint8_t frame[128];
    size_t length = frame_of(&head, frame, sizeof frame);
    for (unsigned bit = 0; bit < 16; bit++) {
        fw_head_t out;
        frame[4 + bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (1u << bit == FW_FLAG_FORTRAN) {
            CHECK(parse(frame, length, &out, NULL) == FW_OK);
        } else {
            refused(frame, length);
        }
        frame[4 + bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CHECK(refused(frame, length + 1) == FW_ERR_TRAILING);
}

static void test_padding(void) {
    fw_head_t head = example();
    uint8_t frame[128];
    size_t length = frame_of(&head, frame, sizeof frame);
    for (size_t at = 33; at < 40; at++) {
        frame[at] = 0x80;
        CHECK(refused(frame, length) == FW_ERR_SECTION);
        frame[at] = 0;
    }
}

static void test_dimensions(void) {
    fw_head_t head = example();
    fw_head_t out;
    uint8_t frame[1024];
    head.flags = FW_FLAG_INLINE | FW_FLAG_BROADCAST;
    head.ndim = FW_NDIM_MAX;
    head.payload = 8;
    for (size_t i = 0; i < FW_NDIM_MAX; i++) {
        head.shape[i] = 1;
    }
    head.shape[63] = 5;
    head.broadcast = (uint64_t)1 << 63;
    CHECK(parse(frame, frame_of(&head, frame, sizeof frame), &out, NULL) == FW_OK);
    CHECK(out.shape[63] == 5 && out.broadcast >> 63 == 1);
    frame[7] = 65;
    CHECK(refused(frame, sizeof frame) == FW_ERR_NDIM);
}

static void test_check_payload(void) {
    fw_head_t head = example();
    CHECK(fw_head_check_payload(&head, 8) == FW_OK);
    CHECK(fw_head_check_payload(&head, 7) == FW_ERR_PAYLOAD);
    CHECK(fw_head_check_payload(&head, UINT64_MAX) == FW_ERR_SHAPE);
    head.payload = 0;
    CHECK(fw_head_check_payload(&head, 0) == FW_OK);
    head.ndim = 0;
    head.payload = INT64_MAX;
    CHECK(fw_head_check_payload(&head, INT64_MAX) == FW_OK);
    head.payload = UINT64_MAX;
    CHECK(fw_head_check_payload(&head, UINT64_MAX) == FW_ERR_SHAPE);
    head.ndim = 3;
    head.shape[0] = 0;
    head.shape[1] = head.shape[2] = (uint64_t)1 << 32;
    head.payload = 0;
    CHECK(fw_head_check_payload(&head, 1) == FW_ERR_SHAPE);
}

/* Every good head is refused when it is cut anywhere, and read at any alignment. */
static void test_golden(const golden_t *golden) {
    const size_t at = golden_get(golden, "error") != NULL ? 0 : golden_number(golden, "envelope");
    const size_t length = golden->lengths[at];
    if (golden_get(golden, "error") != NULL) {
        return;
    }
    for (size_t cut = 0; cut < length; cut++) {
        CHECK(refused(golden->frames[at], cut) == (cut < 2 ? FW_ERR_MAGIC : FW_ERR_TRUNCATED));
    }
    for (size_t shift = 0; shift < 8; shift++) {
        uint8_t *copy = golden_need(malloc(length + shift));
        fw_head_t head;
        memcpy(copy + shift, golden->frames[at], length);
        CHECK(fw_head_parse(copy + shift, length, &head, NULL) == FW_OK);
        free(copy);
    }
}

int main(void) {
    test_match();
    test_pack_errors();
    test_space();
    test_flags();
    test_padding();
    test_dimensions();
    test_check_payload();
    golden_each(test_golden);
    return CHECK_REPORT();
}
