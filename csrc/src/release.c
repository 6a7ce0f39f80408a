#include "framewire/release.h"

#include <stdatomic.h>
#include <stddef.h>

#include "framewire/error.h"
#include "sleep.h"

static _Atomic(fw_release_node_t *) list;
static atomic_bool claimed;

/* The gate. */
static atomic_bool shut;
static atomic_int inside;

/* Sleepers. `generation` changes under no lock; `waiting` tells a push whether to take one. */
static atomic_uint_fast64_t generation;
static atomic_int waiting;
static sleep_t sleeper = SLEEP_INITIALIZER;

bool fw_release_enter(void) {
    atomic_fetch_add(&inside, 1);
    if (atomic_load(&shut)) {
        atomic_fetch_sub(&inside, 1);
        return false;
    }
    return true;
}

void fw_release_leave(void) {
    atomic_fetch_sub(&inside, 1);
}

void fw_release_shut(void) {
    atomic_store(&shut, true);
    while (atomic_load(&inside) > 0) {
        sleep_yield();
    }
}

bool fw_release_is_shut(void) {
    return atomic_load(&shut);
}

void fw_release_push(fw_release_node_t *node) {
    node->next = atomic_load_explicit(&list, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&list, &node->next, node)) {
    }
    fw_release_wake();
}

bool fw_release_pending(void) {
    return atomic_load_explicit(&list, memory_order_relaxed) != NULL;
}

fw_release_node_t *fw_release_take(void) {
    return atomic_exchange(&list, NULL);
}

bool fw_release_claim(void) {
    return !atomic_exchange(&claimed, true);
}

void fw_release_unclaim(void) {
    atomic_store(&claimed, false);
}

void fw_release_wake(void) {
    atomic_fetch_add(&generation, 1);
    if (atomic_load(&waiting) > 0) {
        sleep_wake_all(&sleeper);
    }
}

uint64_t fw_release_generation(void) {
    return atomic_load(&generation);
}

int fw_release_wait(uint64_t seen, int64_t timeout) {
    sleep_deadline_t deadline = sleep_deadline(timeout);
    int rc = FW_OK;
    sleep_lock(&sleeper);
    atomic_fetch_add(&waiting, 1);
    while (rc == FW_OK && atomic_load(&generation) == seen) {
        rc = sleep_until(&sleeper, deadline);
    }
    if (atomic_load(&generation) != seen) {
        rc = FW_OK;
    }
    atomic_fetch_sub(&waiting, 1);
    sleep_unlock(&sleeper);
    return rc;
}

void fw_release_after_fork(void) {
    static const sleep_t fresh = SLEEP_INITIALIZER;
    sleeper = fresh;
    atomic_store(&waiting, 0);
    atomic_store(&inside, 0);
    atomic_store(&claimed, false);
}
