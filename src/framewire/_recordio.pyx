"""Records in messages: their heads, when a schema is sent, and whose class a received one is of.

docs/wire-format.md, "Records".
"""

from typing import Any

from .errors import DecodeError, SchemaError
from .learned import class_for, mismatch
from .records import DEFINED, RecordMeta
from .typed import convert, records_in

from cpython.buffer cimport PyBUF_SIMPLE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from ._buffers cimport SMALL, Buffer, copy_bytes, hold
from ._c cimport *
from ._codec cimport Codec
from ._decode cimport find_head, read_head
from ._encode cimport is_inline, set_meta, template
from ._compressed cimport plain_frames
from ._frames cimport Frames, Span, frames_begin, frames_end, frames_load
from ._ledger cimport MOST_TOPICS, ledger_of
from ._manner cimport Manner
from ._payload cimport Part, Payload, part_owner, payload_next, payload_open, put_buffers
from ._records cimport RecordBase, view_version, whole_bytes
from ._schema cimport Schema, schema_of

__all__ = []

cdef dict defined = DEFINED


cdef void begin_record(fw_head_t *head, Schema schema) noexcept:
    """What a head says of a schema. It points into it."""
    head.serializer = FW_SERIALIZER_RECORD
    head.flags = 0
    head.dtype = head.ndim = 0
    head.fingerprint = schema.fingerprint
    head.version_count = PyBytes_GET_SIZE(schema.versions) // 8
    if head.version_count:
        head.flags |= FW_FLAG_VERSIONS
        head.versions = <const uint8_t *>PyBytes_AS_STRING(schema.versions)


cdef int put_record(Frames *frames, RecordBase record, Manner manner) except -1:
    """Append a record: a head and its bytes."""
    cdef fw_head_t head
    cdef bytes data = whole_bytes(record)
    cdef Buffer buffer
    begin_record(&head, record.schema)
    if manner.meta is not None:
        set_meta(&head, manner.meta)
    if manner.codec.schemas:
        manner.counted = record.schema.fingerprint
        if schema_due(manner.socket, manner.topic, manner.counted, manner.codec.schemas):
            head.flags |= FW_FLAG_TYPE
            head.type = <const uint8_t *>PyBytes_AS_STRING(record.schema.encoded)
            head.type_size = PyBytes_GET_SIZE(record.schema.encoded)
    if is_inline(PyBytes_GET_SIZE(data), manner.place):
        return put_buffers(
            frames, &head, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), None, manner.place
        )
    buffer = hold(data, PyBUF_SIMPLE)  # in place: nobody can change it
    return put_buffers(frames, &head, NULL, 0, [buffer], manner.place)


cdef bytes record_head(Schema schema, bytes meta, bint stamped, size_t *stamp_at):
    """The bytes that stand before a record of this schema, without tails, in one frame with it."""
    cdef fw_head_t head
    cdef size_t size
    begin_record(&head, schema)
    head.flags |= FW_FLAG_INLINE
    head.payload = schema.itemsize
    if meta is not None:
        set_meta(&head, meta)
    return template(&head, stamped, stamp_at)


cdef bint get_row(Frames *frames, object socket, Codec codec, object cls, void *row) except -1:
    """Copy a record, as one of `cls`, which has no tails, to `row`. False if it is no record."""
    cdef fw_head_t head
    cdef Span frame
    cdef Payload payload
    cdef Part part
    cdef bytes data
    cdef Frames plain
    cdef Py_ssize_t at = find_head(frames, socket, &frame)
    if at < 0:
        return False
    read_head(frame, &head)
    if head.serializer != FW_SERIALIZER_RECORD:
        return False
    codec.check(FW_SERIALIZER_RECORD, None)
    codec.admit(&head, frames.count)
    if head.flags & FW_FLAG_COMPRESSED:
        frames_begin(&plain, True, False)
        try:
            frames_load(&plain, plain_frames(frames, at, frame, &head, codec))
            return get_row(&plain, None, codec, cls, row)
        finally:
            frames_end(&plain)
    check_schema(&head)
    payload_open(&payload, frames, at, frame, &head)
    part = payload_next(&payload)
    data = whole_bytes(read_as(cls, &head, None, part.span.data, part.span.size))
    memcpy(row, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    return True


cdef RecordBase read_as(
    object cls, const fw_head_t *head, object owner, const uint8_t *data, Py_ssize_t size
):
    """A message's record as one of `cls`. Raises SchemaError where it is none."""
    cdef RecordBase record = view_version(cls, schema_of(cls), owner, data, size, head)
    if record is None:
        raise mismatch(cls, head.fingerprint, text_of(head))
    return record


cdef bytes text_of(const fw_head_t *head):
    """The schema that a message brings, or None."""
    return head.type[:head.type_size] if head.flags & FW_FLAG_TYPE else None


cdef int check_schema(const fw_head_t *head) except -1:
    if head.flags & FW_FLAG_TYPE and head.fingerprint != fw_record_fingerprint(
        <const char *>head.type, head.type_size
    ):
        raise DecodeError("a schema that is not that of the record's fingerprint", "schema")
    return 0


cdef object get_record(Payload *payload, object type, object copy, Codec codec):
    """The record of a message: of its own class, or as an instance of the type that was asked for."""
    cdef const fw_head_t *head = payload.head
    cdef Part part = payload_next(payload)
    cdef RecordBase record
    check_schema(head)
    owner = None if copy or part.span.size <= SMALL else part_owner(payload.frames, &part, 1, False)
    if owner is None:
        owner = PyBytes_FromStringAndSize(NULL, part.span.size)
        copy_bytes(PyBytes_AS_STRING(owner), part.span.data, part.span.size)
        part.span.data = <const uint8_t *>PyBytes_AS_STRING(owner)
    if type is not None and isinstance(type, RecordMeta) and type._schema is not None:
        return read_as(type, head, owner, part.span.data, part.span.size)
    classes = () if type is None else records_in(type)
    for cls in classes:
        if cls._schema is not None:
            record = view_version(cls, schema_of(cls), owner, part.span.data, part.span.size, head)
            if record is not None:
                return record
    record = read_as(known_class(head, codec), head, owner, part.span.data, part.span.size)
    if type is None or type is object or type is Any or isinstance(record, tuple(classes)):
        return record
    if classes:
        names = " or ".join([cls.__name__ for cls in classes])
        raise SchemaError(f"a {record.schema.name} is no {names}", "mismatch")
    return convert(record.to_dict(), type, json=False)


cdef object known_class(const fw_head_t *head, Codec codec):
    """The class of a message's record, where nobody asked for one."""
    cls = defined.get(head.fingerprint)
    if cls is None:
        versions = [fw_head_version(head, i) for i in range(head.version_count)]
        cls = class_for(head.fingerprint, versions, text_of(head), codec.signs)
    return cls


# ---- when a schema is sent

cdef tuple schema_key(object topic, uint64_t fingerprint):
    return (str.encode(topic) if isinstance(topic, str) else topic), fingerprint


cdef bint schema_due(object socket, object topic, uint64_t fingerprint, int every) except -1:
    """Is a schema to be sent with the next message of its kind: the first, and every n-th?

    That counts the message. `socket` None is no socket, where all are due; `every` 0 is never.
    """
    cdef dict schemas
    if every <= 0 or socket is None:
        return every > 0
    schemas = ledger_of(socket).schemas
    key = schema_key(topic, fingerprint)
    asked = schemas.get(key, 0)
    if asked == 0 and len(schemas) >= MOST_TOPICS:
        schemas.clear()  # then some are sent before their turn
    schemas[key] = asked + 1
    return asked % every == 0


cdef Py_ssize_t schema_in(object socket, object topic, uint64_t fingerprint, int every) except -1:
    """How many messages of its kind come before the next one that a schema is due with."""
    asked = ledger_of(socket).schemas.get(schema_key(topic, fingerprint), 0)
    return -asked % every


cdef int schema_skipped(
    object socket, object topic, uint64_t fingerprint, Py_ssize_t messages
) except -1:
    """Count messages that were sent without `schema_due`."""
    cdef dict schemas = ledger_of(socket).schemas
    key = schema_key(topic, fingerprint)
    schemas[key] = schemas.get(key, 0) + messages
    return 0


cdef int schema_not_sent(object socket, object topic, uint64_t fingerprint) except -1:
    """Take a `schema_due` back: the message was not sent."""
    cdef dict schemas
    if socket is not None:
        schemas = ledger_of(socket).schemas
        key = schema_key(topic, fingerprint)
        asked = schemas.get(key, 0)
        if asked > 0:
            schemas[key] = asked - 1
    return 0
