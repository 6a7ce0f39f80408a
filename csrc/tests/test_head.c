#include "framewire/head.h"

#include <string.h>

#include "framewire/dtype.h"
#include "heads.h"

/* Three buffers of 3, 1 and 0 bytes, pickled; the first in the head's frame, metadata "\x01". */
static fw_head_t value_example(void) {
    static uint8_t lengths[24];
    static const uint8_t meta[] = {1};
    fw_head_t head = {0};
    fw_head_put_number(lengths, 3);
    fw_head_put_number(lengths + 8, 1);
    fw_head_put_number(lengths + 16, 0);
    head.serializer = FW_SERIALIZER_PICKLE;
    head.flags = FW_FLAG_INLINE | FW_FLAG_BUFFERS | FW_FLAG_META;
    head.payload = 4;
    head.lengths = lengths;
    head.buffers = 3;
    head.meta = meta;
    head.meta_size = sizeof meta;
    return head;
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
#define PACK_FAILS_OF(make, error, change)                                                         \
    do {                                                                                           \
        fw_head_t head = make();                                                                   \
        size_t written = 77;                                                                       \
        change;                                                                                    \
        CHECK(fw_head_pack(&head, out, sizeof out, &written) == error);                            \
        CHECK(written == 77 && memcmp(out, before, sizeof out) == 0);                              \
    } while (0)
#define PACK_FAILS(error, change) PACK_FAILS_OF(example, error, change)
#define VALUE_FAILS(error, change) PACK_FAILS_OF(value_example, error, change)
    PACK_FAILS(FW_ERR_SERIALIZER, head.serializer = 0);
    PACK_FAILS(FW_ERR_FLAGS, head.flags |= 0x8000);
    PACK_FAILS(FW_ERR_FLAGS, head.flags |= FW_FLAG_TYPE);
    PACK_FAILS(FW_ERR_FLAGS, head.flags |= FW_FLAG_PACKED);
    PACK_FAILS(FW_ERR_FLAGS, head.flags |= FW_FLAG_BUFFERS);
    PACK_FAILS(FW_ERR_NDIM, head.flags |= FW_FLAG_SCALAR);
    PACK_FAILS(FW_ERR_FLAGS, head.dtype = FW_DTYPE_DESCRIBED);
    PACK_FAILS(FW_ERR_DTYPE, head.dtype = 19);
    PACK_FAILS(FW_ERR_NDIM, head.ndim = 65);
    PACK_FAILS(FW_ERR_SHAPE, head.shape[0] = UINT64_MAX);
    PACK_FAILS(FW_ERR_PAYLOAD, head.payload++);
    PACK_FAILS(FW_ERR_SECTION, head.flags |= FW_FLAG_BROADCAST);
    PACK_FAILS(FW_ERR_SECTION, head.meta_size = SIZE_MAX);
    PACK_FAILS(FW_ERR_SPACE, head.meta_size = 200);
    VALUE_FAILS(FW_ERR_SERIALIZER, head.serializer = 13);
    VALUE_FAILS(FW_ERR_FLAGS, head.flags |= FW_FLAG_SIGNED);
    VALUE_FAILS(FW_ERR_FLAGS, head.flags |= FW_FLAG_FORTRAN);
    VALUE_FAILS(FW_ERR_FLAGS, head.flags |= FW_FLAG_SCALAR);
    VALUE_FAILS(FW_ERR_FLAGS, head.flags |= FW_FLAG_BROADCAST);
    VALUE_FAILS(FW_ERR_FLAGS, head.flags = FW_FLAG_PACKED | FW_FLAG_INLINE);
    VALUE_FAILS(FW_ERR_FLAGS, head.flags = FW_FLAG_PACKED | FW_FLAG_BUFFERS);
    VALUE_FAILS(FW_ERR_DTYPE, head.dtype = FW_DTYPE_F64);
    VALUE_FAILS(FW_ERR_NDIM, head.ndim = 1);
    VALUE_FAILS(FW_ERR_SECTION, head.buffers = 0);
    VALUE_FAILS(FW_ERR_SECTION, head.buffers = SIZE_MAX / 8);
    VALUE_FAILS(FW_ERR_SECTION, head.buffers = SIZE_MAX);
    VALUE_FAILS(FW_ERR_SECTION, head.type_size = SIZE_MAX; head.flags |= FW_FLAG_TYPE);
    VALUE_FAILS(FW_ERR_PAYLOAD, head.payload = 5);
    VALUE_FAILS(FW_ERR_PAYLOAD, head.buffers = 1);
    VALUE_FAILS(FW_ERR_PAYLOAD, head.flags = 0; head.payload = (uint64_t)1 << 63);
    VALUE_FAILS(FW_ERR_SPACE, head.meta_size = 200);
#undef PACK_FAILS
#undef VALUE_FAILS
#undef PACK_FAILS_OF
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

static const uint8_t serializers[] = {
    FW_SERIALIZER_RAW,   FW_SERIALIZER_JSON,     FW_SERIALIZER_MSGPACK,     FW_SERIALIZER_PICKLE,
    FW_SERIALIZER_DILL,  FW_SERIALIZER_PROTOBUF, FW_SERIALIZER_FLATBUFFERS, FW_SERIALIZER_CAPNP,
    FW_SERIALIZER_ARROW, FW_SERIALIZER_USER,     FW_SERIALIZER_CLOUDPICKLE, FW_SERIALIZER_RECORD,
};

/* Which ids there are, and what a value's head packs to. */
static void test_serializers(void) {
    uint8_t frame[128];
    bool known[256] = {false};
    known[FW_SERIALIZER_ARRAY] = true;
    for (size_t i = 0; i < sizeof serializers; i++) {
        known[serializers[i]] = true;
    }
    for (unsigned id = 0; id < 256; id++) {
        fw_head_t head = {0};
        fw_head_t out;
        size_t length;
        head.serializer = FW_SERIALIZER_RAW;
        length = frame_of(&head, frame, sizeof frame);
        CHECK(length == 16);
        frame[3] = (uint8_t)id;
        if (id == FW_SERIALIZER_RECORD) { /* whose fingerprint is missing */
            CHECK(refused(frame, length) == FW_ERR_TRUNCATED);
        } else if (known[id] && id != FW_SERIALIZER_ARRAY) {
            CHECK(parse(frame, length, &out, NULL) == FW_OK && out.serializer == id);
            CHECK(out.buffers == 1 && out.lengths == NULL && fw_head_buffer(&out, 0) == 0);
        } else {
            CHECK(refused(frame, length) == (known[id] ? FW_ERR_FLAGS : FW_ERR_SERIALIZER));
        }
    }
}

/* A value's head, parsed where it was packed, is what it was; with each set of sections. */
static void test_value(void) {
    static const uint8_t type[] = {'a', '.', 'B'};
    static const uint16_t layouts[] = {
        0,
        FW_FLAG_INLINE,
        FW_FLAG_BUFFERS,
        FW_FLAG_INLINE | FW_FLAG_BUFFERS,
        FW_FLAG_INLINE | FW_FLAG_BUFFERS | FW_FLAG_PACKED,
    };
    uint8_t frame[128];
    for (unsigned i = 0; i < 4 * sizeof layouts / sizeof *layouts; i++) {
        fw_head_t head = value_example();
        fw_head_t out;
        size_t size = 0;
        size_t length;
        head.flags = (uint16_t)(layouts[i / 4] | ((i & 1) != 0 ? FW_FLAG_META : 0) |
                                ((i & 2) != 0 ? FW_FLAG_TYPE : 0));
        head.type = type;
        head.type_size = sizeof type;
        length = frame_of(&head, frame, sizeof frame);
        CHECK(fw_head_parse(frame, length, &out, NULL) == FW_OK);
        CHECK(fw_head_size(&head, &size) == FW_OK && size == out.size && size % 8 == 0);
        CHECK(out.serializer == head.serializer && out.flags == head.flags && out.payload == 4);
        CHECK(out.buffers == ((head.flags & FW_FLAG_BUFFERS) != 0 ? 3 : 1));
        CHECK(fw_head_buffer(&out, 0) == (out.buffers == 3 ? 3 : 4));
        if (out.buffers == 3) {
            CHECK(fw_head_buffer(&out, 1) == 1 && fw_head_buffer(&out, 2) == 0);
        }
        CHECK(out.meta_size == ((i & 1) != 0 ? 1 : 0));
        CHECK(out.type_size == ((i & 2) != 0 ? 3 : 0));
        CHECK((i & 2) == 0 || memcmp(out.type, type, sizeof type) == 0);
        CHECK(refused(frame, length + 1) == FW_ERR_TRAILING);
    }
}

/* What a value's sections and lengths can get wrong. */
static void test_lengths(void) {
    fw_head_t head = value_example();
    fw_head_t out;
    uint8_t frame[128];
    size_t length;
    head.flags = FW_FLAG_BUFFERS;
    length = frame_of(&head, frame, sizeof frame);
    CHECK(length == 48 && parse(frame, length, &out, NULL) == FW_OK);
    for (size_t at = 1; at < 16; at++) { /* the section's length: not 24 */
        frame[16] = (uint8_t)(24 - at);
        CHECK(refused(frame, length) <= FW_ERR_PAYLOAD);
        frame[16] = (uint8_t)(24 + at);
        CHECK(refused(frame, length) == FW_ERR_TRUNCATED);
    }
    frame[16] = 23;
    CHECK(refused(frame, length) == FW_ERR_SECTION);
    frame[16] = 24;
    for (unsigned top = 0; top < 8; top++) { /* a section that is longer than memory */
        memset(frame + 17, 0xFF, 7);
        frame[16] = (uint8_t)(0xF8 + top);
        CHECK(refused(frame, length) == FW_ERR_TRUNCATED);
    }
    fw_head_put_number(frame + 16, 24);
    fw_head_put_number(frame + 24, (uint64_t)1 << 63); /* with the next: 2^64 + 4 */
    fw_head_put_number(frame + 32, ((uint64_t)1 << 63) + 4);
    CHECK(refused(frame, length) == FW_ERR_PAYLOAD);
    fw_head_put_number(frame + 24, UINT64_MAX);
    fw_head_put_number(frame + 32, 5);
    CHECK(refused(frame, length) == FW_ERR_PAYLOAD);
    fw_head_put_number(frame + 24, INT64_MAX); /* more than 63 bits, and `payload` says so */
    fw_head_put_number(frame + 32, 1);
    fw_head_put_number(frame + 8, (uint64_t)1 << 63);
    CHECK(refused(frame, length) == FW_ERR_PAYLOAD);
    fw_head_put_number(frame + 32, 0);
    fw_head_put_number(frame + 8, INT64_MAX);
    CHECK(parse(frame, length, &out, NULL) == FW_OK);
    frame[4] |= FW_FLAG_INLINE; /* the first buffer would be nearly all of memory */
    CHECK(refused(frame, length) == FW_ERR_TRUNCATED);
    frame[4] |= FW_FLAG_PACKED;
    CHECK(refused(frame, length) == FW_ERR_TRUNCATED);
    fw_head_put_number(frame + 16, 0); /* no buffers */
    fw_head_put_number(frame + 8, 0);
    frame[4] = FW_FLAG_BUFFERS;
    CHECK(parse(frame, 24, &out, NULL) == FW_OK && out.buffers == 0);
    frame[4] |= FW_FLAG_INLINE;
    CHECK(refused(frame, 24) == FW_ERR_SECTION);
}

/* The bytes between packed buffers are zero; those of the buffers are any. */
static void test_packed(void) {
    fw_head_t head = value_example();
    fw_head_t out;
    uint8_t frame[128];
    size_t length;
    head.flags |= FW_FLAG_PACKED;
    length = frame_of(&head, frame, sizeof frame);
    CHECK(length == 64 + 16);
    for (size_t at = 64; at < length; at++) {
        const bool inside = at < 67 || at == 72;
        frame[at] = 0x80;
        if (inside) {
            CHECK(parse(frame, length, &out, NULL) == FW_OK);
        } else {
            CHECK(refused(frame, length) == FW_ERR_SECTION);
        }
        frame[at] = 0;
    }
    for (size_t cut = 64; cut < length; cut++) {
        CHECK(refused(frame, cut) == FW_ERR_TRUNCATED);
    }
    CHECK(refused(frame, length + 1) == FW_ERR_TRAILING);
}

/* `buffers` counts only with its flag, as `broadcast` does. */
static void test_one_buffer(void) {
    fw_head_t head = value_example();
    uint8_t out[64];
    size_t written = 0;
    head.flags = FW_FLAG_INLINE;
    head.lengths = NULL;
    for (head.buffers = 0; head.buffers < 3; head.buffers++) {
        CHECK(fw_head_pack(&head, out, sizeof out, &written) == FW_OK && written == 16);
        CHECK(fw_head_buffer(&head, 0) == 4);
    }
}

/* A scalar has no dimensions. */
static void test_scalar(void) {
    fw_head_t head = example();
    fw_head_t out;
    uint8_t frame[128];
    head.flags = FW_FLAG_INLINE | FW_FLAG_SCALAR;
    head.ndim = 0;
    head.payload = 8;
    CHECK(parse(frame, frame_of(&head, frame, sizeof frame), &out, NULL) == FW_OK);
    CHECK(out.flags == head.flags && out.ndim == 0);
    frame[7] = 1;
    CHECK(refused(frame, 24) == FW_ERR_NDIM);
}

/* A stamp stands behind the buffers' lengths, before the metadata; its numbers are any. */
static void test_stamp(void) {
    static const fw_stamp_t stamps[] = {{0, 0, 0}, {1, 2, 3}, {UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    uint8_t frame[128];
    for (size_t i = 0; i < 2 * sizeof stamps / sizeof *stamps; i++) {
        fw_head_t head = i % 2 == 0 ? example() : value_example();
        fw_head_t out;
        const size_t before = i % 2 == 0 ? 24 : 48;
        size_t size = 0;
        size_t length;
        head.flags |= FW_FLAG_STAMP;
        head.stamp = stamps[i / 2];
        length = frame_of(&head, frame, sizeof frame);
        CHECK(fw_head_size(&head, &size) == FW_OK && size == before + 24 + 16);
        CHECK(parse(frame, length, &out, NULL) == FW_OK && out.size == size);
        CHECK(out.stamp.sender == head.stamp.sender && out.stamp.sequence == head.stamp.sequence);
        CHECK(out.stamp.time == head.stamp.time && out.meta_size == 1);
        fw_head_put_number(frame + before + 24, 2);
        frame[before + 33] = 7;
        CHECK(parse(frame, length, &out, NULL) == FW_OK && out.meta_size == 2);
        for (size_t cut = before; cut < before + 24; cut++) {
            size_t offset = 0;
            CHECK(parse(frame, cut, &out, &offset) == FW_ERR_TRUNCATED && offset == before);
        }
    }
}

/* The head's stamp is 0 without its flag. */
static void test_no_stamp(void) {
    fw_head_t head = example();
    fw_head_t out;
    uint8_t frame[128];
    head.stamp = (fw_stamp_t){1, 2, 3};
    CHECK(parse(frame, frame_of(&head, frame, sizeof frame), &out, NULL) == FW_OK);
    CHECK(out.stamp.sender == 0 && out.stamp.sequence == 0 && out.stamp.time == 0);
    CHECK(out.fingerprint == 0 && out.versions == NULL && out.version_count == 0);
}

/* Each flag of a good head turned over: if it is one still, it packs to the same bytes. */
static void check_flipped(const uint8_t *frame, size_t length) {
    uint8_t *copy = golden_need(malloc(length));
    uint8_t *packed = golden_need(malloc(length));
    memcpy(copy, frame, length);
    for (unsigned bit = 0; bit < 16; bit++) {
        fw_head_t head;
        size_t written = 0;
        copy[4 + bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (fw_head_parse(copy, length, &head, NULL) == FW_OK) {
            CHECK(fw_head_pack(&head, packed, length, &written) == FW_OK);
            CHECK(written == head.size && memcmp(packed, copy, written) == 0);
        }
        copy[4 + bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(packed);
    free(copy);
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
    check_flipped(golden->frames[at], length);
}

int main(void) {
    test_match();
    test_pack_errors();
    test_space();
    test_flags();
    test_padding();
    test_dimensions();
    test_check_payload();
    test_serializers();
    test_value();
    test_lengths();
    test_packed();
    test_one_buffer();
    test_scalar();
    test_stamp();
    test_no_stamp();
    golden_each(test_golden);
    return CHECK_REPORT();
}
