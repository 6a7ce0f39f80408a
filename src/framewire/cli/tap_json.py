"""What a tap says to machines: an object for each message, then one that sums up."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import msgspec

from framewire.cli.streams import dtype_of, topic_text
from framewire.cli.traffic import Sighting, Traffic
from framewire.message import decode_meta

_UNPRINTABLE = re.compile(r"[^ -~]")
LONGEST = 1 << 16  # bytes of metadata that are shown


def message_line(sighting: Sighting) -> bytes:
    """A message as a line of JSON. Times are in s, sizes in bytes."""
    stream, head, error, nbytes, latency, shape = sighting
    said: dict[str, Any] = {
        "event": "message",
        "time": time.time(),
        "topic": topic_text(stream.topic),
        "serializer": stream.serializer,
        "type": stream.type or None,
        "nbytes": nbytes,
    }
    if head is not None:
        if stream.serializer == "array":
            said |= {"dtype": dtype_of(head), "shape": head.shape}
        said["payload"] = head.payload
        stamp = head.stamp
        if stamp is not None and latency is not None:
            said |= {"sender": f"{stamp[0]:016x}", "seq": stamp[1], "latency": latency / 1e9}
        if head.compression:
            said["raw"] = head.raw
        if head.key is not None:
            said["key"] = head.key
        if head.meta is not None:
            said["meta"] = _readable(head.meta)
    if shape is not None:
        said |= {"dtype": stream.type, "shape": shape}
    if error is not None:
        said["error"] = {"code": error.code, "offset": error.offset, "text": str(error)}
    return _line(said)


def summary_line(traffic: Traffic, now: float) -> bytes:
    """All streams as a line of JSON."""
    return _line(
        {
            "event": "summary",
            "seconds": now - traffic.started,
            "messages": traffic.messages,
            "nbytes": traffic.nbytes,
            "gaps": traffic.gaps if traffic.stamps else None,
            "errors": traffic.errors,
            "forgotten": traffic.dropped,
            "streams": [
                stream.describe() | {"rate": rate, "speed": speed}
                for stream, rate, speed in traffic.means(now)
            ],
        }
    )


def _line(said: dict[str, Any]) -> bytes:
    line = msgspec.json.encode(said)
    if not line.isascii() or b"\x7f" in line:
        line = _UNPRINTABLE.sub(_escaped, line.decode()).encode()
    return line + b"\n"


def _escaped(match: re.Match[str]) -> str:
    """What a terminal would obey, as JSON can have it too; it can only be in a string."""
    return match[0] if match[0].isprintable() else json.dumps(match[0])[1:-1]


def _readable(meta: bytes) -> Any:
    """Metadata as JSON has it: bytes in base64. What JSON cannot have is shown as bytes."""
    if len(meta) <= LONGEST:
        try:
            value = decode_meta(meta)
            msgspec.json.encode(value)
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
            pass
        else:
            return value
    return {"msgpack": meta[:LONGEST].hex()}
