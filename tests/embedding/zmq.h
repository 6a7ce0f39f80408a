/* What producer.c needs of libzmq's own zmq.h, which the wheels of pyzmq do not have. */
#ifndef FRAMEWIRE_TESTS_ZMQ_H
#define FRAMEWIRE_TESTS_ZMQ_H

#include <stddef.h>

enum { ZMQ_PUSH = 8, ZMQ_SNDMORE = 2 };

typedef union {
    unsigned char bytes[64];
    void *alignment;
} zmq_msg_t;

int zmq_errno(void);
const char *zmq_strerror(int error);
void *zmq_ctx_new(void);
int zmq_ctx_term(void *context);
void *zmq_socket(void *context, int type);
int zmq_close(void *socket);
int zmq_connect(void *socket, const char *endpoint);
int zmq_send(void *socket, const void *data, size_t size, int flags);
int zmq_msg_init_size(zmq_msg_t *msg, size_t size);
int zmq_msg_send(zmq_msg_t *msg, void *socket, int flags);
void *zmq_msg_data(zmq_msg_t *msg);

#endif
