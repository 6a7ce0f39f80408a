/* The head of a message: pack it, recognize it, parse it (docs/wire-format.md, "The head"). */
#ifndef FRAMEWIRE_HEAD_H
#define FRAMEWIRE_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FW_MAGIC_0 0xC1u
#define FW_MAGIC_1 0x46u
#define FW_VERSION 1u

/* The fixed part of a head, in bytes. The shape follows it. */
#define FW_HEAD_FIXED ((size_t)16)

/* Bytes of a stamp. */
#define FW_STAMP_SIZE ((size_t)24)

/* Bytes of the code that authenticates a message (HMAC-SHA256). */
#define FW_MAC_SIZE ((size_t)32)

/* The most dimensions that an array may have. */
#define FW_NDIM_MAX 64

/* Serializer ids. */
enum {
    FW_SERIALIZER_ARRAY = 1,
    FW_SERIALIZER_RAW = 2,
    FW_SERIALIZER_JSON = 3,
    FW_SERIALIZER_MSGPACK = 4,
    FW_SERIALIZER_RECORD = 5,
    FW_SERIALIZER_PICKLE = 6,
    FW_SERIALIZER_CLOUDPICKLE = 7,
    FW_SERIALIZER_DILL = 8,
    FW_SERIALIZER_PROTOBUF = 9,
    FW_SERIALIZER_FLATBUFFERS = 10,
    FW_SERIALIZER_CAPNP = 11,
    FW_SERIALIZER_ARROW = 12,
    FW_SERIALIZER_USER = 255
};

/* Flags. Those of sections stand in the order of the sections. */
enum {
    FW_FLAG_INLINE = 0x0001,     /* the first buffer is in the head's own frame */
    FW_FLAG_FORTRAN = 0x0002,    /* array: the payload is in column-major order */
    FW_FLAG_PACKED = 0x0004,     /* neither array nor record, with INLINE: so are all the others */
    FW_FLAG_SCALAR = 0x0008,     /* array of no dimensions: it was a scalar */
    FW_FLAG_BROADCAST = 0x0010,  /* array, section: the axes that are repeated, not stored */
    FW_FLAG_VERSIONS = 0x0010,   /* record, section: fingerprints of older versions of the schema */
    FW_FLAG_BUFFERS = 0x0020,    /* neither, section: the length of each buffer */
    FW_FLAG_STAMP = 0x0040,      /* section: who sent it, which of his it is, and when */
    FW_FLAG_META = 0x0080,       /* section: metadata, msgpack */
    FW_FLAG_TYPE = 0x0100,       /* section: the description of a dtype without a code; of a type */
    FW_FLAG_COMPRESSED = 0x0200, /* section: by which method, and the raw length of each buffer */
    FW_FLAG_SIGNED = 0x0400      /* with STAMP, section: which key, and the code it gives */
};

/* Methods of compression. */
enum {
    FW_COMPRESSION_ZLIB = 1,
    FW_COMPRESSION_ZSTD = 2,
    FW_COMPRESSION_LZ4 = 3,
    FW_COMPRESSION_BLOSC2 = 4
};

/* Which message of a sender one is. Gaps in `sequence` are messages that did not come. */
typedef struct {
    uint64_t sender;   /* a random number of the sending socket */
    uint64_t sequence; /* counts the sender's messages of a topic, from 0 */
    uint64_t time;     /* when it was sent: nanoseconds since the epoch, UTC */
} fw_stamp_t;

/*
 * A head in memory. To pack, fill every field that the serializer and the flags ask for, but not
 * `size`. After parsing, `versions`, `lengths`, `meta`, `type`, `raw` and `mac` point into the
 * frame that was parsed and live as long as it does. With FW_FLAG_COMPRESSED what the serializer
 * made is not what is in the buffers: `payload` and fw_head_buffer are about those, fw_head_raw is
 * about it.
 */
typedef struct {
    uint8_t serializer;
    uint8_t dtype; /* a code of dtype.h, or FW_DTYPE_DESCRIBED with a type section */
    uint8_t ndim;
    uint16_t flags;
    uint64_t payload;        /* bytes of payload on the wire, in all buffers */
    uint64_t fingerprint;    /* only of a record: of its schema, see record.h */
    const uint8_t *versions; /* only with FW_FLAG_VERSIONS: see fw_head_version */
    size_t version_count;    /* number of them; 0 without FW_FLAG_VERSIONS */
    uint64_t broadcast;      /* bit i: axis i is repeated; only with FW_FLAG_BROADCAST */
    const uint8_t *lengths;  /* only with FW_FLAG_BUFFERS: see fw_head_buffer */
    size_t buffers;          /* number of buffers; 1 without FW_FLAG_BUFFERS */
    fw_stamp_t stamp;        /* only with FW_FLAG_STAMP */
    const uint8_t *meta;     /* only with FW_FLAG_META */
    size_t meta_size;        /* bytes */
    const uint8_t *type;     /* only with FW_FLAG_TYPE; UTF-8, not terminated */
    size_t type_size;        /* bytes */
    uint64_t compression;    /* only with FW_FLAG_COMPRESSED: a method; 0 without */
    const uint8_t *raw;      /* only with FW_FLAG_COMPRESSED: see fw_head_raw */
    uint64_t key;            /* only with FW_FLAG_SIGNED: which one */
    uint64_t epoch;          /* only with FW_FLAG_SIGNED: tells the sender's sequences apart */
    const uint8_t *mac;      /* only with FW_FLAG_SIGNED: FW_MAC_SIZE bytes, the end of the head.
                                NULL to pack zeros there */
    size_t size;             /* set by fw_head_parse: bytes of the head, less the payload */
    uint64_t shape[FW_NDIM_MAX]; /* the first `ndim` are in use */
} fw_head_t;

/*
 * Does a frame of `length` bytes begin with the magic? `frame` may be NULL if `length` is 0.
 * Thread-safe.
 */
bool fw_head_match(const uint8_t *frame, size_t length);

/*
 * The bytes that fw_head_pack writes for a head, a multiple of 8. An inline payload begins there.
 *
 * Writes *size. Returns FW_OK, FW_ERR_NDIM, or FW_ERR_SECTION if the sections are longer than
 * memory. Thread-safe.
 */
int fw_head_size(const fw_head_t *head, size_t *size);

/*
 * Pack a head into `out`, which holds `capacity` bytes and needs no alignment.
 *
 * The payload is not written: with FW_FLAG_INLINE it is the caller's to put behind the head.
 * Writes *written, the bytes used. Nothing is kept. Returns FW_OK, FW_ERR_SPACE, or what
 * fw_head_parse would say of such a head: FW_ERR_SERIALIZER, FW_ERR_FLAGS, FW_ERR_DTYPE,
 * FW_ERR_NDIM, FW_ERR_SHAPE, FW_ERR_PAYLOAD, FW_ERR_SECTION. Thread-safe.
 */
int fw_head_pack(const fw_head_t *head, uint8_t *out, size_t capacity, size_t *written);

/*
 * Parse and check a head frame of `length` bytes, which needs no alignment.
 *
 * Writes *out, whose `versions`, `lengths`, `meta`, `type`, `raw` and `mac` point into `frame`. The
 * payload's length is checked against the shape or against the lengths; for an array with a
 * described dtype, call fw_head_check_payload when the size of its elements is known. Nothing is
 * verified. On failure *out is untouched and *offset, if `offset` is not NULL, is the byte that the
 * error was found at. Returns FW_OK or any FW_ERR_ up to FW_ERR_TRAILING. Allocates nothing.
 * Thread-safe.
 */
int fw_head_parse(const uint8_t *frame, size_t length, fw_head_t *out, size_t *offset);

/*
 * Check that an array's payload, as it is before it is compressed, is what its shape, broadcast
 * mask and an element size of `itemsize` bytes say, with overflow-checked arithmetic.
 *
 * Returns FW_OK, FW_ERR_SHAPE if the array would not fit in 63 bits of bytes, FW_ERR_PAYLOAD.
 * Thread-safe.
 */
int fw_head_check_payload(const fw_head_t *head, uint64_t itemsize);

/*
 * A stamp as it stands in a head: FW_STAMP_SIZE bytes of any alignment. Thread-safe.
 */
void fw_stamp_load(const uint8_t *in, fw_stamp_t *stamp);
void fw_stamp_store(uint8_t *out, const fw_stamp_t *stamp);

/*
 * Where in the bytes of a head, parsed or to be packed, the stamp is that FW_FLAG_STAMP is for: to
 * write the next one into bytes that are otherwise the same. Thread-safe.
 */
size_t fw_head_stamp_offset(const fw_head_t *head);

/*
 * The length of buffer `i` < head->buffers, in bytes. Thread-safe.
 */
uint64_t fw_head_buffer(const fw_head_t *head, size_t i);

/*
 * The length of buffer `i` < head->buffers before it was compressed, in bytes: that of
 * fw_head_buffer if the buffer, or the message, is not compressed. Thread-safe.
 */
uint64_t fw_head_raw(const fw_head_t *head, size_t i);

/*
 * The fingerprint of an older version, `i` < head->version_count. Thread-safe.
 */
uint64_t fw_head_version(const fw_head_t *head, size_t i);

/*
 * Write a number as the sections want it: 8 bytes at `out`, of any alignment, of the array that
 * head->lengths, head->raw or head->versions is to point to. Thread-safe.
 */
void fw_head_put_number(uint8_t *out, uint64_t number);

#ifdef __cplusplus
}
#endif

#endif
