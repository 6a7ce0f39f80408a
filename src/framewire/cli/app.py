"""The command line: one parser, one module per sub-command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import zmq

import framewire
from framewire.cli.display import drop_output
from framewire.cli.ending import exit_signals
from framewire.cli.failure import CommandError

COMMANDS = ("bench", "demo", "info", "record", "replay", "schema", "tap")
"""The sub-commands. Each is a module of this package with a docstring, which is its help,
``add_arguments(parser)`` and ``run(arguments)``, which returns the exit status."""


def build_parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of ``framewire`` with these sub-commands."""
    parser = argparse.ArgumentParser(
        prog="framewire", description="values, arrays and records over ZeroMQ, at C speed"
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"framewire {framewire.__version__} (transport: {framewire.transport})",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in names:
        command = import_module(f"framewire.cli.{name}")
        description = command.__doc__ or ""
        subparser = commands.add_parser(
            name,
            help=description.partition("\n")[0].rstrip("."),
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run, name=name, fail=subparser.error)
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
        Wrong usage raises ``SystemExit(2)``, as argparse does, and SIGTERM and SIGHUP
        ``SystemExit(143)`` and ``SystemExit(129)``.
    """
    given = sys.argv[1:] if argv is None else list(argv)
    name = given[0] if given and given[0] in COMMANDS else ""
    try:
        _open_closed()
        with exit_signals():
            try:
                return _run(given, [name] if name else COMMANDS)
            finally:
                sys.stdout.flush()  # here, where a failure can be said
    except KeyboardInterrupt:
        return 130
    except (CommandError, zmq.ZMQError) as error:
        print(f"framewire {name}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output has gone
        drop_output()
        return 141
    except OSError as error:
        drop_output()
        ended = error.__context__  # by a signal, before the output failed, say that of a terminal
        if isinstance(ended, SystemExit) and isinstance(ended.code, int) and ended.code:
            return ended.code
        print(f"{f'framewire {name}'.rstrip()}: {error.strerror or error}", file=sys.stderr)
        return 1


def _run(given: Sequence[str], names: Sequence[str]) -> int:
    arguments = build_parser(names).parse_args(given)
    wrong_usage = getattr(arguments, "wrong_usage", None)
    if wrong_usage is not None and (wrong := wrong_usage(arguments)):
        arguments.fail(wrong)
    return int(arguments.run(arguments))


def _open_closed() -> None:
    """Standard streams that the caller closed go nowhere, and their numbers to no socket."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
        if getattr(sys, name) is None:
            stream = open(number, "w" if number else "r", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
