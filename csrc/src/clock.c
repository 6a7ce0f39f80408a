#ifndef _WIN32
#define _POSIX_C_SOURCE 199309L
#endif

#include "framewire/clock.h"

#ifdef _WIN32

#include <windows.h>

int64_t fw_clock_monotonic(void) {
    return (int64_t)GetTickCount64() * 1000000;
}

#else

#include <time.h>

int64_t fw_clock_monotonic(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#endif
