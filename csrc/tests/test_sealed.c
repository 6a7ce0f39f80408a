/* Heads with COMPRESSED and SIGNED. */
#include <string.h>

#include "framewire/dtype.h"
#include "heads.h"

enum { BUFFERS = 3 };

static uint8_t lengths[8 * BUFFERS];
static uint8_t raw[8 * BUFFERS];
static uint8_t code[FW_MAC_SIZE];

static void set(uint8_t *table, uint64_t a, uint64_t b, uint64_t c) {
    fw_head_put_number(table, a);
    fw_head_put_number(table + 8, b);
    fw_head_put_number(table + 16, c);
}

/* A pickle of three buffers, all in the head's frame, of which the second is as it was. */
static fw_head_t value(void) {
    fw_head_t head;
    memset(&head, 0, sizeof head);
    set(lengths, 5, 3, 0);
    set(raw, 100, 3, 0);
    for (size_t i = 0; i < sizeof code; i++) {
        code[i] = (uint8_t)(i + 1);
    }
    head.serializer = FW_SERIALIZER_PICKLE;
    head.flags = FW_FLAG_INLINE | FW_FLAG_PACKED | FW_FLAG_BUFFERS | FW_FLAG_STAMP |
                 FW_FLAG_COMPRESSED | FW_FLAG_SIGNED;
    head.payload = 8;
    head.buffers = BUFFERS;
    head.lengths = lengths;
    head.compression = FW_COMPRESSION_LZ4;
    head.raw = raw;
    head.key = 7;
    head.epoch = UINT64_MAX - 1;
    head.mac = code;
    return head;
}

static fw_head_t array(void) {
    fw_head_t head = value();
    head.serializer = FW_SERIALIZER_ARRAY;
    head.flags = FW_FLAG_INLINE | FW_FLAG_COMPRESSED;
    head.dtype = FW_DTYPE_F64;
    head.ndim = 2;
    head.shape[0] = 3;
    head.shape[1] = 5;
    head.payload = 17;
    head.buffers = 1;
    set(raw, 120, 0, 0);
    return head;
}

static void test_value(void) {
    fw_head_t head = value();
    fw_head_t parsed;
    uint8_t frame[256];
    uint8_t again[256];
    size_t written;
    const size_t length = frame_of(&head, frame, sizeof frame);
    CHECK(fw_head_parse(frame, length, &parsed, NULL) == FW_OK);
    CHECK(parsed.size == 16 + 32 + 24 + 40 + 48);
    CHECK(parsed.flags == head.flags && parsed.buffers == BUFFERS);
    CHECK(parsed.compression == FW_COMPRESSION_LZ4);
    CHECK(fw_head_buffer(&parsed, 0) == 5 && fw_head_raw(&parsed, 0) == 100);
    CHECK(fw_head_buffer(&parsed, 1) == 3 && fw_head_raw(&parsed, 1) == 3);
    CHECK(fw_head_buffer(&parsed, 2) == 0 && fw_head_raw(&parsed, 2) == 0);
    CHECK(parsed.key == 7 && parsed.epoch == UINT64_MAX - 1);
    CHECK(parsed.mac == frame + parsed.size - FW_MAC_SIZE);
    CHECK(memcmp(parsed.mac, code, sizeof code) == 0);
    CHECK(fw_head_pack(&parsed, again, sizeof again, &written) == FW_OK);
    CHECK(written == parsed.size && memcmp(again, frame, written) == 0);
    CHECK(fw_head_stamp_offset(&parsed) == 16 + 32);
    for (size_t cut = 0; cut < length; cut++) {
        CHECK(refused(frame, cut) == (cut < 2 ? FW_ERR_MAGIC : FW_ERR_TRUNCATED));
    }
}

/* Room for a code that is not known yet. */
static void test_no_code(void) {
    fw_head_t head = value();
    fw_head_t parsed;
    uint8_t frame[256];
    size_t length;
    head.mac = NULL;
    length = frame_of(&head, frame, sizeof frame);
    CHECK(fw_head_parse(frame, length, &parsed, NULL) == FW_OK);
    for (size_t i = 0; i < FW_MAC_SIZE; i++) {
        CHECK(parsed.mac[i] == 0);
    }
}

/* The shape is compared with the raw length, by whoever knows the element's size. */
static void test_array(void) {
    fw_head_t head = array();
    fw_head_t parsed;
    uint8_t frame[256];
    const size_t length = frame_of(&head, frame, sizeof frame);
    CHECK(fw_head_parse(frame, length, &parsed, NULL) == FW_OK);
    CHECK(parsed.payload == 17 && fw_head_raw(&parsed, 0) == 120);
    CHECK(fw_head_check_payload(&parsed, 8) == FW_OK);
    CHECK(fw_head_check_payload(&parsed, 7) == FW_ERR_PAYLOAD);
    fw_head_put_number(raw, 119);
    CHECK(fw_head_pack(&head, frame, sizeof frame, &(size_t){0}) == FW_ERR_PAYLOAD);
}

/* What packing refuses, parsing refuses in the same bytes. */
static void test_bad(void) {
    static const struct {
        uint64_t method;
        uint64_t raw[BUFFERS];
        int rc;
    } cases[] = {
        {0, {100, 3, 0}, FW_ERR_SECTION},
        {5, {100, 3, 0}, FW_ERR_SECTION},
        {1, {4, 3, 0}, FW_ERR_SECTION},
        {1, {100, 2, 0}, FW_ERR_SECTION},
        {1, {(uint64_t)INT64_MAX - 2, 3, 0}, FW_ERR_SECTION},
        {1, {UINT64_MAX, 3, 0}, FW_ERR_SECTION},
        {1, {(uint64_t)INT64_MAX - 3, 3, 0}, FW_OK},
        {4, {5, 3, 0}, FW_OK},
    };
    uint8_t frame[256];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fw_head_t head = value();
        fw_head_t parsed;
        const size_t length = frame_of(&head, frame, sizeof frame);
        uint8_t *section = frame + 16 + 32 + 24 + 8;
        head.compression = cases[i].method;
        set(raw, cases[i].raw[0], cases[i].raw[1], cases[i].raw[2]);
        fw_head_put_number(section, cases[i].method);
        memcpy(section + 8, raw, sizeof raw);
        CHECK(fw_head_parse(frame, length, &parsed, NULL) == cases[i].rc);
        CHECK(fw_head_pack(&head, frame, sizeof frame, &(size_t){0}) == cases[i].rc);
    }
}

/* A signature needs a number. */
static void test_no_stamp(void) {
    fw_head_t head = value();
    uint8_t frame[256];
    head.flags &= (uint16_t)~FW_FLAG_STAMP;
    CHECK(fw_head_pack(&head, frame, sizeof frame, &(size_t){0}) == FW_ERR_FLAGS);
}

int main(void) {
    test_value();
    test_no_code();
    test_array();
    test_bad();
    test_no_stamp();
    return CHECK_REPORT();
}
