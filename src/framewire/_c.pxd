# Mirrors the headers of csrc/include/framewire. No logic: the comments are there.
from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "framewire/error.h" nogil:
    enum:
        FW_OK
        FW_ERR_TRUNCATED
        FW_ERR_MAGIC
        FW_ERR_VERSION
        FW_ERR_SERIALIZER
        FW_ERR_FLAGS
        FW_ERR_DTYPE
        FW_ERR_NDIM
        FW_ERR_SHAPE
        FW_ERR_PAYLOAD
        FW_ERR_SECTION
        FW_ERR_TRAILING
        FW_ERR_SPACE
        FW_ERR_TIMEOUT
        FW_ERR_TAIL

    const char *fw_error_name(int code)
    const char *fw_error_message(int code)

cdef extern from "framewire/clock.h" nogil:
    int64_t fw_clock_monotonic()

cdef extern from "framewire/dtype.h" nogil:
    enum:
        FW_DTYPE_DESCRIBED
        FW_DTYPE_BOOL
        FW_DTYPE_I8
        FW_DTYPE_I16
        FW_DTYPE_I32
        FW_DTYPE_I64
        FW_DTYPE_U8
        FW_DTYPE_U16
        FW_DTYPE_U32
        FW_DTYPE_U64
        FW_DTYPE_F16
        FW_DTYPE_F32
        FW_DTYPE_F64
        FW_DTYPE_C64
        FW_DTYPE_C128
        FW_DTYPE_F80
        FW_DTYPE_C160
        FW_DTYPE_F128
        FW_DTYPE_C256
        FW_DTYPE_BIG

    int fw_dtype_itemsize(uint8_t dtype, uint64_t *size)

cdef extern from "framewire/head.h" nogil:
    enum:
        FW_NDIM_MAX
        FW_STAMP_SIZE
        FW_SERIALIZER_ARRAY
        FW_SERIALIZER_RAW
        FW_SERIALIZER_JSON
        FW_SERIALIZER_MSGPACK
        FW_SERIALIZER_RECORD
        FW_SERIALIZER_PICKLE
        FW_SERIALIZER_CLOUDPICKLE
        FW_SERIALIZER_DILL
        FW_SERIALIZER_PROTOBUF
        FW_SERIALIZER_FLATBUFFERS
        FW_SERIALIZER_CAPNP
        FW_SERIALIZER_ARROW
        FW_SERIALIZER_USER
        FW_FLAG_INLINE
        FW_FLAG_FORTRAN
        FW_FLAG_PACKED
        FW_FLAG_SCALAR
        FW_FLAG_BROADCAST
        FW_FLAG_VERSIONS
        FW_FLAG_BUFFERS
        FW_FLAG_STAMP
        FW_FLAG_META
        FW_FLAG_TYPE
        FW_FLAG_COMPRESSED
        FW_FLAG_SIGNED
        FW_MAC_SIZE
        FW_COMPRESSION_BLOSC2

    ctypedef struct fw_stamp_t:
        uint64_t sender
        uint64_t sequence
        uint64_t time

    ctypedef struct fw_head_t:
        uint8_t serializer
        uint8_t dtype
        uint8_t ndim
        uint16_t flags
        uint64_t payload
        uint64_t fingerprint
        const uint8_t *versions
        size_t version_count
        uint64_t broadcast
        const uint8_t *lengths
        size_t buffers
        fw_stamp_t stamp
        const uint8_t *meta
        size_t meta_size
        const uint8_t *type
        size_t type_size
        uint64_t compression
        const uint8_t *raw
        uint64_t key
        uint64_t epoch
        const uint8_t *mac
        size_t size
        uint64_t *shape

    bint fw_head_match(const uint8_t *frame, size_t length)
    int fw_head_size(const fw_head_t *head, size_t *size)
    int fw_head_pack(const fw_head_t *head, uint8_t *out, size_t capacity, size_t *written)
    int fw_head_parse(const uint8_t *frame, size_t length, fw_head_t *out, size_t *offset)
    int fw_head_check_payload(const fw_head_t *head, uint64_t itemsize)
    uint64_t fw_head_buffer(const fw_head_t *head, size_t i)
    uint64_t fw_head_raw(const fw_head_t *head, size_t i)
    void fw_stamp_load(const uint8_t *data, fw_stamp_t *stamp)
    void fw_stamp_store(uint8_t *out, const fw_stamp_t *stamp)
    size_t fw_head_stamp_offset(const fw_head_t *head)
    uint64_t fw_head_version(const fw_head_t *head, size_t i)
    void fw_head_put_number(uint8_t *out, uint64_t number)

cdef extern from "framewire/record.h" nogil:
    enum:
        FW_SLOT_SIZE

    uint64_t fw_record_fingerprint(const char *schema, size_t length)
    int fw_record_check(
        const uint8_t *record, size_t size, size_t fixed, const uint32_t *slots, size_t count
    )
    void fw_record_tail(const uint8_t *record, size_t slot, const uint8_t **tail, size_t *length)
    int fw_record_put_tail(
        uint8_t *record, size_t capacity, size_t slot, const uint8_t *tail, size_t length,
        size_t *size
    )

# For _buffers alone: each module has csrc/ in it, and so a list of its own.
cdef extern from "framewire/release.h" nogil:
    ctypedef struct fw_release_node_t:
        fw_release_node_t *next

    bint fw_release_enter()
    void fw_release_leave()
    void fw_release_shut()
    bint fw_release_is_shut()
    void fw_release_push(fw_release_node_t *node)
    bint fw_release_pending()
    fw_release_node_t *fw_release_take()
    bint fw_release_claim()
    void fw_release_unclaim()
    void fw_release_wake()
    uint64_t fw_release_generation()
    int fw_release_wait(uint64_t seen, int64_t timeout)
    void fw_release_after_fork()
