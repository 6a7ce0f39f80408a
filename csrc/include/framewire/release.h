/*
 * The release list: buffers that libzmq has let go of, waiting for their owner to take them back.
 *
 * libzmq calls a message's free function on any thread, at any time. Such a function does this:
 *
 *     if (fw_release_enter()) {
 *         fw_release_push(node);
 *         if (fw_release_claim()) { ask the owner to drain; fw_release_unclaim() if that fails }
 *         fw_release_leave();
 *     }
 *
 * and the owner's thread drains with fw_release_take. One list serves the process. Every function
 * is thread-safe; none allocates.
 */
#ifndef FRAMEWIRE_RELEASE_H
#define FRAMEWIRE_RELEASE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A link of the list. Embed one in whatever owns the buffer, which must live until it is taken. */
typedef struct fw_release_node {
    struct fw_release_node *next;
} fw_release_node_t;

/*
 * Enter the gate. Returns false once fw_release_shut was called: then touch nothing, not even the
 * node, and return. After true, call fw_release_leave soon, and do not block in between.
 */
bool fw_release_enter(void);

/* Leave the gate that fw_release_enter let the caller through. */
void fw_release_leave(void);

/* Shut the gate for good, and wait until nobody is inside. For the end of the process. */
void fw_release_shut(void);

/* Is the gate shut? Then what libzmq lets go of will never be on the list. */
bool fw_release_is_shut(void);

/* Put a node on the list, lock-free, and wake all who wait. The list borrows the node. */
void fw_release_push(fw_release_node_t *node);

/* Is there anything to take? One relaxed load. */
bool fw_release_pending(void);

/*
 * Take everything on the list, in no particular order. Returns the first node, or NULL; the
 * caller has them to itself. Read a node's `next` before its owner goes.
 */
fw_release_node_t *fw_release_take(void);

/* Claim the duty to ask for one drain. Returns false if somebody has it since the last unclaim. */
bool fw_release_claim(void);

/* Give the duty back: the drain has begun, or could not be asked for. */
void fw_release_unclaim(void);

/* Wake all who wait, as a push does: what they wait for may have happened without one. */
void fw_release_wake(void);

/* A number that changes with each push and wake. Read it before looking at what one waits for. */
uint64_t fw_release_generation(void);

/*
 * Sleep until the generation is no longer `seen`, at most `timeout` nanoseconds (0 or more).
 * Returns FW_OK or FW_ERR_TIMEOUT.
 */
int fw_release_wait(uint64_t seen, int64_t timeout);

/* In the child after fork: forget the threads that are gone. */
void fw_release_after_fork(void);

#ifdef __cplusplus
}
#endif

#endif
