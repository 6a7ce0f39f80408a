"""Records in messages: their heads, and whose class a received one is of.

docs/wire-format.md, "Records".
"""

from .errors import DecodeError
from .records import DEFINED, RecordMeta, class_for, mismatch
from .typed import convert

from cpython.buffer cimport PyBUF_SIMPLE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t

from ._buffers cimport SMALL, Buffer, copy_bytes, hold
from ._c cimport *
from ._encode cimport is_inline, set_meta
from ._frames cimport Frames
from ._ledger cimport schema_due
from ._manner cimport Manner
from ._payload cimport Part, Payload, part_owner, payload_next, put_buffers
from ._records cimport RecordBase, Schema, schema_of, view_version, whole_bytes

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


cdef object get_record(Payload *payload, object type, object copy):
    """The record of a message: of its own class, or as an instance of the type that was asked for."""
    cdef const fw_head_t *head = payload.head
    cdef Part part = payload_next(payload)
    cdef RecordBase record
    text = head.type[:head.type_size] if head.flags & FW_FLAG_TYPE else None
    if text is not None and head.fingerprint != fw_record_fingerprint(
        <const char *>head.type, head.type_size
    ):
        raise DecodeError("a schema that is not that of the record's fingerprint", "schema")
    wanted = type is not None and isinstance(type, RecordMeta)
    cls = type if wanted else defined.get(head.fingerprint)
    if cls is None:
        versions = [fw_head_version(head, i) for i in range(head.version_count)]
        cls = class_for(head.fingerprint, versions, text)
    owner = None if copy or part.span.size <= SMALL else part_owner(payload.frames, &part, 1, False)
    if owner is None:
        owner = PyBytes_FromStringAndSize(NULL, part.span.size)
        copy_bytes(PyBytes_AS_STRING(owner), part.span.data, part.span.size)
        part.span.data = <const uint8_t *>PyBytes_AS_STRING(owner)
    record = view_version(cls, schema_of(cls), owner, part.span.data, part.span.size, head)
    if record is None:
        raise mismatch(cls, head.fingerprint, text)
    if type is None or wanted:
        return record
    return convert(record.to_dict(), type, json=False)
