/*
 * The benchmarks' loops as a C program writes them, on the libzmq that pyzmq has loaded.
 *
 *     loop LIBZMQ CONTENDER ROLE SIZE COUNT HWM ENDPOINT
 *
 * The roles and what they print are those of peer.py, and `inproc` and `sends` of one_thread.py and
 * `batches` of batches.py, which print the seconds that a message took. libzmq is reached by dlopen
 * and declared here, so that neither zmq.h nor a second libzmq is needed.
 */
#define _POSIX_C_SOURCE 200809L

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ZMQ_PAIR = 0, ZMQ_PULL = 7, ZMQ_PUSH = 8 };
enum { ZMQ_SNDHWM = 23, ZMQ_RCVHWM = 24, ZMQ_LAST_ENDPOINT = 32 };
enum { ZMQ_SNDMORE = 2 };
enum { HEAD = 24, BATCH = 1000, SLICES = 10, TIME_LIMIT_SECONDS = 1000 };

typedef union {
    unsigned char bytes[64];
    void *alignment;
} zmq_msg_t;

typedef void zmq_free_fn(void *data, void *hint);

static struct {
    void *(*ctx_new)(void);
    int (*ctx_term)(void *);
    void *(*socket)(void *, int);
    int (*close)(void *);
    int (*bind)(void *, const char *);
    int (*connect)(void *, const char *);
    int (*getsockopt)(void *, int, void *, size_t *);
    int (*setsockopt)(void *, int, const void *, size_t);
    int (*msg_init)(zmq_msg_t *);
    int (*msg_init_size)(zmq_msg_t *, size_t);
    int (*msg_init_data)(zmq_msg_t *, void *, size_t, zmq_free_fn *, void *);
    int (*msg_send)(zmq_msg_t *, void *, int);
    int (*msg_recv)(zmq_msg_t *, void *, int);
    int (*msg_close)(zmq_msg_t *);
    int (*msg_more)(const zmq_msg_t *);
    void *(*msg_data)(zmq_msg_t *);
    size_t (*msg_size)(const zmq_msg_t *);
} zmq;

static unsigned char head[HEAD] = {0xC1, 0x46, 1, 1};
static unsigned char *payload; /* what is sent */
static unsigned char *out;     /* where it is received */
static size_t size;
static size_t released;

static void die(const char *what) {
    fprintf(stderr, "loop: %s\n", what);
    exit(1);
}

static void need(bool condition, const char *what) {
    if (!condition)
        die(what);
}

static void find(void *library, const char *name, void *pointer) {
    void *address = dlsym(library, name);
    need(address != NULL, name);
    memcpy(pointer, &address, sizeof address);
}

static void load(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    need(library != NULL, path);
#define FIND(function) find(library, "zmq_" #function, &zmq.function)
    FIND(ctx_new);
    FIND(ctx_term);
    FIND(socket);
    FIND(close);
    FIND(bind);
    FIND(connect);
    FIND(getsockopt);
    FIND(setsockopt);
    FIND(msg_init);
    FIND(msg_init_size);
    FIND(msg_init_data);
    FIND(msg_send);
    FIND(msg_recv);
    FIND(msg_close);
    FIND(msg_more);
    FIND(msg_data);
    FIND(msg_size);
#undef FIND
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Messages: each contender sends one and receives one. */

static void release(void *data, void *hint) {
    (void)data;
    (void)hint;
    __atomic_fetch_add(&released, 1, __ATOMIC_RELAXED);
}

static void send_copied(void *socket, const void *a, size_t a_size, const void *b, size_t b_size,
                        int flags) {
    zmq_msg_t m;
    need(zmq.msg_init_size(&m, a_size + b_size) == 0, "zmq_msg_init_size");
    unsigned char *data = zmq.msg_data(&m);
    memcpy(data, a, a_size);
    memcpy(data + a_size, b, b_size);
    need(zmq.msg_send(&m, socket, flags) >= 0, "zmq_msg_send");
}

static void send_bare(void *socket) {
    zmq_msg_t m;
    need(zmq.msg_init_size(&m, size) == 0, "zmq_msg_init_size");
    need(zmq.msg_send(&m, socket, 0) >= 0, "zmq_msg_send");
}

static void send_array(void *socket) {
    send_copied(socket, head, HEAD, payload, size, 0);
}

static void send_frames(void *socket) {
    send_copied(socket, head, HEAD, head, 0, ZMQ_SNDMORE);
    send_copied(socket, payload, size, head, 0, 0);
}

static void send_buffer(void *socket) {
    zmq_msg_t m;
    need(zmq.msg_init_data(&m, payload, size, release, NULL) == 0, "zmq_msg_init_data");
    need(zmq.msg_send(&m, socket, 0) >= 0, "zmq_msg_send");
}

static void send_inplace(void *socket) {
    send_copied(socket, head, HEAD, head, 0, ZMQ_SNDMORE);
    send_buffer(socket);
}

/* A head and four payloads in place. */
static void send_value(void *socket) {
    zmq_msg_t m;
    send_copied(socket, head, HEAD, head, 0, ZMQ_SNDMORE);
    for (int i = 0; i < 4; i++) {
        need(zmq.msg_init_data(&m, payload, size, release, NULL) == 0, "zmq_msg_init_data");
        need(zmq.msg_send(&m, socket, i < 3 ? ZMQ_SNDMORE : 0) >= 0, "zmq_msg_send");
    }
}

/* Receive them, and read and compare every byte when all are there. */
static void recv_value(void *socket) {
    zmq_msg_t m[5];
    for (int i = 0; i < 5; i++) {
        zmq.msg_init(&m[i]);
        need(zmq.msg_recv(&m[i], socket, 0) >= 0, "zmq_msg_recv");
    }
    for (int i = 1; i < 5; i++)
        need(memcmp(zmq.msg_data(&m[i]), payload, size) == 0, "another payload");
    for (int i = 0; i < 5; i++)
        zmq.msg_close(&m[i]);
}

/* Receive one message of any number of frames and look at none. */
static void recv_frames(void *socket) {
    int more = 1;
    while (more) {
        zmq_msg_t m;
        zmq.msg_init(&m);
        need(zmq.msg_recv(&m, socket, 0) >= 0, "zmq_msg_recv");
        more = zmq.msg_more(&m);
        zmq.msg_close(&m);
    }
}

/* Receive one message of one frame, and copy the payload behind its head. */
static void recv_array(void *socket) {
    zmq_msg_t m;
    zmq.msg_init(&m);
    need(zmq.msg_recv(&m, socket, 0) >= 0, "zmq_msg_recv");
    need(zmq.msg_size(&m) == HEAD + size, "a message of another size");
    memcpy(out, (unsigned char *)zmq.msg_data(&m) + HEAD, size);
    zmq.msg_close(&m);
}

typedef struct {
    const char *name;
    void (*send)(void *socket);
    void (*recv)(void *socket);
} contender_t;

static const contender_t contenders[] = {
    {"bare", send_bare, recv_frames},       {"array", send_array, recv_array},
    {"frames", send_frames, recv_frames},   {"buffer", send_buffer, recv_frames},
    {"inplace", send_inplace, recv_frames}, {"value", send_value, recv_value},
};

/* Roles: what a run does with a contender. */

typedef struct {
    const contender_t *contender;
    size_t count;
    int hwm; /* messages */
    const char *endpoint;
    void *context;
} run_t;

static void *open_socket(const run_t *run, int type) {
    void *socket = zmq.socket(run->context, type);
    need(socket != NULL, "zmq_socket");
    zmq.setsockopt(socket, ZMQ_SNDHWM, &run->hwm, sizeof run->hwm);
    zmq.setsockopt(socket, ZMQ_RCVHWM, &run->hwm, sizeof run->hwm);
    return socket;
}

static void *open_bound(const run_t *run, int type) {
    void *socket = open_socket(run, type);
    char endpoint[256];
    size_t length = sizeof endpoint;
    need(zmq.bind(socket, run->endpoint) == 0, "zmq_bind");
    need(zmq.getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &length) == 0, "zmq_getsockopt");
    puts(endpoint);
    fflush(stdout);
    return socket;
}

static void *open_connected(const run_t *run, int type) {
    void *socket = open_socket(run, type);
    need(zmq.connect(socket, run->endpoint) == 0, "zmq_connect");
    return socket;
}

static void inproc(const run_t *run) {
    void *b = open_socket(run, ZMQ_PAIR);
    void *a = open_socket(run, ZMQ_PAIR);
    need(zmq.bind(b, "inproc://loop") == 0, "zmq_bind");
    need(zmq.connect(a, "inproc://loop") == 0, "zmq_connect");
    double start = 0;
    const size_t warm_up = run->count / 10;
    for (size_t i = 0; i < warm_up + run->count; i++) {
        if (i == warm_up)
            start = now();
        run->contender->send(a);
        run->contender->recv(b);
    }
    printf("%.12f\n", (now() - start) / (double)run->count);
    zmq.close(a);
    zmq.close(b);
}

/* Batches of 1000 that are sent, and then received. */
static void batches(const run_t *run) {
    void *b = open_socket(run, ZMQ_PAIR);
    void *a = open_socket(run, ZMQ_PAIR);
    need(zmq.bind(b, "inproc://loop") == 0, "zmq_bind");
    need(zmq.connect(a, "inproc://loop") == 0, "zmq_connect");
    double best = 1e9;
    for (size_t done = 0; done < run->count; done += BATCH) {
        double start = now();
        for (size_t i = 0; i < BATCH; i++)
            run->contender->send(a);
        for (size_t i = 0; i < BATCH; i++)
            run->contender->recv(b);
        double seconds = (now() - start) / BATCH;
        best = seconds < best ? seconds : best;
    }
    printf("%.12f\n", best);
    zmq.close(a);
    zmq.close(b);
}

/* Time the sends of one batch alone; half the high-water mark fits without blocking. */
static void sends(const run_t *run) {
    void *b = open_socket(run, ZMQ_PAIR);
    void *a = open_socket(run, ZMQ_PAIR);
    need(zmq.bind(b, "inproc://loop") == 0, "zmq_bind");
    need(zmq.connect(a, "inproc://loop") == 0, "zmq_connect");
    size_t batch = (size_t)run->hwm / 2;
    double best = 1e9;
    for (size_t done = 0; done < run->count; done += batch) {
        double start = now();
        for (size_t i = 0; i < batch; i++)
            run->contender->send(a);
        double seconds = (now() - start) / (double)batch;
        best = seconds < best ? seconds : best;
        for (size_t i = 0; i < batch; i++)
            run->contender->recv(b);
    }
    printf("%.12f\n", best);
    zmq.close(a);
    zmq.close(b);
}

static void consume(const run_t *run) {
    void *b = open_bound(run, ZMQ_PULL);
    for (int slice = 0; slice < SLICES; slice++) {
        double start = now();
        for (size_t i = 0; i < run->count / SLICES; i++)
            run->contender->recv(b);
        printf("%.9f\n", now() - start);
        fflush(stdout);
    }
    zmq.close(b);
}

static void produce(const run_t *run) {
    void *a = open_connected(run, ZMQ_PUSH);
    for (size_t i = 0; i < run->count; i++)
        run->contender->send(a);
    while (getchar() != EOF) {
        /* until the other end has received all of it; see pairs.py */
    }
    zmq.close(a);
}

static void echo(const run_t *run) {
    void *pair = open_bound(run, ZMQ_PAIR);
    for (size_t i = 0; i < run->count; i++) {
        run->contender->recv(pair);
        run->contender->send(pair);
    }
    zmq.close(pair);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void ping(const run_t *run) {
    void *pair = open_connected(run, ZMQ_PAIR);
    double *times = calloc(run->count, sizeof *times);
    need(times != NULL, "calloc");
    for (size_t i = 0; i < run->count; i++) {
        double start = now();
        run->contender->send(pair);
        run->contender->recv(pair);
        times[i] = now() - start;
    }
    size_t warm = run->count / SLICES;
    size_t timed = run->count - warm;
    qsort(times + warm, timed, sizeof *times, compare);
    printf("%.9f\n%.9f\n", times[warm + timed / 2], times[warm + timed * 99 / 100]);
    free(times);
    zmq.close(pair);
}

static const struct {
    const char *name;
    void (*run)(const run_t *run);
} roles[] = {
    {"inproc", inproc},   {"sends", sends}, {"batches", batches}, {"consume", consume},
    {"produce", produce}, {"echo", echo},   {"ping", ping},
};

static const contender_t *find_contender(const char *name) {
    for (size_t i = 0; i < sizeof contenders / sizeof *contenders; i++)
        if (strcmp(contenders[i].name, name) == 0)
            return &contenders[i];
    die("no such contender");
    return NULL;
}

int main(int argc, char **argv) {
    need(argc == 8, "usage: loop LIBZMQ CONTENDER ROLE SIZE COUNT HWM ENDPOINT");
    alarm(TIME_LIMIT_SECONDS);
    load(argv[1]);
    size = (size_t)strtoull(argv[4], NULL, 10);
    payload = calloc(1, size + 1);
    out = calloc(1, size + 1);
    need(payload != NULL && out != NULL, "calloc");
    memset(payload, 1, size); /* else all of it is one page of zeros */

    run_t run = {find_contender(argv[2]), (size_t)strtoull(argv[5], NULL, 10), atoi(argv[6]),
                 argv[7], zmq.ctx_new()};
    size_t role = 0;
    while (role < sizeof roles / sizeof *roles && strcmp(roles[role].name, argv[3]) != 0)
        role++;
    need(role < sizeof roles / sizeof *roles, "no such role");
    roles[role].run(&run);
    zmq.ctx_term(run.context); /* waits until all that was sent has left */
    free(payload);
    free(out);
    return 0;
}
