"""The site: ``sphinx-build -W docs build/site``."""

import re
from pathlib import Path

import framewire  # before autodoc can take a stub for one of its modules

project = "framewire"
author = "the framewire developers"
version = release = framewire.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
default_role = "py:obj"  # in docstrings

myst_heading_anchors = 3  # as GitHub has them, for links into a page

autodoc_typehints = "none"  # the docstrings have the types, in words
autosummary_generate = False  # only the tables
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = "framewire"
pygments_dark_style = "monokai"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = html_show_copyright = False
html_copy_source = False

ROOT = Path(__file__).parents[1]
# Of pages elsewhere in the project, the names in the site; there they are a link only.
OTHER_PAGES = {
    "readme": "README",
    "contributing": "CONTRIBUTING",
    "changes": "CHANGELOG",
    "benchmarks": "benchmarks/README",
    "wheels": "wheels/README",
}


def take_other_pages(app, docname, source):
    """Put the text of such a page here, and lead links in the repository to pages of the site."""
    text = source[0]
    if docname in OTHER_PAGES:
        path = ROOT / f"{OTHER_PAGES[docname]}.md"
        app.env.note_dependency(path)
        text = re.sub(r"\]\((?!http|#)", "](../", path.read_text("utf-8"))
        text = text.replace("](../docs/", "](")
    for page, name in OTHER_PAGES.items():
        text = text.replace(f"](../{name}.md", f"]({page}.md")
    source[0] = text


def link_pages(app, what, name, obj, options, lines):
    """Lead from the name of a document in a docstring to its page."""
    lines[:] = [re.sub(r"\bdocs/([\w-]+)\.md\b", r":doc:`/\1`", line) for line in lines]


def setup(app):
    app.connect("source-read", take_other_pages)
    app.connect("autodoc-process-docstring", link_pages)
