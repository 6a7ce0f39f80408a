"""An annotated message as lines: offset, bytes, meaning."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from framewire.cli.annotate import Annotation, Note
from framewire.cli.display import can_draw

ROW = 8  # bytes
MOST_FRAMES = 1000
MOST_ROWS = 8  # of one note; what follows is only counted

Line = tuple[str, str]  # a style, and the text
STYLES = {"title": "bold", "content": "cyan", "number": "green", "error": "bold red"}


def lines_of(frames: Sequence[memoryview], annotation: Annotation) -> Iterator[Line]:
    """Every line, with what it is: ``title``, ``content``, ``number`` or ``error``."""
    for i, (frame, title) in enumerate(zip(frames, annotation.titles, strict=True)):
        if i == MOST_FRAMES:
            yield "title", f"{len(frames) - i} frames more"
            break
        yield "title", f"frame {i}: {title}, {len(frame)} bytes"
        for note in annotation.notes[i]:
            yield from _rows(frame, note)
    error = annotation.error
    if error is not None and error.offset is None:
        yield "error", f"{error.code}: {error}"


def _rows(frame: memoryview, note: Note) -> Iterator[Line]:
    style = "content" if note.is_content else "number"
    meaning = note.meaning
    for at in range(note.begin, min(note.end, note.begin + ROW * MOST_ROWS), ROW):
        row = bytes(frame[at : min(at + ROW, note.end)])
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        shown = f"|{text:<{ROW}}|  " if note.is_content else ""
        yield style, f"{at:6}  {row.hex(' '):<{3 * ROW}} {shown}{meaning}".rstrip()
        meaning = ""
    if note.end - note.begin > ROW * MOST_ROWS:
        yield style, f"     …  {note.end - note.begin - ROW * MOST_ROWS} more bytes"
    if note.error:
        yield "error", f"     ^  {note.error}"


def show(frames: Sequence[memoryview], annotation: Annotation) -> None:
    """Print it, in colours if there is a terminal, and rich."""
    lines = lines_of(frames, annotation)
    if can_draw():
        from rich.console import Console
        from rich.text import Text

        console = Console(soft_wrap=True)
        for style, line in lines:
            console.print(Text(line, STYLES[style]), no_wrap=True, crop=False)
    else:
        print("\n".join(line for _, line in lines))
    sys.stdout.flush()
