/*
 * A record is checked against a schema, both of the input: a byte, how many slots; two, the length
 * of the fixed part; two for each slot, where it is; and the rest is the record.
 *
 * Its tails are inside of it and in order. Copied tail by tail, it is a record with the same ones.
 */
#include "framewire/framewire.h"
#include "fuzz.h"

enum { SLOTS = 8 };

typedef struct {
    size_t fixed;
    size_t count;
    uint32_t slots[SLOTS];
} schema_t;

/* A schema whose slots are in its fixed part. */
static schema_t made(fuzz_input_t *input) {
    schema_t schema = {0};
    schema.count = (size_t)fuzz_take(input, 1) % (SLOTS + 1);
    schema.fixed = (size_t)fuzz_take(input, 2);
    for (size_t i = 0; i < schema.count; i++) {
        schema.slots[i] = (uint32_t)fuzz_take(input, 2);
        if (schema.slots[i] + FW_SLOT_SIZE > schema.fixed) {
            schema.count = i;
        }
    }
    return schema;
}

static void check_tails(const schema_t *schema, const uint8_t *record, size_t size) {
    const uint8_t *end = record + schema->fixed;
    for (size_t i = 0; i < schema->count; i++) {
        const uint8_t *tail;
        size_t length;
        fw_record_tail(record, schema->slots[i], &tail, &length);
        HOLDS(fuzz_inside(tail, length, record, size) && tail >= end);
        end = tail + length;
    }
}

/* Do no two slots have a byte in common? Those of a program's record do not, a peer's may. */
static bool are_apart(const schema_t *schema) {
    for (size_t i = 0; i < schema->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (schema->slots[i] < schema->slots[j] + FW_SLOT_SIZE &&
                schema->slots[j] < schema->slots[i] + FW_SLOT_SIZE) {
                return false;
            }
        }
    }
    return true;
}

static void check_copy(const schema_t *schema, const uint8_t *record, size_t size) {
    uint8_t *copy = fuzz_memory(size);
    size_t used = schema->fixed;
    memcpy(copy, record, schema->fixed);
    for (size_t i = 0; i < schema->count; i++) {
        const size_t before = used;
        const uint8_t *tail;
        size_t length;
        fw_record_tail(record, schema->slots[i], &tail, &length);
        if (length > 0) {
            HOLDS(fw_record_put_tail(copy, used + length - 1, schema->slots[i], tail, length,
                                     &used) == FW_ERR_SPACE);
            HOLDS(used == before);
        }
        HOLDS(fw_record_put_tail(copy, size, schema->slots[i], tail, length, &used) == FW_OK);
        HOLDS(used == before + length);
    }
    HOLDS(used <= size);
    HOLDS(fw_record_check(copy, used, schema->fixed, schema->slots, schema->count) == FW_OK);
    for (size_t i = 0; i < schema->count; i++) {
        const uint8_t *tails[2];
        size_t lengths[2];
        fw_record_tail(record, schema->slots[i], &tails[0], &lengths[0]);
        fw_record_tail(copy, schema->slots[i], &tails[1], &lengths[1]);
        HOLDS(lengths[0] == lengths[1] && memcmp(tails[0], tails[1], lengths[0]) == 0);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input_t input = {data, size};
    const schema_t schema = made(&input);
    uint8_t *record = fuzz_memory(input.left);
    int rc;
    if (input.left > 0) {
        memcpy(record, input.at, input.left);
    }
    rc = fw_record_check(record, input.left, schema.fixed, schema.slots, schema.count);
    if (rc == FW_OK) {
        HOLDS(schema.fixed <= input.left);
        check_tails(&schema, record, input.left);
        if (are_apart(&schema)) {
            check_copy(&schema, record, input.left);
        }
    } else {
        HOLDS((rc == FW_ERR_TRUNCATED) == (input.left < schema.fixed));
        HOLDS(rc == FW_ERR_TRUNCATED || rc == FW_ERR_TAIL);
    }
    free(record);
    return 0;
}
