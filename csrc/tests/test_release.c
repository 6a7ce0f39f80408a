#include "framewire/release.h"

#include <stdatomic.h>
#include <stddef.h>

#include "check.h"
#include "framewire/error.h"

#ifdef _WIN32
#include <windows.h>
typedef HANDLE thread_t;
#define THREAD(name) static DWORD WINAPI name(void *argument)
static void start(thread_t *thread, LPTHREAD_START_ROUTINE run, void *argument) {
    *thread = CreateThread(NULL, 0, run, argument, 0, NULL);
}
static void join(thread_t thread) {
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}
static void nap(void) {
    Sleep(20);
}
#else
#include <pthread.h>
#include <time.h>
typedef pthread_t thread_t;
#define THREAD(name) static void *name(void *argument)
static void start(thread_t *thread, void *(*run)(void *), void *argument) {
    CHECK(pthread_create(thread, NULL, run, argument) == 0);
}
static void join(thread_t thread) {
    pthread_join(thread, NULL);
}
static void nap(void) {
    const struct timespec t = {0, 20000000};
    nanosleep(&t, NULL);
}
#endif

enum { THREADS = 4, NODES = 20000 };
static const int64_t LONG_TIME = 20000000000; /* 20 s: a test that waits for it has failed */

static fw_release_node_t nodes[THREADS][NODES];
static atomic_int inside;
static atomic_bool leave;

/* As a free function of libzmq does. */
THREAD(push_all) {
    fw_release_node_t *mine = argument;
    for (int i = 0; i < NODES; i++) {
        if (fw_release_enter()) {
            fw_release_push(&mine[i]);
            fw_release_leave();
        }
    }
    return 0;
}

static int take_all(void) {
    int count = 0;
    for (fw_release_node_t *node = fw_release_take(); node != NULL; count++) {
        fw_release_node_t *next = node->next;
        node->next = node; /* taken twice, the loop would not end */
        node = next;
    }
    return count;
}

/* Every node that any thread pushes is taken once, by an owner that sleeps in between. */
static void test_threads(void) {
    thread_t threads[THREADS];
    int taken = 0;
    for (int i = 0; i < THREADS; i++) {
        start(&threads[i], push_all, nodes[i]);
    }
    while (taken < THREADS * NODES) {
        const uint64_t seen = fw_release_generation();
        const int count = take_all();
        taken += count;
        if (count == 0 && fw_release_wait(seen, LONG_TIME) != FW_OK) {
            break;
        }
    }
    CHECK(taken == THREADS * NODES);
    for (int i = 0; i < THREADS; i++) {
        join(threads[i]);
    }
    CHECK(!fw_release_pending() && fw_release_take() == NULL);
}

THREAD(push_later) {
    nap();
    fw_release_push(argument);
    return 0;
}

static void test_wait(void) {
    static fw_release_node_t node;
    const uint64_t seen = fw_release_generation();
    thread_t thread;
    CHECK(fw_release_wait(seen, 0) == FW_ERR_TIMEOUT);
    CHECK(fw_release_wait(seen, 5000000) == FW_ERR_TIMEOUT);
    CHECK(fw_release_wait(seen - 1, LONG_TIME) == FW_OK);
    start(&thread, push_later, &node);
    CHECK(fw_release_wait(seen, LONG_TIME) == FW_OK);
    CHECK(fw_release_pending());
    CHECK(fw_release_generation() == seen + 1);
    join(thread);
    CHECK(fw_release_take() == &node && node.next == NULL);
}

THREAD(wake_later) {
    (void)argument;
    nap();
    fw_release_wake();
    return 0;
}

/* A wake ends a sleep as a push does, and leaves the list as it is. */
static void test_wake(void) {
    static fw_release_node_t node;
    const uint64_t seen = fw_release_generation();
    thread_t thread;
    fw_release_wake();
    CHECK(fw_release_generation() == seen + 1);
    CHECK(!fw_release_pending());
    CHECK(fw_release_wait(seen, LONG_TIME) == FW_OK);
    CHECK(fw_release_wait(seen + 1, 0) == FW_ERR_TIMEOUT);
    start(&thread, wake_later, NULL);
    CHECK(fw_release_wait(seen + 1, LONG_TIME) == FW_OK);
    join(thread);
    CHECK(!fw_release_pending());
    fw_release_push(&node);
    fw_release_wake();
    CHECK(fw_release_generation() == seen + 4);
    CHECK(fw_release_take() == &node && node.next == NULL);
}

static void test_claim(void) {
    CHECK(fw_release_claim());
    CHECK(!fw_release_claim());
    fw_release_unclaim();
    CHECK(fw_release_claim());
    fw_release_after_fork();
    CHECK(fw_release_claim());
    fw_release_unclaim();
}

/* Stay inside the gate until told to leave. */
THREAD(linger) {
    (void)argument;
    CHECK(fw_release_enter());
    atomic_store(&inside, 1);
    while (!atomic_load(&leave)) {
        nap();
    }
    atomic_store(&inside, 0);
    fw_release_leave();
    return 0;
}

THREAD(let_go) {
    (void)argument;
    nap();
    atomic_store(&leave, true);
    return 0;
}

/* Last: it cannot be opened again. */
static void test_gate(void) {
    thread_t threads[2];
    start(&threads[0], linger, NULL);
    while (atomic_load(&inside) == 0) {
        nap();
    }
    start(&threads[1], let_go, NULL);
    fw_release_shut();
    CHECK(atomic_load(&inside) == 0);
    CHECK(!fw_release_enter());
    fw_release_shut();
    join(threads[0]);
    join(threads[1]);
}

int main(void) {
    test_threads();
    test_wait();
    test_wake();
    test_claim();
    test_gate();
    return CHECK_REPORT();
}
