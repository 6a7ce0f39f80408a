/* Read the golden files of tests/golden (see make.py there). Only for tests: any surprise aborts.
 */
#ifndef FRAMEWIRE_GOLDEN_H
#define FRAMEWIRE_GOLDEN_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GOLDEN_FRAMES = 16, GOLDEN_KEYS = 24 };

typedef struct {
    const char *keys[GOLDEN_KEYS];
    const char *values[GOLDEN_KEYS];
    int key_count;
    uint8_t *bytes; /* the whole .frames file */
    const uint8_t *frames[GOLDEN_FRAMES];
    size_t lengths[GOLDEN_FRAMES];
    size_t frame_count;
} golden_t;

static void *golden_need(void *p) {
    if (p == NULL) {
        perror("golden");
        abort();
    }
    return p;
}

/* A file's bytes, and a zero after them. The caller frees. */
static uint8_t *golden_load(const char *name, size_t *length) {
    char path[4096];
    long size;
    uint8_t *bytes;
    FILE *file;
    snprintf(path, sizeof path, "%s/%s", FRAMEWIRE_GOLDEN, name);
    file = golden_need(fopen(path, "rb"));
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    bytes = golden_need(calloc((size_t)size + 1, 1));
    if (fread(bytes, 1, (size_t)size, file) != (size_t)size) {
        golden_need(NULL);
    }
    fclose(file);
    *length = (size_t)size;
    return bytes;
}

static const char *golden_get(const golden_t *golden, const char *key) {
    for (int i = 0; i < golden->key_count; i++) {
        if (strcmp(golden->keys[i], key) == 0) {
            return golden->values[i];
        }
    }
    return NULL;
}

static inline uint64_t golden_number(const golden_t *golden, const char *key) {
    const char *value = golden_get(golden, key);
    return strtoull(golden_need((void *)(uintptr_t)value), NULL, 0);
}

static uint32_t golden_u32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void golden_split(golden_t *golden, char *text) {
    golden->key_count = 0;
    while (*text != '\0') {
        char *end = golden_need(strchr(text, '\n'));
        char *space;
        *end = '\0';
        space = golden_need(strchr(text, ' '));
        *space = '\0';
        golden->keys[golden->key_count] = text;
        golden->values[golden->key_count++] = space + 1;
        text = end + 1;
    }
}

static void golden_frames(golden_t *golden) {
    char name[256];
    size_t length;
    const uint8_t *p;
    snprintf(name, sizeof name, "%s.frames", golden_get(golden, "name"));
    p = golden->bytes = golden_load(name, &length);
    golden->frame_count = golden_u32(p);
    p += 4;
    for (size_t i = 0; i < golden->frame_count; i++) {
        golden->lengths[i] = golden_u32(p);
        golden->frames[i] = p + 4;
        p += 4 + golden->lengths[i];
    }
}

/* Call `test` on each golden message in turn. */
static inline void golden_each(void (*test)(const golden_t *golden)) {
    size_t length;
    char *text = (char *)golden_load("expect.txt", &length);
    char *block = text;
    while (*block != '\0') {
        golden_t golden;
        char *end = golden_need(strstr(block, "\n\n"));
        end[1] = '\0';
        golden_split(&golden, block);
        golden_frames(&golden);
        test(&golden);
        free(golden.bytes);
        block = end + 2;
    }
    free(text);
}

#endif
