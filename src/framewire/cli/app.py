"""The command line: one parser, one module per sub-command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import framewire

COMMANDS = ("bench", "demo", "info", "record", "replay", "schema", "tap")
"""The sub-commands. Each is a module of this package with a docstring, which is its help,
``add_arguments(parser)`` and ``run(arguments)``, which returns the exit status."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``framewire`` with all its sub-commands."""
    parser = argparse.ArgumentParser(
        prog="framewire", description="values, arrays and records over ZeroMQ, at C speed"
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"framewire {framewire.__version__} (transport: {framewire.transport})",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in COMMANDS:
        command = import_module(f"framewire.cli.{name}")
        description = command.__doc__ or ""
        subparser = commands.add_parser(
            name,
            help=description.partition("\n")[0].rstrip("."),
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a ``framewire`` command.

    Parameters
    ----------
    argv
        The arguments without the program's name; ``None`` takes those of the process.

    Returns
    -------
    int
        The exit status: 0 for success, 1 when the command failed, 130 when Ctrl-C broke it off,
        141 when nobody reads its output any more.
        Wrong usage raises ``SystemExit(2)``, as argparse does.
    """
    arguments = build_parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone; nor can the exit flush it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
