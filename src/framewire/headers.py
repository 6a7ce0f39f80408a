"""For programs in C and Cython: where the headers are."""

from pathlib import Path

__all__ = ["get_include"]


def get_include() -> str:
    """The directory for the C compiler's ``-I``, with ``framewire/framewire.h`` and the others.

    A C or C++ program that packs and parses heads and records also compiles the sources of
    ``csrc/``. A Cython module that cimports ``framewire.embed`` needs nothing but this.

    Returns
    -------
    str

    Examples
    --------
    >>> import framewire, os
    >>> os.path.exists(os.path.join(framewire.get_include(), "framewire", "framewire.h"))
    True
    """
    return str(Path(__file__).with_name("include"))
