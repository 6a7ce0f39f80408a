/* A lock that one can sleep on, for POSIX and Windows. Private to release.c. */
#ifndef FRAMEWIRE_SLEEP_H
#define FRAMEWIRE_SLEEP_H

#include <stdint.h>

#include "framewire/error.h"

#ifdef _WIN32

#include <windows.h>

typedef struct {
    SRWLOCK lock;
    CONDITION_VARIABLE condition;
} sleep_t;
typedef ULONGLONG sleep_deadline_t; /* milliseconds since the machine started */

#define SLEEP_INITIALIZER {SRWLOCK_INIT, CONDITION_VARIABLE_INIT}

static inline void sleep_yield(void) {
    Sleep(0);
}

static inline void sleep_lock(sleep_t *s) {
    AcquireSRWLockExclusive(&s->lock);
}

static inline void sleep_unlock(sleep_t *s) {
    ReleaseSRWLockExclusive(&s->lock);
}

static inline void sleep_wake_all(sleep_t *s) {
    /* the lock orders this after a sleeper's look at what it waits for */
    sleep_lock(s);
    sleep_unlock(s);
    WakeAllConditionVariable(&s->condition);
}

static inline sleep_deadline_t sleep_deadline(int64_t timeout) {
    return GetTickCount64() + (ULONGLONG)timeout / 1000000 + 1;
}

static inline int sleep_until(sleep_t *s, sleep_deadline_t deadline) {
    ULONGLONG now = GetTickCount64();
    DWORD left = now < deadline ? (DWORD)(deadline - now) : 0;
    return SleepConditionVariableSRW(&s->condition, &s->lock, left, 0) ? FW_OK : FW_ERR_TIMEOUT;
}

#else

#include <pthread.h>
#include <sched.h>
#include <time.h>

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t condition;
} sleep_t;
typedef struct timespec sleep_deadline_t; /* the real-time clock: macOS has no other here */

#define SLEEP_INITIALIZER {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER}

static inline void sleep_yield(void) {
    sched_yield();
}

static inline void sleep_lock(sleep_t *s) {
    pthread_mutex_lock(&s->lock);
}

static inline void sleep_unlock(sleep_t *s) {
    pthread_mutex_unlock(&s->lock);
}

static inline void sleep_wake_all(sleep_t *s) {
    /* the lock orders this after a sleeper's look at what it waits for */
    sleep_lock(s);
    sleep_unlock(s);
    pthread_cond_broadcast(&s->condition);
}

static inline sleep_deadline_t sleep_deadline(int64_t timeout) {
    struct timespec t;
    int64_t nanoseconds;
    timespec_get(&t, TIME_UTC);
    nanoseconds = t.tv_nsec + timeout % 1000000000;
    t.tv_sec += (time_t)(timeout / 1000000000 + nanoseconds / 1000000000);
    t.tv_nsec = (long)(nanoseconds % 1000000000);
    return t;
}

static inline int sleep_until(sleep_t *s, sleep_deadline_t deadline) {
    return pthread_cond_timedwait(&s->condition, &s->lock, &deadline) == 0 ? FW_OK : FW_ERR_TIMEOUT;
}

#endif

#endif
