"""What framewire_reader needs for messages that are signed or compressed."""

import hmac
import zlib
from collections.abc import Mapping
from typing import Any

from framewire_tree import check


def check_compression(numbers: list[int], lengths: list[int]) -> tuple[int, list[int]]:
    """The method, and what each buffer's length was."""
    check(len(numbers) == len(lengths) + 1, "section")
    method, *raw = numbers
    check(1 <= method <= 4, "section")
    check(all(n <= m for n, m in zip(lengths, raw, strict=True)), "section")
    check(sum(raw) < 2**63, "section")
    return method, raw


def decompress(method: int, raw: list[int], buffers: list[memoryview]) -> list[memoryview]:
    """The buffers as they were. A length that is the same says that nothing was done."""
    plain = []
    for size, buffer in zip(raw, buffers, strict=True):
        if size != len(buffer):
            check(method == 1, "refused")
            stream = zlib.decompressobj()
            try:
                data = stream.decompress(buffer, size)
                more = stream.unconsumed_tail and stream.decompress(stream.unconsumed_tail, 1)
            except zlib.error:
                raise ValueError("compression") from None
            check(len(data) == size and not more, "compression")
            check(stream.eof and not stream.unused_data, "compression")
            buffer = memoryview(data)
        plain.append(buffer)
    return plain


def verify(
    signature: Any, topic: bytes, buffers: list[memoryview], secrets: Mapping[int, bytes]
) -> None:
    """The code of a message, against that of a secret. Whether it is new is for others to see."""
    check(signature is not None and signature["key"] in secrets, "signature")
    code = hmac.new(secrets[signature["key"]], len(topic).to_bytes(8, "little"), "sha256")
    for part in (topic, signature["signed"], *buffers):
        code.update(part)
    check(hmac.compare_digest(code.digest(), signature["code"]), "signature")
