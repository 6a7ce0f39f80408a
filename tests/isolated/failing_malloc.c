/* Makes an allocation of the main thread fail, for no_memory.py: to be loaded by LD_PRELOAD
 * (glibc).
 *
 * failing_in counts down with each allocation; the one at 0 fails, and with failing_on all later
 * ones. Negative: none fails. What cannot fail is not counted: operator new, and the chunks of
 * libzmq's queues (messages of 64 bytes, or 16 commands of 40, and two pointers), without which
 * libzmq aborts the process by its own rules. allocated is how many blocks are alive, of all
 * threads. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void __libc_free(void *block);

long failing_in = -1;
long failing_on = 0;
long failed = 0;
long allocated = 0;
static pthread_t owner;

__attribute__((constructor)) static void begin(void) {
    owner = pthread_self();
}

static int can_fail(size_t size, void *caller) {
    Dl_info info;
    if (!dladdr(caller, &info) || info.dli_fname == NULL || strstr(info.dli_fname, "libstdc++"))
        return 0;
    return !strstr(info.dli_fname, "libzmq") || size < 500 || size % 64 != 16;
}

static int fails(size_t size, void *caller) {
    if (failing_in < 0 || !pthread_equal(pthread_self(), owner) || !can_fail(size, caller))
        return 0;
    if (failing_in > 0) {
        failing_in--;
        return 0;
    }
    if (!failing_on)
        failing_in = -1;
    failed++;
    errno = ENOMEM;
    return 1;
}

static void *counted(void *block) {
    if (block != NULL)
        __atomic_add_fetch(&allocated, 1, __ATOMIC_RELAXED);
    return block;
}

void *malloc(size_t size) {
    return fails(size, __builtin_return_address(0)) ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size) {
    return fails(size, __builtin_return_address(0)) ? NULL : counted(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size) {
    if (fails(size, __builtin_return_address(0)))
        return NULL;
    void *moved = __libc_realloc(block, size);
    return block == NULL ? counted(moved) : moved;
}

void free(void *block) {
    if (block != NULL)
        __atomic_sub_fetch(&allocated, 1, __ATOMIC_RELAXED);
    __libc_free(block);
}
