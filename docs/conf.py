"""The site: ``sphinx-build -W docs build/site``."""

import ast
import inspect
from importlib import import_module
from pathlib import Path

import framewire  # the extension, before autodoc could take a stub for it

project = "framewire"
author = "the framewire developers"
version = release = framewire.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["site"]
suppress_warnings = ["toc.empty_glob"]  # of pages that may not be there yet
default_role = "py:obj"  # in docstrings

myst_heading_anchors = 3  # as GitHub has them, for links into a page

autodoc_typehints = "none"  # the docstrings have the types, in words
autodoc_member_order = "bysource"
autosummary_generate = False  # only the tables
napoleon_google_docstring = False
napoleon_use_ivar = True  # attributes, in one list
napoleon_use_rtype = False

html_theme = "furo"
html_title = "framewire"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = html_show_copyright = False
pygments_dark_style = "github-dark"


def _stub_of(cls: type) -> ast.ClassDef | None:
    """What the .pyi of an extension type's module says of it."""
    path = Path(import_module(cls.__module__).__file__ or "")
    stub = path.with_name(path.name.split(".")[0] + ".pyi")
    if not stub.exists():
        return None
    body = ast.parse(stub.read_text("utf-8")).body
    return next((n for n in body if isinstance(n, ast.ClassDef) and n.name == cls.__name__), None)


def signature_from_stub(app, what, name, obj, options, signature, return_annotation):
    """An extension type has no signature at run time."""
    if what != "class" or signature is not None or not inspect.isclass(obj):
        return None
    stub = _stub_of(obj)
    for method in stub.body if stub else ():
        if isinstance(method, ast.FunctionDef) and method.name in ("__init__", "__new__"):
            arguments = method.args
            named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            (arguments.posonlyargs or arguments.args).pop(0)  # self, cls
            for argument in named:
                argument.annotation = None  # as autodoc_typehints
            return f"({ast.unparse(arguments)})", None
    return None


def setup(app):
    app.connect("autodoc-process-signature", signature_from_stub)
