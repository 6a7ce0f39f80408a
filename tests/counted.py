"""Stamps made by hand, and what was counted of them."""

import struct


def stamped(sender, sequence, sent=0):
    """A message of raw bytes with this stamp, made by hand."""
    head = struct.pack("<2sBBHBBQ", b"\xc1\x46", 1, 2, 0x41, 0, 0, 3)
    return head + struct.pack("<QQQ", sender, sequence, sent) + b"abc"


def seen(socket):
    total = socket.stats().total
    return total.received, total.gaps, total.duplicates
