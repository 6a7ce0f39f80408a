/*
 * What the fuzz targets share. Each is a file with LLVMFuzzerTestOneInput, for libFuzzer or for the
 * plain main of replay.c, and aborts where something does not hold.
 */
#ifndef FRAMEWIRE_FUZZ_H
#define FRAMEWIRE_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An assertion that no build leaves out. */
#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* `size` zeros, at least one; alone, so that a sanitizer sees what is read past their end. */
static inline uint8_t *fuzz_memory(size_t size) {
    uint8_t *memory = calloc(size > 0 ? size : 1, 1);
    HOLDS(memory != NULL);
    return memory;
}

/* Is a part of `length` bytes inside `size` bytes at `whole`? */
static inline bool fuzz_inside(const uint8_t *part, size_t length, const uint8_t *whole,
                               size_t size) {
    const uintptr_t start = (uintptr_t)whole;
    const uintptr_t at = (uintptr_t)part;
    return at >= start && at - start <= size && length <= size - (at - start);
}

/* A reader of an input that makes values of it; zeros after its end. */
typedef struct {
    const uint8_t *at;
    size_t left;
} fuzz_input_t;

static inline uint64_t fuzz_take(fuzz_input_t *input, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes && input->left > 0; i++, input->left--) {
        value |= (uint64_t)*input->at++ << (8 * i);
    }
    return value;
}

#endif
