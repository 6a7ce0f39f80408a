"""Messages in files, as those in tests/golden: a u32, how many frames; then each after its u32."""

import struct
from pathlib import Path

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"
CORPUS = Path(__file__).parent / "corpus"

Frames = list[bytes]


def pack(frames: Frames) -> bytes:
    parts = [struct.pack("<I", len(frames))]
    for frame in frames:
        parts += [struct.pack("<I", len(frame)), frame]
    return b"".join(parts)


def unpack(data: bytes) -> Frames:
    """The frames; of a file that is cut, what is there. At least one."""
    frames, at = [], 4
    for _ in range(min(int.from_bytes(data[:4], "little"), 64)):
        if at + 4 > len(data):
            break
        size = int.from_bytes(data[at : at + 4], "little")
        frames.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return frames or [b""]


def load(path: Path) -> Frames:
    return unpack(path.read_bytes())


def golden() -> dict[str, Frames]:
    return {path.stem: load(path) for path in sorted(GOLDEN.glob("*.frames"))}


def corpus() -> dict[str, Frames]:
    return {path.stem: load(path) for path in sorted(CORPUS.glob("*.frames"))}
