"""The figures in README.md and docs/: tables between two comments, written from a run's JSON.

<!-- benchmarks: NAME -->
…
<!-- /benchmarks -->
"""

import re
from pathlib import Path

from .figures import TABLES
from .results import ROOT, Run

MARKED = re.compile(
    r"(?P<begin><!-- benchmarks: (?P<name>[\w-]+) -->\n)"
    r"(?:(?!<!-- benchmarks).)*?"  # one that was not closed is none, and what follows stays
    r"(?P<end><!-- /benchmarks -->)",
    re.S,
)
COMMENT = re.compile("<!-- /?benchmarks")


def written(text: str, run: Run) -> str:
    """A document with its tables as the run gives them.

    Raises
    ------
    ValueError
        A table is unknown, or its comments are no pair.
    """
    names = [match["name"] for match in MARKED.finditer(text)]
    if unknown := set(names) - set(TABLES):
        raise ValueError(f"no such table: {', '.join(sorted(unknown))}")
    if 2 * len(names) != len(COMMENT.findall(text)):
        raise ValueError("the comments around the tables are no pairs")
    return MARKED.sub(
        lambda match: match["begin"] + TABLES[match["name"]](run) + match["end"], text
    )


def marked() -> list[Path]:
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [path for path in paths if COMMENT.search(path.read_text())]


def stale(run: Run) -> list[Path]:
    """The documents that differ from what the run gives."""
    return [path for path in marked() if path.read_text() != written(path.read_text(), run)]


def write(run: Run) -> list[Path]:
    """Write the tables of all documents, and say which changed."""
    changed = stale(run)
    for path in changed:
        path.write_text(written(path.read_text(), run))
    return changed
