"""The API in docs/api: each public name is there, and its docstring has what one should have."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest
from documents import DOCS, ROOT
from loopback import run_program
from test_examples import is_installed

SOURCES = ROOT / "src"
REFERENCE = "\n".join(page.read_text("utf-8") for page in (DOCS / "api").glob("*.rst"))
PUBLIC = {
    "framewire": "framewire",
    "framewire.asyncio": "framewire",
    "framewire.green": "gevent",
    "framewire.compat.dask": "distributed",
    "framewire.compat.osbrain": "framewire",
    "framewire.compat.pyzmq": "framewire",
    "framewire.recording": "framewire",
}  # and what each needs
DIRECTIVE = (  # of reST, with the names that it has in further lines
    r"^\.\. ((?:current|auto)?module|(?:auto)?(?:function|class|exception|data)):: ([\w.]+).*"
    r"((?:\n {8,}\w.*)*)"
)
SECTION = r"^(\w[\w ]*)\n-{3,}\n"


def public_names():
    for module, needs in PUBLIC.items():
        if is_installed(needs):
            for name in importlib.import_module(module).__all__:
                yield module, name


def documented():
    """The full names that docs/api has: those of its directives, and all of an automodule."""
    found, module = set(), ""
    for kind, first, more in re.findall(DIRECTIVE, REFERENCE, re.MULTILINE):
        if kind.endswith("module"):
            module = first
        if kind == "automodule":
            found |= {f"{module}.{name}" for of, name in public_names() if of == module}
        found |= {f"{module}.{name.split('(')[0]}" for name in [first, *more.split()]}
    return found


def test_every_public_name_is_in_the_reference():
    assert {f"{module}.{name}" for module, name in public_names()} <= documented()


# ---- docstrings


def sections_of(text):
    """The sections of a numpydoc docstring."""
    parts = re.split(SECTION, text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def names_in(section):
    """The names that a section of parameters or attributes explains."""
    lines = re.findall(r"^(\S[^:\n]*)", section, re.MULTILINE)
    return {name.strip(" *") for line in lines for name in line.split(",")}


def returns_nothing(function):
    """Is it annotated so, here or in the stub of its Cython module?"""
    annotations = getattr(function, "__annotations__", {})
    if "return" in annotations:
        return annotations["return"] in (None, "None", type(None))
    stub = SOURCES / Path(*function.__module__.split(".")).with_suffix(".pyi")
    found = [node for node in ast.parse(stub.read_text("utf-8")).body if is_def(node, function)]
    return ast.unparse(found[0].returns) == "None"


def is_def(node, function):
    return isinstance(node, ast.FunctionDef) and node.name == function.__name__


@pytest.mark.parametrize(("module", "name"), [*public_names()])
def test_docstrings(module, name):
    thing = getattr(importlib.import_module(module), name)
    if not callable(thing) or re.fullmatch(r"[uif]\d+", name):
        return  # a constant, or a field's type: docs/api says what it is
    if not thing.__module__.startswith("framewire"):
        return  # pyzmq's own
    text = inspect.getdoc(thing) or ""
    assert re.match(r"\S.*[.:)]$", text.split("\n\n")[0].replace("\n", " ")), "a summary"
    if inspect.isclass(thing):
        members = [m for n, m in vars(thing).items() if not n.startswith("_") and is_method(m)]
        assert all(inspect.getdoc(member) for member in members)
        return
    sections = sections_of(text)
    parameters = set(inspect.signature(thing).parameters) - {"self"}
    assert parameters <= names_in(sections.get("Parameters", ""))
    assert "socket" not in parameters or "Raises" in sections
    if module == "framewire" and name not in ("serialize", "deserialize"):
        assert "Returns" in sections or returns_nothing(thing)


def is_method(member):
    return inspect.isroutine(member) or isinstance(member, property)


# ---- examples in docstrings

TESTMOD = """\
import doctest, importlib, sys
print(*doctest.testmod(importlib.import_module(sys.argv[1]))[:2])
"""


def modules_with_examples():
    for path in sorted((SOURCES / "framewire").rglob("*.py*")):
        count = len(re.findall(r"^ *>>> ", path.read_text("utf-8"), re.MULTILINE))
        if count:
            yield ".".join(path.relative_to(SOURCES).with_suffix("").parts), count


@pytest.mark.parametrize(("module", "count"), [*modules_with_examples()])
def test_examples(module, count, tmp_path):
    if not is_installed(PUBLIC.get(module, "framewire")):
        pytest.skip(f"{module} needs what is not installed")
    code, output, errors = run_program(["-c", TESTMOD, module], tmp_path)
    assert (code, output, errors) == (0, f"0 {count}\n", "")
