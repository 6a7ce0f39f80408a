"""The documents, and the blocks of code in them."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))


class Block(NamedTuple):
    language: str  # as "python"; "" where the fence says none
    line: int  # of the fence, from 1
    text: str


def blocks_of(page):
    """The fenced blocks of a page of Markdown, in order."""
    found = re.finditer(r"^```(.*)\n((?s:.*?))^```$", page.read_text("utf-8"), re.MULTILINE)
    return [Block(m[1], m.string.count("\n", 0, m.start()) + 1, m[2]) for m in found]
