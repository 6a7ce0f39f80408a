#include "framewire/record.h"

#include "heads.h"

static const uint64_t FINGERPRINT = 0x0123456789ABCDEFu;

/* A record of 12 bytes in the head's frame, with two older versions and metadata "\x01". */
static fw_head_t example(void) {
    static uint8_t versions[16];
    static const uint8_t meta[] = {1};
    fw_head_t head = {0};
    fw_head_put_number(versions, 7);
    fw_head_put_number(versions + 8, UINT64_MAX);
    head.serializer = FW_SERIALIZER_RECORD;
    head.flags = FW_FLAG_INLINE | FW_FLAG_VERSIONS | FW_FLAG_META;
    head.payload = 12;
    head.fingerprint = FINGERPRINT;
    head.versions = versions;
    head.version_count = 2;
    head.meta = meta;
    head.meta_size = sizeof meta;
    return head;
}

/* A record's head, parsed where it was packed, is what it was; with each set of sections. */
static void test_sections(void) {
    static const uint8_t type[] = {'{', '}'};
    uint8_t frame[160];
    for (unsigned i = 0; i < 32; i++) {
        fw_head_t head = example();
        fw_head_t out;
        size_t size = 0;
        size_t length;
        head.flags =
            (uint16_t)(((i & 1) != 0 ? FW_FLAG_INLINE : 0) | ((i & 2) != 0 ? FW_FLAG_VERSIONS : 0) |
                       ((i & 4) != 0 ? FW_FLAG_STAMP : 0) | ((i & 8) != 0 ? FW_FLAG_META : 0) |
                       ((i & 16) != 0 ? FW_FLAG_TYPE : 0));
        head.stamp = (fw_stamp_t){1, 2, 3};
        head.type = type;
        head.type_size = sizeof type;
        length = frame_of(&head, frame, sizeof frame);
        CHECK(fw_head_parse(frame, length, &out, NULL) == FW_OK);
        CHECK(fw_head_size(&head, &size) == FW_OK && size == out.size && size % 8 == 0);
        CHECK(out.serializer == head.serializer && out.flags == head.flags && out.payload == 12);
        CHECK(out.fingerprint == FINGERPRINT && out.ndim == 0 && out.broadcast == 0);
        CHECK(out.buffers == 1 && out.lengths == NULL && fw_head_buffer(&out, 0) == 12);
        CHECK(out.version_count == ((i & 2) != 0 ? 2 : 0));
        if ((i & 2) != 0) {
            CHECK(fw_head_version(&out, 0) == 7 && fw_head_version(&out, 1) == UINT64_MAX);
        } else {
            CHECK(out.versions == NULL);
        }
        CHECK(out.stamp.sequence == ((i & 4) != 0 ? 2 : 0));
        CHECK(out.meta_size == ((i & 8) != 0 ? 1 : 0));
        CHECK(out.type_size == ((i & 16) != 0 ? 2 : 0));
        CHECK(refused(frame, length + 1) == FW_ERR_TRAILING);
        for (size_t cut = 0; cut < length; cut++) {
            CHECK(refused(frame, cut) == (cut < 2 ? FW_ERR_MAGIC : FW_ERR_TRUNCATED));
        }
    }
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
    PACK_FAILS(FW_ERR_FLAGS, head.flags |= FW_FLAG_FORTRAN);
    PACK_FAILS(FW_ERR_FLAGS, head.flags |= FW_FLAG_SCALAR);
    PACK_FAILS(FW_ERR_FLAGS, head.flags |= FW_FLAG_BUFFERS);
    PACK_FAILS(FW_ERR_FLAGS, head.flags |= FW_FLAG_PACKED);
    PACK_FAILS(FW_ERR_FLAGS, head.flags |= FW_FLAG_PACKED | FW_FLAG_BUFFERS);
    PACK_FAILS(FW_ERR_FLAGS, head.flags |= FW_FLAG_SIGNED);
    PACK_FAILS(FW_ERR_DTYPE, head.dtype = 1);
    PACK_FAILS(FW_ERR_NDIM, head.ndim = 1);
    PACK_FAILS(FW_ERR_SECTION, head.version_count = 0);
    PACK_FAILS(FW_ERR_SECTION, head.version_count = SIZE_MAX / 8);
    PACK_FAILS(FW_ERR_SECTION, head.version_count = SIZE_MAX);
    PACK_FAILS(FW_ERR_SECTION, head.meta_size = SIZE_MAX);
    PACK_FAILS(FW_ERR_PAYLOAD, head.payload = (uint64_t)1 << 63);
    PACK_FAILS(FW_ERR_SPACE, head.meta_size = 200);
#undef PACK_FAILS
}

static void test_space(void) {
    fw_head_t head = example();
    uint8_t out[64];
    size_t written = 77;
    head.flags |= FW_FLAG_STAMP;
    head.flags &= (uint16_t)~FW_FLAG_META;
    head.version_count = 1;
    for (size_t capacity = 0; capacity < sizeof out; capacity++) {
        CHECK(fw_head_pack(&head, out, capacity, &written) == FW_ERR_SPACE && written == 77);
    }
    CHECK(fw_head_pack(&head, out, sizeof out, &written) == FW_OK && written == 64);
}

/* Each flag, turned over. */
static void test_flags(void) {
    fw_head_t head = example();
    uint8_t frame[160];
    size_t length = frame_of(&head, frame, sizeof frame);
    for (unsigned bit = 0; bit < 16; bit++) {
        const unsigned known = FW_FLAG_INLINE | FW_FLAG_VERSIONS | FW_FLAG_STAMP | FW_FLAG_META |
                               FW_FLAG_TYPE |
                               FW_FLAG_COMPRESSED; /* SIGNED is not, without a stamp */
        int rc;
        frame[4 + bit / 8] ^= (uint8_t)(1u << bit % 8);
        rc = refused(frame, length);
        CHECK((rc == FW_ERR_FLAGS) == ((1u << bit & known) == 0));
        frame[4 + bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* What the section of older versions can get wrong. */
static void test_versions(void) {
    fw_head_t head = example();
    fw_head_t out;
    uint8_t frame[160];
    size_t offset = 0;
    size_t length;
    head.flags = FW_FLAG_VERSIONS;
    length = frame_of(&head, frame, sizeof frame);
    CHECK(length == 48 && parse(frame, length, &out, NULL) == FW_OK);
    for (unsigned announced = 0; announced < 256; announced++) {
        int rc;
        frame[24] = (uint8_t)announced;
        rc = parse(frame, length, &out, &offset);
        CHECK(rc == (announced == 16  ? FW_OK
                     : announced > 16 ? FW_ERR_TRUNCATED
                     : announced == 8 ? FW_ERR_TRAILING
                                      : FW_ERR_SECTION));
        CHECK(rc == FW_OK || rc == FW_ERR_TRAILING || offset == 24);
    }
    for (unsigned top = 0; top < 8; top++) { /* a section that is longer than memory */
        memset(frame + 25, 0xFF, 7);
        frame[24] = (uint8_t)(0xF8 + top);
        CHECK(refused(frame, length) == FW_ERR_TRUNCATED);
    }
}

static void test_fingerprint(void) {
    CHECK(fw_record_fingerprint(NULL, 0) == 0xCBF29CE484222325u);
    CHECK(fw_record_fingerprint("a", 1) == 0xAF63DC4C8601EC8Cu); /* by its authors */
    CHECK(fw_record_fingerprint("foobar", 6) == 0x85944171F73967E8u);
    CHECK(fw_record_fingerprint("\xFF", 1) == 0xAF64724C8602EB6Eu);
}

enum { FIXED = 20, SLOTS = 2 };
static const uint32_t slots[SLOTS] = {0, 12}; /* bytes 8 to 11 are another field */

static void put_u32(uint8_t *p, uint32_t value) {
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(value >> 8 * i);
    }
}

/* Check a copy that has no byte to spare, with these in its slots. */
static int check(size_t size, uint32_t offset0, uint32_t length0, uint32_t offset1,
                 uint32_t length1) {
    uint8_t *copy = golden_need(calloc(size, 1));
    int rc;
    put_u32(copy, offset0);
    put_u32(copy + 4, length0);
    put_u32(copy + 12, offset1);
    put_u32(copy + 16, length1);
    rc = fw_record_check(copy, size, FIXED, slots, SLOTS);
    if (rc == FW_OK) {
        const uint8_t *tail = NULL;
        size_t length = 77;
        fw_record_tail(copy, slots[1], &tail, &length);
        CHECK(tail == copy + offset1 && length == length1);
    }
    free(copy);
    return rc;
}

static void test_check(void) {
    const uint32_t max = UINT32_MAX;
    CHECK(check(30, 20, 4, 24, 6) == FW_OK);
    CHECK(check(30, 20, 0, 20, 10) == FW_OK);
    CHECK(check(30, 30, 0, 30, 0) == FW_OK);
    CHECK(check(30, 22, 2, 25, 1) == FW_OK);       /* gaps, and bytes behind the last */
    CHECK(check(30, 19, 1, 24, 6) == FW_ERR_TAIL); /* in the fixed part */
    CHECK(check(30, 0, 0, 24, 6) == FW_ERR_TAIL);  /* as is a slot that was not filled */
    CHECK(check(30, 20, 5, 24, 6) == FW_ERR_TAIL); /* overlap */
    CHECK(check(30, 24, 6, 20, 4) == FW_ERR_TAIL); /* out of order */
    CHECK(check(30, 20, 4, 20, 4) == FW_ERR_TAIL); /* the same twice */
    CHECK(check(30, 20, 4, 24, 7) == FW_ERR_TAIL); /* behind the end */
    CHECK(check(30, 20, 11, 30, 0) == FW_ERR_TAIL);
    CHECK(check(30, 20, 4, 31, 0) == FW_ERR_TAIL);
    CHECK(check(30, 20, 4, max, max) == FW_ERR_TAIL); /* would wrap around */
    CHECK(check(30, 20, max, 24, 6) == FW_ERR_TAIL);
    CHECK(check(30, 20, max - 19, 24, 6) == FW_ERR_TAIL);
    CHECK(check(30, max, 1, 24, 6) == FW_ERR_TAIL);
    CHECK(check(20, 20, 0, 20, 0) == FW_OK);
}

/* Shorter than the fixed part: not a byte is read. */
static void test_short(void) {
    for (size_t size = 0; size < FIXED; size++) {
        uint8_t *copy = golden_need(calloc(size > 0 ? size : 1, 1));
        CHECK(fw_record_check(copy, size, FIXED, slots, SLOTS) == FW_ERR_TRUNCATED);
        free(copy);
    }
    CHECK(fw_record_check(NULL, 0, 0, NULL, 0) == FW_OK);
    CHECK(fw_record_check(NULL, 100, 100, NULL, 0) == FW_OK);
}

/* Tails that were put are found again, byte for byte. */
static void test_put_tail(void) {
    uint8_t record[30] = {0};
    const uint8_t *tail = NULL;
    size_t length = 0;
    size_t size = FIXED;
    CHECK(fw_record_put_tail(record, sizeof record, slots[0], NULL, 0, &size) == FW_OK);
    CHECK(size == FIXED);
    CHECK(fw_record_put_tail(record, sizeof record, slots[1], (const uint8_t *)"0123456789", 10,
                             &size) == FW_OK);
    CHECK(size == 30 && fw_record_check(record, size, FIXED, slots, SLOTS) == FW_OK);
    fw_record_tail(record, slots[0], &tail, &length);
    CHECK(tail == record + FIXED && length == 0);
    fw_record_tail(record, slots[1], &tail, &length);
    CHECK(length == 10 && memcmp(tail, "0123456789", 10) == 0);
    for (size_t cut = 0; cut < size; cut++) {
        CHECK(fw_record_check(record, cut, FIXED, slots, SLOTS) ==
              (cut < FIXED ? FW_ERR_TRUNCATED : FW_ERR_TAIL));
    }
}

/* No room, or too far for a u32: nothing is written. */
static void test_put_tail_fails(void) {
    uint8_t record[30];
    uint8_t before[sizeof record];
    size_t size = FIXED;
    memset(record, 0x5A, sizeof record);
    memcpy(before, record, sizeof record);
    CHECK(fw_record_put_tail(record, 30, 0, before, 11, &size) == FW_ERR_SPACE && size == FIXED);
    CHECK(fw_record_put_tail(record, 19, 0, before, 0, &size) == FW_ERR_SPACE && size == FIXED);
    CHECK(fw_record_put_tail(record, 30, 0, before, UINT32_MAX - FIXED, &size) == FW_ERR_SPACE);
#if SIZE_MAX > UINT32_MAX
    CHECK(fw_record_put_tail(record, SIZE_MAX, 0, before, UINT32_MAX - FIXED + 1, &size) ==
          FW_ERR_TAIL);
    size = (size_t)UINT32_MAX + 1;
    CHECK(fw_record_put_tail(record, SIZE_MAX, 0, before, 0, &size) == FW_ERR_TAIL);
    CHECK(size == (size_t)UINT32_MAX + 1);
#endif
    CHECK(memcmp(record, before, sizeof record) == 0);
}

int main(void) {
    test_sections();
    test_pack_errors();
    test_space();
    test_flags();
    test_versions();
    test_fingerprint();
    test_check();
    test_short();
    test_put_tail();
    test_put_tail_fails();
    return CHECK_REPORT();
}
