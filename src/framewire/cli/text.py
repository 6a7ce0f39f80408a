"""Numbers, and text of strangers, short and fit for a terminal."""

from __future__ import annotations

LONGEST_SHOWN = 1000  # s of a span of time


def printable(text: bytes | str, most: int = 80) -> str:
    """A text without what a terminal would obey, cut after `most` characters."""
    if isinstance(text, bytes):
        text = text[: 4 * most + 4].decode("utf-8", "backslashreplace")
    shown = "".join(
        each if each.isprintable() else each.encode("unicode_escape", "replace").decode()
        for each in text[: most + 1]
    )
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def short_number(number: float) -> str:
    """A number with two or three digits and a prefix, such as ``24.2 k``."""
    prefixes = ["P", "T", "G", "M", "k", ""]
    while number >= 999.5 and len(prefixes) > 1:
        number /= 1000
        prefixes.pop()
    digits = 0 if number >= 99.95 or number == int(number) else 1
    return f"{number:.{digits}f} {prefixes[-1]}"


def short_size(nbytes: float) -> str:
    """Bytes, such as ``1.2 kB``: 1000 bytes are a kB."""
    return f"{short_number(nbytes)}B"


def short_time(ns: float | None) -> str:
    """A span of time, such as ``12.5 µs``; nothing for None. Below 0 is a clock that is wrong."""
    if ns is None:
        return ""
    if ns < 0:
        return f"< -{LONGEST_SHOWN} s" if ns < -LONGEST_SHOWN * 1e9 else f"-{short_time(-ns)}"
    for unit, size in (("ns", 1), ("µs", 1000), ("ms", 10**6)):
        if ns < 999.5 * size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns / 1e9:.3g} s" if ns < (LONGEST_SHOWN - 0.5) * 1e9 else f"> {LONGEST_SHOWN} s"


def short_count(count: int) -> str:
    """A count, such as ``12,345``; one that only a forged number explains is cut short."""
    return f"{count:,}" if count < 10**9 else "> 1e9"
