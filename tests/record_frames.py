"""Messages of records, made by hand."""

import struct


def frame(payload, fingerprint, *, flags=0, sections=b""):
    """A record in one frame."""
    head = struct.pack("<2sBBHBBQQ", b"\xc1\x46", 1, 5, 1 | flags, 0, 0, len(payload), fingerprint)
    return [head + sections + payload]


def section(content):
    return struct.pack("<Q", len(content)) + content + bytes(-len(content) % 8)


def with_schema(text, payload, fingerprint=None):
    """A record with its schema, of which the text is bytes."""
    if fingerprint is None:
        fingerprint = 0xCBF29CE484222325
        for byte in text:
            fingerprint = (fingerprint ^ byte) * 0x100000001B3 % (1 << 64)
    return frame(payload, fingerprint, flags=0x100, sections=section(text))


def with_versions(payload, fingerprint, *versions):
    """A record that names older versions of its schema."""
    content = struct.pack(f"<{len(versions)}Q", *versions)
    return frame(payload, fingerprint, flags=0x10, sections=section(content))
