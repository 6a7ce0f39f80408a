/* The time, for time limits. */
#ifndef FRAMEWIRE_CLOCK_H
#define FRAMEWIRE_CLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Nanoseconds since some moment in the past, by a clock that never jumps. Returns 0 or more.
 * Thread-safe.
 */
int64_t fw_clock_monotonic(void);

#ifdef __cplusplus
}
#endif

#endif
