/*
 * Sends records and arrays of framewire from plain C, with libzmq and csrc/ alone: no Python.
 *
 *     producer ENDPOINT COUNT
 *
 * connects a PUSH socket, and sends COUNT records, and an array after every tenth one. consumer.py
 * is the other end. In the project's root, on a system with libzmq's headers:
 *
 *     cc -std=c11 -O2 -I csrc/include -o producer examples/embed/producer.c csrc/src/[a-z]*.c \
 *         -lzmq -pthread
 *
 * Instead of csrc/include the directory that `python -c "import framewire;
 * print(framewire.get_include())"` prints will do; CMakeLists.txt is the same for CMake.
 */
#include <framewire/framewire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

/* The record, and its schema: what `framewire schema` prints for the class in consumer.py. */
#pragma pack(push, 1)
typedef struct {
    uint32_t seq;
    double t;
    float temp;
} imu_t;
#pragma pack(pop)

static const char imu_schema[] = "{\"names\":[\"seq\",\"t\",\"temp\"],"
                                 "\"formats\":[\"<u4\",\"<f8\",\"<f4\"],"
                                 "\"offsets\":[0,4,12],\"itemsize\":16}";

enum { ROWS = 1000, COLUMNS = 3 }; /* of the arrays: 12,000 bytes, in a frame of their own */

static void need(bool condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "producer: %s: %s\n", what, zmq_strerror(zmq_errno()));
        exit(1);
    }
}

/* Send a head, and behind it in the same frame `size` bytes of payload; `flags` are zmq_msg_send's.
 */
static void send_head(void *socket, const fw_head_t *head, const void *payload, size_t size,
                      int flags) {
    zmq_msg_t msg;
    size_t head_size = 0;
    uint8_t *data;
    need(fw_head_size(head, &head_size) == FW_OK, "fw_head_size");
    need(zmq_msg_init_size(&msg, head_size + size) == 0, "zmq_msg_init_size");
    data = zmq_msg_data(&msg);
    need(fw_head_pack(head, data, head_size, &head_size) == FW_OK, "fw_head_pack");
    if (size > 0) {
        memcpy(data + head_size, payload, size);
    }
    need(zmq_msg_send(&msg, socket, flags) >= 0, "zmq_msg_send");
}

/* A record: one frame, with a stamp by which the receiver sees gaps. */
static void send_imu(void *socket, uint64_t fingerprint, fw_stamp_t *stamp, const imu_t *imu) {
    struct timespec now;
    fw_head_t head = {.serializer = FW_SERIALIZER_RECORD};
    timespec_get(&now, TIME_UTC);
    stamp->time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    head.flags = FW_FLAG_INLINE | FW_FLAG_STAMP;
    head.payload = sizeof *imu;
    head.fingerprint = fingerprint;
    head.stamp = *stamp;
    send_head(socket, &head, imu, sizeof *imu, 0);
    stamp->sequence += 1;
}

/* An array of float32: its head, and its payload in a frame of its own. */
static void send_samples(void *socket, float samples[ROWS][COLUMNS]) {
    const size_t size = sizeof(float) * ROWS * COLUMNS;
    fw_head_t head = {.serializer = FW_SERIALIZER_ARRAY};
    head.dtype = FW_DTYPE_F32;
    head.ndim = 2;
    head.shape[0] = ROWS;
    head.shape[1] = COLUMNS;
    head.payload = size;
    send_head(socket, &head, NULL, 0, ZMQ_SNDMORE);
    need(zmq_send(socket, samples, size, 0) >= 0, "zmq_send");
}

int main(int argc, char **argv) {
    static float samples[ROWS][COLUMNS];
    const uint64_t fingerprint = fw_record_fingerprint(imu_schema, sizeof imu_schema - 1);
    fw_stamp_t stamp = {.sender = 1, .sequence = 0, .time = 0}; /* a random number, really */
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_PUSH);
    if (argc != 3) {
        fprintf(stderr, "usage: producer ENDPOINT COUNT\n");
        return 2;
    }
    need(socket != NULL && zmq_connect(socket, argv[1]) == 0, argv[1]);
    for (uint32_t i = 0; i < (uint32_t)atoi(argv[2]); i++) {
        imu_t imu = {i, i * 0.001, 20.0f + (float)(i % 8) * 0.25f};
        send_imu(socket, fingerprint, &stamp, &imu);
        if (i % 10 == 9) {
            for (int row = 0; row < ROWS; row++) {
                for (int column = 0; column < COLUMNS; column++) {
                    samples[row][column] = (float)i + (float)row * 0.5f + (float)column * 0.125f;
                }
            }
            send_samples(socket, samples);
        }
    }
    zmq_close(socket);
    zmq_ctx_term(context); /* waits until all is sent */
    return 0;
}
