/*
 * A main for a fuzz target where there is no libFuzzer: it runs each file, and each file of each
 * directory, once. Of a golden file, NAME.frames, it runs each frame by itself.
 */
#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

static size_t inputs;

static void run(const uint8_t *data, size_t size) {
    uint8_t *copy = fuzz_memory(size); /* without a byte to spare */
    if (size > 0) {
        memcpy(copy, data, size);
    }
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    inputs++;
}

/* The frames of a golden file: a u32, how many; then each after its u32. */
static void run_frames(const uint8_t *data, size_t size) {
    fuzz_input_t input = {data, size};
    for (uint64_t count = fuzz_take(&input, 4); count > 0; count--) {
        const size_t length = (size_t)fuzz_take(&input, 4);
        HOLDS(length <= input.left);
        run(input.at, length);
        input.at += length;
        input.left -= length;
    }
}

static bool ends_with(const char *path, const char *end) {
    const size_t length = strlen(path);
    return length >= strlen(end) && strcmp(path + length - strlen(end), end) == 0;
}

static void run_file(const char *path, size_t size) {
    FILE *file = fopen(path, "rb");
    uint8_t *data = fuzz_memory(size);
    HOLDS(file != NULL);
    HOLDS(fread(data, 1, size, file) == size);
    fclose(file);
    if (ends_with(path, ".frames")) {
        run_frames(data, size);
    } else {
        run(data, size);
    }
    free(data);
}

static void run_path(const char *path) {
    struct stat status;
    struct dirent *entry;
    DIR *directory;
    if (stat(path, &status) != 0) {
        perror(path);
        exit(2);
    }
    if (!S_ISDIR(status.st_mode)) {
        run_file(path, (size_t)status.st_size);
        return;
    }
    directory = opendir(path);
    HOLDS(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        char inside[4096];
        const int length = snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        HOLDS(length > 0 && (size_t)length < sizeof inside);
        if (entry->d_name[0] != '.') {
            run_path(inside);
        }
    }
    closedir(directory);
}

int main(int argc, char **argv) {
    run(NULL, 0);
    for (int i = 1; i < argc; i++) {
        run_path(argv[i]);
    }
    printf("%zu inputs\n", inputs);
    return argc < 2;
}
