"""The ``framewire`` command."""

from framewire.cli.app import main

__all__ = ["main"]
