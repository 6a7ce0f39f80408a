#include <string.h>

#include "framewire/dtype.h"
#include "framewire/head.h"
#include "heads.h"

static const fw_stamp_t FIRST = {0x0123456789ABCDEF, 0xFEDCBA9876543210, 0x1122334455667788};
static const fw_stamp_t OTHER = {0, UINT64_MAX, 1};

static bool same_stamp(const fw_stamp_t *a, const fw_stamp_t *b) {
    return a->sender == b->sender && a->sequence == b->sequence && a->time == b->time;
}

/* Little-endian, at any alignment, and nothing beside it. */
static void test_bytes(void) {
    static const uint8_t expected[] = {0xEF, 0xCD, 0xAB, 0x89, 0x67, 0x45, 0x23, 0x01,
                                       0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE,
                                       0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
    CHECK(sizeof expected == FW_STAMP_SIZE);
    for (size_t shift = 0; shift < 8; shift++) {
        uint8_t *memory = golden_need(malloc(shift + FW_STAMP_SIZE));
        uint8_t *out = memory + shift;
        fw_stamp_t loaded;
        memset(memory, 0x5A, shift + FW_STAMP_SIZE);
        fw_stamp_store(out, &FIRST);
        CHECK(memcmp(out, expected, sizeof expected) == 0);
        for (size_t i = 0; i < shift; i++) {
            CHECK(memory[i] == 0x5A);
        }
        fw_stamp_load(out, &loaded);
        CHECK(same_stamp(&loaded, &FIRST));
        free(memory);
    }
}

/* What stands before a stamp: some of them, by the bits of `choice`. */
enum { INLINE = 1, TABLE = 2, META = 4, TYPE = 8, PACKED = 16, CHOICES = 32 };

static void choose_common(fw_head_t *head, unsigned choice) {
    static const uint8_t meta[] = {0x93, 1, 2, 3};
    static const char type[] = "<f4";
    head->flags = FW_FLAG_STAMP;
    head->stamp = FIRST;
    if ((choice & INLINE) != 0) {
        head->flags |= FW_FLAG_INLINE;
    }
    if ((choice & META) != 0) {
        head->flags |= FW_FLAG_META;
        head->meta = meta;
        head->meta_size = sizeof meta;
    }
    if ((choice & TYPE) != 0) {
        head->flags |= FW_FLAG_TYPE;
        head->type = (const uint8_t *)type;
        head->type_size = 3;
    }
}

static void choose_array(fw_head_t *head, unsigned choice, size_t n) {
    head->dtype = (choice & TYPE) != 0 ? FW_DTYPE_DESCRIBED : FW_DTYPE_F32;
    head->payload = 4;
    head->ndim = (uint8_t)n;
    for (size_t i = 0; i < n; i++) {
        head->shape[i] = 1;
    }
    if ((choice & TABLE) != 0 && n > 0) {
        head->flags |= FW_FLAG_BROADCAST;
        head->shape[n - 1] = 3;
        head->broadcast = (uint64_t)1 << (n - 1);
    }
}

static void choose_value(fw_head_t *head, unsigned choice, size_t n) {
    static uint8_t numbers[64 * 8];
    if ((choice & TABLE) == 0) {
        head->payload = 5;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        fw_head_put_number(numbers + 8 * i, i);
    }
    if (head->serializer == FW_SERIALIZER_RECORD) {
        head->payload = 5;
        head->flags |= n > 0 ? FW_FLAG_VERSIONS : 0;
        head->versions = numbers;
        head->version_count = n;
        return;
    }
    head->flags |= FW_FLAG_BUFFERS;
    head->flags |= (choice & PACKED) != 0 && (choice & INLINE) != 0 ? FW_FLAG_PACKED : 0;
    head->flags &= (uint16_t)(n > 0 ? 0xFFFF : ~FW_FLAG_INLINE & ~FW_FLAG_PACKED);
    head->lengths = numbers;
    head->buffers = n;
    head->payload = n * (n - (n > 0)) / 2;
}

/* The stamp is where fw_head_stamp_offset says, before and after; another one there is read. */
static void check_offset(const fw_head_t *head) {
    static uint8_t frame[1 << 13];
    static uint8_t before[sizeof frame];
    const size_t at = fw_head_stamp_offset(head);
    const size_t length = frame_of(head, frame, sizeof frame);
    fw_head_t out;
    fw_stamp_t found;
    CHECK(fw_head_parse(frame, length, &out, NULL) == FW_OK);
    CHECK(fw_head_stamp_offset(&out) == at && at + FW_STAMP_SIZE <= out.size && at % 8 == 0);
    fw_stamp_load(frame + at, &found);
    CHECK(same_stamp(&found, &FIRST) && same_stamp(&out.stamp, &FIRST));
    memcpy(before, frame, length);
    fw_stamp_store(frame + at, &OTHER);
    CHECK(parse(frame, length, &out, NULL) == FW_OK && same_stamp(&out.stamp, &OTHER));
    CHECK(memcmp(frame, before, at) == 0);
    CHECK(memcmp(frame + at + 24, before + at + 24, length - at - 24) == 0);
    for (size_t cut = at; cut < at + FW_STAMP_SIZE; cut++) {
        CHECK(refused(frame, cut) == FW_ERR_TRUNCATED);
    }
}

static void test_offsets(void) {
    static const size_t counts[] = {0, 1, 2, 3, 8, 64};
    for (unsigned id = 1; id <= 255; id++) {
        if (id > FW_SERIALIZER_ARROW && id < FW_SERIALIZER_USER) {
            continue;
        }
        for (unsigned choice = 0; choice < CHOICES; choice++) {
            for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
                fw_head_t head = {0};
                head.serializer = (uint8_t)id;
                head.fingerprint = id == FW_SERIALIZER_RECORD ? UINT64_MAX : 0;
                choose_common(&head, choice);
                if (id == FW_SERIALIZER_ARRAY) {
                    choose_array(&head, choice, counts[i]);
                } else {
                    choose_value(&head, choice, counts[i]);
                }
                check_offset(&head);
            }
        }
    }
}

static void test_golden(const golden_t *golden) {
    fw_head_t head;
    fw_stamp_t found;
    size_t at;
    if (golden_get(golden, "error") != NULL) {
        return;
    }
    at = golden_number(golden, "envelope");
    CHECK(fw_head_parse(golden->frames[at], golden->lengths[at], &head, NULL) == FW_OK);
    if ((head.flags & FW_FLAG_STAMP) != 0) {
        fw_stamp_load(golden->frames[at] + fw_head_stamp_offset(&head), &found);
        CHECK(same_stamp(&found, &head.stamp));
    }
}

int main(void) {
    test_bytes();
    test_offsets();
    golden_each(test_golden);
    return CHECK_REPORT();
}
