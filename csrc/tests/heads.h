/* What the tests of heads share: a parse that leaves nothing to chance, and frames. */
#ifndef FRAMEWIRE_HEADS_H
#define FRAMEWIRE_HEADS_H

#include <string.h>

#include "check.h"
#include "framewire/error.h"
#include "framewire/head.h"
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

/* Pack a head and put zeros behind it for the payload. Returns the length of the frame. */
static size_t frame_of(const fw_head_t *head, uint8_t *frame, size_t capacity) {
    size_t written = 0;
    memset(frame, 0, capacity);
    CHECK(fw_head_pack(head, frame, capacity, &written) == FW_OK);
    if ((head->flags & FW_FLAG_INLINE) != 0) {
        written += (size_t)fw_head_buffer(head, 0);
    }
    for (size_t i = 1; (head->flags & FW_FLAG_PACKED) != 0 && i < head->buffers; i++) {
        written = ((written + 7) & ~(size_t)7) + (size_t)fw_head_buffer(head, i);
    }
    return written;
}

#endif
