/* The golden files, as the C library sees them. Faults beyond the head are for others to find. */
#include <string.h>

#include "check.h"
#include "framewire/framewire.h"
#include "golden.h"

/* Are the bytes those that a hexadecimal text begins with? */
static bool begins_with_hex(const uint8_t *bytes, size_t length, const char *hex) {
    for (size_t i = 0; i < length; i++) {
        char digits[3];
        snprintf(digits, sizeof digits, "%02x", bytes[i]);
        if (strncmp(digits, hex + 2 * i, 2) != 0) {
            return false;
        }
    }
    return true;
}

/* Are the bytes those of a hexadecimal text? An absent text stands for no bytes. */
static bool same_hex(const uint8_t *bytes, size_t length, const char *hex) {
    return hex == NULL ? length == 0
                       : begins_with_hex(bytes, length, hex) && strlen(hex) == 2 * length;
}

static size_t find_head(const golden_t *golden) {
    size_t i = 0;
    while (i + 1 < golden->frame_count && !fw_head_match(golden->frames[i], golden->lengths[i])) {
        i++;
    }
    return i;
}

/* Only a message that is no array has the key. */
static bool is_array(const golden_t *golden) {
    return golden_get(golden, "serializer") == NULL;
}

static void check_array(const golden_t *golden, const fw_head_t *head) {
    const char *shape = golden_get(golden, "shape");
    CHECK(head->serializer == FW_SERIALIZER_ARRAY);
    CHECK(head->dtype == golden_number(golden, "dtype"));
    CHECK(head->ndim == golden_number(golden, "ndim"));
    CHECK(head->broadcast == golden_number(golden, "mask"));
    CHECK(head->buffers == 1 && head->lengths == NULL);
    for (uint8_t i = 0; i < head->ndim; i++) {
        char *end;
        CHECK(head->shape[i] == strtoull(shape, &end, 10));
        shape = end;
    }
}

static void check_value(const golden_t *golden, const fw_head_t *head) {
    const char *lengths = golden_get(golden, "buffers");
    CHECK(head->serializer == golden_number(golden, "serializer"));
    CHECK(head->dtype == 0 && head->ndim == 0 && head->broadcast == 0);
    CHECK((head->lengths != NULL) == ((head->flags & FW_FLAG_BUFFERS) != 0));
    for (size_t i = 0; i < head->buffers; i++) {
        char *end;
        CHECK(fw_head_buffer(head, i) == strtoull(lengths, &end, 10) && end > lengths);
        lengths = end;
    }
    CHECK(*lengths == '\0');
}

/* Its numbers are those of a text, all of them. */
static void check_numbers(const uint64_t *numbers, size_t count, const char *text) {
    CHECK((text != NULL) == (count > 0));
    for (size_t i = 0; i < count; i++) {
        char *end;
        CHECK(numbers[i] == strtoull(text, &end, 10) && end > text);
        text = end;
    }
    CHECK(text == NULL || *text == '\0');
}

static void check_stamp(const golden_t *golden, const fw_head_t *head) {
    const uint64_t numbers[] = {head->stamp.sender, head->stamp.sequence, head->stamp.time};
    const bool is_there = (head->flags & FW_FLAG_STAMP) != 0;
    check_numbers(numbers, is_there ? 3 : 0, golden_get(golden, "stamp"));
    CHECK(is_there || (numbers[0] == 0 && numbers[1] == 0 && numbers[2] == 0));
}

static void check_seals(const golden_t *golden, const fw_head_t *head) {
    const bool is_signed = (head->flags & FW_FLAG_SIGNED) != 0;
    uint64_t raw[8] = {0};
    size_t count = 0;
    CHECK(((head->flags & FW_FLAG_COMPRESSED) != 0) == (golden_get(golden, "compression") != NULL));
    CHECK(is_signed == (golden_get(golden, "code") != NULL));
    if ((head->flags & FW_FLAG_COMPRESSED) != 0) {
        CHECK(head->compression == golden_number(golden, "compression"));
        CHECK(head->buffers <= sizeof raw / sizeof *raw);
        for (; count < head->buffers; count++) {
            raw[count] = fw_head_raw(head, count);
        }
    }
    check_numbers(raw, count, golden_get(golden, "raw"));
    if (is_signed) {
        CHECK(head->key == golden_number(golden, "key"));
        CHECK(head->epoch == golden_number(golden, "epoch"));
        CHECK(same_hex(head->mac, FW_MAC_SIZE, golden_get(golden, "code")));
    } else {
        CHECK(head->mac == NULL && head->key == 0 && head->epoch == 0);
    }
}

static void check_schema(const golden_t *golden, const fw_head_t *head) {
    uint64_t versions[8];
    CHECK(head->version_count <= sizeof versions / sizeof *versions);
    for (size_t i = 0; i < head->version_count; i++) {
        versions[i] = fw_head_version(head, i);
    }
    check_numbers(versions, head->version_count, golden_get(golden, "versions"));
    CHECK((head->versions != NULL) == (head->version_count > 0));
    if (head->serializer != FW_SERIALIZER_RECORD) {
        CHECK(head->fingerprint == 0);
        return;
    }
    CHECK(head->fingerprint == golden_number(golden, "fingerprint"));
    if (head->type != NULL) {
        CHECK(fw_record_fingerprint((const char *)head->type, head->type_size) ==
              head->fingerprint);
    }
}

/* A record against its schema, as a reader knows it. Tails that are right are inside. */
static int check_record(const golden_t *golden, const fw_head_t *head, size_t at) {
    const bool is_inside = (head->flags & FW_FLAG_INLINE) != 0;
    const uint8_t *record = is_inside ? golden->frames[at] + head->size : golden->frames[at + 1];
    const size_t size = (size_t)head->payload;
    const char *text = golden_get(golden, "slots");
    uint8_t *copy = golden_need(malloc(size > 0 ? size : 1)); /* has no byte to spare */
    uint32_t slots[8];
    size_t count = 0;
    int rc;
    for (char *end; text != NULL && *text != '\0'; text = end) {
        slots[count++] = (uint32_t)strtoul(text, &end, 10);
    }
    memcpy(copy, record, size);
    rc = fw_record_check(copy, size, (size_t)golden_number(golden, "fixed"), slots, count);
    for (size_t i = 0; rc == FW_OK && i < count; i++) {
        const uint8_t *tail;
        size_t length;
        fw_record_tail(copy, slots[i], &tail, &length);
        CHECK(tail >= copy && length <= size && tail + length <= copy + size);
    }
    free(copy);
    return rc;
}

static void check_fields(const golden_t *golden, const fw_head_t *head) {
    const char *type = golden_get(golden, "type");
    CHECK(head->flags == golden_number(golden, "flags"));
    CHECK(head->payload == golden_number(golden, "payload"));
    CHECK(head->size == golden_number(golden, "size"));
    if (is_array(golden)) {
        check_array(golden, head);
    } else {
        check_value(golden, head);
    }
    check_stamp(golden, head);
    check_seals(golden, head);
    check_schema(golden, head);
    CHECK(same_hex(head->meta, head->meta_size, golden_get(golden, "meta")));
    CHECK(head->type_size == (type != NULL ? strlen(type) : 0));
    CHECK(type == NULL || memcmp(head->type, type, head->type_size) == 0);
}

/* The buffers, in the head's frame or in frames of their own, are the bytes of `data`. */
static void check_buffers(const golden_t *golden, const fw_head_t *head, size_t at) {
    const size_t inside = (head->flags & FW_FLAG_PACKED) != 0   ? head->buffers
                          : (head->flags & FW_FLAG_INLINE) != 0 ? 1
                                                                : 0;
    const char *data = golden_get(golden, "data");
    size_t place = head->size;
    CHECK(golden->frame_count == at + 1 + head->buffers - inside);
    for (size_t i = 0; i < head->buffers; i++) {
        const size_t length = (size_t)fw_head_buffer(head, i);
        const uint8_t *bytes = golden->frames[at] + ((place + 7) & ~(size_t)7);
        if (i < inside) {
            place = ((place + 7) & ~(size_t)7) + length;
        } else {
            bytes = golden->frames[at + 1 + i - inside];
            CHECK(length == golden->lengths[at + 1 + i - inside]);
        }
        if (data != NULL) {
            CHECK(begins_with_hex(bytes, length, data));
            data += 2 * length;
        }
    }
    CHECK(data == NULL || *data == '\0');
    CHECK(place == golden->lengths[at]);
}

/* What is parsed packs to the same bytes. */
static void check_pack(const golden_t *golden, const fw_head_t *head, size_t at) {
    size_t written = 0;
    uint8_t *out = golden_need(malloc(head->size));
    CHECK(fw_head_pack(head, out, head->size, &written) == FW_OK);
    CHECK(written == head->size && memcmp(out, golden->frames[at], written) == 0);
    free(out);
}

static void test(const golden_t *golden) {
    const char *error = golden_get(golden, "error");
    const char *place = golden_get(golden, "offset");
    const char *itemsize = golden_get(golden, "itemsize");
    const bool is_record = golden_get(golden, "fixed") != NULL;
    const bool is_text = error != NULL && strcmp(error, "payload") == 0; /* is for others to find */
    const int failures = check_failures;
    size_t at = find_head(golden);
    size_t offset = 0;
    fw_head_t head;
    int rc = fw_head_parse(golden->frames[at], golden->lengths[at], &head, &offset);
    if (error == NULL || place == NULL) {
        CHECK(rc == FW_OK);
        CHECK(at == golden_number(golden, "envelope"));
    }
    if (rc == FW_OK && itemsize != NULL) {
        rc = fw_head_check_payload(&head, golden_number(golden, "itemsize"));
    }
    if (rc == FW_OK && is_record) {
        rc = check_record(golden, &head, at);
    }
    if (error == NULL) {
        CHECK(rc == FW_OK);
        check_fields(golden, &head);
        check_buffers(golden, &head, at);
        check_pack(golden, &head, at);
    } else if (place != NULL || itemsize != NULL || (is_record && !is_text)) {
        CHECK(strcmp(fw_error_name(rc), error) == 0);
        CHECK(place == NULL || offset == golden_number(golden, "offset"));
    }
    if (check_failures > failures) {
        fprintf(stderr, "  in %s: %s at %zu\n", golden_get(golden, "name"), fw_error_name(rc),
                offset);
    }
}

int main(void) {
    golden_each(test);
    CHECK(check_count > 1000);
    return CHECK_REPORT();
}
